"""Proves that `ratingcore.quota` finds the last second that an amount buys, and no more."""

import pytest

from ratingcore.calendar import INSTANT_END
from ratingcore.compile import compile_timeline
from ratingcore.errors import RatingError
from ratingcore.meter import SESSION_SECONDS_MAX, Meter
from ratingcore.tariff import Metric, Tariff, TimeBand
from tests.rating_samples import DAY_S, HOURLY, MIDNIGHT, NOON, flat, price


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
