"""A sequence of tariff versions: may it be compiled, in which unit are charges counted, and what
checksum ties a packed meter to its prices?
"""

from collections.abc import Sequence
from math import lcm
from zlib import crc32

from ratingcore.calendar import INSTANT_END
from ratingcore.check import require_tariff
from ratingcore.errors import AmountError, TariffError
from ratingcore.money import exact_int
from ratingcore.tariff import LCM_MAX, Tariff, tariff_multiple
from ratingcore.week import is_dated

VERSIONS_MAX = 1_040
"""Versions of one sequence: a price change each week for 20 years."""

Versions = Sequence[tuple[int, Tariff]]
"""(effective_at, tariff) in order."""


def check_versions(versions: Versions) -> None:
    """Raise TariffError unless every version is sound, they rise, and have one currency."""
    if not 1 <= len(versions) <= VERSIONS_MAX:
        raise TariffError(f"{len(versions)} tariff versions: give 1 to {VERSIONS_MAX}")
    before = -1
    for effective_at, tariff in versions:
        _require_instant(effective_at)
        if not before < effective_at < INSTANT_END:
            raise TariffError(
                f"version {tariff.name!r} is effective at {effective_at}: give instants that rise "
                f"strictly, from 0 to below {INSTANT_END}"
            )
        before = effective_at
        require_tariff(tariff)
    currencies = sorted({tariff.currency for _, tariff in versions})
    if len(currencies) > 1:
        raise TariffError(f"versions mix the currencies {', '.join(currencies)}: use one")


def common_multiple(versions: Versions) -> int:
    """Return what all charges under the versions are counted in: a multiple of each version's."""
    multiple = lcm(*(tariff_multiple(tariff) for _, tariff in versions))
    if multiple > LCM_MAX:
        raise TariffError(
            f"the least common multiple of all versions (every `per`, times what discounts divide "
            f"by) is {multiple}, above {LCM_MAX}: use units that divide each other"
        )
    return multiple


def fingerprints(versions: Versions) -> list[int]:
    """Return the checksum of each prefix.

    The first version's instant is left out: no meter that began under it can tell when it became
    effective.
    """
    found = []
    checksum = 0
    for index, (effective_at, tariff) in enumerate(versions):
        said = (effective_at if index else 0, _prices_said(tariff))
        checksum = crc32(repr(said).encode(), checksum)
        found.append(checksum)
    return found


def _prices_said(tariff: Tariff) -> tuple[object, ...]:
    """Plain integers and text only: a checksum must not change because a record gained a field."""
    bands = [
        (
            sorted(set(band.weekdays)),
            band.from_s,
            band.to_s,
            [
                (
                    str(price.metric.value),
                    [(tier.from_quantity, tier.amount_micros, tier.per) for tier in price.tiers],
                )
                for price in band.prices
            ],
        )
        for band in tariff.bands
    ]
    said: tuple[object, ...] = (tariff.zone, tariff.rounding.mode, tariff.rounding.decimals, bands)
    more = _more_said(tariff)
    return (*said, more) if more else said


def _more_said(tariff: Tariff) -> list[object]:
    """What few tariffs say; one that says none of it keeps the checksum that it always had."""
    more: list[object] = []
    for number, band in enumerate(tariff.bands):
        if is_dated(band):
            dates = [(str(span.first_on), str(span.last_on)) for span in band.dates]
            holidays = None if band.holidays is None else sorted(map(str, band.holidays))
            more.append((number, "dates", dates, sorted(band.month_days), holidays))
        if band.fee is not None:
            more.append((number, "fee", band.fee.amount_micros, band.fee.on_zero_length))
        for index, price in enumerate(band.prices):
            if price.counter:
                more.append((number, index, "counter", price.counter))
            if price.block_rounding is not None:
                rounding = price.block_rounding
                more.append((number, index, "rounding", rounding.mode, rounding.decimals))
            said = [price.increment, *(tier.increment for tier in price.tiers)]
            more += [
                (number, index, place, one.first, one.then, str(one.counted.value))
                for place, one in enumerate(said)
                if one is not None
            ]
    if tariff.free_start is not None:
        more.append(("free", tariff.free_start.seconds, str(tariff.free_start.rule.value)))
    if tariff.minimum_micros or tariff.maximum_micros is not None:
        more.append(("bounds", tariff.minimum_micros, tariff.maximum_micros))
    more += [
        ("discount", one.percent_micros, one.amount_micros, str(one.covers.value))
        for one in tariff.discounts
    ]
    more += [("cap", one.name, one.amount_micros) for one in tariff.caps]
    for bonus in tariff.bonuses:
        given = (bonus.amount_micros, str(bonus.metric.value), bonus.per, bonus.bands)
        more.append(("bonus", *given, bonus.rounding.mode, bonus.rounding.decimals))
    return more


def _require_instant(value: object) -> None:
    try:
        exact_int(value, "effective_at")
    except AmountError as error:
        raise TariffError(str(error)) from error
