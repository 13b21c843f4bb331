"""Proves what docs/operations.md says of backups: an older copy of the store and the journal are
together the books as they were acknowledged.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import PROJECT, Daemon, DaemonOptions
from tests.e2e.nas import Status

PRICE_LIST = PROJECT / "conf" / "pricelist" / "dialup.toml"


def test_an_older_store_is_brought_forward_by_the_journal(daemon_folder: Path) -> None:
    daemon = Daemon(daemon_folder, DaemonOptions(clock=True, open_session_max_age_s=1))
    daemon.start()
    daemon.aaactl("clock", "set", "2026-06-01T09:00:00-04:00")  # a Monday
    load_price_list(daemon, PRICE_LIST.read_text())
    register(daemon, "anna", offer="weekday-hours", zone="America/New_York")
    with daemon.nas() as nas:
        nas.now = None
        nas.report(Status.START, "s1", login="anna")
        copy = online_backup(daemon.store)
        daemon.aaactl("clock", "advance", "3600")
        nas.report(Status.INTERIM_UPDATE, "s1", login="anna", session_time=3600)
        daemon.aaactl("clock", "advance", "3600")
        nas.report(Status.STOP, "s1", login="anna", session_time=7200)
    daemon.stop()
    before = posted_micros(daemon.store)
    for path in daemon.store.parent.glob(f"{daemon.store.name}-*"):
        path.unlink()
    copy.rename(daemon.store)
    assert posted_micros(daemon.store) < before
    with daemon.running():
        assert daemon.aaactl("store", "check") is not None
    assert posted_micros(daemon.store) == before == 2_000_000


def online_backup(store: Path) -> Path:
    """SQLite's own backup, while the daemon runs."""
    copy = store.with_name("copy.db")
    with closing(sqlite3.connect(store)) as books, closing(sqlite3.connect(copy)) as target:
        books.execute("PRAGMA wal_autocheckpoint = 0")
        books.backup(target)
    return copy


def posted_micros(store: Path) -> int:
    with closing(sqlite3.connect(store)) as books:
        (total,) = books.execute(
            "SELECT coalesce(sum(posted_micros), 0) FROM balance WHERE resource = 'USD'"
        ).fetchone()
    return int(total)
