"""Proves how `ledger.price_tariffs` reads the tariffs of a list, and `ledger.price_values` what
stands in them: every mistake by key, value and remedy, and exact integers otherwise.
"""

from __future__ import annotations

import pytest

from ledger.price_tariffs import parse_clock
from ledger.pricelist import parse_pricelist
from ratingcore.tariff import ConnectionFee, Counted, Increment, Tier
from tests.unit.test_ledger_pricelist import LIST, PRICE, mistakes


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        (
            'from = "18:00"',
            "bands: no band covers Monday 00:00:00 to Monday 18:00:00; widen a band",
        ),
        (
            'days = ["mon-fri"]',
            "bands: no band covers Saturday 00:00:00 to Sunday 24:00:00; widen a",
        ),
        (
            'from = "8:00"',
            'bands[1].from = "8:00": is no time of day; write a time of day as "18:00"',
        ),
        (
            'to = "24:01"',
            'bands[1].to = "24:01": is beyond the end of the day; write a time of day',
        ),
        ('to = "00:00"', 'bands[1].to = "00:00": is where the band begins; leave out from and to'),
        (
            "from = 18:00:00",
            "bands[1].from = 18:00:00: is a date or time, not a string; write a time",
        ),
        (
            'days = ["monday"]',
            'bands[1].days = "monday": is no weekday; write days as "mon" to "sun',
        ),
        ('days = ["sat-sun", "sun"]', "bands[1].days = [...]: names a day twice; name each once"),
        ("days = []", "bands[1].days = []: names no day; leave the key out for every day"),
    ],
)
def test_each_mistake_of_a_band(band: str, expected: str) -> None:
    found = mistakes(LIST.replace('name = "all day"', f'name = "all day"\n{band}'))
    assert any(line.startswith(f"tariffs.flat.{expected}") for line in found), found


def test_a_gap_is_remedied_in_the_words_of_the_list() -> None:
    found = mistakes(LIST.replace('name = "all day"', 'name = "all day"\ndays = ["mon"]'))
    assert found == [
        "tariffs.flat.bands: no band covers Tuesday 00:00:00 to Sunday 24:00:00; "
        'widen a band, or add a last one for every day from "00:00" to "24:00"'
    ]


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        ("[]", f"{PRICE}.tiers: 0 tiers; give 1 to 64"),
        (
            '[{ from = "1 h", amount = "1", per = "1 h" }]',
            f"{PRICE}.tiers[1].from: is 3600; begin the first tier at 0",
        ),
        (
            '[{ amount = "1", per = "1 h" }, { from = "0 s", amount = "1", per = "1 h" }]',
            f"{PRICE}.tiers[2].from: 0 does not lie above 0; let thresholds rise strictly",
        ),
        ("5", f"{PRICE}.tiers = 5: is not an array of tables; write [[{PRICE}.tiers]] for each"),
        (
            '[{ form = "1 h", amount = "1", per = "1 h" }]',
            f"{PRICE}.tiers[1].form: is an unknown key",
        ),
    ],
)
def test_each_mistake_of_tiers(tiers: str, expected: str) -> None:
    found = mistakes(LIST.replace('amount = "1.00", per = "1 h"', f"tiers = {tiers}"))
    assert any(line.startswith(expected) for line in found), found


def test_rounding_mistakes() -> None:
    text = LIST + '[tariffs.flat.rounding]\nmode = "nearest"\ndecimals = 7\n'
    assert mistakes(text) == [
        'tariffs.flat.rounding.mode = "nearest": is not known; '
        'write one of "half-even", "half-up", "up", "down"',
        "tariffs.flat.rounding.decimals = 7: is out of range; write an integer from 0 to 6",
    ]


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (
            'increment = { first = "60 s" }',
            "increment.then: is missing; write a duration as",
        ),
        (
            'increment = { then = "0 s" }',
            'increment.then = "0 s": is no quantity; write how long a block is',
        ),
        (
            'increment = { then = "60 s", counted = "both" }',
            'increment.counted = "both": is not known; write one of "up", "down"',
        ),
        ('increment = "60 s"', 'increment = "60 s": is not a table; write ['),
        (
            'block_rounding = { mode = "up", decimals = 2 }',
            "block_rounding: there are no blocks to round; give an increment",
        ),
        (
            'increment = { then = "60 s" }, block_rounding = { decimals = 9 }',
            "block_rounding.decimals = 9: is out of range; write an integer from 0 to 6",
        ),
    ],
)
def test_each_mistake_of_blocks(added: str, expected: str) -> None:
    found = mistakes(LIST.replace('per = "1 h"', f'per = "1 h", {added}'))
    assert any(line.startswith(f"{PRICE}.{expected}") for line in found), found


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (
            "free_start = { time = '2 d', rule = 'skip' }",
            "free_start.time: 172800 lies outside 1 to 86400; correct it",
        ),
        ("free_start = { rule = 'skip' }", "free_start.time: is missing; write a duration as"),
        (
            "free_start = { time = '9 s', rule = 'x' }",
            'free_start.rule = "x": is not known; write one of "skip", "waive"',
        ),
        ("minimum = 1", "minimum = 1: is an integer, not a string; write an amount in quotes"),
        ("minimum = '2'\nmaximum = '1'", "maximum: lies below the minimum; raise it"),
    ],
)
def test_each_mistake_of_a_tariff(added: str, expected: str) -> None:
    found = mistakes(LIST + f"[tariffs.flat]\n{added}\n")
    assert any(line.startswith(f"tariffs.flat.{expected}") for line in found), found


def test_a_counter_counts_one_metric() -> None:
    two = """prices = [
  { metric = "seconds", amount = "1", per = "1 h", counter = "c" },
  { metric = "octets", amount = "1", per = "1 GB", counter = "c" },
]"""
    changed = LIST.replace('prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]', two)
    assert mistakes(changed) == [
        "tariffs.flat.bands[1].prices[2].counter: 'c' counts seconds elsewhere; "
        "give each metric a counter of its own"
    ]


def test_blocks_fees_and_bounds_become_exact() -> None:
    changed = LIST.replace(
        'prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]',
        """connection_fee = { amount = "0.10", zero_length = true }
prices = [
  { metric = "seconds", increment = { first = "60 s", then = "6 s" }, tiers = [
    { amount = "1", per = "1 h" },
    { from = "1 h", amount = "1", per = "1 h", increment = { then = "1 s", counted = "down" } },
  ] },
  { metric = "occurrences", tiers = [{ amount = "1" }, { from = 3, amount = "2", per = 2 }] },
]""",
    )
    tariff = parse_pricelist(changed, source="x").tariffs["flat"]
    (band,) = tariff.bands
    assert band.fee == ConnectionFee(100_000, on_zero_length=True)
    seconds, calls = band.prices
    assert seconds.increment == Increment(60, 6)
    assert [tier.increment for tier in seconds.tiers] == [None, Increment(1, 1, Counted.DOWN)]
    assert calls.tiers == (Tier(0, 1_000_000, 1), Tier(3, 2_000_000, 2))


def test_clock_times() -> None:
    assert parse_clock("00:00") == 0
    assert parse_clock("24:00") == 86_400
    assert parse_clock("23:59:59") == 86_399
    for wrong in ("24:00:01", "25:00", "1:00", "01:60", "01:00 ", "\u0661\u0662:00", ""):
        with pytest.raises(ValueError, match="day"):
            parse_clock(wrong)
