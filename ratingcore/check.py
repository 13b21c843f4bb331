"""The check of a tariff as a whole: every problem at once, each with its key and what to do.

The records of `ratingcore.tariff` are made unchecked; nothing is compiled that has a finding here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import lcm

from ratingcore.calendar import load_zone
from ratingcore.errors import RatingError, TariffError
from ratingcore.money import DECIMALS_MAX, ROUNDING_MODES, exact_int
from ratingcore.tariff import (
    BANDS_MAX,
    DAY_S,
    LCM_MAX,
    PER_MAX,
    TEXT_SIZE_MAX,
    TIERS_MAX,
    WEEKDAY_NAMES,
    Counted,
    FreeRule,
    Increment,
    Metric,
    Price,
    Rounding,
    Tariff,
    Tier,
    TimeBand,
    tariff_pers,
)
from ratingcore.week import BandSpell, day_schedule, month_day_schedule

AMOUNT_MAX = (1 << 63) - 1
"""Micros of one amount."""

FREE_SECONDS_MAX = 86_400
"""Free seconds at a session's start: a day; a longer gift is an allowance."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of a tariff: the key at which it stands, what is wrong, and what to do."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


def check_tariff(tariff: Tariff) -> list[Finding]:
    """Return every problem of the tariff, in the order of its keys; none means it is usable.

    Bands may overlap: the first that matches decides. A moment of the week that no band covers is a
    finding that names the moment.
    """
    findings = list(_check_head(tariff))
    for index, band in enumerate(tariff.bands):
        findings.extend(_check_band(f"bands[{index}]", band))
    if not findings:
        # only sound clock times and weekdays make a week to look for gaps in
        findings.extend(_check_coverage(tariff.bands))
        findings.extend(_check_common_multiple(tariff))
        findings.extend(_check_counters(tariff.bands))
    return findings


def require_tariff(tariff: Tariff) -> None:
    """Raise TariffError with every finding of `check_tariff`, if there is any."""
    findings = check_tariff(tariff)
    if findings:
        raise TariffError(f"tariff {tariff.name!r}: " + " | ".join(map(str, findings)))


def _check_head(tariff: Tariff) -> Iterator[Finding]:
    yield from _check_text("name", tariff.name, required=True)
    yield from _check_text("currency", tariff.currency, required=True)
    yield from _check_text("gl_code", tariff.gl_code, required=False)
    yield from _check_text("tax_code", tariff.tax_code, required=False)
    try:
        load_zone(tariff.zone)
    except TariffError as error:
        yield Finding("zone", str(error), "name one of the IANA database, as Europe/Berlin")
    yield from _check_rounding("rounding", tariff.rounding)
    yield from _check_bounds(tariff)
    if not 1 <= len(tariff.bands) <= BANDS_MAX:
        yield Finding("bands", f"{len(tariff.bands)} time bands", f"give 1 to {BANDS_MAX}")


def _check_rounding(where: str, rounding: Rounding) -> Iterator[Finding]:
    yield from _check_int(f"{where}.mode", rounding.mode, 0, len(ROUNDING_MODES) - 1)
    yield from _check_int(f"{where}.decimals", rounding.decimals, 0, DECIMALS_MAX)


def _check_bounds(tariff: Tariff) -> Iterator[Finding]:
    yield from _check_int("minimum_micros", tariff.minimum_micros, 0, AMOUNT_MAX)
    if tariff.maximum_micros is not None:
        problems = list(_check_int("maximum_micros", tariff.maximum_micros, 0, AMOUNT_MAX))
        yield from problems
        if not problems and tariff.maximum_micros < tariff.minimum_micros:
            yield Finding("maximum_micros", "lies below the minimum", "raise it")
    if tariff.free_start is not None:
        yield from _check_int("free_start.seconds", tariff.free_start.seconds, 1, FREE_SECONDS_MAX)
        if tariff.free_start.rule not in frozenset(FreeRule):
            known = ", ".join(FreeRule)
            yield Finding("free_start.rule", f"is {tariff.free_start.rule!r}", f"use {known}")


