"""Proves what a piece says besides its charge (`ratingcore.itemize`): bonuses as impacts,
with figures by hand, the same however a session is cut; and all of it in words and as data.
"""

from dataclasses import replace

import pytest

from ratingcore.allowance import Allowance, Counter
from ratingcore.compile import compile_timeline
from ratingcore.errors import RatingError
from ratingcore.explain import explain, piece_as_data, piece_from_data
from ratingcore.meter import Meter, quote
from ratingcore.money import HALF_UP
from ratingcore.piece import BalanceImpact
from ratingcore.pool import Pool
from ratingcore.tariff import (
    Bonus,
    Cap,
    Discount,
    Increment,
    Metric,
    MetricOrMoney,
    Period,
    Rounding,
    Tariff,
    TimeBand,
)
from tests.rating_samples import DAY_S, MIDNIGHT, NOON, price, tariff

HOUR = 3600
HOURLY = tariff(price(Metric.SECONDS, (0, 1_000_000, HOUR)))
PER_DOLLAR = Bonus(
    "points", 1_000_000, MetricOrMoney.MONEY, 1_000_000, gl_code="given", tax_code="none"
)


def points(count: int) -> BalanceImpact:
    return BalanceImpact("points", -count * 1_000_000, "given", "none")


def compiled(*bonuses: Bonus, base: Tariff = HOURLY):
    return compile_timeline([(0, replace(base, bonuses=bonuses))])


def test_a_point_for_each_full_dollar():
    timeline = compiled(PER_DOLLAR)
    assert quote(timeline, NOON, HOUR - 1).impacts == ()
    assert quote(timeline, NOON, HOUR).impacts == (points(1),)
    assert quote(timeline, NOON, 3 * HOUR - 1).impacts == (points(2),)


def test_pieces_give_what_the_whole_session_gives():
    timeline = compiled(PER_DOLLAR)
    meter = Meter(timeline, NOON)
    cuts = tuple(NOON + minute * 60 for minute in (30, 50, 70, 100, 130, 179))
    pieces = [*meter.advance(NOON + 3 * HOUR, cuts=cuts), meter.close_piece()]
    given = [sum(impact.amount_micros for impact in piece.impacts) for piece in pieces]
    assert given == [0, 0, -1_000_000, 0, -1_000_000, 0, -1_000_000]


def test_usage_counts_in_its_bands_in_whole_blocks_and_with_what_is_free():
    night = TimeBand("night", (), 0, 6 * HOUR, (price(Metric.SECONDS, (0, 500_000, HOUR)),))
    blocks = replace(price(Metric.SECONDS, (0, 1_000_000, HOUR)), increment=Increment(600, 600))
    base = Tariff("two", "UTC", "EUR", (night, TimeBand("day", (), 0, DAY_S, (blocks,))))
    at_night = Bonus("miles", 500_000, MetricOrMoney.SECONDS, 600, ("night",), Rounding(HALF_UP, 1))
    always = Bonus("points", 1_000_000, MetricOrMoney.SECONDS, 600)
    timeline = compiled(at_night, always, base=base)
    pool = Pool([Allowance(1, Metric.SECONDS, 700)])
    piece = quote(timeline, MIDNIGHT - 900, 1800, pool=pool)
    # 1200 s by day in two blocks; they cover 300 s of the night, of which 600 s are left
    assert piece.impacts == (
        BalanceImpact("miles", -500_000, "", ""),
        BalanceImpact("points", -3_000_000, "", ""),
    )


def test_bonuses_are_those_of_the_version_at_the_start():
    more = replace(PER_DOLLAR, amount_micros=5_000_000)
    timeline = compile_timeline(
        [
            (0, replace(HOURLY, bonuses=(PER_DOLLAR,))),
            (NOON + HOUR, replace(HOURLY, bonuses=(more,))),
        ]
    )
    assert quote(timeline, NOON, 3 * HOUR).impacts == (points(3),)


def full() -> tuple[object, Pool]:
    base = replace(
        HOURLY,
        discounts=(Discount("teachers", 12_500_000), Discount("welcome", amount_micros=250_000)),
        caps=(Cap("cap of the day", Period.DAY, 5_000_000),),
        bonuses=(PER_DOLLAR,),
    )
    pool = Pool([Allowance(9, MetricOrMoney.MONEY, 1_000_000)], [Counter(1, "cap of the day", 0)])
    return compile_timeline([(0, base)]), pool


def test_all_of_it_in_words():
    timeline, pool = full()
    piece = quote(timeline, NOON, 8 * HOUR, pool=pool)
    assert piece.charge_micros == 4_000_000
    assert explain(piece, currency="EUR", zone="UTC") == [
        "Wednesday 12:00-20:00 from 2026-01-07 12:00:00 UTC, 8 h 0 min = 4.00 EUR",
        "Wednesday 12:00-20:00 any time: 8 h 0 min at 1.00 EUR per hour = 8.00 EUR",
        "discount teachers: 12.5 % off = -1.00 EUR",
        "discount welcome: 0.25 EUR off = -0.25 EUR",
        "cap of the day: at most 5.00 EUR = -1.75 EUR",
        "paid from an allowance = -1.00 EUR",
        "bonus: 4 points",
    ]


def test_all_of_it_as_data_reads_back():
    timeline, pool = full()
    piece = quote(timeline, NOON, 8 * HOUR, pool=pool)
    data = piece_as_data(piece)
    assert data["impacts"] == [
        {
            "resource": "points",
            "amount_micros": -4_000_000,
            "gl_code": "given",
            "tax_code": "none",
        }
    ]
    assert piece_from_data(data) == piece
    for wrong in (5, [5], [{"resource": "points"}], [data["impacts"][0] | {"gl_code": 5}]):
        with pytest.raises(RatingError, match="impact"):
            piece_from_data(data | {"impacts": wrong})
