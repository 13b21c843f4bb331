"""Proves cycles and cuts on hard days: month ends, clock changes, days that never were."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.rules.cycles import (
    billing_date,
    cuts_between,
    cycle_at,
    local_date,
    local_midnight,
    next_midnight,
)

HOUR = 3600


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("year", "month", "bill_day", "expected"),
    [
        (2026, 1, 31, date(2026, 1, 31)),
        (2026, 2, 31, date(2026, 2, 28)),
        (2028, 2, 31, date(2028, 2, 29)),
        (2028, 2, 30, date(2028, 2, 29)),
        (2027, 2, 29, date(2027, 2, 28)),
        (2026, 4, 31, date(2026, 4, 30)),
        (2026, 4, 15, date(2026, 4, 15)),
    ],
)
def test_a_bill_day_clamps_to_the_months_end(
    year: int, month: int, bill_day: int, expected: date
) -> None:
    assert billing_date(year, month, bill_day) == expected


def test_clamping_never_drifts() -> None:
    """After February's 28th the 31st of March is the billing day again (C8)."""
    starts, instant = [], at("2026-01-31")
    for _ in range(13):
        cycle = cycle_at(instant, bill_day=31, zone="UTC")
        starts.append(datetime.fromtimestamp(cycle.start_at, UTC).date().isoformat())
        instant = cycle.end_at
    assert starts == [
        "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30",
        "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31",
        "2027-01-31",
    ]  # fmt: skip


def test_cycles_meet_and_the_last_second_is_of_the_old_one() -> None:
    zone = "America/New_York"
    border = at("2026-01-15", zone)
    before = cycle_at(border - 1, bill_day=15, zone=zone)
    after = cycle_at(border, bill_day=15, zone=zone)
    assert (before.start_at, before.end_at) == (at("2025-12-15", zone), border)
    assert (after.start_at, after.end_at) == (border, at("2026-02-15", zone))


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        # spring forward at midnight: the day begins at one o'clock
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00"),
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00"),
        # the clock goes back from midnight to eleven: the day begins at the only midnight
        ("America/Sao_Paulo", date(2018, 2, 18), "2018-02-18T03:00"),
        # midnight comes twice: the day begins at the first
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00"),
        # a day that never was begins with the next
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00"),
        ("Asia/Kathmandu", date(2026, 1, 1), "2025-12-31T18:15"),
        ("Pacific/Kiritimati", date(2026, 1, 1), "2025-12-31T10:00"),
    ],
)
def test_a_local_day_begins_at_its_first_instant(zone: str, day: date, begins: str) -> None:
    assert local_midnight(zone, day) == at(begins)
    assert local_date(zone, at(begins)) >= day > local_date(zone, at(begins) - 1)


def test_a_billing_day_that_never_was_begins_the_cycle_with_the_next() -> None:
    zone = "Pacific/Apia"
    cycle = cycle_at(at("2011-12-31T12:00", zone), bill_day=30, zone=zone)
    assert cycle.start_at == at("2011-12-31T00:00", zone)
    assert cycle_at(cycle.start_at - 1, bill_day=30, zone=zone).end_at == cycle.start_at


def test_a_clock_that_goes_back_over_midnight_stays_in_the_new_cycle() -> None:
    """Newfoundland did so at 00:01: October's last hour came again after November had begun."""
    zone = "America/St_Johns"
    begun = at("2009-11-01T00:00", zone)
    again = begun + 1_800
    assert local_date(zone, again) == date(2009, 10, 31)
    assert cycle_at(again, bill_day=1, zone=zone).start_at == begun


def test_the_next_midnight_is_23_24_or_25_hours_off() -> None:
    zone = "America/New_York"
    lengths = [
        next_midnight(at(day, zone), zone) - at(day, zone)
        for day in ("2026-03-08", "2026-03-09", "2026-11-01")
    ]
    assert lengths == [23 * HOUR, 24 * HOUR, 25 * HOUR]


def test_a_session_is_cut_from_its_second_midnight_on() -> None:
    start = at("2026-01-09T22:00")
    cuts = cuts_between(start, start, at("2026-01-12T01:00"), bill_day=1, zone="UTC")
    assert cuts == (at("2026-01-11"), at("2026-01-12"))


def test_an_end_of_a_cycle_cuts_on_the_first_midnight_too() -> None:
    start = at("2026-01-31T22:00")
    assert cuts_between(start, start, at("2026-02-01T01:00"), bill_day=1, zone="UTC") == (
        at("2026-02-01"),
    )


def test_cuts_lie_strictly_inside() -> None:
    start, border = at("2026-01-31T22:00"), at("2026-02-01")
    for after, until, cuts in (
        (start, border, ()),
        (border, border + HOUR, ()),
        (border - 1, border + 1, (border,)),
        (border, border, ()),
    ):
        assert cuts_between(start, after, until, bill_day=1, zone="UTC") == cuts
