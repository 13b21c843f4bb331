"""Random discounts, caps, bonuses and allowances of money, and what a pool must know of them."""

from dataclasses import replace

from ratingcore.allowance import Counter, Entitlement
from ratingcore.tariff import (
    WHOLE_UNITS,
    Bonus,
    Cap,
    Covers,
    Discount,
    Metric,
    MetricOrMoney,
    Period,
    Tariff,
)
from tests.property.choices import Choices
from tests.property.rating_tariffs import DAY_S, PERS, random_rounding

PERCENTS = (
    10_000_000,
    50_000_000,
    25_000_000,
    12_500_000,
    5_000_000,
    125_000,
    33_000_000,
    100_000_000,
)
"""Millionths of a percent; none that divides by more than 1000, so that two versions of three
still have one common multiple in 63 bits."""

OCTET_PERS = (1, 3, 1000, 1024, 10**6)
"""Likewise."""

AMOUNTS_OFF = (50_000, 1_000_000, 1, 7_654_321)
CAP_AMOUNTS = (20_000_000, 5_000_000, 50_000_000, 2_000_001, 123_456, 100_000_000, 0)
DISCOUNT_NAMES = ("first", "second", "third")
ACCOUNTS = "accounts"
DAY, CYCLE = "day", "cycle"
MONEY_PERS = (1_000_000, 10_000)
FIRST_ID = 100
"""Of the counters here."""


def with_terms(choices: Choices, tariff: Tariff) -> Tariff:
    """The tariff with random discounts, caps and bonuses."""
    return replace(
        tariff,
        bands=tuple(
            replace(band, prices=tuple(_with_common_per(price) for price in band.prices))
            for band in tariff.bands
        ),
        discounts=tuple(
            _discount(choices, name) for name in DISCOUNT_NAMES[: choices.one_of((1, 2, 3, 0))]
        ),
        caps=choices.one_of(((), (_cap(choices, DAY),), (_cap(choices, CYCLE),), _two(choices))),
        bonuses=tuple(_bonus(choices, tariff) for _ in range(choices.one_of((0, 1, 2)))),
    )


def entitlements(choices: Choices, started_at: int, length_s: int) -> tuple[Entitlement, ...]:
    """Up to four, from or until moments of the session or all its time."""
    found = []
    for _ in range(choices.one_of((2, 3, 4, 0, 1))):
        from_at = started_at + choices.instant(0, length_s) if choices.chance(50) else 0
        until_at = from_at + 1 + choices.instant(0, length_s) if choices.chance(30) else 1 << 33
        found.append(Entitlement(choices.one_of(DISCOUNT_NAMES), from_at, until_at))
    return tuple(found)


def terms_counters(choices: Choices, started_at: int, length_s: int) -> tuple[Counter, ...]:
    """What was charged each day and each cycle, and how many accounts the group has had."""
    found = []
    number = FIRST_ID
    for name, period_s, top in (
        (DAY, DAY_S, 1_000_000),
        (CYCLE, 10 * DAY_S, 4_000_000),
        (ACCOUNTS, 2 * DAY_S, 200),
    ):
        from_at, border = 0, started_at + choices.instant(0, period_s)
        while border < started_at + 2 * length_s:
            found.append(Counter(number, name, choices.whole(0, top), from_at, border))
            from_at, border, number = border, border + period_s, number + 1
        found.append(Counter(number, name, 0, from_at))
        number += 1
    return tuple(found)


def _with_common_per(price):
    if price.metric in (Metric.SECONDS, Metric.OCCURRENCES):
        return price
    tiers = tuple(
        tier if tier.per in OCTET_PERS else replace(tier, per=OCTET_PERS[tier.per % 5])
        for tier in price.tiers
    )
    return replace(price, tiers=tiers)


def _discount(choices: Choices, name: str) -> Discount:
    by_amount = choices.chance(33)
    counted = choices.chance(33)
    return Discount(
        name,
        percent_micros=0 if by_amount else choices.one_of(PERCENTS),
        amount_micros=choices.one_of(AMOUNTS_OFF) if by_amount else 0,
        covers=Covers.ALL if choices.chance(50) else Covers.USAGE,
        counter=ACCOUNTS if counted else "",
        above=100 if counted else 0,
        conditional=choices.chance(50),
    )


def _cap(choices: Choices, name: str) -> Cap:
    return Cap(name, Period(name), choices.one_of(CAP_AMOUNTS))


def _two(choices: Choices) -> tuple[Cap, ...]:
    caps = (_cap(choices, DAY), _cap(choices, CYCLE))
    return caps if choices.chance(50) else caps[::-1]


def _bonus(choices: Choices, tariff: Tariff) -> Bonus:
    """For money, or for a metric in the bands that price it."""
    metric = choices.one_of((MetricOrMoney.MONEY, *MetricOrMoney))
    amount = choices.one_of((1_000_000, 1, 2_500_000))
    rounding = random_rounding(choices) if choices.chance(50) else WHOLE_UNITS
    said = {"rounding": rounding, "gl_code": "given", "tax_code": "none"}
    priced = tuple(
        band.name
        for band in tariff.bands
        if metric.value in [price.metric.value for price in band.prices]
    )
    if metric is MetricOrMoney.MONEY or not priced:
        return Bonus("points", amount, MetricOrMoney.MONEY, choices.one_of(MONEY_PERS), **said)
    bands = priced[:1] if choices.chance(30) else priced
    if len(priced) == len(tariff.bands) and choices.chance(50):
        bands = ()
    per = choices.one_of(PERS[Metric(metric.value)])
    return Bonus("points", amount, metric, per, bands, **said)
