"""Proves that price lists come from the store, version by version, and that reply attributes are
encoded by their names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from aaad.radius.dictionary import load_dictionary
from aaad.server.catalogs import Catalogs, reply_encoder
from ledger.logs import get_logger
from ledger.pricelists import store_version
from ledger.store import Store
from tests.server_world import BRAND, PRICE_LIST, T0, new_books


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await new_books(tmp_path)
    try:
        yield opened
    finally:
        await opened.close()


async def test_versions_hold_from_their_instants(store: Store) -> None:
    catalogs = Catalogs(store, log=get_logger())
    assert catalogs.of(BRAND.name).pricelist_at(T0) is None, "nothing is read yet"
    await catalogs.load()
    before = catalogs.of(BRAND.name)
    assert before.offer("metered", T0) is not None
    text = PRICE_LIST.replace("offers.metered", "offers.renamed")
    async with store.transaction() as tx:
        await store_version(
            tx, brand=BRAND.name, text=text, effective_at=T0 + 10, at=T0, actor="tests"
        )
    assert catalogs.of(BRAND.name) is before, "until it is read again"
    await catalogs.load()
    catalog = catalogs.of(BRAND.name)
    assert len(catalog.versions) == 2
    assert catalog.offer("metered", T0 + 9) is not None
    assert catalog.offer("metered", T0 + 10) is None
    assert catalog.offer("renamed", T0 + 10) is not None


async def test_a_brand_without_a_price_list_has_an_empty_catalogue(store: Store) -> None:
    catalogs = Catalogs(store, log=get_logger())
    await catalogs.load()
    assert catalogs.of("another").versions == ()


def test_a_reply_attribute_is_encoded_by_its_name() -> None:
    encode = reply_encoder(load_dictionary(), get_logger())
    assert encode("Service-Type", "Framed-User") == b"\x06\x06\x00\x00\x00\x02"
    assert encode("Filter-Id", "gold") == b"\x0b\x06gold"


@pytest.mark.parametrize(
    ("name", "value"), [("No-Such-Attribute", "1"), ("Framed-IP-Address", "not an address")]
)
def test_what_cannot_be_encoded_is_left_out_and_said(name: str, value: str) -> None:
    with capture_logs() as lines:
        assert reply_encoder(load_dictionary(), get_logger())(name, value) == b""
    (line,) = lines
    assert (line["event"], line["attribute"]) == ("reply_attribute_left_out", name)
