"""The books as an accountant reads them: read-only SQL, mostly on the store's views."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from tests.e2e.harness import Daemon
from tests.e2e.journal_reader import last_lsn

WAIT_S = 30
POLL_S = 0.02
"""A store wakes nobody who reads it: it is asked again fifty times a second."""

Found = TypeVar("Found")


def await_found(look: Callable[[], Found | None], what: str, *, timeout_s: float = WAIT_S) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(POLL_S)
    return found


class Books:
    """Answers about one daemon's store."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query. The connection never checkpoints and never writes."""
        url = f"file:{self._daemon.store}?mode=ro"
        with closing(sqlite3.connect(url, uri=True)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            return connection.execute(sql, parameters).fetchall()

    def wait_until_posted(self) -> None:
        """Until the books contain every record that the journal holds now.

        Running sessions are posted after `open_session_max_age_s`: let that be short.
        """
        lsn = last_lsn(self._daemon.journal)
        await_found(lambda: self.applied_lsn() >= lsn, f"journal record {lsn} in the books")

    def applied_lsn(self) -> int:
        """How far the journal is in the books."""
        ((lsn,),) = self.rows("SELECT coalesce(max(applied_lsn), 0) FROM journal_position")
        return int(lsn)

    def account_of(self, login: str) -> int:
        ((account_id,),) = self.rows("SELECT account_id FROM v_service WHERE login = ?", login)
        return int(account_id)

    def balance(self, login: str) -> tuple[str, str]:
        """(posted, accrued) as decimals."""
        sql = "SELECT posted, accrued FROM v_balance WHERE account_id = ?"
        (row,) = self.rows(sql, self.account_of(login))
        return row[0], row[1]

    def sessions(self, login: str) -> list[dict[str, Any]]:
        """The sessions of a login, oldest first."""
        columns = (
            "acct_session_id, started_at, last_at, ended_at, status, terminate_cause, presumed, "
            "session_time_s, input_octets, output_octets"
        )
        sql = f"SELECT {columns} FROM session WHERE account_id = ? ORDER BY started_at, session_id"
        names = [name.strip() for name in columns.split(",")]
        rows = self.rows(sql, self.account_of(login))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def usage_events(self, login: str) -> list[tuple[Any, ...]]:
        """(seconds, input octets, output octets, amount) of each event of usage, in order."""
        sql = """SELECT seconds, input_octets, output_octets, coalesce(amount, '0.000000')
            FROM v_event WHERE account_id = ? AND event_type = 'usage'
            ORDER BY service_time, event_id"""
        return self.rows(sql, self.account_of(login))

    def counters(self, login: str) -> list[tuple[int, ...]]:
        """(period start, seconds, input octets, output octets, micros) of each billing cycle."""
        sql = """SELECT period_start_at, sum(seconds), sum(input_octets), sum(output_octets),
                sum(charge_micros)
            FROM account_usage WHERE account_id = ?
            GROUP BY period_start_at ORDER BY period_start_at"""
        return self.rows(sql, self.account_of(login))

    def suspense(self) -> list[tuple[str, str]]:
        """(reason, user name) of what waits in suspense, in order."""
        return self.rows("SELECT reason, user_name FROM suspense ORDER BY lsn")

    def messages(self, login: str, kind: str) -> list[str]:
        """Names of the account's messages of a kind in the outbox, in order."""
        sql = "SELECT name FROM outbox WHERE account_id = ? AND kind = ? ORDER BY rowid"
        return [name for (name,) in self.rows(sql, self.account_of(login), kind)]
