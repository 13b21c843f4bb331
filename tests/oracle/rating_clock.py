"""The clock of the slow twin: which band holds when, and how a fraction is rounded.

It asks zoneinfo for the local clock at each half hour of a session, at each minute where a band
edge or a jump of the clock lies inside the half hour, and at each second where one lies inside the
minute.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

STEPS_S = (1800, 60, 1)
HALF_EVEN = 0


def round_to(micros: Fraction, rounding) -> int:
    """Micros rounded to so many decimals of the major unit."""
    unit = 10 ** (6 - rounding.decimals)
    return round_fraction(micros / unit, rounding.mode) * unit


def round_fraction(value: Fraction, mode: int) -> int:
    """Modes 0 to 3: half-even, half-up (away from zero), up (away), down (towards zero)."""
    whole, rest = divmod(abs(value.numerator), value.denominator)
    twice = 2 * rest
    goes_up = {
        0: twice > value.denominator or (twice == value.denominator and whole % 2 == 1),
        1: twice >= value.denominator,
        2: rest > 0,
        3: False,
    }[mode]
    return (whole + goes_up) * (-1 if value < 0 else 1)


def version_at(versions: Sequence[tuple[int, object]], at: int) -> int:
    return max((i for i, (effective_at, _) in enumerate(versions) if effective_at <= at), default=0)


def band_at(versions: Sequence[tuple[int, object]], at: int) -> tuple[int, int]:
    """The version and band that hold at an instant, by its local clock."""
    version = version_at(versions, at)
    tariff = versions[version][1]
    local = datetime.fromtimestamp(at, ZoneInfo(tariff.zone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    for index, band in enumerate(tariff.bands):
        today = band_holds_on(band, local.date())
        if band.from_s < band.to_s:
            now = band.from_s <= second < band.to_s
        else:
            now = second >= band.from_s or second < band.to_s
        if today and now:
            return version, index
    raise LookupError(f"no band at {local}")


def band_holds_on(band, day: date) -> bool:
    if band.weekdays and day.weekday() not in band.weekdays:
        return False
    if band.dates and not any(span.first_on <= day <= span.last_on for span in band.dates):
        return False
    if band.holidays is not None and day not in band.holidays:
        return False
    if not band.month_days:
        return True
    last = monthrange(day.year, day.month)[1]
    return any(day.day == (last if number == -1 else number) for number in band.month_days)


def band_runs(
    versions: Sequence[tuple[int, object]], started_at: int, until: int
) -> Iterator[tuple[int, int, int, int]]:
    """The stretches (from, to, version, band) of real time in one band, in order."""
    run: list[int] | None = None
    for left, right in _steps(versions, started_at, until, 0):
        found = band_at(versions, left)
        if run and (run[2], run[3]) == found:
            run[1] = right
            continue
        if run:
            yield tuple(run)
        run = [left, right, *found]
    if run:
        yield tuple(run)


def _steps(versions, left: int, until: int, depth: int) -> Iterator[tuple[int, int]]:
    """Intervals inside which nothing can change."""
    size = STEPS_S[depth]
    while left < until:
        right = min(until, left - left % size + size)
        if depth == len(STEPS_S) - 1 or not _may_change(versions, left, right):
            yield left, right
        else:
            yield from _steps(versions, left, right, depth + 1)
        left = right


def _may_change(versions, left: int, right: int) -> bool:
    version = version_at(versions, left)
    if version_at(versions, right - 1) != version:
        return True
    tariff = versions[version][1]
    first = datetime.fromtimestamp(left, ZoneInfo(tariff.zone))
    last = datetime.fromtimestamp(right - 1, ZoneInfo(tariff.zone))
    if first.utcoffset() != last.utcoffset() or first.date() != last.date():
        return True
    low = first.hour * 3600 + first.minute * 60 + first.second
    high = low + (right - 1 - left)
    return any(low < edge <= high for band in tariff.bands for edge in (band.from_s, band.to_s))
