"""Proves the meter's rules one by one: apportioning, cuts, base lines, rounding, packing,
refusals."""

import pickle
import sys
from dataclasses import replace

import msgpack
import pytest

from ratingcore.calendar import INSTANT_END
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.errors import AmountError, QuantityError, RatingError, TariffError
from ratingcore.meter import OCTETS_MAX, SESSION_SECONDS_MAX, Meter, quote
from ratingcore.money import DOWN, HALF_UP, UP
from ratingcore.tariff import Metric, Price, Rounding, Tariff, Tier, TimeBand

DAY_S = 86_400
NOON = 1_767_787_200  # 2026-01-07 12:00 UTC, a Wednesday
MIDNIGHT = NOON + DAY_S // 2


def price(metric: Metric, *tiers: tuple[int, int, int]) -> Price:
    return Price(metric, tuple(Tier(*tier) for tier in tiers))


def tariff(*prices: Price, rounding: Rounding = Rounding()) -> Tariff:  # noqa: B008
    band = TimeBand("any time", (), 0, DAY_S, prices)
    return Tariff("example", "UTC", "EUR", (band,), rounding)


def flat(*prices: Price, rounding: Rounding = Rounding()) -> Timeline:  # noqa: B008
    return compile_timeline([(0, tariff(*prices, rounding=rounding))])


HOURLY = flat(price(Metric.SECONDS, (0, 1_000_000, 3600)))
DOWNLOADS = flat(price(Metric.OUTPUT_OCTETS, (0, 1, 1)))


def halves() -> Timeline:
    """Octets cost 1 micro before noon and 10 after."""
    morning = TimeBand("morning", (), 0, 43_200, (price(Metric.OCTETS, (0, 1, 1)),))
    evening = TimeBand("evening", (), 43_200, DAY_S, (price(Metric.OCTETS, (0, 10, 1)),))
    return compile_timeline([(0, Tariff("halves", "UTC", "EUR", (morning, evening)))])


def test_octets_of_a_report_are_apportioned_by_time_rounded_down_the_rest_to_later():
    meter = Meter(halves(), NOON - 10)
    meter.advance(NOON + 20, input_octets=5, output_octets=2)
    piece = meter.open_piece()
    # a third of 5 and of 2, each rounded down: 1 + 0 in the morning
    assert [(s.band, s.quantity) for s in piece.segments] == [("morning", 1), ("evening", 6)]
    assert meter.charge_micros == 61


def test_octets_of_no_time_belong_to_the_second_before():
    meter = Meter(halves(), NOON - 10)
    meter.advance(NOON)
    meter.advance(NOON, input_octets=3)
    assert [(s.band, s.quantity) for s in meter.open_piece().segments] == [("morning", 3)]
    first = Meter(halves(), NOON)
    first.advance(NOON, output_octets=3)
    assert [(s.band, s.quantity) for s in first.open_piece().segments] == [("evening", 3)]


def test_a_cut_divides_octets_on_the_line_and_changes_no_total():
    meter = Meter(DOWNLOADS, NOON)
    pieces = meter.advance(NOON + 30, output_octets=100, cuts=[NOON + 10, NOON + 20])
    assert [(p.started_at, p.ended_at, p.output_octets) for p in pieces] == [
        (NOON, NOON + 10, 33),
        (NOON + 10, NOON + 20, 33),
    ]
    assert meter.open_charge_micros == 34
    assert meter.charge_micros == 100


def test_a_cut_at_the_instant_of_the_last_report_is_not_lost():
    meter = Meter(HOURLY, NOON)
    meter.advance(MIDNIGHT)
    pieces = meter.advance(MIDNIGHT + 3600, cuts=[MIDNIGHT])
    assert [(p.started_at, p.ended_at, p.charge_micros) for p in pieces] == [
        (NOON, MIDNIGHT, 12_000_000)
    ]
    assert meter.advance(MIDNIGHT + 7200, cuts=[NOON, MIDNIGHT, MIDNIGHT + 7200]) == ()
    assert Meter(HOURLY, NOON).advance(NOON + 5, cuts=[NOON]) == ()


