"""Proves that every mistake of a price list is reported with file, key, value and remedy, all at
once, and that what people write becomes the exact integers that it means.
"""

from __future__ import annotations

import pytest

from ledger.model import AllowanceTerms, Fee, FeeKind, Limit, UsageMetric
from ledger.price_tariffs import parse_clock
from ledger.pricelist import PriceListError, any_attribute, parse_pricelist
from ratingcore.money import DOWN
from ratingcore.tariff import (
    ConnectionFee,
    Counted,
    Increment,
    Metric,
    Price,
    Rounding,
    Tier,
    TimeBand,
)

HEAD = """
[pricelist]
name = "list"
currency = "EUR"
prices = "gross"
"""

TARIFF = """
[[tariffs.flat.bands]]
name = "all day"
prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]
"""

OFFER = """
[offers.basic]
tariff = "flat"
"""

LIST = HEAD + TARIFF + OFFER


def known_attribute(name: str, value: object) -> str | None:
    """A dictionary of two attributes."""
    kind = {"Filter-Id": str, "Framed-MTU": int}.get(name)
    if kind is None:
        return f"no dictionary has {name}"
    return None if isinstance(value, kind) else f"write {name} as {kind.__name__}"


def mistakes(text: str) -> list[str]:
    """The findings about a text, without the name of the file, which each must begin with."""
    with pytest.raises(PriceListError) as caught:
        parse_pricelist(text, source="list.toml", known_attribute=known_attribute)
    shown = str(caught.value).splitlines()
    assert len(shown) == len(caught.value.findings)
    assert all(line.startswith("list.toml: ") for line in shown)
    return [line.removeprefix("list.toml: ") for line in shown]


FULL = """
[pricelist]
name = "list"
currency = "EUR"
prices = "net"
zone = "Europe/Berlin"
gl = "usage"
tax_code = "T1"

[tariffs.all]
zone = "account"
gl = "own"
rounding = { mode = "down", decimals = 2 }

[[tariffs.all.bands]]
name = "weekend nights"
days = ["sat", "sun-mon"]
from = "22:30"
to = "06:00:30"

[[tariffs.all.bands.prices]]
metric = "output_octets"
tiers = [
  { amount = "0.000001", per = "1 KiB" },
  { from = "1.5 GB", amount = "7", per = "1 TiB" },
]

[[tariffs.all.bands]]
name = "rest"
prices = [{ metric = "seconds", amount = "0", per = "1.5 min" }]

[offers.full]
tariff = "all"
service = "dialup"
session_timeout = "1 d"
idle_timeout = "90 s"
interim_interval = "1 min"

[offers.full.reply]
Filter-Id = "slow"
Framed-MTU = 1400

[[offers.full.limits]]
name = "money"
metric = "money"
soft = "9.50"
hard = "10"

[[offers.full.limits]]
metric = "input_octets"
hard = "10 GB"

[[offers.full.fees]]
kind = "cancellation"
amount = "50"
owned_under_months = 12
gl = "cancel"
"""


def test_what_people_write_becomes_exact() -> None:
    pricelist = parse_pricelist(FULL, source="list.toml", known_attribute=known_attribute)
    tariff = pricelist.tariffs["all"]
    assert (tariff.name, tariff.zone, tariff.currency) == ("all", "account", "EUR")
    assert (tariff.gl_code, tariff.tax_code) == ("own", "T1")
    assert tariff.rounding == Rounding(mode=DOWN, decimals=2)
    volume = Price(
        Metric.OUTPUT_OCTETS, (Tier(0, 1, 1024), Tier(1_500_000_000, 7_000_000, 1024**4))
    )
    free = Price(Metric.SECONDS, (Tier(0, 0, 90),))
    assert tariff.bands == (
        TimeBand("weekend nights", (0, 5, 6), 81_000, 21_630, (volume,)),
        TimeBand("rest", (), 0, 86_400, (free,)),
    )
    offer = pricelist.offers["full"]
    assert (offer.session_timeout_s, offer.idle_timeout_s, offer.interim_interval_s) == (
        86_400,
        90,
        60,
    )
    assert offer.reply == {"Filter-Id": "slow", "Framed-MTU": "1400"}
    assert offer.limits == (
        Limit(name="money", metric=UsageMetric.MONEY, soft=9_500_000, hard=10_000_000),
        Limit(name="input_octets", metric=UsageMetric.INPUT_OCTETS, soft=None, hard=10**10),
    )
    assert offer.fees == (
        Fee(
            kind=FeeKind.CANCELLATION,
            amount_micros=50_000_000,
            owned_under_months=12,
            gl_code="cancel",
            tax_code="T1",
        ),
    )


