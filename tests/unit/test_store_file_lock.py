"""The file lock of all writers: one holder at a time, waited for within a bound, given back at
close."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ledger.store.contract import StoreInUse, StoreUnavailable
from ledger.store.file_lock import FileLock, UseLock


async def test_a_second_holder_waits_until_the_first_releases(tmp_path: Path) -> None:
    first, second = (FileLock(f"{tmp_path}/lock", yields=False) for _ in range(2))
    await first.acquire(wait_ms=10)
    waiting = asyncio.create_task(second.acquire(wait_ms=5_000))
    await asyncio.wait((waiting,), timeout=0.02)
    assert not waiting.done()
    first.release()
    await waiting
    with pytest.raises(StoreUnavailable, match="held by another process for 5 ms"):
        await first.acquire(wait_ms=5)
    second.close()
    await first.acquire(wait_ms=10)
    first.close()
    first.close()


def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="none/lock cannot be opened"):
        FileLock(f"{tmp_path}/none/lock", yields=False)


async def test_a_job_lets_who_waits_go_first(tmp_path: Path) -> None:
    """Each transaction of one comes after one of the other, however soon they ask again."""
    jobs = [FileLock(f"{tmp_path}/lock", yields=True) for _ in range(2)]
    turns: list[int] = []

    async def work(number: int) -> None:
        while turns.count(1 - number) < 10 and len(turns) < 200:
            await jobs[number].acquire(wait_ms=5_000)
            turns.append(number)
            jobs[number].release()

    await asyncio.gather(work(0), work(1))
    for job in jobs:
        job.close()
    assert min(turns.count(0), turns.count(1)) >= 10


def test_a_store_in_use_is_shared_or_held_alone(tmp_path: Path) -> None:
    first, second = (UseLock(f"{tmp_path}/books.db.users", alone=False) for _ in range(2))
    first.close()
    with pytest.raises(StoreInUse, match=r"books\.db is in use"):
        UseLock(f"{tmp_path}/books.db.users", alone=True)
    second.close()
    second.close()
    alone = UseLock(f"{tmp_path}/books.db.users", alone=True)
    with pytest.raises(StoreInUse, match="being copied or restored"):
        UseLock(f"{tmp_path}/books.db.users", alone=False)
    alone.close()
