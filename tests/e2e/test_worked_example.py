"""Proves requirements B112 to B117 as packets on the wire: what the session of the worked example
costs.

One dollar an hour on weekdays, weekends free, in America/New_York. Friday 22:00 to Saturday 01:00
costs $2.00, however often the NAS reports in between; Friday 22:00 to Monday 01:00 costs $3.00,
also on the weekends when the clocks change (50 and 52 hours of session).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.books import Books
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.price_lists import WEEKDAY_HOURS
from tests.e2e.wire import Code, Status

ZONE = "America/New_York"
HOUR = 3600
DAY_BEFORE_ALL = "2025-03-01T00:00:00Z"
CLOCK_STEP_S = 6 * HOUR
"""The clock follows the packets in steps: Event-Timestamps are believed within a day."""
INTERIMS = (0, 1, 60)


def at(text: str) -> int:
    """An instant by New York's clock."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


@dataclass(frozen=True)
class Stay:
    """Three customers online from `start` to `end`; their NASes report 0, 1 and 60 times."""

    name: str
    start: int
    end: int

    @property
    def seconds(self) -> int:
        return self.end - self.start

    def login(self, interims: int) -> str:
        return f"{self.name}-{interims}"

    def moments(self) -> list[tuple[int, int]]:
        """(instant, how often this NAS reports between) of every report after the Start."""
        return sorted(
            (self.start + self.seconds * n // (interims + 1), interims)
            for interims in INTERIMS
            for n in range(1, interims + 2)
        )


AUTUMN = Stay("autumn", at("2025-10-31T22:00"), at("2025-11-03T01:00"))
FRIDAY = Stay("friday", at("2026-01-09T22:00"), at("2026-01-10T01:00"))
SPRING = Stay("spring", at("2026-03-06T22:00"), at("2026-03-09T01:00"))
STAYS = (AUTUMN, FRIDAY, SPRING)  # time only moves on


@pytest.fixture(scope="module")
def daemon(shared_folder: Path) -> Iterator[Daemon]:
    """A daemon that has lived through all three stays."""
    daemon = Daemon(shared_folder, DaemonOptions(clock=True, open_session_max_age_s=1))
    with daemon.running():
        daemon.aaactl("clock", "set", DAY_BEFORE_ALL)
        load_price_list(daemon, WEEKDAY_HOURS)
        for stay in STAYS:
            for interims in INTERIMS:
                login = stay.login(interims)
                register(daemon, login, offer="weekday-hours", zone=ZONE, bill_day=15)
        for stay in STAYS:
            play(daemon, stay)
        Books(daemon).wait_until_posted()
        yield daemon


def play(daemon: Daemon, stay: Stay) -> None:
    """The customers log in and stay; time moves with their reports.

    Each is on a NAS of his own: a session that is silent while its NAS is heard is presumed dead.
    """
    set_clock(daemon, stay.start)
    clock_at = stay.start
    with ExitStack() as stack:
        nases = {n: stack.enter_context(daemon.nas(f"nas-{n}")) for n in INTERIMS}
        for interims, nas in nases.items():
            login = stay.login(interims)
            assert nas.access_request(login, "correct horse").code == Code.ACCESS_ACCEPT
            nas.report(Status.START, login, login=login, event_at=stay.start)
        for moment, interims in stay.moments():
            if moment - clock_at > CLOCK_STEP_S:
                set_clock(daemon, moment)
                clock_at = moment
            seconds = moment - stay.start
            login = stay.login(interims)
            nases[interims].report(
                Status.STOP if moment == stay.end else Status.INTERIM_UPDATE,
                login,
                login=login,
                session_time=seconds,
                input_octets=10 * seconds,
                output_octets=100 * seconds,
                event_at=moment,
            )


def set_clock(daemon: Daemon, moment: int) -> None:
    daemon.aaactl("clock", "set", datetime.fromtimestamp(moment, UTC).isoformat())


@pytest.mark.parametrize("interims", INTERIMS)
def test_friday_evening_to_saturday_costs_two_dollars(daemon: Daemon, interims: int) -> None:
    assert FRIDAY.seconds == 3 * HOUR
    login = FRIDAY.login(interims)
    books = Books(daemon)

    assert books.balance(login) == ("2.000000", "0.000000")
    assert books.usage_events(login) == [(3 * HOUR, 30 * HOUR, 300 * HOUR, "2.000000")]
    (session,) = books.sessions(login)
    assert (session["started_at"], session["ended_at"]) == (FRIDAY.start, FRIDAY.end)
    # B117: the two dollars stand in the usage item of the cycle that runs from the bill day
    item = "SELECT item_kind, cycle_start_at, amount_micros FROM item WHERE account_id = ?"
    cycle_start_at = at("2025-12-15T00:00")
    assert books.rows(item, books.account_of(login)) == [("usage", cycle_start_at, 2_000_000)]
    assert books.counters(login) == [(cycle_start_at, 3 * HOUR, 30 * HOUR, 300 * HOUR, 2_000_000)]


@pytest.mark.parametrize(
    ("stay", "hours", "sunday", "monday"),
    [
        pytest.param(SPRING, 50, "2026-03-08T00:00", "2026-03-09T00:00", id="spring"),
        pytest.param(AUTUMN, 52, "2025-11-02T00:00", "2025-11-03T00:00", id="autumn"),
    ],
)
@pytest.mark.parametrize("interims", INTERIMS)
def test_a_weekend_costs_three_dollars_when_the_clocks_change(
    daemon: Daemon, stay: Stay, hours: int, sunday: str, monday: str, interims: int
) -> None:
    assert stay.seconds == hours * HOUR
    login = stay.login(interims)
    books = Books(daemon)

    assert books.balance(login) == ("3.000000", "0.000000")
    # cut from the second midnight on (rule of exactness 7): Saturday's only divides the price
    assert [(seconds, amount) for seconds, _, _, amount in books.usage_events(login)] == [
        (at(sunday) - stay.start, "2.000000"),
        (at(monday) - at(sunday), "0.000000"),
        (HOUR, "1.000000"),
    ]
    assert sum(event[1] for event in books.usage_events(login)) == 10 * hours * HOUR
    assert sum(event[2] for event in books.usage_events(login)) == 100 * hours * HOUR


def test_support_reads_the_balance_and_why(daemon: Daemon) -> None:
    login = FRIDAY.login(1)

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
