"""What posting costs: CPU and wall time a session for starts, interims and stops, on SQLite and
PostgreSQL.

Run from the root of the tree: python -m benchmarks.store_posting [sessions]. Each batch holds 1,000
sessions of as many accounts, is one transaction, and is durable (FULL; fsync on). The median is
shown: a stall of the disk does not decide the figure. CPU is user + system of the process, so it
contains SQLite's thread; that of PostgreSQL's server stands beside it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ledger.model import SessionPosting, SessionRow
from ledger.posting import post
from ledger.store import Store, open_store
from tests.postgres_cluster import running_cluster, why_absent
from tests.store.builders import NOW, advanced, batch, cut, opening, register, session

BATCH = 1_000
SESSIONS_DEFAULT = 5_000


@dataclass(frozen=True)
class Books:
    """A store to be measured, and how much CPU its server took so far (ns)."""

    store: Store
    server_cpu_ns: Callable[[], int]


async def measure(books: Books, label: str, postings: Iterable[SessionPosting]) -> list[SessionRow]:
    """Post in batches, print the median batch; the rows as they stand afterwards."""
    store = books.store
    cpu_us, server_us, wall_us, rows = [], [], [], []
    for group in grouped(postings):
        server = books.server_cpu_ns()
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        async with store.transaction() as tx:
            result = await post(tx, batch(*group))
        wall_us.append((time.perf_counter_ns() - wall) // 1000 / len(group))
        cpu_us.append((time.process_time_ns() - cpu) // 1000 / len(group))
        server_us.append((books.server_cpu_ns() - server) // 1000 / len(group))
        assert not result.lost_session_ids
        rows += [posting.new for posting in group]
    middle = (
        f"{statistics.median(cpu_us):6.1f} us CPU, {statistics.median(server_us):6.1f} us of the "
        f"server, {statistics.median(wall_us):6.1f} us wall"
    )
    sys.stdout.write(f"{label:8} {middle} a session\n")
    return rows


def grouped(postings: Iterable[SessionPosting]) -> Iterator[list[SessionPosting]]:
    """Batches, built ahead of the measured time."""
    remaining = iter(postings)
    while group := list(islice(remaining, BATCH)):
        yield group


async def run(url: str, count: int, server_cpu_ns: Callable[[], int]) -> None:
    """Starts, two rounds of interims, stops."""
    store = await open_store(url, checkpoints=True)
    books = Books(store, server_cpu_ns)
    try:
        await store.make_room(at=NOW)
        owners = [await register(store, logins=(b"user%d" % n,)) for n in range(count)]
        rows = [
            session(*owner, session_id=1 + n, acct_session_id=b"%08X" % n)
            for n, owner in enumerate(owners)
        ]
        rows = await measure(books, "start", map(opening, rows))
        for _ in range(2):
            reports = [advanced(row, seconds=300, charge_micros=83_333) for row in rows]
            rows = await measure(books, "interim", reports)
        ends = [cut(row, seconds=60, charge_micros=16_667, ends=True) for row in rows]
        await measure(books, "stop", ends)
    finally:
        await store.close()


def main(count: int) -> None:
    """SQLite, then PostgreSQL where it is installed."""
    sys.stdout.write("SQLite\n")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(f"sqlite://{folder}/books.db", count, lambda: 0))
    if reason := why_absent():
        sys.stdout.write(f"{reason}\n")
        return
    sys.stdout.write("PostgreSQL\n")
    with running_cluster() as cluster:
        asyncio.run(run(cluster.new_database(), count, cluster.cpu_ns))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS_DEFAULT)
