"""Discounts, caps and bonuses of a price list, as people write them.

A discount stands in the list, with its conditions, and tariffs name it in the order in which they
apply it. docs/pricelist.md is the reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.document import Table
from ledger.holiday_calendars import parse_date
from ledger.price_values import read_amount, read_quantity
from ledger.rules.entitlements import FIRST_DAYS_MAX, DiscountTerms
from ratingcore.errors import AmountError
from ratingcore.money import DECIMALS_MAX, ROUNDING_MODES, parse_amount
from ratingcore.tariff import (
    WHOLE_PERCENT,
    WHOLE_UNITS,
    Bonus,
    Cap,
    Covers,
    DateSpan,
    Discount,
    MetricOrMoney,
    Period,
    Rounding,
)

COUNT_MAX: Final = 2**63 - 1
"""What a counter may be compared with."""

DATES_REMEDY: Final = 'write dates as "2026-12-24", spans as "2026-12-24/2027-01-06"'

_PERCENT_REMEDY: Final = 'write a percent in quotes, as "12.5", above 0 and up to 100'
_FIRST_REMEDY: Final = 'write "30 d", "1 month" or "3 months"'
_FIRST: Final = re.compile(r"([1-9][0-9]{0,3}) ?(d|months?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListedDiscount:
    """A discount as tariffs apply it, and what must be so for it."""

    discount: Discount
    terms: DiscountTerms


def read_discounts(root: Table) -> dict[str, ListedDiscount]:
    """The discounts of a list, by name."""
    return {
        name: _read_discount(table, name) for name, table in root.named_tables("discounts").items()
    }


def applied_discounts(table: Table, listed: Mapping[str, ListedDiscount]) -> tuple[Discount, ...]:
    """The discounts that a tariff names, in its order."""
    applied = []
    for name in table.texts("discounts"):
        if name in listed:
            applied.append(listed[name].discount)
        else:
            known = ", ".join(listed) or "none"
            remedy = f"add [discounts.{name}], or use one of: {known}"
            table.find("discounts", f"names no discount {name}", remedy)
    return tuple(applied)


def read_caps(table: Table) -> tuple[Cap, ...]:
    """The caps of a tariff."""
    return tuple(map(_read_cap, table.tables("caps")))


def read_bonuses(table: Table) -> tuple[Bonus, ...]:
    """The bonuses of a tariff."""
    return tuple(map(_read_bonus, table.tables("bonuses")))


def read_rounding(table: Table, name: str, default: Rounding) -> Rounding:
    """`{ mode, decimals }`, or the default when absent."""
    rounding = table.table(name)
    names = {mode: name for name, mode in ROUNDING_MODES.items()}
    mode = rounding.text("mode", default=names[default.mode])
    if mode not in ROUNDING_MODES:
        known = ", ".join(f'"{name}"' for name in ROUNDING_MODES)
        rounding.find("mode", "is not known", f"write one of {known}")
    decimals = rounding.integer("decimals", low=0, high=DECIMALS_MAX, default=default.decimals)
    return Rounding(ROUNDING_MODES.get(mode, default.mode), decimals)


def parse_dates(text: str) -> DateSpan:
    """One date, or the first and the last of a span (ISO 8601). Raises ValueError."""
    first, slash, last = text.partition("/")
    return DateSpan(parse_date(first), parse_date(last if slash else first))


def _read_discount(table: Table, name: str) -> ListedDiscount:
    percent_micros = table.parsed("percent", _parse_percent, remedy=_PERCENT_REMEDY)
    amount_micros = read_amount(table, "amount", required=False)
    if ("percent" in table) == ("amount" in table):
        table.report("percent", "or amount: one of them is needed", "write how much is taken off")
    if amount_micros == 0:
        table.find("amount", "is no discount", "write how much is taken off")
    counter = table.optional_text("counter") or ""
    above = table.optional_integer("above", low=0, high=COUNT_MAX)
    if bool(counter) != (above is not None):
        table.report("above", "and counter go together", "write both, or none of them")
    terms = _read_conditions(table, name)
    discount = Discount(
        name=name,
        percent_micros=percent_micros or 0,
        amount_micros=amount_micros or 0,
        covers=table.choice("on", Covers, default=Covers.USAGE),
        counter=counter,
        above=above or 0,
        conditional=terms.conditional,
    )
    return ListedDiscount(discount, terms)


def _read_conditions(table: Table, name: str) -> DiscountTerms:
    months, days = table.parsed("first", _parse_first, remedy=_FIRST_REMEDY) or (0, 0)
    return DiscountTerms(
        name=name,
        profile=_read_profile(table.table("profile")),
        first_months=months,
        first_days=days,
        dates=table.parsed_each("dates", parse_dates, remedy=DATES_REMEDY),
    )


def _read_profile(table: Table) -> dict[str, tuple[str, ...]]:
    """Fields and the values that will do: one text, or an array of them."""
    profile = {}
    for name in tuple(table.keys()):
        value = table.take(name)
        values = value if isinstance(value, list) else [value]
        if values and all(type(one) is str for one in values):
            profile[name] = tuple(map(str, values))
        else:
            table.find(name, "is no text", 'write the value in quotes, several as ["...", "..."]')
    return profile


def _read_cap(table: Table) -> Cap:
    period = table.choice("period", Period)
    return Cap(
        name=table.text("name", default=f"cap of the {period.value}"),
        period=period,
        amount_micros=read_amount(table, "amount") or 0,
    )


def _read_bonus(table: Table) -> Bonus:
    metric = table.choice("metric", MetricOrMoney)
    per = read_quantity(table, "per", metric, required=metric is not MetricOrMoney.OCCURRENCES)
    if per == 0:
        table.find("per", "is no quantity", "write for how much it is given")
    amount_micros = read_amount(table, "amount")
    if amount_micros == 0:
        table.find("amount", "is no bonus", "write how much is given")
    return Bonus(
        resource=table.text("resource"),
        amount_micros=amount_micros or 1,
        metric=metric,
        per=per or 1,
        bands=table.texts("bands"),
        rounding=read_rounding(table, "rounding", WHOLE_UNITS),
        gl_code=table.text("gl", default=""),
        tax_code=table.text("tax_code", default=""),
    )


def _parse_percent(text: str) -> int:
    try:
        percent_micros = parse_amount(text)
    except AmountError as error:
        raise ValueError("is no exact percent") from error
    if not 0 < percent_micros <= WHOLE_PERCENT:
        raise ValueError("is out of range")
    return percent_micros


def _parse_first(text: str) -> tuple[int, int]:
    """(months, days) of "1 month" or "30 d". Raises ValueError."""
    match = _FIRST.fullmatch(text)
    if match is None:
        raise ValueError("is no number of days or months")
    number = int(match[1])
    if number > FIRST_DAYS_MAX:
        raise ValueError("is too long")
    return (0, number) if match[2] == "d" else (number, 0)
