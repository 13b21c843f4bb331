"""Proves how `ratingcore.blocks` charges usage in blocks, and what a start costs, with the bounds
of a session that act on the sum (`ratingcore.charge`)."""

from dataclasses import replace

import pytest

from ratingcore.compile import Timeline, compile_timeline
from ratingcore.errors import AmountError
from ratingcore.meter import Meter, quote
from ratingcore.money import UP
from ratingcore.tariff import (
    ConnectionFee,
    Counted,
    FreeRule,
    FreeStart,
    Increment,
    Metric,
    Price,
    Rounding,
    Tariff,
    Tier,
    TimeBand,
)
from tests.rating_samples import DAY_S, MIDNIGHT, NOON, price, tariff

PER_MINUTE = price(Metric.SECONDS, (0, 60_000, 60))


def in_blocks(first: int, then: int, **changes) -> Timeline:
    return compile_timeline(
        [(0, tariff(replace(PER_MINUTE, increment=Increment(first, then), **changes)))]
    )


def seconds_charged(timeline: Timeline, seconds: int) -> int:
    return quote(timeline, NOON, seconds).charge_micros // 1000


@pytest.mark.parametrize(
    ("first", "then", "charged"),
    [
        (60, 60, {0: 0, 1: 60, 60: 60, 61: 120, 121: 180}),
        (60, 1, {1: 60, 60: 60, 61: 61, 121: 121}),
        (30, 6, {1: 30, 31: 36, 36: 36, 37: 42}),
        (6, 6, {1: 6, 6: 6, 7: 12}),
    ],
)
def test_blocks_are_charged_whole_once_begun(first: int, then: int, charged: dict[int, int]):
    timeline = in_blocks(first, then)
    assert {used: seconds_charged(timeline, used) for used in charged} == charged


