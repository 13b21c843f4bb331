"""Proves how meters use up `ratingcore.pool`: order, validity, bands, sharing, looking ahead; and
what of `ratingcore.allowance` a pool refuses."""

from dataclasses import replace

import pytest

from ratingcore.allowance import Allowance, Counter, Entitlement
from ratingcore.compile import compile_timeline
from ratingcore.errors import QuantityError
from ratingcore.explain import explain, piece_from_data
from ratingcore.meter import Meter, quote
from ratingcore.money import UP
from ratingcore.piece import piece_as_data
from ratingcore.pool import Pool
from ratingcore.tariff import Increment, Metric, Rounding, Tariff, TimeBand
from tests.rating_samples import DAY_S, HOURLY, MIDNIGHT, NOON, flat, price, tariff

HOUR = 3600
PER_SECOND = price(Metric.SECONDS, (0, 1_000, 1))


def hours(allowance_id: int, quantity: int, **terms) -> Allowance:
    return Allowance(allowance_id, Metric.SECONDS, quantity * HOUR, **terms)


def test_sessions_take_from_what_the_ones_before_left():
    pool = Pool([hours(1, 20)])
    first = quote(HOURLY, NOON, 19 * HOUR, pool=pool)
    second = Meter(HOURLY, NOON, pool=pool)
    second.advance(NOON + 1800)
    third = Meter(HOURLY, NOON, pool=pool)
    third.advance(NOON + HOUR)
    second.advance(NOON + HOUR)
    assert (first.charge_micros, second.charge_micros) == (0, 500_000)
    assert third.charge_micros == 500_000
    assert pool.left(1) == 0
    piece = third.close_piece()
    assert [(s.allowance_id, s.quantity, s.amount_micros) for s in piece.segments] == [
        (1, 1800, 0),
        (0, 1800, 500_000),
    ]


def test_the_order_is_priority_then_expiry_then_id():
    pool = Pool(
        [
            hours(1, 1, priority=1),
            hours(2, 1, until_at=NOON + DAY_S),
            hours(4, 1),
            hours(3, 1),
        ]
    )
    piece = quote(HOURLY, NOON, 4 * HOUR, pool=pool)
    assert [segment.allowance_id for segment in piece.segments] == [2, 3, 4, 1]


def test_an_allowance_holds_in_its_time_and_bands_only():
    night = TimeBand("night", (), 0, 6 * HOUR, (price(Metric.SECONDS, (0, 500_000, HOUR)),))
    day = TimeBand("day", (), 0, DAY_S, (price(Metric.SECONDS, (0, 1_000_000, HOUR)),))
    timeline = compile_timeline([(0, Tariff("two", "UTC", "EUR", (night, day)))])
    in_time = Pool([hours(1, 9, from_at=MIDNIGHT - HOUR, until_at=MIDNIGHT + HOUR)])
    assert quote(timeline, MIDNIGHT - 7200, 4 * HOUR, pool=in_time).charge_micros == 1_500_000
    at_night = Pool([hours(1, 9, bands=("night",))])
    assert quote(timeline, MIDNIGHT - 7200, 4 * HOUR, pool=at_night).charge_micros == 2_000_000
    assert at_night.left(1) == 7 * HOUR


def test_what_is_free_anyhow_uses_nothing_up():
    pool = Pool([hours(1, 1)])
    free = flat(price(Metric.SECONDS, (0, 0, 1), (60, 1_000, 1)))
    assert quote(free, NOON, 70, pool=pool).charge_micros == 0
    assert pool.left(1) == HOUR - 10


def test_looking_ahead_uses_nothing_up():
    pool = Pool([hours(1, 2)])
    meter = Meter(HOURLY, NOON, pool=pool)
    assert meter.grant_seconds(500_000, DAY_S) == 2 * HOUR + 1800
    ahead = meter.copy()
    ahead.advance(NOON + HOUR)
    assert pool.left(1) == 2 * HOUR
    with pytest.raises(QuantityError, match="sort the cuts"):
        meter.advance(NOON + HOUR, cuts=[NOON + 9, NOON + 8])
    assert pool.left(1) == 2 * HOUR


def test_a_block_takes_units_and_rounding_only_what_is_left_of_them():
    blocks = replace(PER_SECOND, increment=Increment(60, 60), block_rounding=Rounding(UP, 1))
    timeline = compile_timeline([(0, tariff(blocks))])
    pool = Pool([Allowance(1, Metric.SECONDS, 150)])
    piece = quote(timeline, NOON, 181, pool=pool)
    # two blocks are paid, half of the third, and the fourth is not
    assert [(s.allowance_id, s.quantity, s.amount_micros) for s in piece.segments] == [
        (1, 150, 0),
        (0, 90, 200_000),
    ]


