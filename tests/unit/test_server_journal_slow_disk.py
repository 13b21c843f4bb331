"""Proves that a slow disk costs latency and not throughput: groups grow as long as a sync takes.

Time here is counted in turns: so many records come in each, and a sync ends when it has seen as
many turns as its disk is slow. No clock is read, so the counts are exact on any machine.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from aaad.server.journal import Journal

RECORDS_A_TURN = 30
"""What a millisecond brings at 30,000 records a second."""

SYNCS = 12
WAIT_S = 30


class SlowDisk:
    """Each sync begins when the writer is ready for it, and ends when it is let."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.is_slow = False

    def __call__(self, fd: int) -> None:
        if self.is_slow:
            self.begun.release()
            assert self.let.acquire(timeout=WAIT_S)
        os.fdatasync(fd)


@pytest.mark.parametrize("turns_a_sync", [1, 5, 20])
async def test_what_comes_during_a_sync_is_the_next_group(
    tmp_path: Path, turns_a_sync: int
) -> None:
    disk = SlowDisk()
    journal = open_journal(tmp_path, disk)
    disk.is_slow = True
    durable: asyncio.Queue[int] = asyncio.Queue()
    failures: list[Exception] = []
    journal.start(asyncio.get_running_loop(), durable.put_nowait, failures.append)
    await turn(journal)
    expected = groups = RECORDS_A_TURN  # the first group is what one turn brought
    sizes = []
    for _ in range(SYNCS):
        assert await asyncio.to_thread(disk.begun.acquire, timeout=WAIT_S)
        for _ in range(turns_a_sync):
            await turn(journal)
        assert journal.last_lsn - expected == turns_a_sync * RECORDS_A_TURN, "nobody waits"
        disk.let.release()
        lsn = await asyncio.wait_for(durable.get(), WAIT_S)
        assert lsn == expected
        sizes.append(groups)
        groups = turns_a_sync * RECORDS_A_TURN
        expected += groups
    disk.is_slow = False
    disk.let.release()
    await journal.close()
    assert sizes == [RECORDS_A_TURN] + [turns_a_sync * RECORDS_A_TURN] * (SYNCS - 1)
    assert journal.durable_lsn == journal.last_lsn == expected
    assert journal.counters.groups == SYNCS + 1, "one sync a group, however many came"
    assert journal.counters.records == RECORDS_A_TURN * (1 + SYNCS * turns_a_sync)
    assert not failures


def open_journal(folder: Path, disk: SlowDisk) -> Journal:
    return Journal.open(
        folder,
        store_id="slow",
        journal_number=0,
        segment_size=1 << 20,
        retention_s=0,
        max_unapplied_bytes=1 << 24,
        sync=disk,
    )


async def turn(journal: Journal) -> None:
    """One turn of the loop and what it brings, handed over before the next."""
    for _ in range(RECORDS_A_TURN):
        journal.append(journal.next_lsn, 1, b"a report")
    await asyncio.sleep(0)
