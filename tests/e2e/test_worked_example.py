"""Proves requirements B112 to B117 as packets on the wire: what the session of the worked example costs.

One dollar an hour on weekdays, weekends free, in America/New_York. Friday 22:00 to Saturday 01:00
costs $2.00, however often the NAS reports in between; Friday 22:00 to Monday 01:00 costs $3.00, also
on the weekends when the clocks change (50 and 52 hours of session).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.books import Books
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.nas import Nas
from tests.e2e.price_lists import WEEKDAY_HOURS
from tests.e2e.wire import Code, Status

ZONE = "America/New_York"
HOUR = 3600
DAY_BEFORE_ALL = "2025-03-01T00:00:00Z"


def at(text: str) -> int:
    """An instant by New York's clock."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


@pytest.fixture(scope="module")
def daemon(shared_folder: Path) -> Iterator[Daemon]:
    daemon = Daemon(shared_folder, DaemonOptions(clock=True, open_session_max_age_s=1))
    with daemon.running():
        daemon.aaactl("clock", "set", DAY_BEFORE_ALL)
        load_price_list(daemon, WEEKDAY_HOURS)
        yield daemon


def play(daemon: Daemon, login: str, *, start: int, end: int, interims: int) -> None:
    """A customer logs in and stays: Start, evenly spaced Interims, Stop; time moves with them."""
    register(daemon, login, offer="weekday-hours", zone=ZONE, bill_day=15)
    set_clock(daemon, start)
    with daemon.nas(nas_identifier=f"nas-{login}") as nas:
        assert nas.access_request(login, "correct horse").code == Code.ACCESS_ACCEPT
        nas.report(Status.START, "s", login=login, event_at=start)
        moments = [start + (end - start) * n // (interims + 1) for n in range(interims + 2)]
        for before, moment in pairwise(moments):
            if moment - before > HOUR:  # minutes apart, the NAS's own clock is credible enough
                set_clock(daemon, moment)
            status = Status.STOP if moment == end else Status.INTERIM_UPDATE
            report(nas, status, login, start=start, moment=moment)


def report(nas: Nas, status: Status, login: str, *, start: int, moment: int) -> None:
    seconds = moment - start
    nas.report(
        status,
        "s",
        login=login,
        session_time=seconds,
        input_octets=10 * seconds,
        output_octets=100 * seconds,
        event_at=moment,
    )


def set_clock(daemon: Daemon, moment: int) -> None:
    daemon.aaactl("clock", "set", datetime.fromtimestamp(moment, ZoneInfo("UTC")).isoformat())


@pytest.mark.parametrize("interims", [0, 1, 60])
def test_friday_evening_to_saturday_costs_two_dollars(daemon: Daemon, interims: int) -> None:
    login = f"friday-{interims}"
    start, end = at("2026-01-09T22:00"), at("2026-01-10T01:00")
    assert end - start == 3 * HOUR
    play(daemon, login, start=start, end=end, interims=interims)

    books = Books(daemon)
    books.wait_until_posted()
    assert books.balance(login) == ("2.000000", "0.000000")
    assert books.usage_events(login) == [(3 * HOUR, 30 * HOUR, 300 * HOUR, "2.000000")]
    (session,) = books.sessions(login)
    assert (session["started_at"], session["ended_at"]) == (start, end)
    # B117: the two dollars stand in the usage item of the cycle that runs from the bill day
    item = """SELECT item_kind, cycle_start_at, amount_micros FROM item WHERE account_id = ?"""
    cycle_start_at = at("2025-12-15T00:00")
    assert books.rows(item, books.account_of(login)) == [("usage", cycle_start_at, 2_000_000)]
    assert books.counters(login) == [
        (cycle_start_at, 3 * HOUR, 30 * HOUR, 300 * HOUR, 2_000_000)
    ]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        pytest.param("2026-03-06T22:00", "2026-03-09T01:00", 50, id="spring"),
        pytest.param("2025-10-31T22:00", "2025-11-03T01:00", 52, id="autumn"),
    ],
)
@pytest.mark.parametrize("interims", [0, 10])
def test_a_weekend_costs_three_dollars_when_the_clocks_change(
    daemon: Daemon, start: str, end: str, hours: int, interims: int
) -> None:
    login = f"weekend-{hours}-{interims}"
    began, ended = at(start), at(end)
    assert ended - began == hours * HOUR
    play(daemon, login, start=began, end=ended, interims=interims)

    books = Books(daemon)
    books.wait_until_posted()
    assert books.balance(login) == ("3.000000", "0.000000")
    # cut at Sunday's and Monday's midnight (rule of exactness 7), Friday's midnight only divides
    sunday, monday = at(f"{end[:8]}{int(end[8:10]) - 1:02d}T00:00"), at(end) - HOUR
    pieces = [(sunday - began, "2.000000"), (monday - sunday, "0.000000"), (HOUR, "1.000000")]
    events = books.usage_events(login)
    assert [(seconds, amount) for seconds, _, _, amount in events] == pieces
    assert sum(event[1] for event in events) == 10 * hours * HOUR
    assert sum(event[2] for event in events) == 100 * hours * HOUR


def test_support_reads_the_balance_and_why(daemon: Daemon) -> None:
    login = "explained"
    start, end = at("2026-01-16T22:00"), at("2026-01-17T01:00")
    play(daemon, login, start=start, end=end, interims=2)
    Books(daemon).wait_until_posted()

    answer = daemon.aaactl("balance", "--login", login)
    assert answer["balances"][0]["posted_micros"] == 2_000_000
    (usage,) = [
        event
        for event in daemon.aaactl("events", "--login", login)["events"]
        if event["event_type"] == "usage"
    ]
    segments = usage["data"]["piece"]["segments"]
    assert [(s["band"], s["quantity"], s["amount_micros"]) for s in segments] == [
        ("weekday", 2 * HOUR, 2_000_000),
        ("weekend", HOUR, 0),
    ]
