"""What a tariff says: frozen records, the week they draw, and the check of a tariff as a whole.

Tariff > TimeBand > Price > Tier. The first band of the list whose weekdays and clock times match
the local clock of the tariff's zone decides; its prices say what a unit of each metric costs, by
tiers of the session's cumulative quantity. `day_schedule` is the one place where that first-match
rule stands: the check looks in it for moments that no band covers, and `compile` lays it over real
time.

Records are not checked when they are made, so that `check_tariff` can report every problem at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from ratingcore.calendar import load_zone
from ratingcore.errors import RatingError, TariffError
from ratingcore.money import DECIMALS_MAX, HALF_EVEN, ROUNDING_MODES, exact_int

DAY_S = 86_400
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

BANDS_MAX = 64
"""Bands of one tariff: a week of hours needs far fewer, and a meter's cells stay few."""

TIERS_MAX = 64
"""Tiers of one price."""

PER_MAX = 10**15
"""Units that one amount may buy (a PB); more is a typing error and spoils the multiple."""

LCM_MAX = (1 << 63) - 1
"""A charge is one fraction over the least common multiple of all `per`, which stays int64."""

TEXT_SIZE_MAX = 128
"""Characters of a name or a code."""


class Metric(StrEnum):
    """The measures of usage that a price may be put on; octets are counted as RADIUS does."""

    SECONDS = "seconds"
    OCTETS = "octets"
    INPUT_OCTETS = "input_octets"
    OUTPUT_OCTETS = "output_octets"


@dataclass(frozen=True, slots=True)
class Tier:
    """From the session's `from_quantity` on (half-open), `amount_micros` for every `per` units."""

    from_quantity: int
    amount_micros: int
    per: int


@dataclass(frozen=True, slots=True)
class Price:
    """The tiers of one metric; the first begins at 0, thresholds rise strictly.

    Thresholds are read over the cumulative quantity of the session in that metric, whatever bands
    it went through.
    """

    metric: Metric
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class TimeBand:
    """A part of the week and its prices.

    `weekdays` are Monday = 0 to Sunday = 6, empty for every day. `from_s` to `to_s` are seconds of
    the local clock, half-open, 0 to 86400. A band with `from_s` above `to_s` wraps past midnight;
    the weekday is then that of the second itself, not that of the evening before.
    """

    name: str
    weekdays: tuple[int, ...]
    from_s: int
    to_s: int
    prices: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a session's cumulative charge is rounded: `money.HALF_EVEN` ... and decimals."""

    mode: int = HALF_EVEN
    decimals: int = DECIMALS_MAX


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of a tariff; `zone` is the IANA name whose clock decides the bands."""

    name: str
    zone: str
    currency: str
    bands: tuple[TimeBand, ...]
    rounding: Rounding = Rounding()
    gl_code: str = ""
    tax_code: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of a tariff: the key at which it stands, what is wrong, and what to do."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class BandSpell(NamedTuple):
    """A stretch of one local day in one band (its index), or in none."""

    from_s: int
    to_s: int
    band: int | None


def day_schedule(bands: tuple[TimeBand, ...], weekday: int) -> tuple[BandSpell, ...]:
    """Return the day of that weekday as spells without gaps, in order, neighbours different."""
    edges = {0, DAY_S}
    for band in bands:
        edges.update((band.from_s, band.to_s))
    spells: list[BandSpell] = []
    marks = sorted(edges)
    for from_s, to_s in pairwise(marks):
        band_index = _first_match(bands, weekday, from_s)
        if spells and spells[-1].band == band_index:
            spells[-1] = spells[-1]._replace(to_s=to_s)
        else:
            spells.append(BandSpell(from_s, to_s, band_index))
    return tuple(spells)


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
    return findings


def require_tariff(tariff: Tariff) -> None:
    """Raise TariffError with every finding of `check_tariff`, if there is any."""
    findings = check_tariff(tariff)
    if findings:
        raise TariffError(f"tariff {tariff.name!r}: " + " | ".join(map(str, findings)))


def _first_match(bands: tuple[TimeBand, ...], weekday: int, second: int) -> int | None:
    for index, band in enumerate(bands):
        if band.weekdays and weekday not in band.weekdays:
            continue
        if band.from_s < band.to_s:
            matches = band.from_s <= second < band.to_s
        else:
            matches = second >= band.from_s or second < band.to_s
        if matches:
            return index
    return None


def _check_head(tariff: Tariff) -> Iterator[Finding]:
    yield from _check_text("name", tariff.name, required=True)
    yield from _check_text("currency", tariff.currency, required=True)
    yield from _check_text("gl_code", tariff.gl_code, required=False)
    yield from _check_text("tax_code", tariff.tax_code, required=False)
    try:
        load_zone(tariff.zone)
    except TariffError as error:
        yield Finding("zone", str(error), "name one of the IANA database, as Europe/Berlin")
    rounding = tariff.rounding
    yield from _check_int("rounding.mode", rounding.mode, 0, len(ROUNDING_MODES) - 1)
    yield from _check_int("rounding.decimals", rounding.decimals, 0, DECIMALS_MAX)
    if not 1 <= len(tariff.bands) <= BANDS_MAX:
        yield Finding("bands", f"{len(tariff.bands)} time bands", f"give 1 to {BANDS_MAX}")


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


def _check_tiers(where: str, tiers: tuple[Tier, ...]) -> Iterator[Finding]:
    if not 1 <= len(tiers) <= TIERS_MAX:
        yield Finding(where, f"{len(tiers)} tiers", f"give 1 to {TIERS_MAX}")
        return
    before: int | None = None
    for index, tier in enumerate(tiers):
        place = f"{where}[{index}]"
        yield from _check_int(f"{place}.amount_micros", tier.amount_micros, 0, (1 << 63) - 1)
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
    gaps: list[tuple[int, int]] = []
    for weekday in range(7):
        for spell in day_schedule(bands, weekday):
            if spell.band is not None:
                continue
            from_s, to_s = weekday * DAY_S + spell.from_s, weekday * DAY_S + spell.to_s
            if gaps and gaps[-1][1] == from_s:
                gaps[-1] = (gaps[-1][0], to_s)
            else:
                gaps.append((from_s, to_s))
    for from_s, to_s in gaps:
        yield Finding(
            "bands",
            f"no band covers {_moment(from_s)} to {_moment(to_s, is_end=True)}",
            "widen a band, or add a last one for every day from 0 to 86400",
        )


def _check_common_multiple(tariff: Tariff) -> Iterator[Finding]:
    multiple = lcm(*tariff_pers(tariff))
    if multiple > LCM_MAX:
        yield Finding(
            "bands",
            f"the least common multiple of all `per` is {multiple}, above {LCM_MAX}",
            "use units that divide each other",
        )


def tariff_pers(tariff: Tariff) -> set[int]:
    """Return every `per` of the tariff; charges are counted in their common multiple."""
    return {tier.per for band in tariff.bands for price in band.prices for tier in price.tiers}


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
