"""Proves ledger.price_terms: discounts, caps and bonuses as people write them, and each mistake by
its name.
"""

from __future__ import annotations

from datetime import date

import pytest

from ledger.pricelist import PriceList, PriceListError, parse_pricelist
from ledger.rules.entitlements import DiscountTerms
from ratingcore.money import DOWN, HALF_UP
from ratingcore.tariff import (
    Bonus,
    Cap,
    Covers,
    DateSpan,
    Discount,
    MetricOrMoney,
    Period,
    Rounding,
    Tariff,
)

HEAD = """
[pricelist]
name = "Terms"
currency = "EUR"
prices = "gross"
zone = "Europe/Berlin"
"""

BAND = """
[[tariffs.t.bands]]
name = "all day"
prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]
"""


def parsed(tariff: str, more: str = "") -> PriceList:
    return parse_pricelist(HEAD + "[tariffs.t]\n" + tariff + BAND + more, source="list.toml")


def tariff_of(tariff: str, more: str = "") -> Tariff:
    return parsed(tariff, more).tariffs["t"]


def findings(tariff: str, more: str = "") -> str:
    with pytest.raises(PriceListError) as error:
        parsed(tariff, more)
    return str(error.value)


DISCOUNTS = """
[discounts.volume]
percent = "10"
on = "all"
counter = "accounts"
above = 100

[discounts.teachers]
percent = "12.5"
profile = { occupation = ["teacher", "lecturer"], state = "BY" }
first = "3 months"
dates = ["2026-03-01/2026-03-31", "2026-12-24"]

[discounts.welcome]
amount = "0.05"
first = "30 d"
"""


def test_discounts_apply_in_the_order_of_the_tariff() -> None:
    pricelist = parsed('discounts = ["welcome", "volume", "teachers"]\n', DISCOUNTS)
    assert pricelist.tariffs["t"].discounts == (
        Discount("welcome", amount_micros=50_000, conditional=True),
        Discount("volume", 10_000_000, covers=Covers.ALL, counter="accounts", above=100),
        Discount("teachers", 12_500_000, conditional=True),
    )
    assert pricelist.discounts == {
        "volume": DiscountTerms(name="volume"),
        "teachers": DiscountTerms(
            name="teachers",
            profile={"occupation": ("teacher", "lecturer"), "state": ("BY",)},
            first_months=3,
            dates=(
                DateSpan(date(2026, 3, 1), date(2026, 3, 31)),
                DateSpan(date(2026, 12, 24), date(2026, 12, 24)),
            ),
        ),
        "welcome": DiscountTerms(name="welcome", first_days=30),
    }


def test_caps() -> None:
    said = """caps = [
  { period = "day", amount = "5.00" },
  { period = "cycle", amount = "30.00", name = "family" },
]
"""
    assert tariff_of(said).caps == (
        Cap("cap of the day", Period.DAY, 5_000_000),
        Cap("family", Period.CYCLE, 30_000_000),
    )


def test_bonuses() -> None:
    said = """bonuses = [
  { resource = "points", amount = "1", metric = "money", per = "1.00", gl = "bonus" },
  { resource = "miles", amount = "0.5", metric = "seconds", per = "10 min", bands = ["all day"], \
rounding = { mode = "half-up", decimals = 1 }, tax_code = "free" },
]
"""
    assert tariff_of(said).bonuses == (
        Bonus("points", 1_000_000, MetricOrMoney.MONEY, 1_000_000, gl_code="bonus"),
        Bonus(
            "miles",
            500_000,
            MetricOrMoney.SECONDS,
            600,
            ("all day",),
            Rounding(HALF_UP, 1),
            tax_code="free",
        ),
    )
    assert tariff_of(said).bonuses[0].rounding == Rounding(DOWN, 0)


@pytest.mark.parametrize(
    ("discount", "problem"),
    [
        ("", "discounts.d.percent: or amount: one of them is needed"),
        ('percent = "10"\namount = "1.00"', "percent: or amount: one of them is needed"),
        ('percent = "0"', 'percent = "0": is out of range'),
        ('percent = "100.1"', "is out of range"),
        ('percent = "ten"', "is no exact percent"),
        ("percent = 10", "is an integer, not a string"),
        ('amount = "0"', "is no discount"),
        ('percent = "10"\non = "fees"', 'write one of "usage", "all"'),
        ('percent = "10"\ncounter = "accounts"', "above: and counter go together"),
        ('percent = "10"\nabove = 100', "above: and counter go together"),
        ('percent = "10"\nfirst = "2 weeks"', 'write "30 d", "1 month" or "3 months"'),
        ('percent = "10"\nfirst = "9999 d"', "is too long"),
        ('percent = "10"\nprofile = { a = 1 }', "discounts.d.profile.a = 1: is no text"),
        ('percent = "10"\nprofile = { a = [] }', "is no text"),
        ('percent = "10"\ndates = ["soon"]', "write dates as"),
        ('percent = "10"\nrate = "10"', "discounts.d.rate: is an unknown key"),
    ],
)
def test_a_mistake_in_a_discount_is_named(discount: str, problem: str) -> None:
    assert problem in findings("", f"[discounts.d]\n{discount}\n")


@pytest.mark.parametrize(
    ("tariff", "problem"),
    [
        ('discounts = ["d"]', "names no discount d; add [discounts.d], or use one of: none"),
        ('caps = [{ amount = "1.00" }]', "caps[1].period: is missing"),
        ('caps = [{ period = "hour", amount = "1.00" }]', 'write one of "day", "cycle"'),
        ('caps = [{ period = "day" }]', "caps[1].amount: is missing"),
        (
            'caps = [{ period = "day", amount = "1" }, { period = "day", amount = "2" }]',
            "caps[2].name: cap of the day comes twice",
        ),
        ('bonuses = [{ resource = "p", amount = "1", metric = "money" }]', "per: is missing"),
        (
            'bonuses = [{ resource = "p", amount = "0", metric = "money", per = "1" }]',
            "is no bonus",
        ),
        (
            'bonuses = [{ resource = "p", amount = "1", metric = "money", per = "0" }]',
            "is no quantity",
        ),
        (
            'bonuses = [{ resource = "EUR", amount = "1", metric = "money", per = "1" }]',
            "bonuses[1].resource: is the currency",
        ),
        (
            'bonuses = [{ resource = "p", amount = "1", metric = "octets", per = "1 MB" }]',
            "band all day has no price of octets",
        ),
    ],
)
def test_a_mistake_in_a_tariff_is_named(tariff: str, problem: str) -> None:
    assert problem in findings(tariff + "\n")


def test_a_percent_that_no_common_multiple_holds_is_named() -> None:
    odd = "".join(f'[discounts.d{n}]\npercent = "3.14159{n}"\n' for n in (1, 3, 7))
    assert "percents with few decimals" in findings('discounts = ["d1", "d3", "d7"]\n', odd)
