"""Amounts and quantities of a price list: human text to exact integers, mistakes as findings."""

from __future__ import annotations

from typing import Final

from ledger.document import Table
from ledger.model import UsageMetric
from ledger.units import (
    DURATION_REMEDY,
    OCTETS_REMEDY,
    QUANTITY_MAX,
    parse_duration,
    parse_octets,
)
from ratingcore.errors import AmountError
from ratingcore.money import parse_amount
from ratingcore.tariff import Metric, MetricOrMoney

AMOUNT_REMEDY: Final = 'write an amount in quotes, as "2.00", with at most six decimals'


def read_amount(table: Table, name: str, *, required: bool = True) -> int | None:
    """An amount of zero or more, in micros; None when absent, or after a finding."""
    return table.parsed(name, _parse_amount, remedy=AMOUNT_REMEDY, required=required)


def _parse_amount(text: str) -> int:
    try:
        amount_micros = parse_amount(text)
    except AmountError as error:
        raise ValueError("is no exact amount") from error
    if amount_micros < 0:
        raise ValueError("is negative")
    return amount_micros


def read_quantity(
    table: Table, name: str, metric: Metric | MetricOrMoney | UsageMetric, *, required: bool = False
) -> int | None:
    """A quantity of a metric, in its own unit: seconds, octets, micros or a number."""
    match metric.value:
        case UsageMetric.MONEY:
            return table.parsed(name, _parse_amount, remedy=AMOUNT_REMEDY, required=required)
        case Metric.SECONDS:
            return table.parsed(name, parse_duration, remedy=DURATION_REMEDY, required=required)
        case Metric.OCCURRENCES:
            if required:
                return table.integer(name, low=0, high=QUANTITY_MAX)
            return table.optional_integer(name, low=0, high=QUANTITY_MAX)
        case _:
            return table.parsed(name, parse_octets, remedy=OCTETS_REMEDY, required=required)
