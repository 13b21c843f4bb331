"""Which bills a payment settles, and what an incomplete or early one means (B80-B85).

An allocation moves an amount of a payment (or of a credit) to a bill; both stay what they were. All
amounts are minor units of one currency. What no bill needs stays unallocated with the account, and
settles the next bills.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBill:
    """A final bill and what of it is not settled. Negative: it owes the customer."""

    bill_id: int
    due_on: date
    number: int
    total_minor: int
    open_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A payment or credit of which something is not allocated yet (positive minor units)."""

    credit_id: int
    received_on: date
    free_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """So much of a credit settles so much of a bill."""

    credit_id: int
    bill_id: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPolicy:
    """What the operator allows and grants. Zero: nothing."""

    tolerance_minor: int = 0  # a bill with no more than this open counts as paid (B84)
    early_days: int = 0  # paid in full so many days before it is due ...
    early_discount_ppm: int = 0  # ... earns this share of the bill (B81)


def allocate(
    credits_: Iterable[Credit], bills: Iterable[OpenBill], *, only_bill: int | None = None
) -> tuple[Allocation, ...]:
    """Settle the oldest bills first with the oldest credits, or one bill alone."""
    wanted = [
        bill
        for bill in sorted(bills, key=lambda b: (b.due_on, b.number))
        if bill.open_minor > 0 and only_bill in (None, bill.bill_id)
    ]
    allocations = []
    open_of = {bill.bill_id: bill.open_minor for bill in wanted}
    for credit in sorted(credits_, key=lambda c: (c.received_on, c.credit_id)):
        free = credit.free_minor
        for bill in wanted:
            amount = min(free, open_of[bill.bill_id])
            if amount > 0:
                allocations.append(
                    Allocation(
                        credit_id=credit.credit_id, bill_id=bill.bill_id, amount_minor=amount
                    )
                )
                open_of[bill.bill_id] -= amount
                free -= amount
    return tuple(allocations)


def written_off(bill: OpenBill, policy: PaymentPolicy, *, settled_minor: int) -> int:
    """What of a bill is forgiven once `settled_minor` of it is paid: a rest within tolerance.

    A bill of which nothing was paid is never forgiven, however small.
    """
    rest = bill.open_minor - settled_minor
    return rest if settled_minor > 0 and 0 < rest <= policy.tolerance_minor else 0


def early_discount(bill: OpenBill, policy: PaymentPolicy, *, paid_on: date) -> int:
    """What paying a whole bill early earns, rounded down to minor units; 0 if it was not early."""
    deadline = bill.due_on - timedelta(days=policy.early_days)
    if not policy.early_discount_ppm or paid_on > deadline or bill.total_minor <= 0:
        return 0
    return bill.total_minor * policy.early_discount_ppm // PPM


def taken_back(
    allocations: Sequence[Allocation], credit_id: int, amount_minor: int
) -> tuple[Allocation, ...]:
    """The allocations that a reversal of so much of a credit undoes, the latest first.

    Their amounts are negative: written beside the others they cancel them.
    """
    undone = []
    left = amount_minor
    for allocation in reversed([a for a in allocations if a.credit_id == credit_id]):
        amount = min(left, allocation.amount_minor)
        if amount > 0:
            undone.append(
                Allocation(credit_id=credit_id, bill_id=allocation.bill_id, amount_minor=-amount)
            )
            left -= amount
    return tuple(undone)
