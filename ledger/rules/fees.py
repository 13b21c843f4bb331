"""What a purchase owes besides usage: purchase, cycle and cancellation fees (B24-B26, B134-B136).

From a purchase and the fees of its offer follow all its charges up to an instant, always the same
ones: a job posts those that the books lack (`charges_to_post`), so it may run late, twice, or again
after the purchase was changed. Terms of a cycle fee are counted from the billing cycle in which the
purchase begins, so that every term ends on a billing day; the first one is shorter when the
purchase begins within a cycle. Days are civil days of the account's zone: the day a purchase begins
on counts, the day it ends on does not, so a change of offer pays for no day twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ledger.model import Fee, FeeKind, Proration, Purchase
from ledger.rules.cycles import (
    Cycle,
    cycle_at,
    cycle_ending_on_or_after,
    cycles_later,
    local_date,
)
from ratingcore.money import HALF_EVEN, mul_div

FeesAt = Callable[[int], Sequence[Fee]]
"""The fees of a purchase's offer in the price list in force at an instant (exactness 4)."""

THIRTY = 30
MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeCharge:
    """One amount that a fee owes, or gives back (negative). `key` tells it from all others."""

    key: str
    purchase: Purchase
    fee: Fee
    at: int  # when it is due: its service date
    from_at: int  # what it pays for: [from_at, to_at)
    to_at: int
    amount_micros: int
    cycle: Cycle  # in whose bill it stands


@dataclass(frozen=True, slots=True)
class Term:
    """What one amount of a cycle fee pays for: [start_at, end_at), shorter than the whole from
    `full_start_at` when the purchase began within a cycle.
    """

    full_start_at: int
    start_at: int
    end_at: int


@dataclass(frozen=True, slots=True)
class BillingDay:
    """When an account is billed: its day of the month and its zone."""

    bill_day: int
    zone: str

    def cycle_of_bill(self, at: int) -> Cycle:
        """The cycle in whose bill an amount due at `at` stands."""
        day = local_date(self.zone, at)
        return cycle_ending_on_or_after(day, bill_day=self.bill_day, zone=self.zone)

    def days(self, from_at: int, to_at: int) -> int:
        """Civil days from one instant's date to another's."""
        return (local_date(self.zone, to_at) - local_date(self.zone, from_at)).days

    def thirty_day_months(self, from_at: int, to_at: int) -> int:
        """The same with every month counted as 30 days; a 31st counts as the 30th (30/360)."""
        return _day_of_360(local_date(self.zone, to_at)) - _day_of_360(
            local_date(self.zone, from_at)
        )


def charges_of(
    purchase: Purchase, fees_at: FeesAt, billing: BillingDay, *, until: int
) -> tuple[FeeCharge, ...]:
    """All that a purchase owes in fees for what is due before `until`, oldest first."""
    charges = [
        *_purchase_charges(purchase, fees_at, billing),
        *_cycle_charges(purchase, fees_at, billing, until),
        *_cancellation_charges(purchase, fees_at, billing),
    ]
    due = (charge for charge in charges if charge.at < until and charge.amount_micros)
    return tuple(sorted(due, key=lambda charge: (charge.at, charge.key)))


def charges_to_post(
    owed: Sequence[FeeCharge], posted: Mapping[str, int]
) -> tuple[tuple[FeeCharge, ...], tuple[str, ...]]:
    """What the books lack of what is owed, and the keys of what they have that is owed no longer.

    `posted` holds the amounts (micros) by key that stand in the books. What stands there with
    another amount is owed no longer under its key: it is reversed, and its charge stands under a
    key with a revision ("..." then ".../2").
    """
    missing: list[FeeCharge] = []
    kept: set[str] = set()
    for charge in owed:
        revisions = [key for key in posted if _is_revision_of(key, charge.key)]
        same = next((key for key in revisions if posted[key] == charge.amount_micros), None)
        if same is not None:
            kept.add(same)
        else:
            missing.append(_revised(charge, len(revisions)))
    obsolete = sorted(key for key, amount in posted.items() if amount and key not in kept)
    return tuple(missing), tuple(obsolete)


def terms_of(
    purchase: Purchase, position: int, fees_at: FeesAt, billing: BillingDay, *, until: int
) -> Iterator[tuple[Fee, Term]]:
    """The terms of one cycle fee that begin before `until` and before the purchase ends.

    A fee is known by its position among the offer's cycle fees; a later price list may change its
    amount and length from the next term on, or end it.
    """
    cycle = cycle_at(purchase.from_at, bill_day=billing.bill_day, zone=billing.zone)
    start_at = purchase.from_at
    end = until if purchase.to_at is None else min(until, purchase.to_at)
    while start_at < end:
        fees = _of_kind(fees_at(start_at), FeeKind.CYCLE)
        months = fees[position].term_months if position < len(fees) else 1
        following = cycles_later(cycle, months, bill_day=billing.bill_day, zone=billing.zone)
        if position < len(fees):
            yield fees[position], Term(cycle.start_at, start_at, following.start_at)
        cycle, start_at = following, following.start_at


def prorated(fee: Fee, term: Term, billing: BillingDay, *, from_at: int, to_at: int) -> int:
    """What [from_at, to_at) of a term costs of the fee's amount, rounded once to micros."""
    match fee.proration:
        case Proration.NONE:
            return fee.amount_micros
        case Proration.DAYS:
            count = billing.days
        case Proration.THIRTY_DAY_MONTHS:
            count = billing.thirty_day_months
    return mul_div(
        fee.amount_micros, count(from_at, to_at), count(term.full_start_at, term.end_at), HALF_EVEN
    )


