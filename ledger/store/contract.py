"""What a store promises, whatever database it is: the seam between the books and SQLite or
PostgreSQL.

SQL stands in queries/*.sql; everybody above this seam names a query and hands in its parameters in
the order of its heading. Errors a caller can do something about are three: try again later
(`StoreUnavailable`), read the rows back first (`CommitUnknown`), call an operator
(`SchemaMismatch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import orjson

from ledger.ids import IdMaker
from ledger.store.named_queries import Dialect, Query

SqlValue = int | str | bytes | None
Row = tuple[Any, ...]

Step = tuple[str, Sequence[Sequence[SqlValue]]]
"""A named writing query, and the rows of parameters that it is run for."""


class StoreError(Exception):
    """Something is wrong with the store itself; the message names what, and the remedy."""


class StoreUnavailable(StoreError):
    """Locked, full or unreadable: nothing of this transaction was committed; try again later."""


class StoreInUse(StoreUnavailable):
    """Others have the store open and it was asked for alone, or the other way round."""


class UnfinishedBooks(StoreError):
    """The store holds a part of the books: what was moving them in was cut."""


class KeyExists(StoreError):
    """A statement would have written a unique key twice, and wrote nothing; the transaction goes on
    from its last savepoint."""


class CommitUnknown(StoreError):
    """The commit may have been written: read the rows back before sending anything again."""


class SchemaMismatch(StoreError):
    """The store's schema is not one that this program knows."""


class Reader(Protocol):
    """Runs reading queries, all on one state of the books."""

    async def fetch(self, query: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        """All rows of a named query. The query bounds how many those are."""
        ...


class Transaction(Reader, Protocol):
    """One writing transaction: all of it is committed, or nothing."""

    @property
    def ids(self) -> IdMaker:
        """Makes ids that no transaction of this store ever made before."""
        ...

    async def execute(self, query: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run a named writing query; the number of rows that it changed."""
        ...

    async def execute_many(self, query: str, rows: Sequence[Sequence[SqlValue]]) -> int:
        """Run a named writing query for each row of parameters; rows changed in all."""
        ...

    async def execute_all(self, steps: Sequence[Step]) -> list[int]:
        """Run named writing queries in their order, each for each row of its parameters; the rows
        that each changed. Without rows a query is not run.
        """
        ...


class Store(Protocol):
    """An open store. Close it in a `finally`: its threads outlive a forgotten one."""

    @property
    def store_id(self) -> str:
        """Made with the first migration; journals carry it (rule of exactness 4)."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know at start-up."""
        ...

    @property
    def dialect(self) -> Dialect:
        """Which database this is."""
        ...

    @property
    def place(self) -> str:
        """The file, or the URL without its query: for messages."""
        ...

    def learn(self, queries: Iterable[Query]) -> None:
        """Run these by their names as well (ledger/store/tables.py)."""
        ...

    def read(self) -> AbstractAsyncContextManager[Reader]:
        """One page of reading on one state of the books; keep it short."""
        ...

    def transaction(self, *, shared: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """One writing transaction, committed when the block ends and rolled back when it raises.

        Nobody else writes meanwhile. shared: others that say so may, where the database can; the
        block must hold its own by compare-and-set, sums and unique keys, as postings do.
        """
        ...

    async def wait_for_change(self, *, timeout_s: float) -> None:
        """Return when somebody changed a customer or a price list, or after `timeout_s`."""
        ...

    async def make_room(self, *, at: int) -> None:
        """Make ready for the months from `at` (epoch seconds) on. The daemon asks every day."""
        ...

    async def close(self) -> None:
        """End the connections and their threads. May be called twice."""
        ...


def store_id_of(rows: Sequence[Row], *, place: str, alone: bool) -> str:
    """The id of a store from its row; "" without one, which only who is moving books may open.

    Raises UnfinishedBooks.
    """
    if not rows and not alone:
        raise UnfinishedBooks(
            f"store {place}: its books are not whole, for a copy into it was cut: run the same "
            "`aaactl store copy` or `aaactl restore` again, it goes on where it ended"
        )
    return str(rows[0][0]) if rows else ""


def in_use(place: str, *, alone: bool) -> StoreInUse:
    """What is said to who wanted the store alone, and to who came while somebody has it alone."""
    if alone:
        return StoreInUse(
            f"store {place} is in use: end the daemons that serve it (`aaactl drain`) and let "
            "the jobs end, then try again"
        )
    return StoreInUse(
        f"store {place} is being copied or restored: wait until that has ended, and look which "
        "store the configuration should name then"
    )


def json_list(values: Iterable[object]) -> str:
    """A list parameter: queries unfold it, so that one query serves any number of keys."""
    return orjson.dumps(list(values)).decode()
