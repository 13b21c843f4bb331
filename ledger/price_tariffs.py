"""The tariffs of a price list: bands, prices, blocks and bounds as people write them.

Discounts, caps and bonuses are `ledger.price_terms`' part. docs/pricelist.md is the reference. What
is wrong with a tariff as a whole is found by `ratingcore.check`, and reported here in the words of
the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from ledger.document import Table
from ledger.price_terms import (
    DATES_REMEDY,
    ListedDiscount,
    applied_discounts,
    parse_dates,
    read_bonuses,
    read_caps,
    read_rounding,
)
from ledger.price_values import read_amount, read_quantity
from ledger.units import DURATION_REMEDY, parse_duration
from ratingcore.calendar import load_zone
from ratingcore.check import check_tariff
from ratingcore.errors import TariffError
from ratingcore.tariff import (
    DAY_S,
    ConnectionFee,
    Counted,
    FreeRule,
    FreeStart,
    Increment,
    Metric,
    Price,
    Rounding,
    Tariff,
    Tier,
    TimeBand,
)

ACCOUNT_ZONE: Final = "account"
"""The zone of a tariff whose clock is that of the account that uses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffDefaults:
    """What a list says for all its tariffs."""

    currency: str
    zone: str
    gl_code: str
    tax_code: str
    calendars: Mapping[str, tuple[date, ...]]
    discounts: Mapping[str, ListedDiscount]


def read_tariff(table: Table, name: str, defaults: TariffDefaults) -> Tariff:
    """The tariff of a table; a mistake of the whole is found only if its parts have none."""
    before = table.mistakes
    tariff = Tariff(
        name=name,
        zone=read_zone(table, defaults.zone),
        currency=defaults.currency,
        bands=tuple(_read_band(band, defaults.calendars) for band in table.tables("bands")),
        rounding=read_rounding(table, "rounding", Rounding()),
        gl_code=table.text("gl", default=defaults.gl_code),
        tax_code=table.text("tax_code", default=defaults.tax_code),
        free_start=_read_free_start(table),
        minimum_micros=read_amount(table, "minimum", required=False) or 0,
        maximum_micros=read_amount(table, "maximum", required=False),
        discounts=applied_discounts(table, defaults.discounts),
        caps=read_caps(table),
        bonuses=read_bonuses(table),
    )
    if table.mistakes == before:  # a stand-in would only raise mistakes that nobody made
        _report_tariff(table, tariff)
    return tariff


def _report_tariff(table: Table, tariff: Tariff) -> None:
    """What is wrong with a tariff as a whole, in the words of the price list."""
    zone = "UTC" if tariff.zone == ACCOUNT_ZONE else tariff.zone
    for finding in check_tariff(replace(tariff, zone=zone)):
        table.report(_in_list_words(finding.where), finding.what, _in_list_words(finding.remedy))


_LIST_WORDS: Final = (
    ("from_s", "from"),
    ("to_s", "to"),
    ("weekdays", "days"),
    ("amount_micros", "amount"),
    ("from_quantity", "from"),
    ("gl_code", "gl"),
    ("minimum_micros", "minimum"),
    ("maximum_micros", "maximum"),
    ("free_start.seconds", "free_start.time"),
    (".fee.", ".connection_fee."),
    ("percent_micros", "percent"),
    ("covers", "on"),
    ("0 to 86400", '"00:00" to "24:00"'),
)


def _in_list_words(text: str) -> str:
    """A key or remedy of ratingcore as the price list says it: its keys, members from 1."""
    for ours, theirs in _LIST_WORDS:
        text = text.replace(ours, theirs)
    return re.sub(r"\[(\d+)\]", lambda match: f"[{int(match[1]) + 1}]", text)


def _read_free_start(table: Table) -> FreeStart | None:
    if "free_start" not in table:
        table.take("free_start")
        return None
    free = table.table("free_start")
    seconds = free.parsed("time", parse_duration, remedy=DURATION_REMEDY, required=True)
    return FreeStart(seconds or 1, free.choice("rule", FreeRule))


def _read_band(table: Table, calendars: Mapping[str, tuple[date, ...]]) -> TimeBand:
    remedy = 'write a time of day as "18:00", the end of the day as "24:00"'
    from_s = table.parsed("from", parse_clock, remedy=remedy)
    to_s = table.parsed("to", parse_clock, remedy=remedy)
    band = TimeBand(
        name=table.text("name"),
        weekdays=_read_days(table),
        from_s=0 if from_s is None else from_s,
        to_s=DAY_S if to_s is None else to_s,
        prices=tuple(map(_read_price, table.tables("prices"))),
        fee=_read_connection_fee(table),
        dates=table.parsed_each("dates", parse_dates, remedy=DATES_REMEDY),
        month_days=_read_month_days(table),
        holidays=_read_holidays(table, calendars),
    )
    if band.from_s == band.to_s:
        table.find("to", "is where the band begins", "leave out from and to for the whole day")
    if not band.prices:
        table.find("prices", "names no price", 'write amount = "0" if the band is free')
    return band