def _purchase_charges(
    purchase: Purchase, fees_at: FeesAt, billing: BillingDay
) -> Iterator[FeeCharge]:
    at = purchase.from_at
    for position, fee in enumerate(_of_kind(fees_at(at), FeeKind.PURCHASE)):
        yield FeeCharge(
            key=f"fee/{purchase.purchase_id}/purchase/{position}",
            purchase=purchase,
            fee=fee,
            at=at,
            from_at=at,
            to_at=at,
            amount_micros=fee.amount_micros * purchase.quantity,
            cycle=billing.cycle_of_bill(at),
        )


def _cancellation_charges(
    purchase: Purchase, fees_at: FeesAt, billing: BillingDay
) -> Iterator[FeeCharge]:
    at = purchase.to_at
    if at is None:
        return
    owned = _months_owned(local_date(billing.zone, purchase.from_at), local_date(billing.zone, at))
    for position, fee in enumerate(_of_kind(fees_at(at), FeeKind.CANCELLATION)):
        if fee.owned_under_months is None or owned < fee.owned_under_months:
            yield FeeCharge(
                key=f"fee/{purchase.purchase_id}/cancellation/{position}",
                purchase=purchase,
                fee=fee,
                at=at,
                from_at=at,
                to_at=at,
                amount_micros=fee.amount_micros * purchase.quantity,
                cycle=billing.cycle_of_bill(at),
            )


def _cycle_charges(
    purchase: Purchase, fees_at: FeesAt, billing: BillingDay, until: int
) -> Iterator[FeeCharge]:
    for position in range(_cycle_fees_max(purchase, fees_at, billing, until)):
        for fee, term in terms_of(purchase, position, fees_at, billing, until=until):
            of_term = _arrears_charges if fee.in_arrears else _advance_charges
            yield from of_term(purchase, position, fee, term, billing)


def _advance_charges(
    purchase: Purchase, position: int, fee: Fee, term: Term, billing: BillingDay
) -> Iterator[FeeCharge]:
    """The term's amount as it begins; what the purchase does not use of it is given back."""
    key = f"fee/{purchase.purchase_id}/cycle/{position}/{term.start_at}"
    charged = prorated(fee, term, billing, from_at=term.start_at, to_at=term.end_at)
    yield FeeCharge(
        key=key,
        purchase=purchase,
        fee=fee,
        at=term.start_at,
        from_at=term.start_at,
        to_at=term.end_at,
        amount_micros=charged * purchase.quantity,
        cycle=billing.cycle_of_bill(term.start_at),
    )
    ended_at = purchase.to_at
    if ended_at is None or ended_at >= term.end_at or fee.proration is Proration.NONE:
        return
    used = prorated(fee, term, billing, from_at=term.start_at, to_at=ended_at)
    if used != charged:
        yield FeeCharge(
            key=f"{key}/back",
            purchase=purchase,
            fee=fee,
            at=ended_at,
            from_at=ended_at,
            to_at=term.end_at,
            amount_micros=(used - charged) * purchase.quantity,
            cycle=billing.cycle_of_bill(ended_at),
        )


def _arrears_charges(
    purchase: Purchase, position: int, fee: Fee, term: Term, billing: BillingDay
) -> Iterator[FeeCharge]:
    """The part of the term that the purchase used, when it is over."""
    end_at = term.end_at if purchase.to_at is None else min(purchase.to_at, term.end_at)
    amount = prorated(fee, term, billing, from_at=term.start_at, to_at=end_at)
    yield FeeCharge(
        key=f"fee/{purchase.purchase_id}/cycle/{position}/{term.start_at}",
        purchase=purchase,
        fee=fee,
        at=end_at,
        from_at=term.start_at,
        to_at=end_at,
        amount_micros=amount * purchase.quantity,
        cycle=billing.cycle_of_bill(end_at),
    )


def _cycle_fees_max(purchase: Purchase, fees_at: FeesAt, billing: BillingDay, until: int) -> int:
    """How many cycle fees any price list met by a purchase has for it."""
    cycle = cycle_at(purchase.from_at, bill_day=billing.bill_day, zone=billing.zone)
    at, most = purchase.from_at, 0
    while at < until:
        most = max(most, len(_of_kind(fees_at(at), FeeKind.CYCLE)))
        cycle = cycles_later(cycle, 1, bill_day=billing.bill_day, zone=billing.zone)
        at = cycle.start_at
    return most


def _of_kind(fees: Sequence[Fee], kind: FeeKind) -> list[Fee]:
    return [fee for fee in fees if fee.kind is kind]


def _months_owned(begun: date, ended: date) -> int:
    """Whole months between two dates: from the 31st to the last day of a month is one."""
    months = (ended.year - begun.year) * MONTHS + ended.month - begun.month
    return months if ended.day >= begun.day or _is_last_day(ended) else months - 1


def _is_last_day(day: date) -> bool:
    return date.fromordinal(day.toordinal() + 1).day == 1


def _day_of_360(day: date) -> int:
    return (day.year * MONTHS + day.month) * THIRTY + min(day.day, THIRTY)


def _is_revision_of(key: str, of: str) -> bool:
    return key == of or (key.startswith(f"{of}/") and key[len(of) + 1 :].isdigit())


def _revised(charge: FeeCharge, revisions: int) -> FeeCharge:
    if not revisions:
        return charge
    return replace(charge, key=f"{charge.key}/{revisions + 1}")
