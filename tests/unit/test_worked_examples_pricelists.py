"""Proves the worked numbers of the product's requirements that take a price list: fees and usage,
events that are counted, discounts. Each test is named by its id.
"""

from __future__ import annotations

from array import array
from datetime import datetime

import pytest

from ledger.model import FeeKind
from ledger.pricelist import PriceList, parse_pricelist
from ledger.rules.entitlements import ProfileSpell, entitlements
from ratingcore.allowance import Counter
from ratingcore.batch import rate_batch
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.meter import Meter, quote
from ratingcore.pool import Pool

HEAD = """
[pricelist]
name = "worked examples"
currency = "USD"
prices = "net"
zone = "America/New_York"
"""
NOON = int(datetime.fromisoformat("2026-01-07T12:00:00-05:00").timestamp())
HOUR_S = 3600
MINUTE_S = 60


def load(text: str) -> PriceList:
    return parse_pricelist(HEAD + text, source="list.toml")


def only_tariff(pricelist: PriceList) -> Timeline:
    (tariff,) = pricelist.tariffs.values()
    return compile_timeline([(0, tariff)])


def all_day(prices: str) -> str:
    return f'[[tariffs.usage.bands]]\nname = "all day"\nprices = [{prices}]\n'


HOURLY = all_day('{ metric = "seconds", amount = "1.00", per = "1 h" }')


def test_b11_ten_cents_a_minute_at_peak_and_five_off_peak():
    timeline = only_tariff(
        load(
            """
[[tariffs.wireless.bands]]
name = "peak"
days = ["mon-fri"]
from = "08:00"
to = "20:00"
prices = [{ metric = "seconds", amount = "0.10", per = "1 min" }]
[[tariffs.wireless.bands]]
name = "off-peak"
prices = [{ metric = "seconds", amount = "0.05", per = "1 min" }]
"""
        )
    )
    quarter_to_eight = NOON + 7 * HOUR_S + 45 * MINUTE_S
    piece = quote(timeline, quarter_to_eight, 30 * MINUTE_S)
    assert [s.amount_micros for s in piece.segments] == [1_500_000, 750_000]


def test_b12_twenty_dollars_a_month_and_one_an_hour():
    fee = '[[offers.dialup.fees]]\nkind = "cycle"\namount = "20.00"\n'
    pricelist = load(HOURLY + '[offers.dialup]\ntariff = "usage"\n' + fee)
    usage = quote(only_tariff(pricelist), NOON, 25 * HOUR_S).charge_micros
    (monthly,) = pricelist.offers["dialup"].fees
    assert (monthly.amount_micros, monthly.term_months) == (20_000_000, 1)
    assert monthly.amount_micros + usage == 45_000_000


@pytest.mark.parametrize(
    ("price", "seconds", "charge"),
    [
        pytest.param('amount = "1.00", per = "1 h"', 10 * HOUR_S, 10_000_000, id="B20"),
        pytest.param('amount = "0.10", per = "1 min"', 10 * MINUTE_S, 1_000_000, id="B21"),
    ],
)
def test_b19_b22_as_it_happens_and_from_a_file_cost_the_same(price: str, seconds: int, charge: int):
    timeline = only_tariff(load(all_day('{ metric = "seconds", ' + price + " }")))
    meter = Meter(timeline, NOON)
    for minute in range(0, seconds + 1, MINUTE_S):
        meter.advance(NOON + minute)
    charges = array("q", [0])
    one = array("q", [seconds])
    rate_batch(
        [timeline], tariff=array("i", [0]), started_at=array("q", [NOON]), seconds=one,
        charges=charges,
    )  # fmt: skip
    assert meter.charge_micros == charges[0] == charge


def test_b23_one_cent_a_byte():
    timeline = only_tariff(load(all_day('{ metric = "octets", amount = "0.01", per = "1 B" }')))
    piece = quote(timeline, NOON, MINUTE_S, input_octets=120, output_octets=30)
    assert piece.charge_micros == 1_500_000


FEES = """
[[offers.dialup.fees]]
kind = "purchase"
amount = "25.00"
[[offers.dialup.fees]]
kind = "cycle"
amount = "19.95"
[[offers.dialup.fees]]
kind = "cancellation"
amount = "20.00"
owned_under_months = 12
"""