def test_pieces_cost_differences_of_rounded_totals():
    meter = Meter(HOURLY, NOON)
    charges = []
    for second in range(1, 8):
        meter.advance(NOON + second)
        charges.append(meter.close_piece().charge_micros)
    # a second costs 277.7 micros
    assert charges == [278, 278, 277, 278, 278, 278, 277]
    assert sum(charges) == meter.charge_micros == 1944
    assert meter.close_piece() is None
    assert meter.open_piece() is None


def test_thresholds_run_through_cuts_and_bands():
    timeline = flat(price(Metric.SECONDS, (0, 2_000_000, 3600), (3600, 1_000_000, 3600)))
    meter = Meter(timeline, MIDNIGHT - 1800)
    (first,) = meter.advance(MIDNIGHT + 3600, cuts=[MIDNIGHT])
    assert first.charge_micros == 1_000_000
    left = meter.open_piece()
    assert [(s.tier_from, s.quantity, s.started_at - MIDNIGHT) for s in left.segments] == [
        (0, 1800, 0),
        (3600, 1800, 1800),
    ]


@pytest.mark.parametrize(
    ("rounding", "charge"),
    [
        (Rounding(), 555),
        (Rounding(UP, 2), 10_000),
        (Rounding(DOWN, 2), 0),
        (Rounding(HALF_UP, 4), 600),
        (Rounding(HALF_UP, 0), 0),
    ],
)
def test_a_session_is_rounded_as_its_tariff_says(rounding: Rounding, charge: int):
    timeline = flat(price(Metric.SECONDS, (0, 555, 1)), rounding=rounding)
    assert quote(timeline, NOON, 1).charge_micros == charge


def test_the_version_at_the_start_says_how_to_round():
    hourly = tariff(price(Metric.SECONDS, (0, 1_000_000, 3600)))
    versions = [(0, replace(hourly, rounding=Rounding(UP, 0))), (NOON, hourly)]
    timeline = compile_timeline(versions)
    assert quote(timeline, NOON - 1, 2).charge_micros == 1_000_000
    assert quote(timeline, NOON, 2).charge_micros == 556


def test_a_base_line_charges_only_what_comes_after():
    meter = Meter(HOURLY, NOON - 20 * DAY_S)
    meter.rebase(7_000, 9_000, NOON)
    assert (meter.charge_micros, meter.open_piece(), meter.until) == (0, None, NOON)
    meter.advance(NOON + 3600, input_octets=7_001, output_octets=9_009)
    piece = meter.close_piece()
    assert (piece.started_at, piece.charge_micros) == (NOON, 1_000_000)
    assert (piece.input_octets, piece.output_octets) == (1, 9)
    assert meter.started_at == NOON - 20 * DAY_S


def test_a_session_older_than_its_tariff_is_rated_from_its_base_line():
    timeline = compile_timeline([(NOON, tariff(price(Metric.SECONDS, (0, 1_000_000, 3600))))])
    meter = Meter(timeline, NOON - 99)
    with pytest.raises(QuantityError, match="before the first tariff version"):
        meter.advance(NOON + 1)
    assert meter.until == NOON - 99
    meter.rebase(0, 0, NOON)
    meter.advance(NOON + 3600)
    assert Meter.unpack(timeline, meter.pack()).charge_micros == 1_000_000


def test_a_counter_reset_is_bridged_by_a_base_line():
    meter = Meter(DOWNLOADS, NOON)
    meter.advance(NOON + 10, output_octets=500)
    meter.rebase(0, 20, NOON + 20)
    meter.advance(NOON + 30, output_octets=120)
    assert meter.charge_micros == 600
    assert meter.open_piece().output_octets == 600


def test_advance_that_fails_changes_nothing():
    timeline = flat(price(Metric.SECONDS, (0, 1 << 62, 1)))
    meter = Meter(timeline, NOON)
    meter.advance(NOON + 1)
    before = meter.pack()
    with pytest.raises(AmountError, match="leaves int64 micros"):
        meter.advance(NOON + 9, cuts=[NOON + 5])
    with pytest.raises(QuantityError, match="sort the cuts"):
        meter.advance(NOON + 9, cuts=[NOON + 1, NOON + 1])
    assert meter.pack() == before


