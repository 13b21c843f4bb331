"""The versions of a brand's price list in the store: text in, text out; ledger.catalog parses it.

A version is never edited. At an instant holds the version with the latest `effective_at` up to it;
of two with the same one, the later stored.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ledger.changes import bump_change
from ledger.store.contract import Reader, Transaction
from ledger.subscribers import PRICE_LIST_CHANGED

TEXT_LENGTH_MAX = 4_000_000
"""Characters of a price list: tens of thousands of prices."""


class PriceListRefused(ValueError):
    """A version that cannot be stored; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListVersion:
    """One stored text."""

    brand: str
    version: int
    effective_at: int
    sha256: str
    text: str = field(repr=False)
    stored_at: int
    actor: str


async def store_version(
    tx: Transaction, *, brand: str, text: str, effective_at: int, at: int, actor: str
) -> PriceListVersion:
    """Store a text that has been checked; the same text for the same instant is stored once.

    Raises PriceListRefused when it would change prices of the past (rule of exactness 4); a
    brand's first version may begin at any instant, for nothing can have been priced before it.
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise PriceListRefused(
            f"the price list has {len(text)} characters, at most {TEXT_LENGTH_MAX} fit: "
            "split the brand"
        )
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    versions = await tx.fetch("fetch_price_list_heads", (brand,))
    for _, same_at, same_sha256 in versions:
        if (same_at, same_sha256) == (effective_at, sha256):
            return await _stored(tx, brand, same_at, same_sha256)
    if versions and effective_at < at:
        raise PriceListRefused(
            f"effective_at {effective_at} lies before now ({at}): a change of the past "
            "needs rerating; choose an instant from now on"
        )
    await tx.execute("insert_brand", (brand, at))
    version = len(versions) + 1
    await tx.execute("insert_price_list", (brand, version, effective_at, sha256, text, at, actor))
    await bump_change(tx, PRICE_LIST_CHANGED)
    return await _stored(tx, brand, effective_at, sha256)


async def fetch_versions(reader: Reader, *, brand: str) -> list[PriceListVersion]:
    """All versions of a brand in the order in which they take effect."""
    return [
        PriceListVersion(
            brand=brand,
            version=version,
            effective_at=effective_at,
            sha256=sha256,
            text=text,
            stored_at=stored_at,
            actor=actor,
        )
        for version, effective_at, sha256, text, stored_at, actor in await reader.fetch(
            "fetch_price_lists", (brand,)
        )
    ]


async def fetch_brands(reader: Reader) -> list[str]:
    """The brands that have a price list or customers."""
    return [brand for (brand,) in await reader.fetch("fetch_brands")]


async def _stored(reader: Reader, brand: str, effective_at: int, sha256: str) -> PriceListVersion:
    return next(
        version
        for version in await fetch_versions(reader, brand=brand)
        if (version.effective_at, version.sha256) == (effective_at, sha256)
    )
