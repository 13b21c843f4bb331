"""Proves that nothing acknowledged is lost or counted twice, whenever the daemon is killed.

Under a load of thousands of reports a second the daemon is killed with SIGKILL at random moments,
and started again. A kill counts only if it hurt: requests were under way, and the journal held
records that the books did not. At the end the judge of tests/e2e/load/auditor.py, who shares no
code with aaad, compares what the load saw acknowledged with the books.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.journal_reader import last_lsn
from tests.e2e.load.auditor import audit, read_acknowledged
from tests.e2e.load.load import Load, log_lines
from tests.e2e.load.world import LOGINS, TARIFF, set_up

KILLS = 20
KILLS_TRIED_MAX = 40
WINDOW = 192
"""Reports under way, each of another session: eight at a time for each login."""
SEED = 20_261_122
ACKNOWLEDGED_BETWEEN = (200, 4_000)
MOMENT_S = 0.3
"""A kill falls anywhere within this time: longer than a tick of the poster, so in any part of
it."""


def test_every_acknowledged_report_is_in_the_books_once_after_20_kills(daemon_folder: Path) -> None:
    daemon = Daemon(daemon_folder, DaemonOptions(clock=True, open_session_max_age_s=1))
    with daemon.running():
        set_up(daemon, LOGINS)
        with Load(daemon, LOGINS, seed=SEED, window=WINDOW) as load:
            _kill_often(daemon, load, random.Random(SEED))
            summary = load.drain()

    acknowledged = read_acknowledged(load.log)
    assert summary["acknowledged"] == log_lines(load.log)
    assert any(usage.ended for usage in acknowledged.values())
    assert not all(usage.ended for usage in acknowledged.values())
    findings = audit(load.log, daemon.store, TARIFF)
    assert not findings, "\n".join(findings)


def _kill_often(daemon: Daemon, load: Load, chance: random.Random) -> None:
    hurt = tried = 0
    while hurt < KILLS:
        assert tried < KILLS_TRIED_MAX, f"only {hurt} of {tried} kills hurt: is the load too small?"
        hurt += _kill_and_restart(daemon, load, chance)
        tried += 1


def _kill_and_restart(daemon: Daemon, load: Load, chance: random.Random) -> bool:
    """One kill at a random moment of the load; whether it counts."""
    load.wait_for_acknowledged(chance.randint(*ACKNOWLEDGED_BETWEEN))
    time.sleep(chance.uniform(0, MOMENT_S))
    killed_at = time.monotonic()
    daemon.kill()
    outstanding = load.outstanding_since_before(killed_at)
    unposted = last_lsn(daemon.journal) - _applied_lsn(daemon.store)
    daemon.start()
    return outstanding > 0 and unposted > 0


def _applied_lsn(store: Path) -> int:
    """How far the books had come. Read from a copy, so that the daemon finds its files
    untouched."""
    with tempfile.TemporaryDirectory() as folder:
        for path in store.parent.glob(store.name + "*"):
            shutil.copy(path, folder)
        books = sqlite3.connect(Path(folder, store.name))
        (lsn,) = books.execute(
            "SELECT coalesce(max(applied_lsn), 0) FROM journal_position"
        ).fetchone()
        books.close()
    return int(lsn)