def test_a_charge_beyond_128_bits_is_named():
    prices = (price(Metric.OCTETS, (0, (1 << 63) - 1, 1)), price(Metric.SECONDS, (0, 1, 10**15)))
    meter = Meter(flat(*prices), NOON)
    meter.advance(NOON + 1, input_octets=OCTETS_MAX)
    with pytest.raises(AmountError, match="overflows 128 bits"):
        _ = meter.charge_micros


@pytest.mark.parametrize(
    ("usage", "message"),
    [
        ({"until": NOON - 1}, "time runs backwards"),
        ({"until": NOON + 9, "input_octets": 99}, "counters are cumulative"),
        ({"until": NOON + 9, "output_octets": 99}, "counters are cumulative"),
        ({"until": NOON + 9, "input_octets": -1}, "input_octets is -1"),
        ({"until": NOON + 9, "input_octets": 1 << 62}, "give 0 to"),
        ({"until": NOON + 9, "input_octets": 1e6}, "no float"),
        ({"until": NOON + 9, "output_octets": True}, "no bool"),
        ({"until": float(NOON + 9)}, "until is .*, a float"),
        ({"until": 1 << 64}, "signed 64-bit"),
        ({"until": INSTANT_END}, "check the clock"),
        ({"until": NOON + 9, "cuts": [NOON + 2.0]}, "cut is .*, a float"),
    ],
)
def test_impossible_usage_is_refused_by_name(usage: dict, message: str):
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON, input_octets=100, output_octets=100)
    given = {"input_octets": 100, "output_octets": 100} | usage
    with pytest.raises(QuantityError, match=message):
        meter.advance(given.pop("until"), **given)


@pytest.mark.parametrize("started_at", [-1, INSTANT_END, 1.5, True, None])
def test_a_start_that_is_no_instant_is_refused(started_at):
    with pytest.raises(QuantityError):
        Meter(HOURLY, started_at)


@pytest.mark.parametrize("seconds", [-1, SESSION_SECONDS_MAX + 1, 1.0, True])
def test_quote_refuses_absurd_lengths(seconds):
    with pytest.raises(QuantityError):
        quote(HOURLY, NOON, seconds)


def test_a_quote_of_nothing_costs_nothing():
    piece = quote(HOURLY, NOON, 0)
    assert (piece.charge_micros, piece.segments, piece.ended_at) == (0, (), NOON)


@pytest.mark.parametrize(
    ("available", "cap", "granted"),
    [
        (1_000_000, 10_000, 3600),
        (0, 10_000, 0),
        (-1, 10_000, 0),
        (277, 10_000, 0),
        (278, 10_000, 1),
        (1_000_000, 100, 100),
        (10**18, 500, 500),
        ((1 << 63) - 1, 500, 500),
        (5, 0, 0),
    ],
)
def test_grant_seconds(available: int, cap: int, granted: int):
    assert Meter(HOURLY, NOON).grant_seconds(available, cap) == granted


def test_grant_knows_bands_and_thresholds_that_lie_ahead():
    night = TimeBand("night", (), 0, 21_600, (price(Metric.SECONDS, (0, 0, 60)),))
    day = TimeBand("day", (), 0, DAY_S, (price(Metric.SECONDS, (0, 1_000_000, 3600)),))
    timeline = compile_timeline([(0, Tariff("day", "UTC", "EUR", (night, day)))])
    meter = Meter(timeline, MIDNIGHT - 3600)
    assert meter.grant_seconds(1_000_000, 10 * DAY_S) == 3600 + 21_600
    assert meter.grant_seconds(2_000_000, 10 * DAY_S) == 7200 + 21_600


def test_grant_never_leaves_the_calendar_or_the_longest_session():
    free = flat(price(Metric.SECONDS, (0, 0, 1)))
    assert Meter(free, 0).grant_seconds(0, 1 << 62) == SESSION_SECONDS_MAX
    late = Meter(free, INSTANT_END - 100)
    assert late.grant_seconds(0, 1 << 62) == 100
    late.advance(INSTANT_END)


