"""Proves that docs/pricelist.md says what is so: each of its lists loads and prices each session
that stands below it as written there. The lists of conf/pricelist/ have `test_conf_pricelists`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.catalog import Catalog
from ledger.model import Offer, Purchase
from ledger.pricelist import PriceList, parse_pricelist
from ledger.rules.cycles import Cycle
from ledger.rules.entitlements import ProfileSpell, entitlements, rolled_over
from ledger.units import parse_duration, parse_octets
from ratingcore.allowance import Allowance, Counter, Entitlement
from ratingcore.compile import compile_timeline
from ratingcore.meter import quote
from ratingcore.money import parse_amount
from ratingcore.piece import BalanceImpact
from ratingcore.pool import Pool
from ratingcore.tariff import Metric, Period, Tariff

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pricelist.md").read_text("utf-8")

BLOCKS = re.findall(r"```toml\n(.*?)```(.*?)(?=```toml|\Z)", PAGE, flags=re.DOTALL)
ROWS = [
    (text, row)
    for text, below in BLOCKS
    for row in re.findall(r"^\| (\d{4}-.*) \|$", below, flags=re.MULTILINE)
]


def test_the_page_has_its_examples() -> None:
    assert len(BLOCKS) == 11
    assert len(ROWS) == 33


@pytest.mark.parametrize(("text", "row"), ROWS)
def test_each_example_costs_what_the_page_says(text: str, row: str) -> None:
    start, duration, input_octets, output_octets, costs = row.split(" | ")
    tariff = parse_pricelist(text, source="page").tariffs["example"]
    if tariff.zone == "account":
        catalog = Catalog([(0, parse_pricelist(text + OFFER, source="page"))])
        timeline = catalog.timeline([PURCHASE], 0, "Europe/Berlin")
        assert timeline is not None
    else:
        timeline = compile_timeline([(0, tariff)])
    piece = quote(
        timeline,
        int(datetime.fromisoformat(start).timestamp()),
        parse_duration(duration),
        input_octets=parse_octets(input_octets),
        output_octets=parse_octets(output_octets),
        pool=fresh_pool(tariff),
    )
    assert piece.charge_micros == parse_amount(costs)


def fresh_pool(
    tariff: Tariff,
    *,
    allowances: Sequence[Allowance] = (),
    entitled: Sequence[Entitlement] = (),
    accounts: int = 1,
) -> Pool:
    """What a session of January finds where nothing was used before: each cap's counters."""
    counters = [Counter(1, "accounts", accounts)]
    for cap in tariff.caps:
        spans = [(JANUARY[0], JANUARY[-1])] if cap.period is Period.CYCLE else pairwise(JANUARY)
        counters += [
            Counter(len(counters) + number, cap.name, 0, from_at, until_at)
            for number, (from_at, until_at) in enumerate(spans, start=1)
        ]
    return Pool(allowances, counters, entitled)


JANUARY = [
    int(datetime.fromisoformat(f"2026-{day}T00:00:00+01:00").timestamp())
    for day in ("01-01", *(f"01-{number:02}" for number in range(2, 32)), "02-01")
]


OFFER = '\n[offers.example]\ntariff = "example"\n'
PURCHASE = Purchase(purchase_id=1, account_id=1, service_id=1, offer="example", from_at=0)


def pool_of(offer: Offer, *counters: Counter) -> Pool:
    """What a cycle's first second has of an offer's allowances."""
    return Pool(
        [
            Allowance(number, terms.metric, terms.quantity, 0, CYCLE_END, terms.priority)
            for number, terms in enumerate(offer.allowances, start=1)
        ],
        counters,
    )


CYCLE_END = 1_800_000_000


def test_the_page_counts_calls_and_free_hours() -> None:
    text = next(text for text, _ in BLOCKS if 'counter = "calls"' in text)
    pricelist = parse_pricelist(text, source="page")
    timeline = compile_timeline([(0, pricelist.tariffs["example"])])
    pool = pool_of(pricelist.offers["example"], Counter(1, "calls", 0, 0, CYCLE_END))
    pieces = [
        quote(timeline, 1_767_225_600 + number * 3600, 900, pool=pool) for number in range(120)
    ]
    assert pool.counted(1) == 120
    by_metric = dict.fromkeys(("seconds", "occurrences"), 0)
    for piece in pieces:
        assert piece.counted == ((1, 1),)
        for segment in piece.segments:
            by_metric[segment.metric] += segment.amount_micros
    assert by_metric == {"seconds": 20_000_000, "occurrences": 11_000_000}  # B31


def example(name: str) -> PriceList:
    (text,) = (text for text, _ in BLOCKS if f'name = "{name}"' in text)
    return parse_pricelist(text, source="page")


NOON = int(datetime.fromisoformat("2026-01-13T12:00:00+01:00").timestamp())


def test_the_page_gives_discounts_to_whom_they_are_for() -> None:
    pricelist = example("Teachers, companies, newcomers")
    tariff = pricelist.tariffs["example"]
    timeline = compile_timeline([(0, tariff)])
    purchased_at = int(datetime.fromisoformat("2025-12-13T18:00:00+01:00").timestamp())

    def charge(started_at: int, seconds: int, *names: str, accounts: int = 1) -> int:
        entitled = [
            one
            for name in names
            for one in entitlements(
                pricelist.discounts[name],
                spells=[ProfileSpell(profile={"occupation": "teacher"})],
                purchased_at=purchased_at,
                zone="Europe/Berlin",
            )
        ]
        pool = fresh_pool(tariff, entitled=entitled, accounts=accounts)
        return quote(timeline, started_at, seconds, pool=pool).charge_micros

    assert charge(NOON, 3600, "teachers", accounts=101) == 760_000 + 90_000
    first_month_ends_at = NOON - 12 * 3600
    assert charge(first_month_ends_at - 1800, 3600, "newcomers") == 800_000
    assert charge(NOON, 60, accounts=101) == 180_000
    assert charge(NOON, 60, "teachers") == 200_000


def test_the_page_caps_pays_and_gives_points() -> None:
    pricelist = example("At most five a day")
    tariff = pricelist.tariffs["example"]
    timeline = compile_timeline([(0, tariff)])
    piece = quote(timeline, NOON, 16 * 3600, pool=fresh_pool(tariff))
    given = [
        BalanceImpact("points", -count, "bonus-points", "") for count in (7 * 10**6, 8 * 10**6)
    ]
    assert piece.impacts == tuple(given)
    money, hours = pricelist.offers["example"].allowances
    pool = fresh_pool(tariff, allowances=[Allowance(9, money.metric, money.quantity)])
    paid = quote(timeline, NOON, 16 * 3600, pool=pool)
    assert paid.charge_micros == 5_000_000
    assert paid.impacts[0].amount_micros == -5_000_000
    assert sum(micros for _, micros in paid.counted) == 2 * 7_000_000
    following = Cycle(JANUARY[-1], JANUARY[-1] + 28 * 86_400)
    rolled = rolled_over(hours, left=(15 * 3600,), allowance_id=1, following=following)
    assert rolled is not None
    assert (rolled.metric, rolled.quantity) == (Metric.SECONDS, 10 * 3600)
