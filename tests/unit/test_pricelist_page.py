"""Proves that docs/pricelist.md says what is so: each of its lists loads and prices each session
that stands below it as written there. The lists of conf/pricelist/ have `test_conf_pricelists`.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from ledger.catalog import Catalog
from ledger.model import Offer, Purchase
from ledger.pricelist import parse_pricelist
from ledger.units import parse_duration, parse_octets
from ratingcore.allowance import Allowance, Counter
from ratingcore.compile import compile_timeline
from ratingcore.meter import quote
from ratingcore.money import parse_amount
from ratingcore.pool import Pool

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pricelist.md").read_text("utf-8")

BLOCKS = re.findall(r"```toml\n(.*?)```(.*?)(?=```toml|\Z)", PAGE, flags=re.DOTALL)
ROWS = [
    (text, row)
    for text, below in BLOCKS
    for row in re.findall(r"^\| (\d{4}-.*) \|$", below, flags=re.MULTILINE)
]


def test_the_page_has_its_examples() -> None:
    assert len(BLOCKS) == 9
    assert len(ROWS) == 28


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
    )
    assert piece.charge_micros == parse_amount(costs)


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
