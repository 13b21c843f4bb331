"""Proves cycles and cuts against a slow oracle in every zone, clock changes drawn on purpose.

The oracle asks zoneinfo for the local clock at each quarter of an hour: since 1990 days have begun
at no other instants.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.cycles import cuts_between, cycle_at, local_midnight

QUARTER_S = 900
DAY_S = 86_400
FIRST_AT = 631_152_000  # 1990-01-01
LAST_AT = 2_208_988_800  # 2040-01-01
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
BILL_DAYS = st.one_of(st.sampled_from((1, 28, 29, 30, 31)), st.integers(1, 31))


@cache
def clock_changes(zone: str) -> tuple[int, ...]:
    """Days on which the zone's offset changes."""
    tz = ZoneInfo(zone)
    offsets = [
        (day, datetime.fromtimestamp(day, tz).utcoffset())
        for day in range(FIRST_AT, LAST_AT, DAY_S)
    ]
    return tuple(a for (a, before), (_, after) in pairwise(offsets) if before != after)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, int]:
    """A zone and an instant, in half of the cases near a change of its clock."""
    zone = draw(ZONES)
    near = clock_changes(zone)
    if near and draw(st.booleans()):
        return zone, draw(st.sampled_from(near)) + draw(st.integers(-2 * DAY_S, 3 * DAY_S))
    return zone, draw(st.integers(FIRST_AT + 90 * DAY_S, LAST_AT - 90 * DAY_S))


def slow_midnight(zone: str, day: date) -> int:
    """The first quarter of an hour whose local date is `day` or later."""
    tz = ZoneInfo(zone)
    at = int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("UTC")).timestamp()) - 2 * DAY_S
    while datetime.fromtimestamp(at, tz).date() < day:
        at += QUARTER_S
    return at


def is_billing_date(day: date, bill_day: int) -> bool:
    is_last = (day + timedelta(days=1)).month != day.month
    return day.day == bill_day or (is_last and day.day < bill_day)


def billing_midnights(zone: str, at: int, bill_day: int) -> list[int]:
    """Those from two months before to two months after an instant."""
    today = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    days = (today + timedelta(days=number) for number in range(-63, 64))
    return [slow_midnight(zone, day) for day in days if is_billing_date(day, bill_day)]


@given(places(), BILL_DAYS)
def test_every_instant_lies_in_the_cycle_between_its_billing_days(
    place: tuple[str, int], bill_day: int
) -> None:
    zone, at = place
    borders = billing_midnights(zone, at, bill_day)
    cycle = cycle_at(at, bill_day=bill_day, zone=zone)
    assert cycle.start_at == max(border for border in borders if border <= at)
    assert cycle.end_at == min(border for border in borders if border > at)


@given(places())
def test_a_day_begins_where_the_walk_finds_it(place: tuple[str, int]) -> None:
    zone, at = place
    day = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    assert local_midnight(zone, day) == slow_midnight(zone, day)


@given(places(), BILL_DAYS, st.lists(st.integers(0, 5 * DAY_S), min_size=2, max_size=5))
def test_cuts_are_where_they_must_be_however_reports_lie(
    place: tuple[str, int], bill_day: int, lengths: list[int]
) -> None:
    """The cuts of all reports together, each asking for its own stretch, are those of the whole."""
    zone, start = place
    marks = [start]
    for length in lengths:
        marks.append(marks[-1] + length)
    found = [
        cut
        for after, until in pairwise(marks)
        for cut in cuts_between(start, max(start, after - 1), until, bill_day=bill_day, zone=zone)
    ]
    assert found == slow_cuts(start, marks[-1], zone, bill_day)


def slow_cuts(start: int, until: int, zone: str, bill_day: int) -> list[int]:
    tz = ZoneInfo(zone)
    first = datetime.fromtimestamp(start, tz).date()
    cuts = set()
    for number in range(1, (until - start) // DAY_S + 4):
        day = first + timedelta(days=number)
        if number >= 2 or is_billing_date(day, bill_day):
            cuts.add(slow_midnight(zone, day))
    return sorted(cut for cut in cuts if start < cut < until)
