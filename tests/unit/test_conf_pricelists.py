"""Proves that the price lists of conf/pricelist/ load and price what requirements B112 to B116,
B134 to B137, F25 and F26 ask for, against figures worked out by hand.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from ledger.catalog import Catalog
from ledger.model import Fee, FeeKind, Proration, Purchase, Threshold, UsageMetric
from ledger.pricelist import PriceList, TaxTreatment, parse_pricelist
from ledger.rules.limits import Totals, crossings, limit_uses
from ratingcore.allowance import Allowance
from ratingcore.compile import Timeline
from ratingcore.meter import Meter, quote
from ratingcore.pool import Pool

FOLDER = Path(__file__).parents[2] / "conf" / "pricelist"
LISTS = sorted(path.name for path in FOLDER.glob("*.toml"))
ZONE = "America/New_York"
FRIDAY_22 = int(datetime.fromisoformat("2026-01-09T22:00:00-05:00").timestamp())
HOUR_S, DAY_S = 3600, 86_400
CYCLE_END = FRIDAY_22 + 30 * DAY_S
PURCHASE = Purchase(purchase_id=1, account_id=1, service_id=1, offer="", from_at=0)


def load(name: str) -> PriceList:
    path = FOLDER / name
    return parse_pricelist(path.read_text("utf-8"), source=str(path))


def timeline_of(pricelist: PriceList, offer: str) -> Timeline:
    owned = replace(PURCHASE, offer=offer)
    timeline = Catalog([(0, pricelist)]).timeline([owned], 0, ZONE)
    assert timeline is not None
    return timeline


def fee(pricelist: PriceList, offer: str, kind: FeeKind) -> Fee:
    (found,) = (one for one in pricelist.offers[offer].fees if one.kind is kind)
    return found


@pytest.mark.parametrize("name", LISTS)
def test_each_list_loads_and_each_of_its_tariffs_prices_a_session(name: str) -> None:
    pricelist = load(name)
    for offer in pricelist.offers.values():
        if offer.tariff:
            piece = quote(timeline_of(pricelist, offer.name), FRIDAY_22, 60 * HOUR_S)
            assert sum(segment.amount_micros for segment in piece.segments) == piece.charge_micros


def test_b112_b116_friday_evening_to_saturday_costs_two_dollars() -> None:
    timeline = timeline_of(load("dialup.toml"), "weekday-hours")
    assert quote(timeline, FRIDAY_22, 3 * HOUR_S).charge_micros == 2_000_000


@pytest.mark.parametrize(
    ("seconds", "thresholds"),
    [
        (150 * HOUR_S - 1, []),
        (150 * HOUR_S, [Threshold.SOFT]),
        (200 * HOUR_S - 1, [Threshold.SOFT]),
        (200 * HOUR_S, [Threshold.SOFT, Threshold.HARD]),
    ],
)
def test_f25_f26_a_warning_at_150_hours_and_the_end_at_200(
    seconds: int, thresholds: list[Threshold]
) -> None:
    pricelist = load("dialup.toml")
    plan = pricelist.offers["dialup-200"]
    meter = Meter(timeline_of(pricelist, "dialup-200"), FRIDAY_22)
    meter.advance(FRIDAY_22 + seconds)
    assert meter.charge_micros == 0
    used = Totals(seconds=meter.until - meter.started_at)
    uses = limit_uses([(limit, 1) for limit in plan.limits], service=used, account=Totals())
    found = crossings(
        uses, account_id=1, period_start_at=FRIDAY_22, at=meter.until, fired=frozenset()
    )
    assert [crossing.threshold for crossing in found] == thresholds
    assert [limit.metric for limit in plan.limits] == [UsageMetric.SECONDS]
    assert fee(pricelist, "dialup-200", FeeKind.CYCLE).amount_micros == 19_950_000
    assert (plan.interim_interval_s, plan.reply["Framed-Protocol"]) == (600, "PPP")


def test_b134_standard_with_25_hours_costs_16_95() -> None:
    """Twelve hours are free, then eight of nine, then none of four: five hours at $2."""
    isp1 = load("isp1.toml")
    standard = isp1.offers["standard"]
    pool = Pool(
        [
            Allowance(number, terms.metric, terms.quantity, 0, CYCLE_END, terms.priority)
            for number, terms in enumerate(standard.allowances, start=1)
        ]
    )
    timeline = timeline_of(isp1, "standard")
    sessions = [
        quote(timeline, FRIDAY_22 + day * DAY_S, hours * HOUR_S, pool=pool).charge_micros
        for day, hours in enumerate((12, 9, 4))
    ]
    monthly = fee(isp1, "standard", FeeKind.CYCLE)
    assert sessions == [0, 2_000_000, 8_000_000]
    assert monthly.amount_micros + sum(sessions) == 16_950_000
    assert (monthly.term_months, monthly.proration) == (1, Proration.DAYS)
    assert fee(isp1, "standard", FeeKind.PURCHASE).amount_micros == 10_000_000


def test_b135_unlimited_with_six_mailboxes_costs_29_95() -> None:
    isp1 = load("isp1.toml")
    monthly = fee(isp1, "unlimited", FeeKind.CYCLE)
    mailbox = fee(isp1, "additional-mailbox", FeeKind.CYCLE)
    assert monthly.amount_micros + 2 * mailbox.amount_micros == 29_950_000
    assert monthly.proration is mailbox.proration is Proration.DAYS
    assert isp1.offers["additional-mailbox"].tariff == ""
    assert fee(isp1, "unlimited", FeeKind.PURCHASE).amount_micros == 10_000_000
    assert quote(timeline_of(isp1, "unlimited"), FRIDAY_22, 700 * HOUR_S).charge_micros == 0


@pytest.mark.parametrize(
    ("offer", "amount_micros", "months"),
    [("premium-yearly", 100_000_000, 12), ("premium-quarterly", 25_000_000, 3)],
)
def test_b136_premium_costs_100_a_year_in_advance_and_50_to_leave(
    offer: str, amount_micros: int, months: int
) -> None:
    isp1 = load("isp1.toml")
    in_advance = fee(isp1, offer, FeeKind.CYCLE)
    leaving = fee(isp1, offer, FeeKind.CANCELLATION)
    assert (in_advance.amount_micros, in_advance.term_months) == (amount_micros, months)
    assert in_advance.amount_micros * 12 // months == 100_000_000
    # cancelled at five months: nothing is given back, and
    assert in_advance.proration is Proration.NONE
    assert (leaving.amount_micros, leaving.owned_under_months) == (50_000_000, 12)
    assert fee(isp1, offer, FeeKind.PURCHASE).amount_micros == 20_000_000
    assert quote(timeline_of(isp1, offer), FRIDAY_22, 700 * HOUR_S).charge_micros == 0


def test_b137_each_kind_of_revenue_has_its_account() -> None:
    isp1 = load("isp1.toml")
    assert isp1.prices is TaxTreatment.NET
    codes = {isp1.tariffs["standard-usage"].gl_code}
    codes |= {one.gl_code for offer in isp1.offers.values() for one in offer.fees}
    assert codes == {
        "usage-fees",
        "monthly-subscription",
        "premium-subscription",
        "purchase-fee-standard",
        "purchase-fee-unlimited",
        "purchase-fee-premium",
        "premium-cancel-fee",
    }
    purchase_fees = {
        offer: fee(isp1, offer, FeeKind.PURCHASE).gl_code
        for offer in ("standard", "unlimited", "premium-yearly")
    }
    assert len(set(purchase_fees.values())) == 3
