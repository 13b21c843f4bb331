"""Which bills are due, and what one says: lines rounded once, their sum, what is owed in all.

A bill closes the accounting cycles that end on its billing date and those before it that no bill
has closed. Rating and posting have put every amount into an item before (B76): a bill only sums,
rounds and numbers. A line is an offer's fee, or a tariff with all its bands, of one accounting
cycle and one tax code; it is rounded once, half-up, to minor units, so that what the customer reads
adds up, and what rounding took or gave goes to a rounding account, so that the ledger stays exact
(rule of exactness 9). Usage that came after its cycle was billed is a line of its own, under the
cycle in which it happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.rules.cycles import (
    Cycle,
    cycle_ending_on_or_after,
    cycles_later,
    local_date,
    local_midnight,
)
from ledger.rules.fees import BillingDay
from ratingcore.money import HALF_UP, MICROS, round_micros

DECIMALS_DEFAULT = 2

DECIMALS = {
    currency: decimals
    for decimals, currencies in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for currency in currencies.split()
}
"""Decimals of the minor unit where they are not two (ISO 4217)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a bill sums: `source` names the fee or tariff it comes from."""

    item_kind: str
    cycle_start_at: int
    source: str
    tax_code: str
    amount_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One line of a bill: exact, and as it is billed."""

    item_kind: str
    cycle_start_at: int
    source: str
    tax_code: str
    amount_micros: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillDraft:
    """What a bill says before it has a number. Amounts in minor units, positive: owed."""

    cycle: Cycle
    lines: tuple[BillLine, ...]
    total_minor: int
    previous_minor: int  # owed from earlier bills; part of what is due only in balance forward
    due_minor: int
    due_on: date
    rounding_micros: int  # what the lines are above (or below) the exact amounts


def decimals_of(currency: str) -> int:
    """Decimals of a currency's minor unit: cents are 2."""
    return DECIMALS.get(currency, DECIMALS_DEFAULT)


def minor_unit(currency: str) -> int:
    """One minor unit in micros: a cent is 10_000."""
    unit: int = MICROS // 10 ** decimals_of(currency)
    return unit


def minor_of(amount_micros: int, currency: str) -> int:
    """An amount in minor units, rounded half-up (away from zero at the half)."""
    return round_micros(amount_micros, decimals_of(currency), HALF_UP) // minor_unit(currency)


def micros_of(amount_minor: int, currency: str) -> int:
    """Minor units in micros, exactly."""
    return amount_minor * minor_unit(currency)


def cycles_to_bill(
    billing: BillingDay,
    *,
    opened_at: int,
    billed_until_at: int | None,
    cycles_per_bill: int,
    as_of: date,
) -> tuple[Cycle, ...]:
    """The spans to make bills of, oldest first: those that end on a billing date before `as_of`.

    Each missed one is a bill of its own (C12). The first billing date is the day the account was
    opened on or the first billing day after it (B56); a bill spans `cycles_per_bill` cycles (B59),
    but the first, which bills in advance what begins, spans one.
    """
    day = BillingDay(billing.bill_day, billing.zone)
    if billed_until_at is None:
        span = day.cycle_of_bill(opened_at)
    else:
        span = _following(day, billed_until_at, cycles_per_bill)
    due = []
    while local_date(billing.zone, span.end_at) < as_of:
        due.append(span)
        span = _following(day, span.end_at, cycles_per_bill)
    return tuple(due)


def _following(billing: BillingDay, start_at: int, cycles: int) -> Cycle:
    """The span of so many cycles from a border on; a border that is none any more (the billing day
    was changed) begins a shorter one.
    """
    first = cycle_ending_on_or_after(
        local_date(billing.zone, start_at) + timedelta(days=1),
        bill_day=billing.bill_day,
        zone=billing.zone,
    )
    last = cycles_later(first, cycles - 1, bill_day=billing.bill_day, zone=billing.zone)
    return Cycle(start_at, last.end_at)


def is_settled(cycle: Cycle, watermarks: Iterable[int], *, settling_s: int) -> bool:
    """Whether all usage of a cycle is in the books: every journal's watermark has passed its end by
    the settling time (exactness 10).
    """
    return all(watermark >= cycle.end_at + settling_s for watermark in watermarks)


def bill_lines(amounts: Iterable[Amount], currency: str) -> tuple[BillLine, ...]:
    """The lines of a bill, oldest cycle first; what never had an amount is left out."""
    sums: dict[tuple[int, str, str, str], int] = defaultdict(int)
    for amount in amounts:
        if amount.amount_micros:
            key = (amount.cycle_start_at, amount.item_kind, amount.source, amount.tax_code)
            sums[key] += amount.amount_micros
    return tuple(
        BillLine(
            item_kind=kind,
            cycle_start_at=cycle_start_at,
            source=source,
            tax_code=tax_code,
            amount_micros=amount_micros,
            amount_minor=minor_of(amount_micros, currency),
        )
        for (cycle_start_at, kind, source, tax_code), amount_micros in sorted(sums.items())
    )


def draft_bill(
    cycle: Cycle,
    lines: tuple[BillLine, ...],
    *,
    currency: str,
    zone: str,
    due_days: int,
    previous_minor: int,
    balance_forward: bool,
) -> BillDraft:
    """The bill of a span: its total, what is due with it and when.

    Balance forward includes what is owed from earlier bills, open item does not (B73, B74, C2).
    """
    total = sum(line.amount_minor for line in lines)
    exact = sum(line.amount_micros for line in lines)
    return BillDraft(
        cycle=cycle,
        lines=lines,
        total_minor=total,
        previous_minor=previous_minor,
        due_minor=total + previous_minor if balance_forward else total,
        due_on=local_date(zone, cycle.end_at) + timedelta(days=due_days),
        rounding_micros=micros_of(total, currency) - exact,
    )


def overdue_from(due_on: date, zone: str) -> int:
    """The instant from which a bill is overdue: the end of the day it is due on."""
    return local_midnight(zone, due_on + timedelta(days=1))
