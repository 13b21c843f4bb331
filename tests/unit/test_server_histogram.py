"""Proves that a histogram counts each figure once, in the range that it belongs to."""

import random
from bisect import bisect_left

from aaad.server.histogram import LATENCY_US_BOUNDS, Histogram


def test_a_bound_belongs_to_the_range_below_it() -> None:
    histogram = Histogram((10, 20))
    for figure in (0, 10, 11, 20, 21, 1 << 40):
        histogram.observe(figure)
    assert histogram.counts == [2, 2, 2]
    assert histogram.total == 62 + (1 << 40)


def test_every_figure_is_counted_once() -> None:
    chance = random.Random(7)
    figures = [chance.randrange(10_000_000) for _ in range(1_000)]
    histogram = Histogram(LATENCY_US_BOUNDS)
    expected = [0] * (len(LATENCY_US_BOUNDS) + 1)
    for figure in figures:
        histogram.observe(figure)
        expected[bisect_left(LATENCY_US_BOUNDS, figure)] += 1
    assert (histogram.counts, histogram.total) == (expected, sum(figures))
