"""Billing cycles: [billing day 00:00, next billing day 00:00) in the account's zone, and the
midnights within.

Days 29-31 clamp to the month's end without drift (C8): every border is computed from the anchor
day, none from the border before it. A local midnight that a clock change skips begins at the first
instant that exists.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400

BORDERS_CACHED_MAX = 4096
"""(zone, bill day, month) borders kept: all months in use of all zones of a large provider."""


CLOCK_CHANGE_MAX_S = 26 * 3600
"""More than any zone ever moved its clock at once (Apia skipped a day in 2011)."""


@dataclass(frozen=True)
class Cycle:
    """One billing cycle, half-open, UTC epoch seconds."""

    start_at: int
    end_at: int


@lru_cache(maxsize=BORDERS_CACHED_MAX)
def local_midnight(zone: str, day: date) -> int:
    """The instant at which `day` begins in `zone`: 00:00, or what first exists after it."""
    tz = ZoneInfo(zone)
    instant = int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp())
    local = datetime.fromtimestamp(instant, tz)
    if (local.date(), local.hour, local.minute, local.second) == (day, 0, 0, 0):
        return instant
    return _first_instant_of(tz, day, instant)


def _first_instant_of(tz: ZoneInfo, day: date, near: int) -> int:
    """A clock change skipped this midnight: the first instant of `day` or a later date."""
    low, high = near - CLOCK_CHANGE_MAX_S, near + CLOCK_CHANGE_MAX_S
    while low + 1 < high:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, tz).date() < day:
            low = middle
        else:
            high = middle
    return high


def local_date(zone: str, at: int) -> date:
    """The civil date at an instant."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)).date()


def billing_date(year: int, month: int, bill_day: int) -> date:
    """The billing day of a month: `bill_day`, or the month's last day (C8)."""
    return date(year, month, min(bill_day, monthrange(year, month)[1]))


def _month_after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def _month_before(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 12) if month == 1 else (year, month - 1)


@lru_cache(maxsize=BORDERS_CACHED_MAX)
def _cycle_of_month(zone: str, bill_day: int, year: int, month: int) -> Cycle:
    """The cycle that begins on the billing day of a month."""
    end_year, end_month = _month_after(year, month)
    return Cycle(
        local_midnight(zone, billing_date(year, month, bill_day)),
        local_midnight(zone, billing_date(end_year, end_month, bill_day)),
    )


def cycle_at(at: int, *, bill_day: int, zone: str) -> Cycle:
    """The billing cycle that an instant lies in."""
    today = local_date(zone, at)
    cycle = _cycle_of_month(zone, bill_day, today.year, today.month)
    if at < cycle.start_at:
        cycle = _cycle_of_month(zone, bill_day, *_month_before(today.year, today.month))
    elif at >= cycle.end_at:  # the clock went back over the midnight that had begun the next
        cycle = _cycle_of_month(zone, bill_day, *_month_after(today.year, today.month))
    return cycle


def cycle_ending_on_or_after(day: date, *, bill_day: int, zone: str) -> Cycle:
    """The cycle whose bill is the first to be made on `day` or later: what is charged on a billing
    day itself still stands on the bill of that day (B118).
    """
    return cycle_at(local_midnight(zone, day) - 1, bill_day=bill_day, zone=zone)


def cycles_later(cycle: Cycle, count: int, *, bill_day: int, zone: str) -> Cycle:
    """The cycle that follows `count` cycles after another; negative counts go back.

    Counted in months from the billing day, so that days 29-31 never drift (C8).
    """
    day = local_date(zone, cycle.start_at)
    months = day.year * 12 + day.month - 1 + count
    return _cycle_of_month(zone, bill_day, months // 12, months % 12 + 1)


def cuts_between(
    started_at: int, after: int, until: int, *, bill_day: int, zone: str
) -> tuple[int, ...]:
    """Where a session must be cut, strictly inside (after, until) (rule of exactness 7).

    At every end of a billing cycle, and from the second local midnight after the session's start on
    at each midnight.
    """
    if until <= next_midnight(after, zone):
        return ()  # the usual report: no border can lie inside
    cuts = set(_cycle_ends(after, until, bill_day, zone))
    cuts.update(_midnights(started_at, after, until, zone))
    return tuple(sorted(cuts))


def next_midnight(at: int, zone: str) -> int:
    """The first local midnight after an instant. Every border of a cycle is one."""
    return next(midnight for midnight in _midnights_about(zone, at // DAY_S) if midnight > at)


@lru_cache(maxsize=BORDERS_CACHED_MAX)
def _midnights_about(zone: str, day_number: int) -> tuple[int, ...]:
    """The local midnights about one UTC day, also one after each of its instants."""
    first = date(1970, 1, 1) + timedelta(days=day_number - 1)
    return tuple(local_midnight(zone, first + timedelta(days=ahead)) for ahead in range(5))


def _cycle_ends(after: int, until: int, bill_day: int, zone: str) -> list[int]:
    ends = []
    cycle = cycle_at(after, bill_day=bill_day, zone=zone)
    while cycle.end_at < until:
        if cycle.end_at > after:
            ends.append(cycle.end_at)
        cycle = cycle_at(cycle.end_at, bill_day=bill_day, zone=zone)
    return ends


def _midnights(started_at: int, after: int, until: int, zone: str) -> list[int]:
    second = local_date(zone, started_at) + timedelta(days=2)
    day = max(second, local_date(zone, after) + timedelta(days=1))
    midnights = []
    while (midnight := local_midnight(zone, day)) < until:
        if midnight > after:
            midnights.append(midnight)
        day += timedelta(days=1)
    return midnights
