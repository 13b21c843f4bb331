"""A Citus database that AAAD_TEST_CITUS_DSN names: made empty, migrated and distributed by our own
command, for the suites that run on it too.

Its public schema is dropped, so its name has to say that it is for tests.
"""

from __future__ import annotations

import os
from functools import cache

from ledger.store import open_store
from ledger.store.distribute import distribute
from tests.postgres_cluster import ALONE, TABLES, run_apart, run_sql

CITUS_DSN = os.environ.get("AAAD_TEST_CITUS_DSN", "")
"""As postgresql://user@host/name_with_test; empty: no Citus here."""

REFERRED_TO = ("bill", "service", "account", "brand")
"""Tables that foreign keys lead to, in the order in which they are emptied: last."""


def empty_citus_books() -> str:
    """The URL of distributed books with nothing in them."""
    tables = _distributed()
    emptying = map("DELETE FROM {}".format, tables)
    seed = "INSERT INTO change_counter (one, counter) VALUES (1, 0)"
    run_sql(CITUS_DSN, *ALONE[:1], *emptying, seed, "SELECT 1")
    return CITUS_DSN


@cache
def _distributed() -> tuple[str, ...]:
    name = CITUS_DSN.partition("?")[0].rpartition("/")[2]
    assert "test" in name, f"AAAD_TEST_CITUS_DSN: {name!r} does not say that it is for tests"
    run_sql(
        CITUS_DSN,
        *ALONE[:1],
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "CREATE EXTENSION IF NOT EXISTS citus",
        "SELECT 1",
    )
    run_apart(_migrate)
    run_apart(_distribute)
    names = {table for (table,) in run_sql(CITUS_DSN, TABLES)}
    return (*sorted(names - set(REFERRED_TO)), *REFERRED_TO)


async def _migrate() -> None:
    store = await open_store(CITUS_DSN, checkpoints=False)
    await store.close()


async def _distribute() -> None:
    await distribute(CITUS_DSN, password=None, dry_run=False, on_statement=lambda _: None)
