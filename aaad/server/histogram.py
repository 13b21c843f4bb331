"""Histogram: how often a figure fell into each of a few fixed ranges."""

from __future__ import annotations

LATENCY_US_BOUNDS = (
    250,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
)
"""From a datagram's receipt to its answer: around a sync of the disk, around the 15 ms that are
promised, and up to the seconds after which a NAS asks again.
"""


class Histogram:
    """Counts by range: `counts[i]` are the figures up to `bounds[i]`, one more those above all."""

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def observe(self, figure: int) -> None:
        """Count one figure."""
        at = 0
        for bound in self.bounds:
            if figure <= bound:
                break
            at += 1
        self.counts[at] += 1
        self.total += figure
