"""Proves that every mistake of a price list is reported with file, key, value and remedy, all at
once, and that what people write becomes the exact integers that it means.
"""

from __future__ import annotations

import pytest

from ledger.model import AllowanceTerms, Fee, FeeKind, Limit, UsageMetric
from ledger.pricelist import PriceListError, any_attribute, parse_pricelist
from ratingcore.money import DOWN
from ratingcore.tariff import (
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


def test_allowances_become_exact() -> None:
    added = 'allowances = [{ metric = "seconds", quantity = "20 h", bands = ["all day"] }]\n'
    offer = parse_pricelist(LIST + added, source="x").offers["basic"]
    assert offer.allowances == (
        AllowanceTerms(name="seconds", metric=Metric.SECONDS, quantity=72_000, bands=("all day",)),
    )


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
