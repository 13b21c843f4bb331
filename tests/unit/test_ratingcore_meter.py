"""Proves the meter's rules one by one, and those of `ratingcore.state`: cuts, base lines, later
versions, refusals, its size."""

import sys
from dataclasses import replace

import pytest

from ratingcore.allowance import Counter
from ratingcore.calendar import INSTANT_END
from ratingcore.compile import compile_timeline
from ratingcore.errors import AmountError, QuantityError, RatingError, TariffError
from ratingcore.meter import SESSION_SECONDS_MAX, Meter, quote
from ratingcore.pool import Pool
from ratingcore.tariff import Cap, FreeRule, FreeStart, Metric, Period
from tests.rating_samples import DAY_S, DOWNLOADS, HOURLY, MIDNIGHT, NOON, flat, price, tariff


def test_a_cut_at_the_instant_of_the_last_report_is_not_lost():
    meter = Meter(HOURLY, NOON)
    meter.advance(MIDNIGHT)
    pieces = meter.advance(MIDNIGHT + 3600, cuts=[MIDNIGHT])
    assert [(p.started_at, p.ended_at, p.charge_micros) for p in pieces] == [
        (NOON, MIDNIGHT, 12_000_000)
    ]
    assert meter.advance(MIDNIGHT + 7200, cuts=[NOON, MIDNIGHT, MIDNIGHT + 7200]) == ()
    assert Meter(HOURLY, NOON).advance(NOON + 5, cuts=[NOON]) == ()


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


def test_a_base_line_beyond_the_free_time_charges_a_waived_session_under_its_cap():
    """Ten seconds of a dollar each; the day has room for three."""
    dear = tariff(price(Metric.SECONDS, (0, 1_000_000, 1)))
    capped = replace(
        dear,
        free_start=FreeStart(30, FreeRule.WAIVE),
        caps=(Cap("day", Period.DAY, 3_000_000),),
    )
    pool = Pool([], [Counter(7, "day", 0)])
    meter = Meter(compile_timeline([(0, capped)]), NOON, pool=pool)
    meter.advance(NOON + 10)
    meter.rebase(0, 0, NOON + 30)
    assert (meter.charge_micros, pool.counted(7)) == (0, 0)
    meter.rebase(0, 0, NOON + 31)
    assert (meter.charge_micros, pool.counted(7)) == (3_000_000, 3_000_000)
    meter.advance(NOON + 40)
    assert meter.charge_micros == 3_000_000


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


def test_a_live_meter_is_small_and_begins_once():
    meter = Meter(HOURLY, NOON)
    meter.advance(NOON + 60)
    assert sys.getsizeof(meter) <= 240
    with pytest.raises(RatingError, match="begun already"):
        meter.__init__(HOURLY, NOON)
