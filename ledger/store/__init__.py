"""The store: one contract on SQLite and PostgreSQL. SQL stands in queries/*.sql."""

from __future__ import annotations

from ledger.store.contract import (
    CommitUnknown,
    KeyExists,
    Reader,
    SchemaMismatch,
    Store,
    StoreError,
    StoreInUse,
    StoreUnavailable,
    Transaction,
    UnfinishedBooks,
)
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import BUSY_MAX_MS, SqliteStore

__all__ = [
    "CommitUnknown",
    "KeyExists",
    "Reader",
    "SchemaMismatch",
    "Store",
    "StoreError",
    "StoreInUse",
    "StoreUnavailable",
    "Transaction",
    "UnfinishedBooks",
    "open_store",
    "sqlite_path",
]

_SQLITE_PREFIX = "sqlite://"
_POSTGRESQL_PREFIX = "postgresql://"


async def open_store(
    url: str,
    *,
    checkpoints: bool,
    node: int = 0,
    busy_ms: int = BUSY_MAX_MS,
    password: bytes | None = None,
    alone: bool = False,
) -> Store:
    """Open the books at `sqlite:///absolute/path` or `postgresql://user@host/database`, migrated to
    the newest schema.

    checkpoints: True for the daemon's writer and nobody else while it runs: it checkpoints (SQLite)
    and has its node's number to itself (PostgreSQL). node: whose
    ids the store's transactions make (0..63; a worker's journal number). busy_ms: how long a locked
    store is waited for. password: for PostgreSQL, which is also told where it listens
    (`?host=/run/postgresql&port=5433`) and what else its clients may say (`?sslmode=verify-full`).
    alone: for moving books: nobody else has the store open, nor opens it meanwhile, and its books
    may be unfinished.

    Raises ValueError for a URL of another form, StoreUnavailable, StoreInUse, SchemaMismatch,
    UnfinishedBooks.
    """
    if url.startswith(_POSTGRESQL_PREFIX):
        secret = None if password is None else password.decode()
        return await PostgresStore.open(
            url, password=secret, serves=checkpoints, node=node, busy_ms=busy_ms, alone=alone
        )
    path = sqlite_path(url)
    if path is None:
        raise ValueError(
            f"store URL {url!r} is not known: write sqlite:///absolute/path, as in "
            "sqlite:////var/lib/aaad/books.db or sqlite:///var/lib/aaad/books.db, or "
            "postgresql://user@host/database"
        )
    return await SqliteStore.open(
        path, checkpoints=checkpoints, node=node, busy_ms=busy_ms, alone=alone
    )


def sqlite_path(url: str) -> str | None:
    """The file that a URL of SQLite names; None for any other URL."""
    path = url.removeprefix(_SQLITE_PREFIX)
    return path if url.startswith(_SQLITE_PREFIX) and path.startswith("/") else None
