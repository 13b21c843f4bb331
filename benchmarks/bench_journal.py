"""What the journal carries: records and bytes a second, CPU a record, replay, and slow disks.

Run from the root of the repository:
`python benchmarks/bench_journal.py [--count N] [--folder DIR]`. A uvloop loop appends bodies of 350
octets in drains of 64, with a bound of outstanding records as NASes set it. A slow disk is a sync
that waits; it must cost latency and not throughput.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from aaad.server.journal import Journal

BODY = os.urandom(350)
DRAIN = 64
OUTSTANDING_MAX = 8_192
SEGMENT_SIZE = 64 << 20


def slow(delay_ms: int) -> Callable[[int], None]:
    """A disk that takes so much longer for each sync."""

    def sync(fd: int) -> None:
        time.sleep(delay_ms / 1_000)
        os.fdatasync(fd)

    return sync


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="records for each disk")
    parser.add_argument("--folder", type=Path, help="where to write (default: a temporary folder)")
    arguments = parser.parse_args()
    for name, sync in (
        ("this disk", os.fdatasync),
        ("+1 ms a sync", slow(1)),
        ("+5 ms a sync", slow(5)),
        ("+20 ms a sync", slow(20)),
    ):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            uvloop.run(measure(name, Path(folder), arguments.count, sync))


def open_journal(folder: Path, sync: Callable[[int], None]) -> Journal:
    """The journal as a daemon opens it."""
    return Journal.open(
        folder,
        store_id="bench",
        journal_number=0,
        segment_size=SEGMENT_SIZE,
        retention_s=0,
        max_unapplied_bytes=1 << 32,
        sync=sync,
    )


async def measure(name: str, folder: Path, count: int, sync: Callable[[int], None]) -> None:
    """Append, close, open and replay; print one line."""
    journal = open_journal(folder, sync)
    cpu_begun, begun = time.process_time(), time.perf_counter()
    await append_all(journal, count)
    elapsed_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_begun
    counters = journal.counters
    await journal.close()
    journal = open_journal(folder, sync)
    begun = time.perf_counter()
    replayed = sum(1 for _ in journal.records())
    replay_s = time.perf_counter() - begun
    await journal.close()
    assert replayed == count
    print(
        f"{name:14} {count / elapsed_s:8.0f} records/s {counters.bytes / elapsed_s / 1e6:5.1f} MB/s"
        f"  {cpu_s / count * 1e6:5.2f} us CPU/record"
        f"  {counters.records / counters.groups:6.0f} records/group"
        f"  {counters.write_us_total / counters.groups / 1e3:6.2f} ms/group"
        f"  replay {count / replay_s:7.0f}/s"
    )


async def append_all(journal: Journal, count: int) -> None:
    """Append `count` records, a drain a turn of the loop, and wait until they are durable."""
    durable = asyncio.Event()
    failures: list[Exception] = []
    journal.start(asyncio.get_running_loop(), lambda _: durable.set(), failures.append)
    while journal.durable_lsn < count:
        room = OUTSTANDING_MAX - (journal.last_lsn - journal.durable_lsn)
        for _ in range(min(DRAIN, room, count - journal.last_lsn)):
            journal.append(journal.next_lsn, 1, BODY)
        durable.clear()
        is_full = room <= DRAIN or journal.last_lsn == count
        if is_full and journal.durable_lsn < count:
            await durable.wait()
        else:
            await asyncio.sleep(0)
    assert not failures


if __name__ == "__main__":
    main()
