"""What another version of a price list changes: the same sample of sessions priced under both.

The sample is the same every time: starts through four weeks, every hour of the day among them, and
sessions from a minute to ten hours, without and with octets. Pure.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from itertools import product

from ledger.price_tariffs import ACCOUNT_ZONE
from ratingcore.batch import NOT_RATED, rate_batch
from ratingcore.compile import compile_timeline
from ratingcore.tariff import Tariff

STEP_S = 7 * 3600
"""Between starts: seven hours walk through all hours of the day within a week."""

STARTS = 96
"""Four weeks of them."""

LENGTHS_S = (60, 600, 3600, 10_800, 36_000)
OCTETS = (0, 10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One tariff under two versions; the sample session whose charge moves most stands for all."""

    tariff: str
    sessions: int
    changed: int
    not_rated: int
    before_micros: int
    after_micros: int
    started_at: int
    seconds: int
    octets: int
    example_before_micros: int
    example_after_micros: int


def compare(before: Tariff, after: Tariff, *, begin_at: int, zone: str) -> Difference:
    """Price the sample from an instant on; `zone` is that of tariffs that go by the account's."""
    rows = [
        (begin_at + number * STEP_S, seconds, octets)
        for number, seconds, octets in product(range(STARTS), LENGTHS_S, OCTETS)
    ]
    charges = [_charges(tariff, rows, zone) for tariff in (before, after)]
    pairs = [
        (row, old, new)
        for row, old, new in zip(rows, *charges, strict=True)
        if NOT_RATED not in (old, new)
    ]
    example = max(pairs, key=lambda pair: abs(pair[2] - pair[1]), default=(rows[0], 0, 0))
    return Difference(
        tariff=before.name,
        sessions=len(rows),
        changed=sum(old != new for _, old, new in pairs),
        not_rated=len(rows) - len(pairs),
        before_micros=sum(old for _, old, _ in pairs),
        after_micros=sum(new for _, _, new in pairs),
        started_at=example[0][0],
        seconds=example[0][1],
        octets=example[0][2],
        example_before_micros=example[1],
        example_after_micros=example[2],
    )


def _charges(tariff: Tariff, rows: list[tuple[int, int, int]], zone: str) -> array[int]:
    if tariff.zone == ACCOUNT_ZONE:
        tariff = replace(tariff, zone=zone)
    started_at, seconds, octets = zip(*rows, strict=True)
    charges = array("q", bytes(8 * len(rows)))
    rate_batch(
        [compile_timeline([(0, tariff)])],
        tariff=array("i", bytes(4 * len(rows))),
        started_at=array("q", started_at),
        seconds=array("q", seconds),
        output_octets=array("q", octets),
        charges=charges,
    )
    return charges