def _read_month_days(table: Table) -> tuple[int, ...]:
    days = table.take("month_days")
    if days is None:
        return ()
    if isinstance(days, list) and days and all(type(day) is int for day in days):
        return tuple(days)
    table.find("month_days", "is no array of integers", "write 1 to 31, or -1 for the last")
    return ()


def _read_holidays(
    table: Table, calendars: Mapping[str, tuple[date, ...]]
) -> tuple[date, ...] | None:
    name = table.optional_text("holidays")
    if name is None:
        return None
    if name not in calendars:
        known = ", ".join(calendars) or "none"
        remedy = f"add [calendars.{name}], or use one of: {known}"
        table.find("holidays", "is no calendar of this list", remedy)
    return calendars.get(name, ())


def _read_connection_fee(table: Table) -> ConnectionFee | None:
    if "connection_fee" not in table:
        table.take("connection_fee")
        return None
    fee = table.table("connection_fee")
    amount_micros = read_amount(fee, "amount") or 0
    return ConnectionFee(amount_micros, fee.boolean("zero_length", default=False))


_CLOCK: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_clock(text: str) -> int:
    """Seconds since midnight of "18:00" or "18:00:30", to "24:00". Raises ValueError."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError("is no time of day")
    hours, minutes, seconds = (int(part or "0") for part in match.groups())
    clock_s = hours * 3600 + minutes * 60 + seconds
    if clock_s > DAY_S:
        raise ValueError("is beyond the end of the day")
    return clock_s


def _read_days(table: Table) -> tuple[int, ...]:
    """Weekdays, Monday 0: names and ranges of names, a range may go over Sunday."""
    listed = table.parsed_each(
        "days", _parse_days, remedy='write days as "mon" to "sun", ranges as "mon-fri"'
    )
    days = [day for some in listed for day in some]
    if len(set(days)) < len(days):
        table.find("days", "names a day twice", "name each once")
    if "days" in table and not table.take("days"):
        table.find("days", "names no day", "leave the key out for every day")
    return tuple(sorted(days))


def _parse_days(text: str) -> tuple[int, ...]:
    first, dash, last = text.partition("-")
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise ValueError("is no weekday")
    start = WEEKDAYS.index(first)
    length = (WEEKDAYS.index(last) - start) % 7 + 1 if dash else 1
    return tuple((start + step) % 7 for step in range(length))


def _read_price(table: Table) -> Price:
    metric = table.choice("metric", Metric)
    counter = table.optional_text("counter") or ""
    rounding = None
    if "block_rounding" in table:
        rounding = read_rounding(table, "block_rounding", Rounding())
    else:
        table.take("block_rounding")
    if "tiers" not in table:
        tier = _read_tier(table, metric, from_quantity=0)
        tiers: tuple[Tier, ...] = (replace(tier, increment=None),)
        return Price(metric, tiers, tier.increment, rounding, counter)
    tiers = tuple(
        _read_tier(tier, metric, read_quantity(tier, "from", metric) or 0)
        for tier in table.tables("tiers")
    )
    return Price(metric, tiers, _read_increment(table, metric), rounding, counter)


def _read_tier(table: Table, metric: Metric, from_quantity: int) -> Tier:
    # an occurrence is a unit by itself; time and octets always say how much an amount buys
    per = read_quantity(table, "per", metric, required=metric is not Metric.OCCURRENCES)
    if per == 0:
        table.find("per", "is no quantity", "write how much one amount buys")
    amount_micros = read_amount(table, "amount") or 0
    return Tier(from_quantity, amount_micros, per or 1, _read_increment(table, metric))


def _read_increment(table: Table, metric: Metric) -> Increment | None:
    """`{ first, then, counted }`; the first block is like the others if nothing is said of it."""
    if "increment" not in table:
        table.take("increment")
        return None
    increment = table.table("increment")
    lengths = {}
    for name in ("first", "then"):
        lengths[name] = read_quantity(increment, name, metric, required=name == "then")
        if lengths[name] == 0:
            increment.find(name, "is no quantity", "write how long a block is")
    then = lengths["then"] or 1
    counted = increment.choice("counted", Counted, default=Counted.UP)
    return Increment(lengths["first"] or then, then, counted)


def read_zone(table: Table, default: str) -> str:
    """An IANA name, or ACCOUNT_ZONE; a mistake stands in as the latter."""
    zone = table.text("zone", default=default)
    if zone == ACCOUNT_ZONE:
        return zone
    try:
        load_zone(zone)
    except TariffError:
        remedy = f'name one of the IANA database, as "Europe/Berlin", or "{ACCOUNT_ZONE}"'
        table.find("zone", "is no time zone", remedy)
        return ACCOUNT_ZONE
    return zone
