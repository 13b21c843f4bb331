"""What posting costs: CPU and wall time a session for starts, interims and stops, on SQLite.

Run from the root of the tree: python -m benchmarks.store_posting [sessions]. Each batch holds 1,000
sessions of as many accounts, is one transaction, and is durable (FULL). The median is shown:
a stall of the disk does not decide the figure. CPU is user + system of the process, so it contains
SQLite's thread.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from ledger.model import SessionPosting, SessionRow
from ledger.posting import post
from ledger.store import Store, open_store
from tests.store.builders import advanced, batch, cut, opening, register, session

BATCH = 1_000
SESSIONS_DEFAULT = 5_000


async def measure(store: Store, label: str, postings: Iterable[SessionPosting]) -> list[SessionRow]:
    """Post in batches, print the median batch; the rows as they stand afterwards."""
    cpu_us, wall_us, rows = [], [], []
    for group in grouped(postings):
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        async with store.transaction() as tx:
            result = await post(tx, batch(*group))
        wall_us.append((time.perf_counter_ns() - wall) // 1000 / len(group))
        cpu_us.append((time.process_time_ns() - cpu) // 1000 / len(group))
        assert not result.lost_session_ids
        rows += [posting.new for posting in group]
    middle = f"{statistics.median(cpu_us):6.1f} us CPU, {statistics.median(wall_us):6.1f} us wall"
    sys.stdout.write(f"{label:8} {middle} a session\n")
    return rows


def grouped(postings: Iterable[SessionPosting]) -> Iterator[list[SessionPosting]]:
    """Batches, built ahead of the measured time."""
    remaining = iter(postings)
    while group := list(islice(remaining, BATCH)):
        yield group


async def main(count: int) -> None:
    """Starts, two rounds of interims, stops."""
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(f"sqlite://{folder}/books.db", checkpoints=True)
        try:
            owners = [await register(store, logins=(b"user%d" % n,)) for n in range(count)]
            rows = [
                session(*owner, session_id=1 + n, acct_session_id=b"%08X" % n)
                for n, owner in enumerate(owners)
            ]
            rows = await measure(store, "start", map(opening, rows))
            for _ in range(2):
                reports = [advanced(row, seconds=300, charge_micros=83_333) for row in rows]
                rows = await measure(store, "interim", reports)
            ends = [cut(row, seconds=60, charge_micros=16_667, ends=True) for row in rows]
            await measure(store, "stop", ends)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS_DEFAULT))
