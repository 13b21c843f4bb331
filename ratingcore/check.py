"""The check of a tariff as a whole: every problem at once, each with its key and what to do.

The records of `ratingcore.tariff` are made unchecked; nothing is compiled that has a finding here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ratingcore.calendar import load_zone
from ratingcore.errors import RatingError, TariffError
from ratingcore.money import DECIMALS_MAX, ROUNDING_MODES, exact_int
from ratingcore.tariff import (
    BANDS_MAX,
    BONUSES_MAX,
    CAPS_MAX,
    DAY_S,
    DISCOUNTS_MAX,
    LCM_MAX,
    PER_MAX,
    TEXT_SIZE_MAX,
    TIERS_MAX,
    WEEKDAY_NAMES,
    WHOLE_PERCENT,
    Bonus,
    Counted,
    Covers,
    Discount,
    FreeRule,
    Increment,
    Metric,
    MetricOrMoney,
    Period,
    Price,
    Rounding,
    Tariff,
    Tier,
    TimeBand,
    tariff_multiple,
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
        findings.extend(_check_counters(tariff))
        findings.extend(_check_bonus_bands(tariff))
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
    yield from _check_discounts(tariff.discounts)
    yield from _check_caps(tariff)
    yield from _check_bonuses(tariff)
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


def _check_discounts(discounts: tuple[Discount, ...]) -> Iterator[Finding]:
    if len(discounts) > DISCOUNTS_MAX:
        yield Finding("discounts", f"{len(discounts)} of them", f"give at most {DISCOUNTS_MAX}")
    yield from _check_names("discounts", [discount.name for discount in discounts])
    for index, discount in enumerate(discounts):
        where = f"discounts[{index}]"
        yield from _check_int(f"{where}.percent_micros", discount.percent_micros, 0, WHOLE_PERCENT)
        yield from _check_int(f"{where}.amount_micros", discount.amount_micros, 0, AMOUNT_MAX)
        if bool(discount.percent_micros) == bool(discount.amount_micros):
            yield Finding(where, "takes off neither or both", "give a percent or an amount")
        if discount.covers not in frozenset(Covers):
            yield Finding(f"{where}.covers", f"is {discount.covers!r}", f"use {', '.join(Covers)}")
        yield from _check_text(f"{where}.counter", discount.counter, required=False)
        yield from _check_int(f"{where}.above", discount.above, 0, AMOUNT_MAX)
        if discount.above and not discount.counter:
            yield Finding(f"{where}.above", "no counter is named", "say of which counter")


def _check_caps(tariff: Tariff) -> Iterator[Finding]:
    if len(tariff.caps) > CAPS_MAX:
        yield Finding("caps", f"{len(tariff.caps)} of them", f"give at most {CAPS_MAX}")
    yield from _check_names("caps", [cap.name for cap in tariff.caps])
    for index, cap in enumerate(tariff.caps):
        yield from _check_int(f"caps[{index}].amount_micros", cap.amount_micros, 0, AMOUNT_MAX)
        if cap.period not in frozenset(Period):
            known = ", ".join(Period)
            yield Finding(f"caps[{index}].period", f"is {cap.period!r}", f"use {known}")


def _check_bonuses(tariff: Tariff) -> Iterator[Finding]:
    if len(tariff.bonuses) > BONUSES_MAX:
        yield Finding("bonuses", f"{len(tariff.bonuses)} of them", f"give at most {BONUSES_MAX}")
    for index, bonus in enumerate(tariff.bonuses):
        where = f"bonuses[{index}]"
        yield from _check_text(f"{where}.resource", bonus.resource, required=True)
        yield from _check_text(f"{where}.gl_code", bonus.gl_code, required=False)
        yield from _check_text(f"{where}.tax_code", bonus.tax_code, required=False)
        if bonus.resource == tariff.currency:
            yield Finding(f"{where}.resource", "is the currency", "use a discount to give money")
        yield from _check_int(f"{where}.amount_micros", bonus.amount_micros, 1, AMOUNT_MAX)
        yield from _check_int(f"{where}.per", bonus.per, 1, PER_MAX)
        yield from _check_rounding(f"{where}.rounding", bonus.rounding)
        if bonus.metric not in frozenset(MetricOrMoney):
            known = ", ".join(MetricOrMoney)
            yield Finding(f"{where}.metric", f"is {bonus.metric!r}", f"use {known}")


def _check_bonus_bands(tariff: Tariff) -> Iterator[Finding]:
    """A bonus for usage counts what its bands' prices count."""
    for index, bonus in enumerate(tariff.bonuses):
        where = f"bonuses[{index}]"
        if bonus.metric == MetricOrMoney.MONEY:
            if bonus.bands:
                yield Finding(f"{where}.bands", "money has no band", "leave them out")
            continue
        yield from _check_bonus_usage(where, bonus, tariff.bands)


def _check_bonus_usage(where: str, bonus: Bonus, bands: tuple[TimeBand, ...]) -> Iterator[Finding]:
    names = [band.name for band in bands]
    for name in bonus.bands:
        if name not in names:
            yield Finding(f"{where}.bands", f"names no band {name}", f"use {', '.join(names)}")
    for band in bands:
        covered = not bonus.bands or band.name in bonus.bands
        if covered and bonus.metric.value not in [price.metric.value for price in band.prices]:
            yield Finding(
                f"{where}.metric",
                f"band {band.name} has no price of {bonus.metric}, which are not counted then",
                "add a price of amount 0, or name the bands in which it is given",
            )


def _check_names(where: str, names: list[str]) -> Iterator[Finding]:
    """Names that must differ."""
    for index, name in enumerate(names):
        yield from _check_text(f"{where}[{index}].name", name, required=True)
        if name in names[:index]:
            yield Finding(f"{where}[{index}].name", f"{name} comes twice", "give each its own")


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


def _check_counters(tariff: Tariff) -> Iterator[Finding]:
    """One counter counts one thing; one that a discount reads must not move while a session runs,
    for then the price of a unit would hang on the order in which others are counted."""
    metrics: dict[str, str] = {cap.name: "money" for cap in tariff.caps}
    for band_index, band in enumerate(tariff.bands):
        for index, price in enumerate(band.prices):
            if price.counter and metrics.setdefault(price.counter, price.metric) != price.metric:
                yield Finding(
                    f"bands[{band_index}].prices[{index}].counter",
                    f"{price.counter!r} counts {metrics[price.counter]} elsewhere",
                    "give each metric a counter of its own",
                )
    for index, discount in enumerate(tariff.discounts):
        if discount.counter in metrics:
            yield Finding(
                f"discounts[{index}].counter",
                f"{discount.counter!r} is moved by usage",
                "use tiers over that counter instead",
            )


def _check_common_multiple(tariff: Tariff) -> Iterator[Finding]:
    multiple = tariff_multiple(tariff)
    if multiple > LCM_MAX:
        yield Finding(
            "bands",
            f"the least common multiple of all `per`, times what discounts divide by, is {multiple}"
            f", above {LCM_MAX}",
            "use units that divide each other, and percents with few decimals",
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