def test_b24_b25_b26_b28_one_list_has_fees_to_begin_each_month_and_to_end_and_usage():
    pricelist = load(HOURLY + '[offers.dialup]\ntariff = "usage"\n' + FEES)
    fees = {fee.kind: fee for fee in pricelist.offers["dialup"].fees}
    assert fees[FeeKind.PURCHASE].amount_micros == 25_000_000
    assert fees[FeeKind.CYCLE].amount_micros == 19_950_000
    assert fees[FeeKind.CANCELLATION].amount_micros == 20_000_000
    assert fees[FeeKind.CANCELLATION].owned_under_months == 12
    assert quote(only_tariff(pricelist), NOON, 2 * HOUR_S).charge_micros == 2_000_000


def test_b27_five_dollars_for_changing_a_password():
    timeline = only_tariff(load(all_day('{ metric = "occurrences", amount = "5.00" }')))
    assert quote(timeline, NOON, 0, occurrences=1).charge_micros == 5_000_000
    assert quote(timeline, NOON, 0, occurrences=0).charge_micros == 0


def test_b31_ten_cents_for_each_of_a_hundred_calls_then_five():
    timeline = only_tariff(
        load(
            all_day(
                '{ metric = "occurrences", counter = "calls", '
                'tiers = [{ amount = "0.10" }, { from = 100, amount = "0.05" }] }'
            )
        )
    )
    pool = Pool(counters=[Counter(1, "calls", 0)])
    charges = [
        quote(timeline, NOON + call, 0, occurrences=1, pool=pool).charge_micros
        for call in range(120)
    ]
    assert sum(charges) == 11_000_000
    assert (charges[99], charges[100]) == (100_000, 50_000)


def test_c11_part_of_an_hour_costs_its_part_to_the_second():
    timeline = only_tariff(load(all_day('{ metric = "seconds", amount = "2.00", per = "1 h" }')))
    assert quote(timeline, NOON, 1).charge_micros == 556
    assert quote(timeline, NOON, 9).charge_micros == 5_000
    assert quote(timeline, NOON, HOUR_S + 9).charge_micros == 2_005_000


def discounted(text: str) -> tuple[PriceList, Timeline]:
    discount = f'discounts = ["off"]\n{HOURLY}[discounts.off]\n{text}\n'
    pricelist = load("[tariffs.usage]\n" + discount)
    return pricelist, only_tariff(pricelist)


@pytest.mark.parametrize(("accounts", "charge"), [(100, 10_000_000), (101, 9_000_000)])
def test_b32_a_company_with_more_than_a_hundred_accounts_gets_ten_percent(
    accounts: int, charge: int
):
    _, timeline = discounted('percent = "10"\ncounter = "accounts"\nabove = 100')
    pool = Pool(counters=[Counter(1, "accounts", accounts)])
    piece = quote(timeline, NOON, 10 * HOUR_S, pool=pool)
    assert piece.charge_micros == charge
    assert pool.counted(1) == accounts


@pytest.mark.parametrize(("occupation", "charge"), [("teacher", 5_000_000), ("pupil", 10_000_000)])
def test_b160_teachers_pay_a_discounted_rate(occupation: str, charge: int):
    pricelist, timeline = discounted('percent = "50"\nprofile = { occupation = "teacher" }')
    held = entitlements(
        pricelist.discounts["off"],
        spells=[ProfileSpell(profile={"occupation": occupation})],
        purchased_at=0,
        zone="America/New_York",
    )
    piece = quote(timeline, NOON, 10 * HOUR_S, pool=Pool(entitlements=held))
    assert piece.charge_micros == charge


def test_half_price_in_the_first_month_ends_at_midnight_within_a_session():
    """Bought on 8 December at noon: the month ends when 8 January begins, half of 24 hours on."""
    pricelist, timeline = discounted('percent = "50"\nfirst = "1 month"')
    held = entitlements(
        pricelist.discounts["off"],
        spells=[],
        purchased_at=NOON - 30 * 24 * HOUR_S,
        zone="America/New_York",
    )
    piece = quote(timeline, NOON, 24 * HOUR_S, pool=Pool(entitlements=held))
    assert piece.charge_micros == 6_000_000 + 12_000_000
