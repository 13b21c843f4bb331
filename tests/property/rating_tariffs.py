"""Random tariffs for the properties of ratingcore: every feature that a tariff can say, and clocks
that jump.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ratingcore.tariff import (
    ConnectionFee,
    Counted,
    DateSpan,
    FreeRule,
    FreeStart,
    Increment,
    Metric,
    Price,
    Rounding,
    Tariff,
    Tier,
    TimeBand,
)
from tests.property.choices import Choices

DAY_S = 86_400
BLOCKS_MAX = 600
"""Blocks of a session, about: the twin walks them one by one."""

PERS = dict.fromkeys(Metric, (1, 3, 1000, 1024, 10**6, 2**20, 10**9, 2**30)) | {
    Metric.SECONDS: (1, 6, 7, 60, 3600, 86_400),
    Metric.OCCURRENCES: (1, 1, 3, 10),
}
TOPS = dict.fromkeys(Metric, 10**8) | {Metric.SECONDS: 2 * DAY_S, Metric.OCCURRENCES: 9}
AMOUNTS = (10_000, 0, 50_000, 1_000_000, 2_000_000, 100_000, 20_000)
SECOND_BLOCKS = (60, 60, 1, 6, 30, 47, 300, 3600, 86_400)
OCTET_BLOCKS = (10**7, 2**22, 3_333_333, 10**9, 10**6)
OCTET_METRICS = (Metric.OCTETS, Metric.INPUT_OCTETS, Metric.OUTPUT_OCTETS)
WEEKDAYS = ((), (), (5, 6), (0, 1, 2, 3, 4), (4,), (6,), (0, 2, 5))
MONTH_DAYS = ((1,), (-1,), (1, 15), (29, 30, 31), tuple(range(1, 20)))
BOUNDS = (0, 100_000, 1_000_000, 20_000_001)
BAND_NAMES = ("band 0", "band 1", "band 2", "rest")


def random_tariff(choices: Choices, zone: str, *, near: int, length_s: int, octets: bool) -> Tariff:
    """A tariff whose edges lie about the instant `near`, its blocks made for so long a session.

    Every other one is plain: prices, tiers and bands alone.
    """
    more = choices.chance(50)
    sizes = tuple(size for size in SECOND_BLOCKS if length_s <= size * BLOCKS_MAX)

    def prices() -> tuple[Price, ...]:
        return _prices(choices, sizes, octets=octets, more=more)

    def fee() -> ConnectionFee | None:
        return _fee(choices) if more and choices.chance(50) else None

    listed = [
        _dated(choices, TimeBand(name, *_hours(choices), prices(), fee()), near)
        for name in BAND_NAMES[: choices.one_of((0, 1, 2, 3, 1, 2))]
    ]
    listed.append(TimeBand("rest", (), 0, DAY_S, prices(), fee()))
    tariff = Tariff("random", zone, "EUR", tuple(listed), random_rounding(choices))
    return _with_bounds(choices, tariff) if more else tariff


def random_rounding(choices: Choices) -> Rounding:
    if choices.chance(33):
        return Rounding(choices.whole(0, 3), choices.whole(2, 6))
    if choices.chance(50):
        return Rounding(choices.whole(0, 3), choices.whole(0, 1))
    return Rounding()


def on_counters(tariff: Tariff) -> Tariff:
    """The tariff with the tiers of every other price read over a counter."""
    return replace(
        tariff,
        bands=tuple(
            replace(
                band,
                prices=tuple(
                    replace(price, counter=price.metric.value if index % 2 == 0 else "")
                    for index, price in enumerate(band.prices)
                ),
            )
            for band in tariff.bands
        ),
    )


def _hours(choices: Choices) -> tuple[tuple[int, ...], int, int]:
    """Weekdays, from and to: on the hour, the half hour, or any second."""
    step = choices.one_of((3600, 1800, 1))
    from_s, to_s = (choices.instant(0, DAY_S // step - 1) * step for _ in range(2))
    return choices.one_of(WEEKDAYS), from_s, to_s + (from_s == to_s)


def _prices(
    choices: Choices, sizes: tuple[int, ...], *, octets: bool, more: bool
) -> tuple[Price, ...]:
    metrics = [] if choices.chance(6) else [Metric.SECONDS]
    if octets or not metrics:
        metrics += choices.some_of(OCTET_METRICS, 2)
    if more and choices.chance(50):
        metrics.append(Metric.OCCURRENCES)
    return tuple(
        _price(choices, metric, sizes if metric is Metric.SECONDS else OCTET_BLOCKS, more=more)
        for metric in metrics
    )


def _price(choices: Choices, metric: Metric, sizes: tuple[int, ...], *, more: bool) -> Price:
    """With `more`, often in blocks, some with tiers of their own blocks, some rounded."""
    thresholds = {choices.whole(1, TOPS[metric]) for _ in range(choices.one_of((0, 1, 2)))}
    tiers = [
        Tier(low, _amount(choices), choices.one_of(PERS[metric]))
        for low in (0, *sorted(thresholds))
    ]
    if not more or metric is Metric.OCCURRENCES or not sizes or choices.chance(40):
        return Price(metric, tuple(tiers))
    if choices.chance(30):
        place = choices.one_of((-1, 0))
        tiers[place] = replace(tiers[place], increment=_increment(choices, sizes))
    rounding = random_rounding(choices) if choices.chance(30) else None
    # without blocks of its own a price that rounds them would be rounded unit by unit
    own = rounding is not None or choices.chance(80)
    increment = _increment(choices, sizes) if own else None
    return Price(metric, tuple(tiers), increment, rounding)


def _amount(choices: Choices) -> int:
    return choices.one_of(AMOUNTS) if choices.chance(50) else choices.whole(1, 5_000_000)


def _increment(choices: Choices, sizes: tuple[int, ...]) -> Increment:
    counted = Counted.DOWN if choices.chance(33) else Counted.UP
    return Increment(choices.one_of(sizes), choices.one_of(sizes), counted)


def _fee(choices: Choices) -> ConnectionFee:
    return ConnectionFee(choices.one_of((50_000, 0, 1_234_567)), choices.chance(50))


def _dated(choices: Choices, band: TimeBand, near: int) -> TimeBand:
    """One band in three holds on certain dates only, most of them around the session."""
    today = datetime.fromtimestamp(near, UTC).date()
    dates = sorted({today + timedelta(days=choices.whole(-2, 6)) for _ in range(3)})
    if not choices.chance(33):
        return band
    return choices.one_of(
        (
            replace(band, dates=(DateSpan(dates[0], dates[-1]),)),
            replace(band, holidays=tuple(dates)),
            replace(band, month_days=choices.one_of(MONTH_DAYS)),
        )
    )


def _with_bounds(choices: Choices, tariff: Tariff) -> Tariff:
    free = FreeStart(
        choices.one_of((30, 5, 600, 60, 7200, DAY_S)),
        choices.one_of((FreeRule.SKIP, FreeRule.WAIVE, FreeRule.SKIP)),
    )
    minimum = choices.one_of(BOUNDS) if choices.chance(50) else 0
    return replace(
        tariff,
        free_start=free if choices.chance(40) else None,
        minimum_micros=minimum,
        maximum_micros=minimum + choices.one_of(BOUNDS) if choices.chance(20) else None,
    )
