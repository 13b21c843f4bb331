"""Proves that a clock that jumps both ways under load costs nothing and charges nothing, and that
jobs which write to the same file at the same time delay postings and lose none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.e2e.faults import REPORTS, WINDOW, judge, strike
from tests.e2e.harness import PROJECT, Daemon, DaemonOptions
from tests.e2e.load.load import Load
from tests.e2e.load.world import FEW_LOGINS, set_up

JUMPS_S = (+1_500, -3_000, +20, -1_500, +2_980)
"""There and back; ahead by less than silence takes to mean an end (three intervals of 600 s)."""
JOBS = 3
WRITES_MIN = 1
"""Transactions of each job: none is starved, and none starves the poster."""

# Writes as a job does, transaction after transaction, until its stdin ends; says how many.
JOB = """
import asyncio, sys, threading
from ledger.store import StoreUnavailable, open_store

async def main():
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    store = await open_store(sys.argv[1], checkpoints=False, busy_ms=20_000)
    done = 0
    while not ended.is_set():
        async with store.transaction() as tx:
            for number in range(20):
                await tx.execute("raise_boot", (sys.argv[2], f"job-{number}", done))
        done += 1
    await store.close()
    print(done)

asyncio.run(main())
"""


def test_a_clock_that_jumps_both_ways(daemon_folder: Path) -> None:
    daemon = Daemon(daemon_folder, DaemonOptions(clock=True, open_session_max_age_s=1))
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=41, window=WINDOW) as load:
            for seconds in JUMPS_S:
                strike(daemon, load, lambda s=seconds: daemon.aaactl("clock", "advance", str(s)))
            strike(daemon, load, daemon.kill)
            daemon.start()
            load.wait_for_acknowledged(REPORTS)
            load.drain()
        judge(daemon, load)


@contextmanager
def job(daemon: Daemon, name: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", JOB, f"sqlite:///{daemon.store}", name],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_jobs_that_write_at_the_same_time(daemon_folder: Path) -> None:
    daemon = Daemon(daemon_folder, DaemonOptions(clock=True, open_session_max_age_s=1))
    with daemon.running(), ExitStack() as jobs:
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=42, window=WINDOW) as load:
            working = [jobs.enter_context(job(daemon, f"job-{n}")) for n in range(JOBS)]
            for _ in range(4):
                strike(daemon, load, lambda: None)
            load.drain()
            written = [int(process.communicate()[0]) for process in working]
        assert min(written) >= WRITES_MIN, written
        judge(daemon, load)