def _check_band(where: str, band: TimeBand) -> Iterator[Finding]:
    yield from _check_text(f"{where}.name", band.name, required=True)
    for weekday in band.weekdays:
        yield from _check_int(f"{where}.weekdays", weekday, 0, 6)
    yield from _check_int(f"{where}.from_s", band.from_s, 0, DAY_S)
    yield from _check_int(f"{where}.to_s", band.to_s, 0, DAY_S)
    if band.from_s == band.to_s:
        yield Finding(
            where, f"begins and ends at second {band.from_s}", "say 0 to 86400 for all day"
        )
    yield from _check_dates(where, band)
    if band.fee is not None:
        yield from _check_int(f"{where}.fee.amount_micros", band.fee.amount_micros, 0, AMOUNT_MAX)
    if not band.prices:
        yield Finding(f"{where}.prices", "no price", "say amount 0 if the band is free")
    metrics = [price.metric for price in band.prices]
    for index, price in enumerate(band.prices):
        place = f"{where}.prices[{index}]"
        if price.metric not in frozenset(Metric):
            known = ", ".join(Metric)
            yield Finding(f"{place}.metric", f"unknown metric {price.metric!r}", f"use {known}")
        elif price.metric in metrics[:index]:
            yield Finding(f"{place}.metric", f"{price.metric} is priced twice", "keep one price")
        yield from _check_tiers(f"{place}.tiers", price.tiers)
        yield from _check_text(f"{place}.counter", price.counter, required=False)
        yield from _check_blocks(place, price)


def _check_dates(where: str, band: TimeBand) -> Iterator[Finding]:
    for index, span in enumerate(band.dates):
        if span.last_on < span.first_on:
            yield Finding(
                f"{where}.dates[{index}]", f"ends on {span.last_on}, before it begins", "turn it"
            )
    for month_day in band.month_days:
        problems = list(_check_int(f"{where}.month_days", month_day, -1, 31))
        yield from problems
        if not problems and month_day == 0:
            yield Finding(f"{where}.month_days", "no month has a day 0", "give 1 to 31, or -1")


def _check_blocks(where: str, price: Price) -> Iterator[Finding]:
    """The increments of a price and of its tiers, and the rounding of their blocks."""
    said = [(where, price.increment)]
    said += [(f"{where}.tiers[{i}]", tier.increment) for i, tier in enumerate(price.tiers)]
    for place, increment in said:
        if increment is None:
            continue
        yield from _check_increment(f"{place}.increment", increment)
        if price.metric == Metric.OCCURRENCES:
            yield Finding(f"{place}.increment", "occurrences come in no blocks", "leave it out")
    if price.block_rounding is not None:
        yield from _check_rounding(f"{where}.block_rounding", price.block_rounding)
        if all(increment is None for _, increment in said):
            yield Finding(
                f"{where}.block_rounding", "there are no blocks to round", "give an increment"
            )


def _check_increment(where: str, increment: Increment) -> Iterator[Finding]:
    yield from _check_int(f"{where}.first", increment.first, 1, PER_MAX)
    yield from _check_int(f"{where}.then", increment.then, 1, PER_MAX)
    if increment.counted not in frozenset(Counted):
        yield Finding(f"{where}.counted", f"is {increment.counted!r}", f"use {', '.join(Counted)}")


def _check_tiers(where: str, tiers: tuple[Tier, ...]) -> Iterator[Finding]:
    if not 1 <= len(tiers) <= TIERS_MAX:
        yield Finding(where, f"{len(tiers)} tiers", f"give 1 to {TIERS_MAX}")
        return
    before: int | None = None
    for index, tier in enumerate(tiers):
        place = f"{where}[{index}]"
        yield from _check_int(f"{place}.amount_micros", tier.amount_micros, 0, AMOUNT_MAX)
        yield from _check_int(f"{place}.per", tier.per, 1, PER_MAX)
        problems = list(_check_int(f"{place}.from_quantity", tier.from_quantity, 0, (1 << 63) - 1))
        yield from problems
        if problems:
            continue
        if index == 0 and tier.from_quantity != 0:
            yield Finding(
                f"{place}.from_quantity", f"is {tier.from_quantity}", "begin the first tier at 0"
            )
        if before is not None and tier.from_quantity <= before:
            yield Finding(
                f"{place}.from_quantity",
                f"{tier.from_quantity} does not lie above {before}",
                "let thresholds rise strictly",
            )
        before = tier.from_quantity


