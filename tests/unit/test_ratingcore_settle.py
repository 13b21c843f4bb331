"""Proves caps and allowances of money (`ratingcore.settle`): figures by hand, periods, sharing,
cuts, grants, and what is refused by name.
"""

from dataclasses import replace

import pytest

from ratingcore.allowance import Allowance, Counter
from ratingcore.compile import compile_timeline
from ratingcore.errors import QuantityError
from ratingcore.meter import Meter, Piece, quote
from ratingcore.money import UP
from ratingcore.pool import Pool
from ratingcore.tariff import (
    Cap,
    ConnectionFee,
    FreeRule,
    FreeStart,
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
BY_DAY = Cap("day", Period.DAY, 5_000_000)
BY_CYCLE = Cap("cycle", Period.CYCLE, 8_000_000)
CAPPED = compile_timeline([(0, replace(HOURLY, caps=(BY_DAY, BY_CYCLE)))])
PLAIN = compile_timeline([(0, HOURLY)])


def days(first: int = 0, second: int = 0, cycle: int = 0) -> Pool:
    return Pool(
        counters=[
            Counter(1, "day", first, NOON - DAY_S // 2, MIDNIGHT),
            Counter(2, "day", second, MIDNIGHT, MIDNIGHT + DAY_S),
            Counter(3, "cycle", cycle, 0),
        ]
    )


def figures(piece: Piece) -> list[tuple[str, str, int]]:
    assert sum(segment.amount_micros for segment in piece.segments) == piece.charge_micros
    return [(s.band, s.metric, s.amount_micros) for s in piece.segments]


def test_a_day_costs_at_most_its_cap():
    pool = days()
    piece = quote(CAPPED, NOON, 10 * HOUR, pool=pool)
    assert piece.charge_micros == 5_000_000
    assert figures(piece) == [("any time", "seconds", 10_000_000), ("day", "cap", -5_000_000)]
    assert piece.segments[1].price_micros == 5_000_000
    assert piece.counted == ((1, 5_000_000), (3, 5_000_000))
    assert (pool.counted(1), pool.counted(2), pool.counted(3)) == (5_000_000, 0, 5_000_000)


def test_what_a_day_let_go_no_later_day_charges():
    pool = days()
    meter = Meter(CAPPED, NOON, pool=pool)
    pieces = meter.advance(MIDNIGHT + 2 * HOUR, cuts=(MIDNIGHT,))
    assert [piece.charge_micros for piece in pieces] == [5_000_000]
    assert meter.open_charge_micros == 2_000_000
    meter.advance(MIDNIGHT + 4 * HOUR)
    # the cycle has room for three more: eight in all
    assert meter.open_charge_micros == 3_000_000
    assert figures(meter.open_piece()) == [
        ("any time", "seconds", 4_000_000),
        ("cycle", "cap", -1_000_000),
    ]


@pytest.mark.parametrize("step", [1_000, 3_333, 86_400])
def test_reports_and_cuts_change_nothing(step: int):
    whole = days(first=1_234_567)
    charge = quote(CAPPED, NOON, 20 * HOUR, pool=whole).charge_micros
    pool = days(first=1_234_567)
    meter = Meter(CAPPED, NOON, pool=pool)
    pieces = []
    for until in range(NOON + step, NOON + 20 * HOUR, step):
        pieces += meter.advance(until, cuts=(until - step // 2,))
        meter = Meter.unpack(CAPPED, meter.pack(), pool)
    pieces += meter.advance(NOON + 20 * HOUR)
    pieces.append(meter.close_piece())
    assert meter.charge_micros == sum(piece.charge_micros for piece in pieces) == charge
    assert [pool.counted(number) for number in (1, 2, 3)] == [
        whole.counted(number) for number in (1, 2, 3)
    ]
    for piece in pieces:
        figures(piece)


def test_sessions_share_a_cap():
    pool = days(cycle=2_000_000)
    first, second = (Meter(CAPPED, NOON, pool=pool) for _ in range(2))
    first.advance(NOON + 3 * HOUR)
    second.advance(NOON + 4 * HOUR)
    first.advance(NOON + 4 * HOUR)
    assert (first.charge_micros, second.charge_micros) == (3_000_000, 2_000_000)
    assert pool.counted(3) == 7_000_000


def test_fees_and_rounding_are_capped_too():
    (band,) = HOURLY.bands
    base = replace(
        HOURLY,
        bands=(replace(band, fee=ConnectionFee(4_999_999, on_zero_length=True)),),
        rounding=Rounding(UP, 0),
        caps=(BY_DAY,),
    )
    timeline = compile_timeline([(0, base)])
    begun = Meter(timeline, NOON, pool=days(first=4_500_000))
    begun.advance(NOON)
    assert begun.charge_micros == 500_000
    assert figures(begun.open_piece()) == [
        ("any time", "connection", 5_000_000),
        ("day", "cap", -4_500_000),
    ]
    # never a micro above the cap, however the charge is rounded
    assert quote(timeline, NOON, HOUR, pool=days(first=1)).charge_micros == 4_999_999


def test_a_waived_session_that_goes_on_is_charged_where_its_free_time_ends():
    free = FreeStart(HOUR, FreeRule.WAIVE)
    timeline = compile_timeline([(0, replace(HOURLY, caps=(BY_DAY,), free_start=free))])
    pool = days()
    meter = Meter(timeline, MIDNIGHT - 1800, pool=pool)
    meter.advance(MIDNIGHT + 1800)
    assert meter.charge_micros == 0
    meter.advance(MIDNIGHT + 1801)
    assert meter.charge_micros == 1_000_278
    assert (pool.counted(1), pool.counted(2)) == (0, 1_000_278)


def test_a_cap_needs_its_counter():
    with pytest.raises(QuantityError, match=r"'day'.*pool"):
        quote(CAPPED, NOON, HOUR)
    with pytest.raises(QuantityError, match="'cycle'"):
        quote(CAPPED, NOON, HOUR, pool=Pool(counters=[Counter(1, "day", 0)]))
    # free usage asks for none
    assert quote(CAPPED, NOON, 0).charge_micros == 0


def test_a_report_that_fails_changes_nothing():
    pool = Pool(counters=[Counter(1, "day", 0, 0, MIDNIGHT), Counter(2, "cycle", 0)])
    meter = Meter(CAPPED, NOON, pool=pool)
    meter.advance(NOON + HOUR)
    with pytest.raises(QuantityError, match="'day'"):
        meter.advance(MIDNIGHT + 1)
    assert (meter.until, meter.charge_micros, pool.counted(1)) == (
        NOON + HOUR,
        1_000_000,
        1_000_000,
    )


def dollars(number: int, amount: int, **terms) -> Allowance:
    return Allowance(number, MetricOrMoney.MONEY, amount, **terms)


def test_ten_dollars_free():
    pool = Pool([dollars(7, 10_000_000)])
    first = quote(PLAIN, NOON, 8 * HOUR, pool=pool)
    assert (first.charge_micros, pool.left(7)) == (0, 2_000_000)
    assert figures(first) == [("any time", "seconds", 8_000_000), ("", "money", -8_000_000)]
    paid = first.segments[1]
    assert (paid.allowance_id, paid.quantity) == (7, 8_000_000)
    second = quote(PLAIN, NOON, 3 * HOUR, pool=pool)
    assert (second.charge_micros, pool.left(7)) == (1_000_000, 0)


def test_money_pays_after_the_cap_and_counts_towards_it():
    pool = Pool(
        [dollars(7, 3_000_000)],
        [Counter(1, "day", 0), Counter(2, "cycle", 0)],
    )
    piece = quote(CAPPED, NOON, 10 * HOUR, pool=pool)
    assert piece.charge_micros == 2_000_000
    assert figures(piece)[1:] == [("day", "cap", -5_000_000), ("", "money", -3_000_000)]
    assert pool.counted(1) == 5_000_000


def test_money_pays_in_its_bands_and_in_its_order():
    night = TimeBand("night", (), 0, 6 * HOUR, (price(Metric.SECONDS, (0, 500_000, HOUR)),))
    day = TimeBand("day", (), 0, DAY_S, (price(Metric.SECONDS, (0, 1_000_000, HOUR)),))
    timeline = compile_timeline([(0, Tariff("two", "UTC", "EUR", (night, day)))])
    pool = Pool(
        [
            dollars(1, 10_000_000, bands=("night",)),
            dollars(2, 400_000, priority=1),
            dollars(3, 300_000),
        ]
    )
    assert quote(timeline, MIDNIGHT - HOUR, 2 * HOUR, pool=pool).charge_micros == 300_000
    assert [pool.left(number) for number in (1, 2, 3)] == [9_500_000, 0, 0]


def test_money_left_behind_by_its_pool_stays_paid():
    pool = Pool([dollars(7, 1_000_000)])
    meter = Meter(PLAIN, NOON, pool=pool)
    meter.advance(NOON + 2 * HOUR)
    again = Meter.unpack(PLAIN, meter.pack())
    assert again.charge_micros == 1_000_000
    assert again.grant_seconds(1_000_000, DAY_S) == HOUR
    again.advance(NOON + 3 * HOUR)
    assert again.charge_micros == 2_000_000


@pytest.mark.parametrize("available", [0, 1, 999_999, 1_000_000, 3_000_000, 5_000_000, 6_000_000])
@pytest.mark.parametrize("cap_s", [0, 1, 3 * HOUR, 20 * HOUR])
def test_grants_are_the_inverse(available: int, cap_s: int):
    def pool() -> Pool:
        return Pool(
            [dollars(7, 500_000)],
            [
                Counter(1, "day", 4_000_000, 0, MIDNIGHT),
                Counter(2, "day", 0, MIDNIGHT, MIDNIGHT + DAY_S),
                Counter(3, "cycle", 0),
            ],
        )

    before = pool()
    granted = Meter(CAPPED, NOON, pool=before).grant_seconds(available, cap_s)
    assert before.left(7) == 500_000, "looking ahead uses nothing up"
    assert quote(CAPPED, NOON, granted, pool=pool()).charge_micros <= available
    if granted < cap_s:
        assert quote(CAPPED, NOON, granted + 1, pool=pool()).charge_micros > available
