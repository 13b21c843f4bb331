"""The file lock of all writers: one holder at a time, waited for within a bound, given back at
close."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ledger.store.contract import StoreUnavailable
from ledger.store.file_lock import FileLock


async def test_a_second_holder_waits_until_the_first_releases(tmp_path: Path) -> None:
    first, second = FileLock(f"{tmp_path}/lock"), FileLock(f"{tmp_path}/lock")
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
        FileLock(f"{tmp_path}/none/lock")
