"""Proves that docs/pricelist.md says what is so: each of its lists loads and prices each session
that stands below it as written there, and the lists of conf/pricelist/ say what requirements
B112-B116, B134-B137, F25 and F26 ask for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from ledger.catalog import Catalog
from ledger.model import FeeKind, Offer, Proration, Purchase, UsageMetric
from ledger.pricelist import PriceList, TaxTreatment, parse_pricelist
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


def load(name: str) -> PriceList:
    path = ROOT / "conf" / "pricelist" / name
    return parse_pricelist(path.read_text("utf-8"), source=str(path))


def test_dialup() -> None:
    dialup = load("dialup.toml")
    friday = int(datetime.fromisoformat("2026-01-09T22:00:00-05:00").timestamp())
    timeline = compile_timeline([(0, dialup.tariffs["weekday-hours"])])
    assert quote(timeline, friday, 3 * 3600).charge_micros == 2_000_000  # B116
    plan = dialup.offers["dialup-200"]
    (hours,) = plan.limits
    assert (hours.metric, hours.soft, hours.hard) == (UsageMetric.SECONDS, 540_000, 720_000)
    assert plan.interim_interval_s == 600
    assert plan.reply["Framed-Protocol"] == "PPP"
    owner = replace(PURCHASE, offer="dialup-200")
    free = Catalog([(0, dialup)]).timeline([owner], 0, "America/New_York")
    assert free is not None
    assert quote(free, friday, 200 * 3600).charge_micros == 0


def test_isp1() -> None:
    isp1 = load("isp1.toml")
    assert isp1.prices is TaxTreatment.NET
    fees = {
        name: [(fee.kind, fee.amount_micros, fee.term_months, fee.proration) for fee in offer.fees]
        for name, offer in isp1.offers.items()
    }
    purchase, cycle, cancellation = FeeKind.PURCHASE, FeeKind.CYCLE, FeeKind.CANCELLATION
    days, none = Proration.DAYS, Proration.NONE
    assert fees == {
        "standard": [(purchase, 10_000_000, 1, days), (cycle, 6_950_000, 1, days)],
        "unlimited": [(purchase, 10_000_000, 1, days), (cycle, 19_950_000, 1, days)],
        "additional-mailbox": [(cycle, 5_000_000, 1, days)],
        "premium-yearly": [
            (purchase, 20_000_000, 1, days),
            (cycle, 100_000_000, 12, none),
            (cancellation, 50_000_000, 1, days),
        ],
        "premium-quarterly": [
            (purchase, 20_000_000, 1, days),
            (cycle, 25_000_000, 3, none),
            (cancellation, 50_000_000, 1, days),
        ],
    }
    gl_codes = {isp1.tariffs["standard-usage"].gl_code}
    gl_codes |= {fee.gl_code for offer in isp1.offers.values() for fee in offer.fees}
    assert gl_codes == {  # B137
        "usage-fees",
        "monthly-subscription",
        "premium-subscription",
        "purchase-fee-standard",
        "purchase-fee-unlimited",
        "purchase-fee-premium",
        "premium-cancel-fee",
    }
    premium = isp1.offers["premium-yearly"]
    assert premium.fees[2].owned_under_months == 12
    assert isp1.offers["additional-mailbox"].tariff == ""


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


def test_isp1_over_20_hours_costs_2_dollars_an_hour() -> None:
    isp1 = load("isp1.toml")
    timeline = Catalog([(0, isp1)]).timeline(
        [replace(PURCHASE, offer="standard")], 0, "America/New_York"
    )
    assert timeline is not None
    standard = isp1.offers["standard"]
    (cycle_fee,) = (fee for fee in standard.fees if fee.kind is FeeKind.CYCLE)
    pool = pool_of(standard)
    sessions = [  # 25 hours in three sessions: B134
        quote(timeline, 1_767_225_600 + day * 86_400, hours * 3600, pool=pool).charge_micros
        for day, hours in enumerate((12, 9, 4))
    ]
    assert sessions == [0, 2_000_000, 8_000_000]
    assert cycle_fee.amount_micros + sum(sessions) == 16_950_000


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
