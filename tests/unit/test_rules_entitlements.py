"""Proves ledger.rules.entitlements: in which intervals a discount's conditions are met, with
figures worked out by hand, and what of an allowance rolls over.
"""

from __future__ import annotations

from datetime import date, datetime

import pytest

from ledger.model import AllowanceTerms
from ledger.rules.cycles import Cycle
from ledger.rules.entitlements import DiscountTerms, ProfileSpell, entitlements, rolled_over
from ratingcore.allowance import Allowance, Entitlement
from ratingcore.calendar import INSTANT_END
from ratingcore.tariff import DateSpan, MetricOrMoney

BERLIN = "Europe/Berlin"
TEACHERS = DiscountTerms(name="teachers", profile={"occupation": ("teacher", "lecturer")})


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def held(terms: DiscountTerms, *spells: ProfileSpell, purchased_at: int = 0) -> list[Entitlement]:
    return list(entitlements(terms, spells=spells, purchased_at=purchased_at, zone=BERLIN))


def test_without_conditions_it_always_holds() -> None:
    terms = DiscountTerms(name="all")
    assert not terms.conditional
    assert held(terms) == [Entitlement("all", 0, INSTANT_END)]


def test_a_profile_field_must_have_one_of_the_values_while_it_has_it() -> None:
    was_pupil = ProfileSpell(profile={"occupation": "pupil"}, until_at=100)
    is_teacher = ProfileSpell(profile={"occupation": "teacher"}, from_at=100, until_at=200)
    is_lecturer = ProfileSpell(profile={"occupation": "lecturer"}, from_at=300)
    assert TEACHERS.conditional
    assert held(TEACHERS, is_lecturer, was_pupil, is_teacher) == [
        Entitlement("teachers", 100, 200),
        Entitlement("teachers", 300, INSTANT_END),
    ]
    assert held(TEACHERS, ProfileSpell(profile={})) == []


@pytest.mark.parametrize(
    ("months", "days", "purchased", "end"),
    [
        (1, 0, "2026-01-15T10:00:00+01:00", "2026-02-15T00:00:00+01:00"),
        (1, 0, "2026-01-31T10:00:00+01:00", "2026-02-28T00:00:00+01:00"),
        (14, 0, "2026-11-30T23:59:59+01:00", "2028-01-30T00:00:00+01:00"),
        (0, 30, "2026-03-15T10:00:00+01:00", "2026-04-14T00:00:00+02:00"),
    ],
)
def test_the_first_time_ends_at_a_midnight(
    months: int, days: int, purchased: str, end: str
) -> None:
    terms = DiscountTerms(name="first", first_months=months, first_days=days)
    assert terms.conditional
    assert held(terms, purchased_at=at(purchased)) == [Entitlement("first", at(purchased), at(end))]


def test_all_conditions_must_be_met() -> None:
    terms = DiscountTerms(
        name="advent",
        profile={"member": ("yes",)},
        first_days=40,
        dates=(
            DateSpan(date(2026, 12, 1), date(2026, 12, 24)),
            DateSpan(date(2026, 11, 1), date(2026, 11, 2)),
        ),
    )
    member = ProfileSpell(profile={"member": "yes"}, from_at=at("2026-12-03T12:00:00+01:00"))
    assert held(terms, member, purchased_at=at("2026-11-01T12:00:00+01:00")) == [
        Entitlement("advent", at("2026-12-03T12:00:00+01:00"), at("2026-12-11T00:00:00+01:00"))
    ]
    always = ProfileSpell(profile={"member": "yes"})
    assert held(terms, always, purchased_at=at("2026-11-02T12:00:00+01:00")) == [
        Entitlement("advent", at("2026-11-02T12:00:00+01:00"), at("2026-11-03T00:00:00+01:00")),
        Entitlement("advent", at("2026-12-01T00:00:00+01:00"), at("2026-12-12T00:00:00+01:00")),
    ]


HOURS = AllowanceTerms(
    name="hours", metric=MetricOrMoney.SECONDS, quantity=72_000, priority=3, rollover=36_000
)
MARCH = Cycle(1_000, 2_000)


@pytest.mark.parametrize(
    ("left", "quantity"),
    [((30_000,), 30_000), ((30_000, 5_000), 35_000), ((72_000, 36_000), 36_000), ((1,), 1)],
)
def test_what_is_left_rolls_over_up_to_the_ceiling(left: tuple[int, ...], quantity: int) -> None:
    assert rolled_over(HOURS, left=left, allowance_id=9, following=MARCH) == Allowance(
        9, MetricOrMoney.SECONDS, quantity, 1_000, 2_000, 3, ()
    )


def test_nothing_rolls_over_where_nothing_is_left_or_nothing_may() -> None:
    fixed = AllowanceTerms(name="hours", metric=MetricOrMoney.SECONDS, quantity=72_000)
    assert rolled_over(HOURS, left=(0, 0), allowance_id=9, following=MARCH) is None
    assert rolled_over(fixed, left=(5_000,), allowance_id=9, following=MARCH) is None