@pytest.mark.parametrize("arguments", [(1.0, 5), (True, 5), (5, 5.0), (5, -1)])
def test_grant_refuses_what_is_no_amount_or_time(arguments):
    with pytest.raises(RatingError):
        Meter(HOURLY, NOON).grant_seconds(*arguments)


def test_pack_is_small_and_comes_back_whole():
    meter = Meter(halves(), NOON - 10)
    meter.advance(NOON + 20, input_octets=5 * 10**9, output_octets=2 * 10**9, cuts=[NOON + 3])
    data = meter.pack()
    assert len(data) < 150
    other = Meter.unpack(halves(), data)
    assert other.open_piece() == meter.open_piece()
    assert other.open_charge_micros == meter.open_charge_micros
    assert other.pack() == data


def damaged(index: int, value: object) -> bytes:
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 60, cuts=[NOON + 30])
    items = msgpack.unpackb(meter.pack())
    items[index] = value
    return msgpack.packb(items)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xc1", b"\x00", b"\x93\x01\x02\x03", msgpack.packb({}), msgpack.packb([1] * 15),
        b"\xdd\xff\xff\xff\xff", b"\0" * ((1 << 20) + 1),
        *(damaged(index, value) for index, value in [
            (0, 2), (1, 1), (1, -1), (2, 0), (3, -1), (4, -1), (4, 1 << 32), (5, -1), (5, 61),
            (6, 61), (7, -1), (9, 1), (11, 1), (12, 1), (13, 1), (13, -1), (14, 0), (15, 61),
            (16, 61), (17, 61), (14, 1.0), (14, True), (14, None), (14, 1 << 63), (14, "x"),
        ]),
    ],
)  # fmt: skip
def test_bad_data_is_a_rating_error(data: bytes):
    with pytest.raises(RatingError):
        Meter.unpack(HOURLY, data)


def test_every_damaged_byte_is_refused_or_gives_a_sound_meter():
    meter = Meter(halves(), NOON - 10)
    meter.advance(NOON + 20, input_octets=500, output_octets=200, cuts=[NOON + 3])
    data = meter.pack()
    refused = 0
    for index in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            bad = bytearray(data)
            bad[index] ^= flip
            try:
                other = Meter.unpack(halves(), bytes(bad))
            except RatingError:
                refused += 1
                continue
            assert msgpack.unpackb(other.pack()) == msgpack.unpackb(bytes(bad))
    assert refused > len(data) / 2


def test_a_meter_does_not_go_on_under_other_prices():
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 60)
    dearer = flat(price(Metric.SECONDS, (0, 2_000_000, 3600)))
    with pytest.raises(TariffError, match="other prices"):
        Meter.unpack(dearer, meter.pack())
    with pytest.raises(TariffError, match="other prices"):
        meter.follow(dearer)
    assert meter.timeline is HOURLY


def test_a_plan_changed_in_the_middle_is_an_appended_version():
    hourly = HOURLY.versions[0][1]
    double = tariff(price(Metric.SECONDS, (0, 2_000_000, 3600)))
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 1800)
    meter.follow(compile_timeline([(0, hourly), (NOON + 3600, double)]))
    meter.advance(NOON + 7200)
    assert meter.charge_micros == 3_000_000
    with pytest.raises(TariffError, match="version 1, the timeline has 1"):
        Meter.unpack(HOURLY, meter.pack())


def test_a_copy_goes_its_own_way():
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 1800)
    twin = meter.copy()
    twin.advance(NOON + 3600)
    assert (meter.charge_micros, twin.charge_micros) == (500_000, 1_000_000)


def test_pieces_are_values():
    one, other = quote(HOURLY, NOON, 60), quote(HOURLY, NOON, 60)
    assert one == other
    assert hash(one) == hash(other)
    assert one != quote(HOURLY, NOON, 61)
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.charge_micros = 0


def test_a_live_meter_is_small_and_begins_once():
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 60)
    assert sys.getsizeof(meter) <= 240
    with pytest.raises(RatingError, match="begun already"):
        meter.__init__(HOURLY, NOON)