def test_reports_do_not_begin_blocks():
    meter = Meter(in_blocks(60, 60), NOON)
    charges = []
    for second in (10, 40, 60, 61, 119, 121):
        meter.advance(NOON + second)
        charges.append(meter.charge_micros // 1000)
    assert charges == [60, 60, 60, 120, 120, 180]


def test_a_block_belongs_to_the_band_of_its_first_second():
    dear = replace(price(Metric.SECONDS, (0, 600_000, 60)), increment=Increment(60, 60))
    cheap = replace(PER_MINUTE, increment=Increment(60, 60))
    bands = (
        TimeBand("night", (), 0, 3600, (cheap,)),
        TimeBand("day", (), 0, DAY_S, (dear,)),
    )
    timeline = compile_timeline([(0, Tariff("two", "UTC", "EUR", bands))])
    # the block begun 30 s before midnight covers the first 30 s of the night
    piece = quote(timeline, MIDNIGHT - 30, 31)
    assert [(s.band, s.quantity) for s in piece.segments] == [("day", 60)]
    piece = quote(timeline, MIDNIGHT - 30, 61)
    assert [(s.band, s.quantity) for s in piece.segments] == [("day", 60), ("night", 60)]
    assert piece.segments[1].started_at == MIDNIGHT + 30


def test_tiers_are_read_unit_by_unit_within_a_block_and_have_their_own_blocks():
    tiers = (Tier(0, 60_000, 60), Tier(90, 6_000, 60, Increment(1, 1)))
    timeline = compile_timeline([(0, tariff(Price(Metric.SECONDS, tiers, Increment(60, 60))))])
    # the second block goes over the threshold at 90 s: 30 s at one price, 30 s at the other
    assert quote(timeline, NOON, 61).charge_micros == 90 * 1000 + 30 * 100
    assert quote(timeline, NOON, 121).charge_micros == 90 * 1000 + 31 * 100


@pytest.mark.parametrize(
    ("counted", "charged"),
    [(Counted.UP, [1000, 1000, 2000]), (Counted.DOWN, [0, 1000, 1000])],
)
def test_chunks_of_octets_count_up_or_down(counted: Counted, charged: list[int]):
    chunks = replace(
        price(Metric.OUTPUT_OCTETS, (0, 1, 1)), increment=Increment(1000, 1000, counted)
    )
    meter = Meter(compile_timeline([(0, tariff(chunks))]), NOON)
    found = []
    for output_octets in (999, 1000, 1001):
        meter.advance(NOON + output_octets, output_octets=output_octets)
        found.append(meter.charge_micros)
    assert found == charged


def test_a_block_that_counts_when_complete_keeps_the_band_in_which_it_began():
    def one(amount: int) -> tuple[Price, ...]:
        whole = Increment(100, 100, Counted.DOWN)
        return (replace(price(Metric.SECONDS, (0, amount, 1)), increment=whole),)

    free = (price(Metric.OCTETS, (0, 0, 1)),)
    bands = (
        TimeBand("free", (), 0, 10, free),
        TimeBand("after", (), 10, 3600, one(5)),
        TimeBand("before", (), 0, DAY_S, one(7)),
    )
    timeline = compile_timeline([(0, Tariff("three", "UTC", "EUR", bands))])
    meter = Meter(timeline, MIDNIGHT - 95)
    meter.advance(MIDNIGHT + 4)
    assert meter.charge_micros == 0
    other = Meter.unpack(timeline, meter.pack())
    for one_meter in (meter, other):
        # complete in a band that has no price on seconds at all
        one_meter.advance(MIDNIGHT + 5)
        assert one_meter.charge_micros == 700
        one_meter.advance(MIDNIGHT + 109)
        assert one_meter.charge_micros == 700
        one_meter.advance(MIDNIGHT + 110)
        assert one_meter.charge_micros == 1200


@pytest.mark.parametrize("counted", list(Counted))
def test_units_within_a_block_are_paid_for_where_the_next_band_has_no_blocks(counted: Counted):
    """From 90 s before noon for 300 s: two blocks reach 30 s beyond it, 180 s are left."""
    blocks = replace(PER_MINUTE, increment=Increment(60, 60, counted))
    bands = (
        TimeBand("morning", (), 0, 43_200, (blocks,)),
        TimeBand("rest", (), 0, DAY_S, (price(Metric.SECONDS, (0, 60, 60)),)),
    )
    timeline = compile_timeline([(0, Tariff("blocks, then units", "UTC", "EUR", bands))])
    piece = quote(timeline, NOON - 90, 300)
    assert [(s.quantity, s.started_at - NOON, s.amount_micros) for s in piece.segments] == [
        (120, -90, 120_000),
        (180, 30, 180),
    ]


def test_blocks_may_be_rounded_by_themselves():
    rounded = replace(
        price(Metric.SECONDS, (0, 1_001, 1), (90, 2_001, 1)),
        increment=Increment(60, 60),
        block_rounding=Rounding(UP, 2),
    )
    timeline = compile_timeline([(0, tariff(rounded))])
    assert quote(timeline, NOON, 1).charge_micros == 70_000
    # the second block has 30 s of each tier: 30_030 and 60_030 make 90_060, rounded up to 100_000
    piece = quote(timeline, NOON, 61)
    assert [segment.amount_micros for segment in piece.segments] == [110_000, 60_000]
    assert quote(timeline, NOON, 121).charge_micros == 170_000 + 130_000


def test_an_amount_refused_while_blocks_are_counted_changes_nothing():
    huge = replace(
        price(Metric.SECONDS, (0, 1 << 61, 1)),
        increment=Increment(1, 1),
        block_rounding=Rounding(),
    )
    meter = Meter(compile_timeline([(0, tariff(huge))]), NOON)
    meter.advance(NOON + 1)
    before = meter.pack()
    with pytest.raises(AmountError, match="leaves int64 micros"):
        meter.advance(NOON + 9)
    assert meter.pack() == before
    assert meter.grant_seconds((1 << 63) - 1, 100) == 2


def with_fee(fee: ConnectionFee, **changes) -> Timeline:
    plain = tariff(PER_MINUTE)
    bands = (replace(plain.bands[0], fee=fee),)
    return compile_timeline([(0, replace(plain, bands=bands, **changes))])


def test_a_connection_fee_is_taken_once_and_from_the_band_at_the_start():
    timeline = with_fee(ConnectionFee(500_000))
    assert quote(timeline, NOON, 0).charge_micros == 0
    piece = quote(timeline, NOON, 60)
    assert piece.charge_micros == 560_000
    assert [(s.metric, s.amount_micros) for s in piece.segments] == [
        ("seconds", 60_000),
        ("connection", 500_000),
    ]
    meter = Meter(timeline, NOON)
    (first,) = meter.advance(NOON + 120, cuts=[NOON + 60])
    assert (first.charge_micros, meter.open_charge_micros) == (560_000, 60_000)


def test_a_session_of_zero_length_pays_the_fee_only_if_said_so():
    timeline = with_fee(ConnectionFee(500_000, on_zero_length=True))
    assert quote(timeline, NOON, 0).charge_micros == 500_000
    meter = Meter(timeline, NOON)
    assert meter.close_piece() is None
    meter.advance(NOON)
    assert meter.close_piece().charge_micros == 500_000
    assert meter.close_piece() is None


def test_an_adopted_session_pays_nothing_for_its_start():
    timeline = with_fee(ConnectionFee(500_000), free_start=FreeStart(60, FreeRule.SKIP))
    meter = Meter(timeline, NOON, adopted=True)
    meter.advance(NOON + 60)
    assert meter.charge_micros == 60_000
    rebased = Meter(timeline, NOON - 999)
    rebased.rebase(5, 5, NOON)
    rebased.advance(NOON + 60, input_octets=5, output_octets=5)
    assert rebased.charge_micros == 60_000


@pytest.mark.parametrize(
    ("rule", "charged"),
    [
        (FreeRule.SKIP, {0: 0, 30: 0, 31: 60, 90: 60, 91: 120}),
        (FreeRule.WAIVE, {0: 0, 30: 0, 31: 60, 60: 60, 61: 120}),
    ],
)
def test_free_initial_seconds(rule: FreeRule, charged: dict[int, int]):
    free = replace(
        tariff(replace(PER_MINUTE, increment=Increment(60, 60))), free_start=FreeStart(30, rule)
    )
    timeline = compile_timeline([(0, free)])
    assert {used: seconds_charged(timeline, used) for used in charged} == charged


def test_bounds_act_before_rounding_and_say_what_they_did():
    bounded = replace(tariff(PER_MINUTE), minimum_micros=100_000, maximum_micros=180_001)
    timeline = compile_timeline([(0, replace(bounded, rounding=Rounding(UP, 3)))])
    assert quote(timeline, NOON, 0).charge_micros == 0
    meter = Meter(timeline, NOON)
    pieces = meter.advance(NOON + 300, cuts=[NOON + 60, NOON + 120])
    pieces += (meter.close_piece(),)
    assert [[(s.metric, s.amount_micros) for s in piece.segments] for piece in pieces] == [
        [("seconds", 60_000), ("minimum", 40_000)],
        [("seconds", 60_000), ("minimum", -40_000)],
        [("seconds", 180_000), ("maximum", -119_000)],
    ]
    assert meter.charge_micros == 181_000


def test_a_call_costs_by_the_call():
    by_the_call = price(Metric.OCCURRENCES, (0, 100_000, 1), (3, 50_000, 1))
    calls = compile_timeline([(0, tariff(by_the_call))])
    assert quote(calls, NOON, 0).charge_micros == 0
    assert quote(calls, NOON, 1).charge_micros == 100_000
    assert quote(calls, NOON, 5000, input_octets=5).charge_micros == 100_000
    assert quote(calls, NOON, 0, occurrences=5).charge_micros == 400_000


def test_a_grant_is_made_of_whole_blocks():
    meter = Meter(in_blocks(60, 30), NOON)
    assert meter.grant_seconds(59_999, 3600) == 0
    assert meter.grant_seconds(60_000, 3600) == 60
    assert meter.grant_seconds(119_999, 3600) == 90
    assert meter.grant_seconds(10**12, 3600) == 3600
    assert meter.grant_seconds(1_000_000, 50) == 50
    meter.advance(NOON + 10)
    assert meter.grant_seconds(0, 3600) == 50
