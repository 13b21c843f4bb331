"""Proves what docs/operations.md says of a store that takes no writes: logins go on, reports are
acknowledged and wait in the journal, status says so, and all is in the books when it is back.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import PROJECT, Daemon, DaemonOptions
from tests.e2e.nas import Status
from tests.e2e.wire import Code

PRICE_LIST = PROJECT / "conf" / "pricelist" / "dialup.toml"
SEEN_MAX_S = 30


def test_a_locked_store_delays_and_loses_nothing(daemon_folder: Path) -> None:
    daemon = Daemon(daemon_folder, DaemonOptions(clock=True))
    with daemon.running(), daemon.nas() as nas:
        daemon.aaactl("clock", "set", "2026-06-01T09:00:00-04:00")  # a Monday
        load_price_list(daemon, PRICE_LIST.read_text())
        register(daemon, "anna", offer="weekday-hours", zone="America/New_York")
        nas.now = None
        nas.report(Status.START, "s1", login="anna")
        daemon.aaactl("clock", "advance", "3600")
        with locked(daemon.store):
            nas.report(Status.STOP, "s1", login="anna", session_time=3600)
            wait_until(lambda: poster(daemon)["store"] == "away")
            attention = daemon.aaactl("status")["attention"]
            assert "the store is away" in attention[0]["what"]
            assert nas.access_request("anna", "correct horse").code == Code.ACCESS_ACCEPT
            assert owed(daemon) == 0
        wait_until(lambda: poster(daemon)["store"] == "there" and owed(daemon) > 0)
        assert owed(daemon) == 1_000_000
        assert not daemon.aaactl("status")["attention"]


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Somebody writes, and does not end."""
    with closing(sqlite3.connect(store, isolation_level=None, timeout=SEEN_MAX_S)) as books:
        books.execute("PRAGMA wal_autocheckpoint = 0")
        books.execute("BEGIN IMMEDIATE")
        yield
        books.execute("ROLLBACK")


def poster(daemon: Daemon) -> dict[str, object]:
    section: dict[str, object] = daemon.aaactl("status")["sections"]["poster"]
    return section


def owed(daemon: Daemon) -> int:
    balances = daemon.aaactl("balance", "--login", "anna")["balances"]
    return sum(one["posted_micros"] for one in balances if one["resource"] == "USD")


def wait_until(seen: Callable[[], bool]) -> None:
    """Each look is a command of some tenths of a second: that is pause enough."""
    deadline = time.monotonic() + SEEN_MAX_S
    while not seen():
        assert time.monotonic() < deadline, f"not seen within {SEEN_MAX_S} s"
