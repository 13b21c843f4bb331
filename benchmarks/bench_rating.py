"""What one call of the tariff engine costs, beside the slow twin in pure Python; medians of 5
runs.

Run from the root of the project, after the build: `python -m benchmarks.bench_rating`. Nanoseconds
of processor time a call, the call's own Python cost included. The session starts on a Friday at
22:00 in New York under a tariff with a night, a weekend and a day band; its meter counts seconds
and output octets, or seconds.
"""

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from ratingcore.compile import compile_timeline
from ratingcore.meter import Meter, quote
from ratingcore.tariff import Metric, Price, Tariff, Tier, TimeBand
from tests.oracle.rating_oracle import Report, Session

RUNS = 5
CALLS = 20_000
TWIN_CALLS = 20
METERS = 100_000
DAY_S = 86_400
FRIDAY_22 = int(datetime(2026, 3, 6, 22, tzinfo=ZoneInfo("America/New_York")).timestamp())


def seconds(*tiers: tuple[int, int, int]) -> Price:
    return Price(Metric.SECONDS, tuple(Tier(*tier) for tier in tiers))


def bands(*extra: Price) -> tuple[TimeBand, ...]:
    day = seconds((0, 1_000_000, 3600), (36_000, 500_000, 3600))
    return (
        TimeBand("weekend", (5, 6), 0, DAY_S, (seconds((0, 0, 3600)), *extra)),
        TimeBand("night", (), 0, 6 * 3600, (seconds((0, 500_000, 3600)), *extra)),
        TimeBand("day", (), 0, DAY_S, (day, *extra)),
    )


BY_TIME = Tariff("by time", "America/New_York", "USD", bands())
BY_BOTH = Tariff(
    "by both",
    "America/New_York",
    "USD",
    bands(Price(Metric.OUTPUT_OCTETS, (Tier(0, 50_000, 10**9),))),
)


def nanoseconds(call: Callable[[int], object], calls: int = CALLS) -> float:
    """The median over the runs of what one call costs."""
    figures = []
    for _ in range(RUNS):
        begun = time.process_time_ns()
        for number in range(calls):
            call(number)
        figures.append((time.process_time_ns() - begun) / calls)
    return statistics.median(figures)


def advance_nanoseconds(tariff: Tariff, octets: int) -> float:
    """The median cost of one report of an hour of them, a second apart, without a boundary."""
    timeline = compile_timeline([(0, tariff)])
    figures = []
    for _ in range(RUNS):
        advance = Meter(timeline, FRIDAY_22).advance
        reports = [(FRIDAY_22 + second, second * octets) for second in range(1, 7200)]
        begun = time.process_time_ns()
        for until, output_octets in reports:
            advance(until, output_octets=output_octets)
        figures.append((time.process_time_ns() - begun) / len(reports))
    return statistics.median(figures)


def twin(length_s: int, tariff: Tariff = BY_TIME) -> int:
    session = Session(((0, tariff),), FRIDAY_22)
    session.tell(Report(FRIDAY_22 + length_s, 0, 0))
    return session.total()


def twin_reports() -> Callable[[int], object]:
    session = Session(((0, BY_TIME),), FRIDAY_22)
    return lambda _: session.tell(Report(session.until + 1, 0, 0))


def meter_octets() -> tuple[int, float]:
    """The size that a meter says it has, and the resident memory that 100,000 of them take."""
    timeline = compile_timeline([(0, BY_TIME)])
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    meters = [Meter(timeline, FRIDAY_22) for _ in range(METERS)]
    for meter in meters:
        meter.advance(FRIDAY_22 + 10_000)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return sys.getsizeof(meters[0]), (after - before) * 1024 / METERS


def print_row(
    name: str, cost: float, noop: float, slow: Callable[[int], object] | None = None
) -> None:
    line = f"{name:32}{cost:10.0f}"
    if slow is not None:
        other = nanoseconds(slow, TWIN_CALLS) - noop
        line += f"{other:14.0f}{other / cost:10.0f}"
    print(line)


def main() -> None:
    timeline = compile_timeline([(0, BY_TIME)])
    evening = Meter(timeline, FRIDAY_22)
    evening.advance(FRIDAY_22 + 60)
    packed = evening.pack()
    noop = nanoseconds(lambda number: number)
    print(f"{'call':32}{'ns':>10}{'twin ns':>14}{'ratio':>10}")
    print_row("advance, seconds", advance_nanoseconds(BY_TIME, 0), noop, twin_reports())
    print_row("advance, seconds and octets", advance_nanoseconds(BY_BOTH, 1_000), noop)
    calls: list[tuple[str, Callable[[int], object], Callable[[int], object] | None]] = [
        ("quote, 1 h", lambda _: quote(timeline, FRIDAY_22, 3600), lambda _: twin(3600)),
        ("quote, 51 h", lambda _: quote(timeline, FRIDAY_22, 183_600), lambda _: twin(183_600)),
        ("charge_micros", lambda _: evening.charge_micros, None),
        ("grant, 24 h cap", lambda _: evening.grant_seconds(10**9, DAY_S), None),
        ("grant, 7 days, 12 boundaries", lambda _: evening.grant_seconds(10**9, 7 * DAY_S), None),
        ("pack", lambda _: evening.pack(), None),
        ("unpack", lambda _: Meter.unpack(timeline, packed), None),
    ]
    for name, call, slow in calls:
        print_row(name, nanoseconds(call) - noop, noop, slow)
    compiling = nanoseconds(lambda _: compile_timeline([(0, BY_TIME)]), 200)
    print(f"{'compile one tariff':32}{compiling:10.0f}")
    said, resident = meter_octets()
    print(
        f"a live meter with two cells: {said} octets, {resident:.0f} resident; packed {len(packed)}"
    )


if __name__ == "__main__":
    main()