def test_a_meter_keeps_what_allowances_paid_when_it_is_packed():
    meter = Meter(HOURLY, NOON, pool=Pool([hours(1, 1)]))
    meter.advance(NOON + 2 * HOUR)
    other = Meter.unpack(HOURLY, meter.pack(), meter.pool)
    assert other.open_piece() == meter.open_piece()
    other.share(None)
    other.advance(NOON + 3 * HOUR)
    assert other.charge_micros == 2_000_000


def test_tiers_over_a_counter_go_on_where_others_stopped():
    per_minute = price(Metric.SECONDS, (0, 100_000, 60), (HOUR, 50_000, 60))
    timeline = compile_timeline([(0, tariff(replace(per_minute, counter="talk")))])
    pool = Pool(counters=[Counter(5, "talk", 3000, 0, MIDNIGHT), Counter(6, "talk", 0, MIDNIGHT)])
    meter = Meter(timeline, MIDNIGHT - 1200, pool=pool)
    pieces = meter.advance(MIDNIGHT + 60, cuts=[MIDNIGHT])
    assert [(p.charge_micros, p.counted) for p in (*pieces, meter.open_piece())] == [
        (1_500_000, ((5, 1200),)),
        (100_000, ((6, 60),)),
    ]
    assert (pool.counted(5), pool.counted(6)) == (4200, 60)


def test_a_counter_that_is_missing_is_named():
    counted = compile_timeline([(0, tariff(replace(PER_SECOND, counter="talk")))])
    for pool in (None, Pool(), Pool(counters=[Counter(1, "talk", 0, 0, NOON)])):
        meter = Meter(counted, NOON, pool=pool)
        with pytest.raises(QuantityError, match="the tariff reads the counter 'talk'"):
            meter.advance(NOON + 1)
        assert meter.until == NOON


def test_what_was_paid_and_counted_is_said_in_words_and_data():
    timeline = compile_timeline([(0, tariff(replace(PER_SECOND, counter="talk")))])
    pool = Pool([hours(7, 1)], [Counter(1, "talk", 0)])
    piece = quote(timeline, NOON, HOUR, pool=pool)
    assert "1 h 0 min from an allowance = 0.00 EUR" in explain(piece, currency="EUR", zone="UTC")[1]
    data = piece_as_data(piece)
    assert data["counted"] == [[1, HOUR]]
    assert piece_from_data(data) == piece


@pytest.mark.parametrize(
    ("allowances", "counters", "message"),
    [
        ([hours(0, 1)], [], "allowance id is 0"),
        ([hours(1, 1), hours(1, 2)], [], "comes twice"),
        ([hours(1, -1)], [], "has the quantity -3600"),
        ([hours(1, 1, from_at=5, until_at=5)], [], "let it rise"),
        ([hours(1, 1, until_at=True)], [], "no bool"),
        ([Allowance(1, "bytes", 5)], [], "unknown metric 'bytes'"),
        ([], [Counter(1, "c", 1.0)], "no float"),
        ([hours(number, 1) for number in range(1, 1002)], [], "at most 1000"),
    ],
)
def test_what_a_pool_refuses(allowances, counters, message: str):
    with pytest.raises(QuantityError, match=message):
        Pool(allowances, counters)


def test_a_pool_is_filled_once_and_asked_by_id():
    pool = Pool([hours(1, 1)])
    with pytest.raises(QuantityError, match="filled already"):
        pool.__init__()
    with pytest.raises(KeyError):
        pool.left(2)
    with pytest.raises(KeyError):
        pool.copy().counted(1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Entitlement(""), "give its name"),
        (Entitlement(5), "give its name"),
        (Entitlement("tenth", 5, 5), "let it rise"),
        (Entitlement("tenth", -1, 5), "let it rise"),
        (Entitlement("tenth", 0.5, 5), "from_at"),
    ],
)
def test_entitlements_that_are_none_are_refused(wrong: Entitlement, why: str):
    with pytest.raises(QuantityError, match=why):
        Pool(entitlements=[wrong])


def test_a_pool_has_so_many_entitlements():
    with pytest.raises(QuantityError, match="1001 entitlements"):
        Pool(entitlements=[Entitlement("tenth")] * 1001)
