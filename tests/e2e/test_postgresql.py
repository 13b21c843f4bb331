"""Proves on PostgreSQL what the other stories prove on SQLite: the same price, through every fall.

Friday 22:00 to Saturday 01:00 in New York costs $2.00 (requirements B112), though the daemon is
killed in the middle, then the server of the store, and both come back. A change made by somebody
else reaches the daemon's memory within a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.books import await_found
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.journal_reader import last_lsn
from tests.e2e.price_lists import WEEKDAY_HOURS
from tests.e2e.wire import Code, Status
from tests.postgres_cluster import PASSWORD, Cluster, run_sql

ZONE = "America/New_York"
HOUR = 3600
STARTED_AT = int(datetime(2026, 1, 9, 22, tzinfo=ZoneInfo(ZONE)).timestamp())
LOGIN = "ann"
APPLIED = "SELECT coalesce(max(applied_lsn), 0) FROM journal_position"


@pytest.fixture
def store_url(postgres_cluster: Cluster) -> str:
    """As somebody with a terminal on the server reads the books."""
    return postgres_cluster.new_database()


@pytest.fixture
def daemon(daemon_folder: Path, postgres_cluster: Cluster, store_url: str) -> Iterator[Daemon]:
    database = store_url.partition("?")[0].rpartition("/")[2]
    options = DaemonOptions(
        clock=True,
        open_session_max_age_s=1,
        store_url=postgres_cluster.tcp_url(database),
        store_password=PASSWORD,
    )
    daemon = Daemon(daemon_folder, options)
    with daemon.running():
        set_clock(daemon, STARTED_AT - 86_400)
        load_price_list(daemon, WEEKDAY_HOURS)
        register(daemon, LOGIN, offer="weekday-hours", zone=ZONE, bill_day=15)
        set_clock(daemon, STARTED_AT)
        yield daemon


def set_clock(daemon: Daemon, moment: int) -> None:
    daemon.aaactl("clock", "set", datetime.fromtimestamp(moment, UTC).isoformat())


def report(daemon: Daemon, status: Status, seconds: int) -> None:
    """What the NAS says of the session so many seconds after its start."""
    with daemon.nas() as nas:
        nas.report(
            status,
            "session-1",
            login=LOGIN,
            session_time=seconds,
            input_octets=10 * seconds,
            output_octets=100 * seconds,
            event_at=STARTED_AT + seconds,
        )


def test_the_worked_example_survives_the_fall_of_the_daemon_and_of_the_server(
    daemon: Daemon, postgres_cluster: Cluster, store_url: str
) -> None:
    with daemon.nas() as nas:
        assert nas.access_request(LOGIN, "correct horse").code == Code.ACCESS_ACCEPT
    report(daemon, Status.START, 0)
    report(daemon, Status.INTERIM_UPDATE, HOUR)
    daemon.kill()
    daemon.start()
    report(daemon, Status.INTERIM_UPDATE, 2 * HOUR)
    postgres_cluster.kill()
    report(daemon, Status.INTERIM_UPDATE, 2 * HOUR + 60)  # the journal is enough to acknowledge
    postgres_cluster.start()
    report(daemon, Status.STOP, 3 * HOUR)

    lsn = last_lsn(daemon.journal)
    await_found(lambda: run_sql(store_url, APPLIED) >= [(lsn,)], f"record {lsn} in the books")
    assert run_sql(store_url, "SELECT posted, accrued FROM v_balance") == [
        (Decimal("2.000000"), Decimal("0.000000"))
    ]
    usage = """SELECT seconds, input_octets, output_octets, amount FROM v_event
        WHERE event_type = 'usage'"""
    assert run_sql(store_url, usage) == [(3 * HOUR, 30 * HOUR, 300 * HOUR, Decimal("2.000000"))]
    (stay,) = run_sql(store_url, "SELECT started, ended, status FROM v_session")
    assert stay[2] == "closed"
    assert (stay[1] - stay[0]).total_seconds() == 3 * HOUR
    assert daemon.aaactl("balance", "--login", LOGIN)["balances"][0]["posted_micros"] == 2_000_000
    assert daemon.aaactl("store", "check")["faults"] == []


def test_a_change_by_another_node_is_in_memory_within_a_second(
    daemon: Daemon, store_url: str
) -> None:
    with daemon.nas() as nas:
        assert nas.access_request(LOGIN, "correct horse").code == Code.ACCESS_ACCEPT
        run_sql(
            store_url,
            "BEGIN",
            "UPDATE account SET status = 'suspended', status_reason = 'manual'",
            "UPDATE change_counter SET counter = counter + 1",
            """INSERT INTO account_change (account_id, counter)
            SELECT account_id, (SELECT counter FROM change_counter) FROM account
            ON CONFLICT (account_id) DO UPDATE SET counter = excluded.counter""",
            "SELECT pg_notify('aaad_changes', '')",
            "COMMIT",
            "SELECT 1",
        )
        begun = time.monotonic()
        await_found(
            lambda: nas.access_request(LOGIN, "correct horse").code == Code.ACCESS_REJECT,
            "the suspension in memory",
        )
        assert time.monotonic() - begun < 1
