"""Fees against figures worked out by hand: terms, proration, giving back, arrears, cancellation."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.model import Fee, FeeKind, Proration, Purchase
from ledger.rules.fees import BillingDay, FeeCharge, charges_of, charges_to_post
from ratingcore.money import parse_amount

ZONE = "America/New_York"
FIFTEENTH = BillingDay(15, ZONE)
LATER = 10**11


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


def day(instant: int) -> str:
    return datetime.fromtimestamp(instant, ZoneInfo(ZONE)).strftime("%Y-%m-%d")


def fee(dollars: str, *, kind: FeeKind = FeeKind.CYCLE, **rest: object) -> Fee:
    given: dict[str, Any] = {"kind": kind, "amount_micros": parse_amount(dollars), **rest}
    return Fee(**given)


def purchase(begun: str, ended: str | None = None, *, quantity: int = 1) -> Purchase:
    return Purchase(
        purchase_id=7,
        account_id=1,
        service_id=2,
        offer="offer",
        from_at=at(begun),
        to_at=None if ended is None else at(ended),
        quantity=quantity,
    )


def owed(
    bought: Purchase, *fees: Fee, until: str, billing: BillingDay = FIFTEENTH
) -> list[tuple[str, str, int]]:
    """(due on, in the bill of, micros) of each charge."""
    charges = charges_of(bought, lambda _: fees, billing, until=at(until))
    return [(day(c.at), day(c.cycle.end_at), c.amount_micros) for c in charges]


STANDARD = (fee("10.00", kind=FeeKind.PURCHASE), fee("6.95"))


def test_standard_bought_on_the_billing_day_stands_on_that_days_bill() -> None:
    """B56, B118, B134: created on January 15, billed on the 15th, by the run of the 16th."""
    assert owed(purchase("2026-01-15T14:00"), *STANDARD, until="2026-02-16") == [
        ("2026-01-15", "2026-01-15", 6_950_000),
        ("2026-01-15", "2026-01-15", 10_000_000),
        ("2026-02-15", "2026-02-15", 6_950_000),
    ]


def test_a_first_term_within_a_cycle_costs_its_share_of_days() -> None:
    """January 3 to 15 is 12 of the 31 days of December 15 to January 15: 6.95 x 12 / 31."""
    assert owed(purchase("2026-01-03T09:00"), fee("6.95"), until="2026-01-16") == [
        ("2026-01-03", "2026-01-15", 2_690_323),  # 83.40 / 31 = 2.6903225...
        ("2026-01-15", "2026-01-15", 6_950_000),
    ]


def test_the_same_in_months_of_thirty_days() -> None:
    """January 3 to 15 is 12 of 30 days: 6.95 x 12 / 30 = 2.78."""
    standard = fee("6.95", proration=Proration.THIRTY_DAY_MONTHS)
    assert owed(purchase("2026-01-03"), standard, until="2026-01-15") == [
        ("2026-01-03", "2026-01-15", 2_780_000)
    ]


def test_what_a_cancelled_purchase_did_not_use_is_given_back() -> None:
    """B134: February 15 to March 15 has 28 days; gone on the 22nd, 7 are used: 21/28 come back."""
    gone = purchase("2026-01-15", "2026-02-22T11:00")
    assert owed(gone, *STANDARD, until="2026-06-01")[2:] == [
        ("2026-02-15", "2026-02-15", 6_950_000),
        ("2026-02-22", "2026-03-15", 1_737_500 - 6_950_000),
    ]


def test_a_change_of_offer_pays_for_no_day_twice() -> None:
    """Ten days of one, eighteen of the other: 28 days of one price cost that price."""
    old = owed(purchase("2026-02-15", "2026-02-25T13:00"), fee("28"), until="2026-03-15")
    new = owed(purchase("2026-02-25T13:00"), fee("28"), until="2026-03-15")
    assert [amount for *_, amount in old] == [28_000_000, -18_000_000]
    assert [amount for *_, amount in new] == [18_000_000]


def test_premium_cancelled_after_five_months() -> None:
    """B136: $100 a year, nothing given back, and $50 because it was owned under a year."""
    premium = (
        fee("100", term_months=12, proration=Proration.NONE),
        fee("50", kind=FeeKind.CANCELLATION, owned_under_months=12),
    )
    gone = purchase("2026-01-15", "2026-06-15")
    assert owed(gone, *premium, until="2027-06-01") == [
        ("2026-01-15", "2026-01-15", 100_000_000),
        ("2026-06-15", "2026-06-15", 50_000_000),
    ]
    stayed = purchase("2026-01-15", "2027-01-15")
    assert owed(stayed, *premium, until="2027-06-01") == [("2026-01-15", "2026-01-15", 100_000_000)]


def test_premium_by_the_quarter() -> None:
    """C10: $25 each quarter in advance."""
    quarterly = fee("25", term_months=3, proration=Proration.NONE)
    assert [due for due, *_ in owed(purchase("2026-01-15"), quarterly, until="2027-01-15")] == [
        "2026-01-15",
        "2026-04-15",
        "2026-07-15",
        "2026-10-15",
    ]


def test_two_mailboxes_more_than_four() -> None:
    """B135: $19.95 and 2 x $5."""
    assert owed(purchase("2026-01-15", quantity=2), fee("5"), until="2026-01-16") == [
        ("2026-01-15", "2026-01-15", 10_000_000)
    ]


def test_arrears_are_due_when_the_term_is_over() -> None:
    """The stub of 12 of 31 days on the bill that ends it, and the last part when it is gone."""
    gone = purchase("2026-01-03", "2026-02-25")
    assert owed(gone, fee("31", in_arrears=True), until="2026-06-01") == [
        ("2026-01-15", "2026-01-15", 12_000_000),
        ("2026-02-15", "2026-02-15", 31_000_000),
        ("2026-02-25", "2026-03-15", 11_071_429),  # 31 x 10/28 = 11.0714285...
    ]


def test_days_29_to_31_do_not_drift() -> None:
    """C8: every term of a month costs the same, whatever its number of days."""
    ends = BillingDay(31, ZONE)
    charges = owed(purchase("2026-01-31"), fee("9"), until="2026-06-01", billing=ends)
    assert charges == [
        (due, due, 9_000_000)
        for due in ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31")
    ]


def test_a_later_price_list_changes_the_next_term_only() -> None:
    """Exactness 4: a price is read at the instant of what it pays for."""
    changes_at = at("2026-02-20")
    charges = charges_of(
        purchase("2026-01-15"),
        lambda instant: (fee("9"),) if instant < changes_at else (fee("12"),),
        FIFTEENTH,
        until=at("2026-03-16"),
    )
    assert [c.amount_micros for c in charges] == [9_000_000, 9_000_000, 12_000_000]


def test_a_fee_that_a_later_price_list_ends_is_due_no_more() -> None:
    ends_at = at("2026-02-20")
    charges = charges_of(
        purchase("2026-01-15"),
        lambda instant: (fee("9"),) if instant < ends_at else (),
        FIFTEENTH,
        until=at("2026-07-01"),
    )
    assert len(charges) == 2


def test_what_is_posted_is_not_posted_again() -> None:
    charges = charges_of(purchase("2026-01-15"), lambda _: STANDARD, FIFTEENTH, until=LATER // 50)
    posted = {charge.key: charge.amount_micros for charge in charges}
    assert charges_to_post(charges, posted) == ((), ())


def test_a_purchase_that_ended_earlier_than_was_known_reverses_what_it_no_longer_owes() -> None:
    known = charges_of(
        purchase("2026-01-15"), lambda _: (fee("28"),), FIFTEENTH, until=at("2026-03-16")
    )
    posted = {charge.key: charge.amount_micros for charge in known}
    now = charges_of(
        purchase("2026-01-15", "2026-03-01"),
        lambda _: (fee("28"),),
        FIFTEENTH,
        until=at("2026-03-16"),
    )
    missing, obsolete = charges_to_post(now, posted)
    assert [charge.amount_micros for charge in missing] == [-14_000_000]  # 14 of 28 days unused
    assert obsolete == (known[2].key,)


def test_another_amount_stands_under_a_revision_of_its_key() -> None:
    (charge,) = charges_of(
        purchase("2026-01-15"), lambda _: (fee("9"),), FIFTEENTH, until=at("2026-01-16")
    )
    missing, obsolete = charges_to_post([charge], {charge.key: 8_000_000})
    assert [c.key for c in missing] == [f"{charge.key}/2"]
    assert obsolete == (charge.key,)
    settled = {charge.key: 0, f"{charge.key}/2": charge.amount_micros}  # reversed, and posted anew
    assert charges_to_post([charge], settled) == ((), ())


@given(
    begun=st.integers(at("2026-01-01"), at("2027-01-01")),
    lasted=st.integers(0, 500 * 86_400),
    bill_day=st.integers(1, 31),
    proration=st.sampled_from([Proration.DAYS, Proration.THIRTY_DAY_MONTHS]),
)
def test_advance_and_arrears_cost_the_same_in_the_end(
    begun: int, lasted: int, bill_day: int, proration: Proration
) -> None:
    """What is charged in advance less what is given back is what was used, to a micro a term."""
    bought = Purchase(
        purchase_id=1,
        account_id=1,
        service_id=1,
        offer="o",
        from_at=begun,
        to_at=begun + lasted,
    )
    billing = BillingDay(bill_day, ZONE)

    def total(*, in_arrears: bool) -> tuple[int, list[FeeCharge]]:
        fees = (fee("17.31", in_arrears=in_arrears, proration=proration),)
        charges = list(charges_of(bought, lambda _: fees, billing, until=LATER // 50))
        return sum(charge.amount_micros for charge in charges), charges

    advance, charges = total(in_arrears=False)
    assert advance == total(in_arrears=True)[0]
    assert all(charge.cycle.start_at < charge.at + 86_400 * 2 for charge in charges)


@pytest.mark.parametrize(
    ("ended", "months_owned_under_2"), [("2026-03-30", True), ("2026-03-31", False)]
)
def test_months_are_owned_by_the_calendar(ended: str, months_owned_under_2: bool) -> None:
    """From January 31 two months are over on March 31, not on the 30th."""
    leaving = fee("50", kind=FeeKind.CANCELLATION, owned_under_months=2)
    charges = owed(purchase("2026-01-31", ended), leaving, until="2027-01-01")
    assert bool(charges) is months_owned_under_2
