"""What the fault tests share: a daemon under load, the proof that a fault hit, the verdict.

A fault counts only if it hit while requests were outstanding and records unposted. The verdict is
the auditor's, who shares no code with aaad: every acknowledged report in the books exactly once,
posted the sum of impacts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

from tests.e2e.books import await_found
from tests.e2e.harness import Daemon
from tests.e2e.journal_reader import last_lsn
from tests.e2e.load.auditor import audit
from tests.e2e.load.load import Load
from tests.e2e.load.world import TARIFF
from tests.postgres_cluster import run_sql

WINDOW = 192
"""Reports under way."""
REPORTS = 600
"""Acknowledged before a fault and after it: a part of a second of load each."""
SEEN_S = 60
APPLIED = "SELECT coalesce(max(applied_lsn), 0) FROM journal_position WHERE journal_number = {}"


def applied_lsn(daemon: Daemon, url: str = "") -> int:
    """How far the books have a daemon's journal; `url` where they are in PostgreSQL."""
    sql = APPLIED.format(daemon.options.journal_number)
    if url:
        ((lsn,),) = run_sql(url, sql)
        return int(lsn)
    with closing(sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True)) as books:
        books.execute("PRAGMA wal_autocheckpoint = 0")
        ((lsn,),) = books.execute(sql).fetchall()
        return int(lsn)


def unposted(daemon: Daemon, url: str = "") -> int:
    """Records in the journal that the books lack."""
    return last_lsn(daemon.journal) - applied_lsn(daemon, url)


def strike(daemon: Daemon, load: Load, fault: Callable[[], object], *, url: str = "") -> None:
    """Let a fault hit a daemon that works, and prove that it did."""
    load.wait_for_acknowledged(REPORTS)
    await_found(lambda: unposted(daemon, url), "records that the books lack")
    assert load.under_way() > 0
    fault()


def wait_until_posted(daemon: Daemon, url: str = "") -> None:
    """Until the books have all that the journal holds now."""
    lsn = last_lsn(daemon.journal)
    await_found(
        lambda: applied_lsn(daemon, url) >= lsn, f"record {lsn} in the books", timeout_s=SEEN_S
    )


def judge(daemon: Daemon, load: Load, url: str = "") -> None:
    """The verdict, when the load has drained."""
    wait_until_posted(daemon, url)
    assert daemon.aaactl("store", "check")["faults"] == []
    findings = audit(load.log, url or daemon.store, TARIFF)
    assert not findings, "\n".join(findings)
