"""SIGKILL in the middle of posting: whole batches or nothing, and the journal's position tells
which.

Goal: a killed poster leaves books that hold every invariant, and a batch that it was told is
committed is there. Method: a child posts batches as fast as it can and writes each batch's number
to a pipe after its commit; it is killed while writing; the books are judged against the last
number read.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.books import check_books
from ledger.posting import post
from ledger.sessions import fetch_journal_positions, fetch_open_sessions
from ledger.store import open_store
from tests.store.builders import advanced, batch, opening, register, session

SESSIONS = 200
BATCHES_BEFORE_KILL = (1, 4, 9)
CHILD_TIMEOUT_S = 60


async def post_for_ever(url: str) -> None:
    """The child: every batch advances every session by a second and a micro."""
    store = await open_store(url, checkpoints=True)
    account_id, service_id = await register(store)
    postings = [
        opening(session(account_id, service_id, session_id=1 + n, acct_session_id=b"%d" % n))
        for n in range(SESSIONS)
    ]
    number = 0
    while True:
        number += 1
        async with store.transaction() as tx:
            await post(tx, batch(*postings, applied_lsn=number))
        os.write(sys.stdout.fileno(), b"%d\n" % number)
        postings = [advanced(one.new, seconds=1, charge_micros=1) for one in postings]


@pytest.mark.parametrize("batches", BATCHES_BEFORE_KILL)
def test_a_killed_poster_leaves_whole_batches(tmp_path: Path, batches: int) -> None:
    url = f"sqlite://{tmp_path}/books.db"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.test_store_crash", url],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as child:
        assert child.stdout is not None
        try:
            for _ in range(batches):
                told = int(child.stdout.readline())
        finally:
            child.send_signal(signal.SIGKILL)
        told = max([told, *map(int, child.stdout.read().split())])
        assert child.wait(CHILD_TIMEOUT_S) == -signal.SIGKILL
    asyncio.run(judge(url, told))


async def judge(url: str, told: int) -> None:
    """The books against the last batch that the child told of."""
    store = await open_store(url, checkpoints=True)
    try:
        assert await check_books(store) == []
        async with store.read() as reader:
            (position,) = await fetch_journal_positions(reader)
            rows = await fetch_open_sessions(reader)
    finally:
        await store.close()
    assert position.applied_lsn in (told, told + 1)  # the last commit may not have been told
    assert len(rows) == SESSIONS
    assert {row.version for row in rows} == {position.applied_lsn}
    assert {row.accrued_micros for row in rows} == {position.applied_lsn - 1}


if __name__ == "__main__":
    asyncio.run(post_for_ever(sys.argv[1]))
