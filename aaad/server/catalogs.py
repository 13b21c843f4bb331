"""The price lists of all brands in memory, read from the store; a reload makes new catalogues and
swaps them.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from aaad.policy.reply import EncodeNamed
from aaad.radius.attributes import encode_attribute
from aaad.radius.dictionary import Dictionary
from ledger.catalog import Catalog
from ledger.pricelists import fetch_brands, fetch_versions
from ledger.store.contract import Store
from ledger.stored_catalog import catalog_of


class Catalogs:
    """One `Catalog` for each brand."""

    def __init__(self, store: Store, *, log: FilteringBoundLogger) -> None:
        self._store = store
        self._log = log
        self._by_brand: dict[str, Catalog] = {}

    def of(self, brand: str) -> Catalog:
        """The catalogue of a brand; an empty one if it has no price list."""
        return self._by_brand.get(brand) or Catalog()

    async def load(self) -> None:
        """Read all versions. What was loaded into the store was checked then: a mistake here is
        ours.
        """
        async with self._store.read() as reader:
            loaded = {
                brand: catalog_of(await fetch_versions(reader, brand=brand))
                for brand in await fetch_brands(reader)
            }
        self._by_brand = loaded
        self._log.info(
            "price_lists_loaded",
            versions={brand: len(catalog.versions) for brand, catalog in loaded.items()},
        )


def reply_encoder(dictionary: Dictionary, log: FilteringBoundLogger) -> EncodeNamed:
    """Encodes reply attributes by name. One that cannot be encoded is left out, with an error in
    the log.
    """

    def encode(name: str, value: str) -> bytes:
        try:
            return encode_attribute(dictionary.require(name), value)
        except (KeyError, ValueError) as error:
            log.error("reply_attribute_left_out", attribute=name, value=value, error=str(error))
            return b""

    return encode
