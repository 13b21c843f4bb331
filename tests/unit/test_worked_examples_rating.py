"""Proves the worked numbers of the product's requirements that rating alone can show, by their ids.

B13, B20, B21, B29, B30, C1 and B112 to B117, with both DST weekends of New York. Those that take a
price list stand in `test_worked_examples_pricelists`.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ratingcore.compile import Timeline, compile_timeline
from ratingcore.meter import Meter, quote
from ratingcore.tariff import Metric, Price, Tariff, Tier, TimeBand

NEW_YORK = "America/New_York"
DAY_S = 86_400
WEEKEND = (5, 6)
EVERY_DAY = ()


def seconds(*tiers: tuple[int, int, int]) -> tuple[Price, ...]:
    return (Price(Metric.SECONDS, tuple(Tier(*tier) for tier in tiers)),)


def timeline_of(*bands: TimeBand) -> Timeline:
    return compile_timeline([(0, Tariff("example", NEW_YORK, "USD", bands))])


def flat(*tiers: tuple[int, int, int]) -> Timeline:
    return timeline_of(TimeBand("any time", EVERY_DAY, 0, DAY_S, seconds(*tiers)))


def free_weekends() -> Timeline:
    """$1 an hour on weekdays, free on weekends (B112)."""
    return timeline_of(
        TimeBand("weekend", WEEKEND, 0, DAY_S, seconds((0, 0, 3600))),
        TimeBand("weekday", EVERY_DAY, 0, DAY_S, seconds((0, 1_000_000, 3600))),
    )


def local(year: int, month: int, day: int, hour: int) -> int:
    return int(datetime(year, month, day, hour, tzinfo=ZoneInfo(NEW_YORK)).timestamp())


NOON = local(2026, 1, 7, 12)


def test_b20_ten_hours_at_one_dollar_cost_ten():
    assert quote(flat((0, 1_000_000, 3600)), NOON, 10 * 3600).charge_micros == 10_000_000


def test_b21_ten_minutes_at_ten_cents_cost_one_dollar():
    assert quote(flat((0, 100_000, 60)), NOON, 600).charge_micros == 1_000_000


def test_b13_ten_cents_for_sixty_minutes_then_five_for_a_hundred():
    piece = quote(flat((0, 100_000, 60), (3600, 50_000, 60)), NOON, 160 * 60)
    assert [s.amount_micros for s in piece.segments] == [6_000_000, 5_000_000]
    assert piece.charge_micros == 11_000_000


def test_b30_two_dollars_the_first_hour_one_the_second():
    piece = quote(flat((0, 2_000_000, 3600), (3600, 1_000_000, 3600)), NOON, 7200)
    assert piece.charge_micros == 3_000_000
    assert [s.started_at for s in piece.segments] == [NOON, NOON + 3600]


def test_b29_prime_time_and_night_are_each_rated_in_their_period():
    timeline = timeline_of(
        TimeBand("night", EVERY_DAY, 0, 6 * 3600, seconds((0, 1_000_000, 3600))),
        TimeBand("prime", EVERY_DAY, 6 * 3600, DAY_S, seconds((0, 2_000_000, 3600))),
    )
    piece = quote(timeline, local(2026, 1, 7, 23), 7200)
    assert [(s.band, s.amount_micros) for s in piece.segments] == [
        ("prime", 2_000_000),
        ("night", 1_000_000),
    ]


@pytest.mark.parametrize("interims", [0, 1, 60])
def test_b112_to_b117_friday_evening_to_saturday_costs_two_dollars(interims: int):
    meter = Meter(free_weekends(), local(2026, 1, 9, 22))
    until = local(2026, 1, 10, 1)
    assert until - meter.started_at == 3 * 3600
    step_s = (until - meter.started_at) // (interims + 1)
    for number in range(1, interims + 1):
        meter.advance(meter.started_at + number * step_s)
    meter.advance(until)
    assert meter.charge_micros == 2_000_000
    piece = meter.open_piece()
    assert piece is not None
    assert [(s.band, s.quantity, s.amount_micros) for s in piece.segments] == [
        ("weekday", 7200, 2_000_000),
        ("weekend", 3600, 0),
    ]


def test_c1_the_session_is_split_at_the_boundary_and_neither_end_prices_it_whole():
    """By its end alone it would cost $0, by its start alone $3."""
    at_midnight = local(2026, 1, 10, 0)
    meter = Meter(free_weekends(), local(2026, 1, 9, 22))
    (friday,) = meter.advance(local(2026, 1, 10, 1), cuts=[at_midnight])
    assert (friday.ended_at, friday.charge_micros) == (at_midnight, 2_000_000)
    saturday = meter.open_piece()
    assert saturday is not None
    assert (saturday.started_at, saturday.charge_micros) == (at_midnight, 0)


@pytest.mark.parametrize(
    ("friday", "monday", "hours"),
    [
        pytest.param((2026, 3, 6), (2026, 3, 9), 50, id="spring"),
        pytest.param((2026, 10, 30), (2026, 11, 2), 52, id="autumn"),
        pytest.param((2026, 1, 9), (2026, 1, 12), 51, id="plain"),
    ],
)
def test_b116_a_weekend_of_dst_costs_three_dollars(friday, monday, hours: int):
    started_at, until = local(*friday, 22), local(*monday, 1)
    assert until - started_at == hours * 3600
    assert quote(free_weekends(), started_at, until - started_at).charge_micros == 3_000_000
