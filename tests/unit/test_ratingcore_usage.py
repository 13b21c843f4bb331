"""Proves how the walk of `ratingcore.usage` fills `ratingcore.cells`: octets on the line,
thresholds, cuts."""

from ratingcore.meter import Meter
from ratingcore.tariff import Metric
from tests.rating_samples import DOWNLOADS, MIDNIGHT, NOON, flat, halves, price


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
