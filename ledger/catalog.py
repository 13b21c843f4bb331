"""The catalogue of a brand: all versions of its price list, and what they mean at an instant.

A version holds from its effective instant until the next one's. Offers, limits and prices are read
at the instant of the usage (rule of exactness 4), so every version that usage may still refer to
stays here. A `Catalog` never changes: loading a version makes a new one. What was in force at an
instant is then as before, so the tariff versions of a session keep their places, and packed meters
their cells.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from math import lcm
from typing import Final

from ledger.model import Offer, Purchase
from ledger.price_tariffs import ACCOUNT_ZONE
from ledger.pricelist import PriceList
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.tariff import LCM_MAX, Tariff, tariff_multiple

TIMELINES_MAX: Final = 4096
"""Timelines kept: the offers of a large provider in all its zones; some 20 MB."""


class CatalogError(Exception):
    """Versions that cannot stand in one catalogue; the message holds the remedy."""


_Entries = tuple[tuple[int, int], ...]
"""(effective_at, tariff number) of each tariff that a session meets."""


class Catalog:
    """The versions of one brand's price list, and the timelines of their tariffs.

    Sessions under the same tariff versions share one Timeline.
    """

    def __init__(self, versions: Sequence[tuple[int, PriceList]] = ()) -> None:
        """`versions` are (effective_at, price list) in the order in which they were loaded.

        Of two with the same instant, the one loaded later holds. Raises CatalogError.
        """
        in_force = sorted(
            dict(versions).items(), key=lambda version: version[0]
        )  # a dict keeps the later of two
        self._instants = tuple(effective_at for effective_at, _ in in_force)
        self._lists = tuple(pricelist for _, pricelist in in_force)
        self._of_one_offer: dict[tuple[str, int], _Entries] = {}
        self._timelines: OrderedDict[tuple[object, ...], Timeline] = OrderedDict()
        _check_versions(self._lists)
        # Equal tariffs of several versions become one, with a number: comparing is then cheap.
        numbers: dict[Tariff, int] = {}
        self._numbers = tuple(
            {name: numbers.setdefault(tariff, len(numbers)) for name, tariff in one.tariffs.items()}
            for one in self._lists
        )
        self._tariffs = tuple(numbers)

    @property
    def versions(self) -> tuple[tuple[int, PriceList], ...]:
        """(effective_at, price list) of those that hold at some instant, in their order."""
        return tuple(zip(self._instants, self._lists, strict=True))

    def pricelist_at(self, at: int) -> PriceList | None:
        """The version in force at an instant; None before the first."""
        version = self._version(at)
        return None if version is None else self._lists[version]

    def offer(self, name: str, at: int) -> Offer | None:
        """An offer as it is at an instant; None if it is not sold then."""
        pricelist = self.pricelist_at(at)
        return None if pricelist is None else pricelist.offers.get(name)

    def offers_at(self, purchases: Sequence[Purchase], at: int) -> tuple[Offer, ...]:
        """The offers owned at an instant, as they are then, the latest purchase first."""
        sold = (self.offer(purchase.offer, at) for purchase in _owned(purchases, at))
        return tuple(offer for offer in sold if offer is not None)

    def next_change(self, purchases: Sequence[Purchase], at: int) -> int | None:
        """The first instant after `at` at which `offers_at` may say something else; None: never."""
        return next((later for later in self._changes(purchases, at) if later > at), None)

    def timeline(
        self, purchases: Sequence[Purchase], started_at: int, account_zone: str
    ) -> Timeline | None:
        """The tariff versions that price a session which began (or was adopted) at `started_at`.

        The latest purchase whose offer has a tariff decides; another offer, or another version of
        the list, switches the tariff at its instant. Where a purchase ends and none follows, the
        last tariff goes on: what the network still delivers is not free. None if no tariff is in
        force at the start: such usage is for suspense.

        Raises ratingcore's TariffError for a zone that does not exist.
        """
        entries = self._entries(purchases, started_at)
        if not entries:
            return None
        in_account_zone = any(self._tariffs[number].zone == ACCOUNT_ZONE for _, number in entries)
        key = (account_zone if in_account_zone else "", *entries)
        timeline = self._timelines.get(key)
        if timeline is None:
            timeline = self._compile(entries, account_zone)
            self._timelines[key] = timeline
            if len(self._timelines) > TIMELINES_MAX:
                self._timelines.popitem(last=False)
        else:
            self._timelines.move_to_end(key)
        return timeline

    def _compile(self, entries: Sequence[tuple[int, int]], account_zone: str) -> Timeline:
        versions = []
        for effective_at, number in entries:
            tariff = self._tariffs[number]
            if tariff.zone == ACCOUNT_ZONE:
                tariff = replace(tariff, zone=account_zone)
            versions.append((effective_at, tariff))
        return compile_timeline(versions)

    def _entries(self, purchases: Sequence[Purchase], started_at: int) -> _Entries:
        """The tariffs from `started_at` on. Most services own one offer, for good: kept ready."""
        version = self._version(started_at)
        if version is None:
            return ()
        if (
            len(purchases) > 1
            or not _owned(purchases, started_at)
            or purchases[0].to_at is not None
        ):
            return self._find_entries(purchases, started_at)
        offer = purchases[0].offer
        entries = self._of_one_offer.get((offer, version))
        if entries is None:
            entries = self._find_entries(purchases, started_at)
            if offer in self._lists[version].offers:  # so what is kept is as bounded as the lists
                self._of_one_offer[offer, version] = entries
        return entries

    def _find_entries(self, purchases: Sequence[Purchase], started_at: int) -> _Entries:
        """(effective_at, tariff number) from `started_at` on; equal neighbours are one.

        The first entry begins with its version of the list, not with the session or the purchase:
        so that sessions share it. Changes after the start only add entries at the end.
        """
        entries: list[tuple[int, int]] = []
        for at in self._changes(purchases, started_at):
            number = self._tariff_number(purchases, at)
            if number is None:
                if not entries:
                    return ()
            elif not entries:
                version = self._version(at)
                assert version is not None
                entries.append((self._instants[version], number))
            elif entries[-1][1] != number:
                entries.append((at, number))
        return tuple(entries)

    def _changes(self, purchases: Sequence[Purchase], started_at: int) -> list[int]:
        """`started_at` and every later instant at which a tariff may change, in order."""
        instants = {started_at, *self._instants[bisect_right(self._instants, started_at) :]}
        for purchase in purchases:
            instants.add(purchase.from_at)
            if purchase.to_at is not None:
                instants.add(purchase.to_at)
        return sorted(at for at in instants if at >= started_at)

    def _tariff_number(self, purchases: Sequence[Purchase], at: int) -> int | None:
        version = self._version(at)
        if version is None:
            return None
        offers = self._lists[version].offers
        for purchase in _owned(purchases, at):
            offer = offers.get(purchase.offer)
            if offer is not None and offer.tariff:
                return self._numbers[version][offer.tariff]
        return None

    def _version(self, at: int) -> int | None:
        index = bisect_right(self._instants, at) - 1
        return index if index >= 0 else None


def _owned(purchases: Sequence[Purchase], at: int) -> list[Purchase]:
    """The purchases that are in force at an instant, the latest first."""
    owned = [
        one for one in purchases if one.from_at <= at and (one.to_at is None or at < one.to_at)
    ]
    if len(owned) > 1:
        owned.sort(key=lambda one: (one.from_at, one.purchase_id), reverse=True)
    return owned


def _check_versions(lists: Sequence[PriceList]) -> None:
    currencies = sorted({pricelist.currency for pricelist in lists})
    if len(currencies) > 1:
        raise CatalogError(
            f"the versions are in {', '.join(currencies)}: a running session has one currency; "
            "sell in another currency under another brand"
        )
    parts = {tariff_multiple(tariff) for one in lists for tariff in one.tariffs.values()}
    if lcm(*parts) > LCM_MAX:
        raise CatalogError(
            f"the units of all tariffs ({', '.join(map(str, sorted(parts)))}, times what their "
            "discounts divide by) have no common multiple in 63 bits: use units that divide each "
            "other, and percents with few decimals"
        )
