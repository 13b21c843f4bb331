"""What a price list says that the daemon does not count while a session runs, yet.

Allowances and prices over a counter are consumed in the order of the journal by one owner (rule of
exactness 8). The engine prices them, `aaactl rate` shows them; until the daemon keeps that
consumption, a list that needs it is refused where it would be charged, instead of charging without
it.
"""

from __future__ import annotations

from ledger.document import Finding
from ledger.pricelist import PriceList

REMEDY = "price it offline (aaactl rate), or leave it out of the list that is loaded"


def not_counted_live(pricelist: PriceList, *, source: str) -> tuple[Finding, ...]:
    """One finding for each allowance and each counter of a list."""
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
    return tuple(
        Finding(
            source=source,
            key=key,
            value=repr(value),
            problem=f"is {what}, which the daemon does not count in running sessions yet",
            remedy=REMEDY,
        )
        for key, value, what in (*allowances, *counters)
    )