def _check_coverage(bands: tuple[TimeBand, ...]) -> Iterator[Finding]:
    """Dates and holidays only change which band holds, so the other bands must cover the week; and
    the week must be covered on each day of the month, if bands hold by that."""
    gaps = _gaps([day_schedule(bands, weekday) for weekday in range(7)])
    when = ""
    if gaps and any(band.month_days for band in bands):
        for month_day in range(1, 32):
            week = [month_day_schedule(bands, weekday, month_day) for weekday in range(7)]
            gaps, when = _gaps(week), f" on day {month_day} of a month"
            if gaps:
                break
    for from_s, to_s in gaps:
        yield Finding(
            "bands",
            f"no band covers {_moment(from_s)} to {_moment(to_s, is_end=True)}{when}",
            "widen a band, or add a last one for every day from 0 to 86400",
        )


def _gaps(week: list[tuple[BandSpell, ...]]) -> list[tuple[int, int]]:
    """Stretches of the week's seconds that no band covers."""
    gaps: list[tuple[int, int]] = []
    for weekday, day in enumerate(week):
        for spell in day:
            if spell.band is not None:
                continue
            from_s, to_s = weekday * DAY_S + spell.from_s, weekday * DAY_S + spell.to_s
            if gaps and gaps[-1][1] == from_s:
                gaps[-1] = (gaps[-1][0], to_s)
            else:
                gaps.append((from_s, to_s))
    return gaps


def _check_counters(bands: tuple[TimeBand, ...]) -> Iterator[Finding]:
    """One counter counts one metric."""
    metrics: dict[str, Metric] = {}
    for band_index, band in enumerate(bands):
        for index, price in enumerate(band.prices):
            if price.counter and metrics.setdefault(price.counter, price.metric) != price.metric:
                yield Finding(
                    f"bands[{band_index}].prices[{index}].counter",
                    f"{price.counter!r} counts {metrics[price.counter]} elsewhere",
                    "give each metric a counter of its own",
                )


def _check_common_multiple(tariff: Tariff) -> Iterator[Finding]:
    multiple = lcm(*tariff_pers(tariff))
    if multiple > LCM_MAX:
        yield Finding(
            "bands",
            f"the least common multiple of all `per` is {multiple}, above {LCM_MAX}",
            "use units that divide each other",
        )


def _moment(week_s: int, *, is_end: bool = False) -> str:
    """Return a second of the week as "Friday 22:00:00"; what ends with a day ends at 24:00:00."""
    weekday, second = divmod(week_s, DAY_S)
    if is_end and second == 0:
        weekday, second = weekday - 1, DAY_S
    return f"{WEEKDAY_NAMES[weekday]} {second // 3600:02}:{second % 3600 // 60:02}:{second % 60:02}"


def _check_text(where: str, text: object, *, required: bool) -> Iterator[Finding]:
    if not isinstance(text, str):
        yield Finding(where, f"{text!r} is no text", "write it in quotes")
    elif required and not text:
        yield Finding(where, "is empty", "give it a name")
    elif len(text) > TEXT_SIZE_MAX:
        yield Finding(where, f"has {len(text)} characters", f"use at most {TEXT_SIZE_MAX}")


def _check_int(where: str, value: object, low: int, high: int) -> Iterator[Finding]:
    try:
        number = exact_int(value, where)
    except RatingError:
        yield Finding(where, f"{value!r} is no 64-bit integer", "write a plain integer")
        return
    if not low <= number <= high:
        yield Finding(where, f"{number} lies outside {low} to {high}", "correct it")
