"""Small tariffs that the tests of ratingcore share."""

from ratingcore.compile import Timeline, compile_timeline
from ratingcore.tariff import Metric, Price, Rounding, Tariff, Tier, TimeBand

DAY_S = 86_400
NOON = 1_767_787_200  # 2026-01-07 12:00 UTC, a Wednesday
MIDNIGHT = NOON + DAY_S // 2


def price(metric: Metric, *tiers: tuple[int, int, int]) -> Price:
    return Price(metric, tuple(Tier(*tier) for tier in tiers))


def tariff(*prices: Price, rounding: Rounding = Rounding()) -> Tariff:  # noqa: B008
    band = TimeBand("any time", (), 0, DAY_S, prices)
    return Tariff("example", "UTC", "EUR", (band,), rounding)


def flat(*prices: Price, rounding: Rounding = Rounding()) -> Timeline:  # noqa: B008
    return compile_timeline([(0, tariff(*prices, rounding=rounding))])


HOURLY = flat(price(Metric.SECONDS, (0, 1_000_000, 3600)))
DOWNLOADS = flat(price(Metric.OUTPUT_OCTETS, (0, 1, 1)))


def halves() -> Timeline:
    """Octets cost 1 micro before noon and 10 after."""
    morning = TimeBand("morning", (), 0, 43_200, (price(Metric.OCTETS, (0, 1, 1)),))
    evening = TimeBand("evening", (), 43_200, DAY_S, (price(Metric.OCTETS, (0, 10, 1)),))
    return compile_timeline([(0, Tariff("halves", "UTC", "EUR", (morning, evening)))])
