"""The catalogue that the stored versions of a brand's price list make together.

Versions are kept as they were loaded; of two for the same instant the later loaded one holds, as if
the other had never been. The texts were checked when they were loaded.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger.catalog import Catalog
from ledger.pricelist import parse_pricelist
from ledger.pricelists import PriceListVersion


def catalog_of(versions: Iterable[PriceListVersion]) -> Catalog:
    """The catalogue of one brand. Raises CatalogError when its versions cannot stand together."""
    holding = {
        one.effective_at: one for one in sorted(versions, key=lambda version: version.version)
    }
    return Catalog(
        [
            (at, parse_pricelist(holding[at].text, source=f"version {holding[at].version}"))
            for at in sorted(holding)
        ]
    )
