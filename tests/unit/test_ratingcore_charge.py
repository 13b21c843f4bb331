"""Proves how `ratingcore.charge` prices cells: one rounding, differences of totals, overflow."""

from dataclasses import replace

import pytest

from ratingcore.compile import compile_timeline
from ratingcore.errors import AmountError
from ratingcore.meter import OCTETS_MAX, Meter, quote
from ratingcore.money import DOWN, HALF_UP, UP
from ratingcore.tariff import Metric, Rounding
from tests.rating_samples import HOURLY, NOON, flat, price, tariff


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


def test_a_charge_beyond_128_bits_is_named():
    prices = (price(Metric.OCTETS, (0, (1 << 63) - 1, 1)), price(Metric.SECONDS, (0, 1, 10**15)))
    meter = Meter(flat(*prices), NOON)
    meter.advance(NOON + 1, input_octets=OCTETS_MAX)
    with pytest.raises(AmountError, match="overflows 128 bits"):
        _ = meter.charge_micros
