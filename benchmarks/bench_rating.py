"""What one call of the tariff engine costs, beside the slow twin in pure Python; medians of 5
runs.

Run from the root of the project, after the build: `python -m benchmarks.bench_rating`. Nanoseconds
of processor time a call, the call's own Python cost included; what is aimed at; and the ratio, each
run of ours with one of the twin beside it. The session starts on a Friday at 22:00 in New York
under a tariff with a night, a weekend and a day band; its meter counts seconds and output octets,
or seconds. Grants are asked for under a tariff of eight bands a day: with prices alone; with fees,
blocks, bounds, a free start and an allowance; with discounts, caps and free money besides.
"""

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ratingcore.allowance import Allowance, Counter
from ratingcore.compile import compile_timeline
from ratingcore.meter import Meter, quote
from ratingcore.pool import Pool
from ratingcore.tariff import (
    Cap,
    ConnectionFee,
    Discount,
    FreeRule,
    FreeStart,
    Increment,
    Metric,
    MetricOrMoney,
    Period,
    Price,
    Tariff,
    Tier,
    TimeBand,
)
from tests.oracle.rating_oracle import Report, Session

RUNS = 5
CALLS = 20_000
TWIN_CALLS = 20
METERS = 100_000
TARIFFS = 10_000
DAY_S, HOUR_S = 86_400, 3600
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


def by_gigabyte(amount_micros: int) -> Price:
    return Price(Metric.OUTPUT_OCTETS, (Tier(0, amount_micros, 10**9),))


BY_TIME = Tariff("by time", "America/New_York", "USD", bands())
BY_BOTH = Tariff("by both", "America/New_York", "USD", bands(by_gigabyte(50_000)))


BY_HOUR = Tariff(
    "eight bands a day",
    "America/New_York",
    "USD",
    tuple(
        TimeBand(f"band {n}", (), n * 10_800, (n + 1) * 10_800, (seconds((0, n * 7_000, 60)),))
        for n in range(8)
    ),
)


def blocks(band: TimeBand) -> TimeBand:
    (said,) = band.prices
    return replace(
        band,
        prices=(replace(said, increment=Increment(60, 30)),),
        fee=ConnectionFee(100_000),
    )


IN_BLOCKS = replace(
    BY_HOUR,
    bands=tuple(map(blocks, BY_HOUR.bands)),
    minimum_micros=50_000,
    maximum_micros=500_000_000,
    free_start=FreeStart(30, FreeRule.SKIP),
)
ALL_TERMS = replace(
    IN_BLOCKS,
    discounts=(Discount("tenth", 10_000_000), Discount("off", amount_micros=50_000)),
    caps=(Cap("day", Period.DAY, 60_000_000),),
)
FREE_HOUR = Allowance(1, Metric.SECONDS, HOUR_S)
FREE_MONEY = Allowance(2, MetricOrMoney.MONEY, 1_000_000)


def grants(tariff: Tariff, available_micros: int, pool: Pool | None) -> Callable[[int], object]:
    """Grants of a day under a tariff, of an amount, from the session's first minute on."""
    meter = Meter(compile_timeline([(0, tariff)]), FRIDAY_22, pool=pool)
    meter.advance(FRIDAY_22 + 60)
    return lambda _: meter.grant_seconds(available_micros, DAY_S)


def once(call: Callable[[int], object], calls: int) -> float:
    """What one of so many calls costs."""
    begun = time.process_time_ns()
    for number in range(calls):
        call(number)
    return (time.process_time_ns() - begun) / calls


def print_row(
    name: str,
    call: Callable[[int], object],
    *,
    calls: int = CALLS,
    aim: int | None = None,
    slow: Callable[[int], object] | None = None,
) -> None:
    """A line of the table; the cost of an empty call is taken off."""
    mine, theirs, ratios = [], [], []
    for _ in range(RUNS):
        noop = once(lambda number: number, CALLS)
        mine.append(once(call, calls) - noop)
        if slow is not None:
            theirs.append(once(slow, TWIN_CALLS) - noop)
            ratios.append(theirs[-1] / mine[-1])
    line = f"{name:32}{statistics.median(mine):10.0f}{aim or '':>8}"
    if slow is not None:
        line += f"{statistics.median(theirs):14.0f}{statistics.median(ratios):10.0f}"
    print(line)


def reports(tariff: Tariff, octets: int) -> Callable[[int], object]:
    """Reports a second apart; an hour of them, without a boundary, and then anew."""
    timeline = compile_timeline([(0, tariff)])
    meters = [Meter(timeline, FRIDAY_22) for _ in range(1 + RUNS * CALLS // HOUR_S)]
    advances = [meter.advance for meter in meters]
    told = [(FRIDAY_22 + second, octets * second) for second in range(1, HOUR_S + 1)]
    asked = iter([(advance, *one) for advance in advances for one in told])

    def call(_: int) -> object:
        advance, until, output_octets = next(asked)
        return advance(until, output_octets=output_octets)

    return call


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


def print_compiling() -> None:
    """10,000 tariffs, each of its own prices, in five runs of a fifth."""
    tariffs = [
        replace(BY_BOTH, bands=bands(by_gigabyte(50_000 + number))) for number in range(TARIFFS)
    ]
    figures = []
    for run in range(RUNS):
        begun = time.process_time()
        for tariff in tariffs[run::RUNS]:
            compile_timeline([(0, tariff)])
        figures.append(time.process_time() - begun)
    total = statistics.median(figures) * RUNS
    print(f"compiling {TARIFFS:,} tariffs of three bands: {total:.1f} s")


def main() -> None:
    said, resident = meter_octets()  # first, while no freed memory can be used again
    timeline = compile_timeline([(0, BY_TIME)])
    evening = Meter(timeline, FRIDAY_22)
    evening.advance(FRIDAY_22 + 60)
    packed = evening.pack()
    print(f"{'call':32}{'ns':>10}{'aim':>8}{'twin ns':>14}{'ratio':>10}")
    print_row("advance, seconds", reports(BY_TIME, 0), aim=400, slow=twin_reports())
    print_row("advance, seconds and octets", reports(BY_BOTH, 1_000), aim=400)
    print_row(
        "quote, 1 h", lambda _: quote(timeline, FRIDAY_22, 3600), aim=600, slow=lambda _: twin(3600)
    )
    print_row(
        "quote, 51 h", lambda _: quote(timeline, FRIDAY_22, 183_600), slow=lambda _: twin(183_600)
    )
    print_row("charge_micros", lambda _: evening.charge_micros)
    print_row("grant, 24 h, 8 boundaries", grants(BY_HOUR, 10**9, None), aim=3000)
    shared = Pool([FREE_HOUR])
    print_row("  in blocks, with allowances", grants(IN_BLOCKS, 10**9, shared), aim=3000)
    print_row("  the same, amount reached", grants(IN_BLOCKS, 10_000_000, shared), aim=3000)
    full = Pool([FREE_HOUR, FREE_MONEY], [Counter(1, "day", 0)])
    print_row("  with discounts, caps, money", grants(ALL_TERMS, 10**9, full), aim=3000)
    print_row("grant, 7 days, 12 boundaries", lambda _: evening.grant_seconds(10**9, 7 * DAY_S))
    print_row("pack", lambda _: evening.pack())
    print_row("unpack", lambda _: Meter.unpack(timeline, packed))
    print_compiling()
    print(
        f"a live meter with two cells: {said} octets, {resident:.0f} resident; packed {len(packed)}"
        " (aim: 300)"
    )


if __name__ == "__main__":
    main()
