"""Commands about price lists in the books: load a version, list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from aaad.control.command import Call, Instant, Name
from aaad.control.commands.customers import authorship, brand_settings
from aaad.control.reply_check import attribute_check
from ledger.clients import BRAND_DEFAULT
from ledger.holiday_calendars import with_holidays
from ledger.live_prices import not_counted_live
from ledger.pricelist import PriceListError, parse_pricelist
from ledger.pricelists import TEXT_LENGTH_MAX, PriceListVersion, fetch_versions, store_version
from ledger.stored_catalog import catalog_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListText:
    """A price list to be loaded, the name of its file for findings, and from when it holds."""

    text: Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH_MAX)]
    source: Name
    effective_at: Instant
    brand: Name = BRAND_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose price lists."""

    brand: Name = BRAND_DEFAULT


async def load(call: Call, arguments: PriceListText) -> Mapping[str, object]:
    """Checks a price list with the versions around it, stores it and lets the daemon have it."""
    brand_settings(call, arguments.brand)
    check = attribute_check(call.daemon.dictionary)
    pricelist = parse_pricelist(arguments.text, source=arguments.source, known_attribute=check)
    if findings := not_counted_live(pricelist, source=arguments.source):
        raise PriceListError(findings)
    by = authorship(call)
    async with call.daemon.store.transaction() as tx:
        version = await store_version(
            tx,
            brand=arguments.brand,
            text=with_holidays(arguments.text),
            effective_at=arguments.effective_at,
            at=by.at,
            actor=by.actor,
        )
        catalog_of(await fetch_versions(tx, brand=arguments.brand))  # raises: rolled back
    await call.daemon.catalog_changed()
    return _version_map(version)


async def list_versions(call: Call, arguments: Brand) -> Mapping[str, object]:
    """The versions of a brand in the order in which they take effect."""
    async with call.daemon.store.read() as reader:
        versions = await fetch_versions(reader, brand=arguments.brand)
    return {"versions": [_version_map(one) for one in versions]}


def _version_map(version: PriceListVersion) -> Mapping[str, object]:
    return {
        "brand": version.brand,
        "version": version.version,
        "effective_at": version.effective_at,
        "sha256": version.sha256,
        "stored_at": version.stored_at,
        "actor": version.actor,
    }
