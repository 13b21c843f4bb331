"""An open, empty store for each kind of database that the contract suite runs on."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.store import Store, open_store
from tests.citus import CITUS_DSN, empty_citus_books
from tests.postgres_cluster import Cluster, run_sql, running_cluster, why_absent

NEW_KINDS = ("sqlite", "postgresql")
STORE_KINDS = (*NEW_KINDS, "citus") if CITUS_DSN else NEW_KINDS


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """One server for all tests of a process; skipped where PostgreSQL is not installed."""
    if reason := why_absent():
        pytest.skip(reason)
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> str:
    """A database with empty books."""
    return postgres_cluster.empty_books()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet."""
    return f"sqlite://{tmp_path}/books.db"


@pytest.fixture(params=STORE_KINDS)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a store with empty books, of each kind in turn."""
    if request.param == "citus":
        return empty_citus_books()
    url: str = request.getfixturevalue(
        "sqlite_url" if request.param == "sqlite" else "postgres_url"
    )
    return url


@pytest.fixture(params=NEW_KINDS)
def fresh_url(request: pytest.FixtureRequest) -> str:
    """The URL of a store that does not exist yet, of each kind in turn."""
    if request.param == "sqlite":
        url: str = request.getfixturevalue("sqlite_url")
        return url
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.new_database()


def run_on_books(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements behind the store's back, as somebody with a terminal would; the rows of the
    last."""
    if url.startswith("postgresql:"):
        return run_sql(url, *statements)
    connection = sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)
    try:
        return [connection.execute(statement).fetchall() for statement in statements][-1]
    finally:
        connection.close()


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open store, closed afterwards."""
    opened = await open_store(store_url, checkpoints=True)
    try:
        yield opened
    finally:
        await opened.close()