PRICE = "tariffs.flat.bands[1].prices[1]"


@pytest.mark.parametrize(
    ("changed", "to", "expected"),
    [
        (
            '"1.00"',
            "1.00",
            f"{PRICE}.amount = 1.0: is a float, not a string; write an amount in quot",
        ),
        (
            '"1.00"',
            "true",
            f"{PRICE}.amount = true: is a boolean, not a string; write an amount in q",
        ),
        (
            '"1.00"',
            "1",
            f"{PRICE}.amount = 1: is an integer, not a string; write an amount in quotes",
        ),
        (
            '"1.00"',
            '"1.0000001"',
            f'{PRICE}.amount = "1.0000001": is no exact amount; write an amoun',
        ),
        (
            '"1.00"',
            '"1e3"',
            f'{PRICE}.amount = "1e3": is no exact amount; write an amount in quotes',
        ),
        ('"1.00"', '"-1"', f'{PRICE}.amount = "-1": is negative; write an amount in quotes'),
        (
            '"1.00"',
            '"99999999999999"',
            f'{PRICE}.amount = "99999999999999": is no exact amount; wri',
        ),
        ('amount = "1.00", ', "", f"{PRICE}.amount: is missing; write an amount in quotes"),
        (', per = "1 h"', "", f"{PRICE}.per: is missing; write a duration as"),
        (
            '"1 h"',
            '"1 hour"',
            f'{PRICE}.per = "1 hour": has the unknown unit hour; write a duration ',
        ),
        ('"1 h"', '"0 s"', f'{PRICE}.per = "0 s": is no quantity; write how much one amount buys'),
        (
            '"1 h"',
            '"0.1 s"',
            f'{PRICE}.per = "0.1 s": is not a whole quantity; write a duration as',
        ),
        ('"1 h"', "3600", f"{PRICE}.per = 3600: is an integer, not a string; write a duration as"),
        ('"1 h"', '"1 GB"', f'{PRICE}.per = "1 GB": has the unknown unit GB; write a duration as'),
        (
            '"seconds"',
            '"bytes"',
            f'{PRICE}.metric = "bytes": is not known; write one of "seconds", "',
        ),
        ("metric", "metrik", f"{PRICE}.metric: is missing; write one of"),
        ("prices = [", "prises = [", "tariffs.flat.bands[1].prices: names no price; write amount"),
        ('name = "all day"', "", "tariffs.flat.bands[1].name: is missing"),
        (
            '"EUR"',
            '"Euro"',
            'pricelist.currency = "Euro": is malformed; write its ISO 4217 code, as ',
        ),
        ('prices = "gross"', "", 'pricelist.prices: is missing; write one of "net", "gross"'),
        (
            '"gross"',
            '"gross"\nzone = "Mars/Base"',
            'pricelist.zone = "Mars/Base": is no time zone; n',
        ),
        (
            'tariff = "flat"',
            'tariff = "steep"',
            'offers.basic.tariff = "steep": is no tariff of this',
        ),
    ],
)
def test_each_mistake_names_key_value_and_remedy(changed: str, to: str, expected: str) -> None:
    assert changed in LIST
    found = mistakes(LIST.replace(changed, to))
    assert any(line.startswith(expected) for line in found), found


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


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (
            'session_timeout = "0 s"',
            'session_timeout = "0 s": is out of range; write 1 s to 42949672',
        ),
        (
            'interim_interval = "59 s"',
            'interim_interval = "59 s": is out of range; write 60 s to 4',
        ),
        (
            "idle_timeout = 900",
            "idle_timeout = 900: is an integer, not a string; write a duration as",
        ),
        (
            "reply = { Session-Timeout = 5 }",
            "reply.Session-Timeout = 5: is not for a price list to s",
        ),
        (
            'reply = { State = "x" }',
            'reply.State = "x": is not for a price list to set; remove it: t',
        ),
        (
            "reply = { Framed-MTU = 1.5 }",
            "reply.Framed-MTU = 1.5: is neither text nor an integer; wr",
        ),
        (
            "reply = { Framed-MTU = true }",
            "reply.Framed-MTU = true: is neither text nor an integer; ",
        ),
        (
            'reply = { Framed-MTU = "x" }',
            'reply.Framed-MTU = "x": cannot be sent; write Framed-MTU a',
        ),
        (
            'reply = { Filter = "x" }',
            'reply.Filter = "x": cannot be sent; no dictionary has Filter',
        ),
        (
            'limits = [{ metric = "seconds" }]',
            "limits[1].soft: is missing, and so is hard; write on",
        ),
        ('limits = [{ hard = "1 h" }]', "limits[1].metric: is missing; write one of"),
        (
            'limits = [{ metric = "seconds", soft = "2 h", hard = "1 h" }]',
            'limits[1].soft = "2 h": is above hard; warn before cutting off',
        ),
        (
            'limits = [{ metric = "octets", hard = "200 h" }]',
            'limits[1].hard = "200 h": has the unknown unit h; write octets as "500 MB"',
        ),
        (
            'limits = [{ metric = "seconds", hard = "1 h", period = "day" }]',
            'limits[1].period = "day": is not known; write one of "cycle"',
        ),
        (
            'limits = [{ metric = "seconds", hard = "1 h" }, { metric = "seconds", soft = "1 h" }]',
            "limits[2].name: is also that of a limit above; give each its own",
        ),
        (
            'allowances = [{ metric = "seconds" }]',
            "allowances[1].quantity: is missing; write a duration as",
        ),
        (
            'allowances = [{ metric = "seconds", quantity = "0 h" }]',
            'allowances[1].quantity = "0 h": is no quantity; write how much is free',
        ),
        (
            'allowances = [{ metric = "seconds", quantity = "1 h", bands = ["night"] }]',
            "allowances[1].bands = [...]: names no band night; use names of the tariff's bands",
        ),
        (
            'allowances = [{ metric = "octets", quantity = "1 h" }]',
            'allowances[1].quantity = "1 h": has the unknown unit h; write octets as',
        ),
        (
            'allowances = [{ metric = "seconds", quantity = "1 h", priority = -1 }]',
            "allowances[1].priority = -1: is out of range; write an integer from 0 to 1000",
        ),
        (
            'fees = [{ kind = "gift", amount = "1" }]',
            'fees[1].kind = "gift": is not known; write one',
        ),
        ('fees = [{ kind = "cycle" }]', "fees[1].amount: is missing; write an amount in quotes"),
        (
            'fees = [{ kind = "purchase", amount = "1", every = "year" }]',
            "fees[1].every: is an unknown key",
        ),
        (
            'fees = [{ kind = "cycle", amount = 6.95 }]',
            "fees[1].amount = 6.95: is a float, not a str",
        ),
    ],
)
def test_each_mistake_of_an_offer(added: str, expected: str) -> None:
    found = mistakes(LIST + added + "\n")
    assert any(line.startswith(f"offers.basic.{expected}") for line in found), found


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


