"""What a price list says that the daemon does not count while a session runs, yet.

Allowances, caps, prices and discounts over a counter are consumed in the order of the
journal by one owner (rule of exactness 8), and conditions of discounts are facts about the account.
The engine prices them, `aaactl rate` shows them; until the daemon keeps all that, a list that needs
it is refused where it would be charged, instead of charging without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.document import Finding
from ledger.pricelist import PriceList
from ratingcore.tariff import Tariff

REMEDY = "price it offline (aaactl rate), or leave it out of the list that is loaded"


def not_counted_live(pricelist: PriceList, *, source: str) -> tuple[Finding, ...]:
    """One finding for each thing of a list that the daemon would have to count or know."""
    allowances = [
        (f"offers.{offer.name}.allowances", allowance.name, "an allowance")
        for offer in pricelist.offers.values()
        for allowance in offer.allowances
    ]
    counters = [
        (f"tariffs.{tariff.name}.bands.{band.name}", price.counter, "a price over a counter")
        for tariff in pricelist.tariffs.values()
        for band in tariff.bands
        for price in band.prices
        if price.counter
    ]
    terms = [
        (f"tariffs.{tariff.name}.{key}", name, what)
        for tariff in pricelist.tariffs.values()
        for key, name, what in _terms_not_counted(tariff)
    ]
    return tuple(
        Finding(
            source=source,
            key=key,
            value=repr(value),
            problem=f"is {what}, which the daemon does not count in running sessions yet",
            remedy=REMEDY,
        )
        for key, value, what in (*allowances, *counters, *terms)
    )


def _terms_not_counted(tariff: Tariff) -> Iterator[tuple[str, str, str]]:
    """(key, name, what it is)."""
    for discount in tariff.discounts:
        if discount.counter or discount.conditional:
            yield "discounts", discount.name, "a discount with a condition"
    for cap in tariff.caps:
        yield "caps", cap.name, "a cap"
