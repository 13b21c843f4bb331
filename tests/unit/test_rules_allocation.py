"""Payments settle bills oldest first, never more than either has; policies for the rest."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.allocation import (
    Allocation,
    Credit,
    OpenBill,
    PaymentPolicy,
    allocate,
    early_discount,
    taken_back,
    written_off,
)


def bill(bill_id: int, open_minor: int, due: str = "2026-02-01") -> OpenBill:
    return OpenBill(
        bill_id=bill_id,
        due_on=date.fromisoformat(due),
        number=bill_id,
        total_minor=open_minor,
        open_minor=open_minor,
    )


def credit(credit_id: int, free_minor: int, on: str = "2026-02-01") -> Credit:
    return Credit(credit_id=credit_id, received_on=date.fromisoformat(on), free_minor=free_minor)


def plain(allocations: tuple[Allocation, ...]) -> list[tuple[int, int, int]]:
    return [(a.credit_id, a.bill_id, a.amount_minor) for a in allocations]


def test_the_oldest_due_bill_comes_first() -> None:
    bills = [bill(1, 500, "2026-03-01"), bill(2, 300, "2026-01-01"), bill(3, 200, "2026-02-01")]
    assert plain(allocate([credit(9, 600)], bills)) == [(9, 2, 300), (9, 3, 200), (9, 1, 100)]


def test_one_bill_may_be_meant_alone() -> None:
    """Open item accounting: the reference on the payment names the bill (B85)."""
    bills = [bill(1, 500, "2026-01-01"), bill(2, 300)]
    assert plain(allocate([credit(9, 600)], bills, only_bill=2)) == [(9, 2, 300)]


def test_what_no_bill_needs_stays_with_the_account() -> None:
    assert plain(allocate([credit(9, 600)], [bill(1, 100)])) == [(9, 1, 100)]


def test_a_bill_that_owes_the_customer_takes_no_payment() -> None:
    assert allocate([credit(9, 600)], [bill(1, -100)]) == ()


@given(st.lists(st.integers(-1000, 1000), max_size=6), st.lists(st.integers(0, 1000), max_size=6))
def test_nothing_is_settled_twice_and_nothing_useful_is_left(
    opens: list[int], frees: list[int]
) -> None:
    bills = [bill(n, amount) for n, amount in enumerate(opens)]
    credits_ = [credit(n, amount) for n, amount in enumerate(frees)]
    allocations = allocate(credits_, bills)
    assert all(a.amount_minor > 0 for a in allocations)
    for b in bills:
        settled = sum(a.amount_minor for a in allocations if a.bill_id == b.bill_id)
        assert settled <= max(0, b.open_minor)
    for c in credits_:
        used = sum(a.amount_minor for a in allocations if a.credit_id == c.credit_id)
        assert used <= c.free_minor
    owed = sum(max(0, b.open_minor) for b in bills)
    assert sum(a.amount_minor for a in allocations) == min(owed, sum(frees))


@pytest.mark.parametrize(("settled", "forgiven"), [(1000, 0), (998, 2), (995, 5), (994, 0), (0, 0)])
def test_a_rest_within_tolerance_is_forgiven(settled: int, forgiven: int) -> None:
    """B84: a bill of 10.00 with a tolerance of 5 cents."""
    policy = PaymentPolicy(tolerance_minor=5)
    assert written_off(bill(1, 1000), policy, settled_minor=settled) == forgiven


def test_a_bill_below_the_tolerance_is_not_forgiven_unpaid() -> None:
    assert written_off(bill(1, 3), PaymentPolicy(tolerance_minor=5), settled_minor=0) == 0


def test_paying_early_earns_its_share() -> None:
    """B81: 2 percent of 19.95 for paying ten days before February 1: 39.9 cents, rounded down."""
    policy = PaymentPolicy(early_days=10, early_discount_ppm=20_000)
    owed = bill(1, 1995)
    assert early_discount(owed, policy, paid_on=date(2026, 1, 22)) == 39
    assert early_discount(owed, policy, paid_on=date(2026, 1, 23)) == 0
    assert early_discount(owed, PaymentPolicy(), paid_on=date(2026, 1, 1)) == 0


def test_a_reversal_undoes_the_latest_allocations_first() -> None:
    """A direct debit that comes back reopens what it paid."""
    allocations = allocate([credit(9, 600)], [bill(1, 500, "2026-01-01"), bill(2, 300)])
    assert plain(taken_back(allocations, 9, 250)) == [(9, 2, -100), (9, 1, -150)]
    assert sum(a.amount_minor for a in taken_back(allocations, 9, 600)) == -600
