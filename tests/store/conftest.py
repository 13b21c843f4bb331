"""An open, empty store for each kind of database that the contract suite runs on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.store import Store, open_store

STORE_KINDS = ("sqlite",)


@pytest.fixture(params=STORE_KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that does not exist yet."""
    assert request.param == "sqlite"
    return f"sqlite://{tmp_path}/books.db"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open store, closed afterwards."""
    opened = await open_store(store_url, checkpoints=True)
    try:
        yield opened
    finally:
        await opened.close()
