"""Proves that ledger.live_prices names each allowance and each counter of a price list, and nothing
else.
"""

from __future__ import annotations

from pathlib import Path

from ledger.live_prices import not_counted_live
from ledger.pricelist import parse_pricelist

CONF = Path(__file__).parents[2] / "conf" / "pricelist"


def test_the_twenty_hours_of_isp1_are_not_counted_live() -> None:
    isp1 = parse_pricelist((CONF / "isp1.toml").read_text(), source="isp1.toml")
    (found,) = not_counted_live(isp1, source="isp1.toml")
    assert "offers.standard.allowances" in str(found)
    assert "aaactl rate" in str(found)


def test_the_dial_up_list_is_counted_whole() -> None:
    dialup = parse_pricelist((CONF / "dialup.toml").read_text(), source="dialup.toml")
    assert not_counted_live(dialup, source="dialup.toml") == ()


TERMS = """
[pricelist]
name = "Terms"
currency = "EUR"
prices = "gross"

[discounts.teachers]
percent = "10"
profile = { occupation = "teacher" }

[discounts.company]
percent = "10"
counter = "accounts"
above = 100

[discounts.everybody]
percent = "10"

[tariffs.t]
discounts = ["teachers", "company", "everybody"]
caps = [{ period = "day", amount = "5.00" }]
bonuses = [{ resource = "points", amount = "1", metric = "money", per = "1.00" }]
bands = [{ name = "all day", prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }] }]
"""


def test_conditions_and_caps_are_not_counted_live() -> None:
    found = not_counted_live(parse_pricelist(TERMS, source="list"), source="list")
    assert [(one.key, one.value) for one in found] == [
        ("tariffs.t.discounts", "'teachers'"),
        ("tariffs.t.discounts", "'company'"),
        ("tariffs.t.caps", "'cap of the day'"),
    ]