def test_allowances_become_exact() -> None:
    added = 'allowances = [{ metric = "seconds", quantity = "20 h", bands = ["all day"] }]\n'
    offer = parse_pricelist(LIST + added, source="x").offers["basic"]
    assert offer.allowances == (
        AllowanceTerms(
            name="seconds", metric=Metric.SECONDS, quantity=72_000, bands=("all day",)
        ),
    )


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


def test_all_mistakes_are_shown_at_once() -> None:
    text = """
    [pricelist]
    currency = "EUR"
    prices = "both"
    [[tariffs.a.bands]]
    name = "x"
    from = "25:00"
    prices = [{ metric = "seconds", amount = 1.5, per = "1 x" }]
    [[tariffs.b.bands]]
    name = "half the week"
    days = ["mon-thu"]
    prices = [{ metric = "octets", amount = "1", per = "1 GB" }]
    [offers.o]
    tariff = "c"
    colour = "red"
    """
    keys = [line.split(":")[0].split(" = ")[0] for line in mistakes(text)]
    assert sorted(keys) == sorted(
        [
            "pricelist.name",
            "pricelist.prices",
            "tariffs.a.bands[1].from",
            "tariffs.a.bands[1].prices[1].amount",
            "tariffs.a.bands[1].prices[1].per",
            "tariffs.b.bands",
            "offers.o.tariff",
            "offers.o.colour",
        ]
    )


@pytest.mark.parametrize(
    "text",
    ["", "[pricelist", "pricelist = 1", "[[pricelist]]", "[" * 5000, "x = " + "[" * 5000],
)
def test_what_is_no_price_list_is_a_mistake_and_no_crash(text: str) -> None:
    assert mistakes(text)


def test_without_a_dictionary_every_attribute_passes() -> None:
    assert any_attribute("No-Such-Attribute", 5) is None
    offer = parse_pricelist(LIST + "reply = { X = 5 }\n", source="x").offers["basic"]
    assert offer.reply == {"X": "5"}


def test_clock_times() -> None:
    assert parse_clock("00:00") == 0
    assert parse_clock("24:00") == 86_400
    assert parse_clock("23:59:59") == 86_399
    for wrong in ("24:00:01", "25:00", "1:00", "01:60", "01:00 ", "\u0661\u0662:00", ""):
        with pytest.raises(ValueError, match="day"):
            parse_clock(wrong)
