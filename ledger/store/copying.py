"""Moves the books from one store into another: SQLite or PostgreSQL, either way, page by page.

The target has no id until every row is in it and both checksums agree: a daemon refuses half the
books (UnfinishedBooks). A copy that was cut goes on where it ended: it reads the source from the
beginning, for the checksum's sake, and writes what the target lacks. With the source's id, journal
positions and ids given out the target takes over its journals: a daemon that is started on it
replays what it had not posted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.ids import made_at_ms
from ledger.posting_rows import USAGE_EVENT
from ledger.store.checksum import (
    TableSum,
    TableSummer,
    count_rows,
    differences,
    key_of,
    pages,
    sum_books,
)
from ledger.store.contract import Reader, Row, SqlValue, Store, StoreError, Transaction
from ledger.store.named_queries import Dialect
from ledger.store.tables import Table, learn_tables, statement_name

SEEDED_TABLES: Final = frozenset({"change_counter"})
"""Tables that a new store has rows in."""

STORE: Final = "store"
EVENT: Final = "event"
EVENT_KEY: Final = "event_key"

_MONTHLY_BY: Final = "event_id"
"""Tables with this in their key are divided by the month in which the id was made."""


class CopyRefused(StoreError):
    """The target cannot take the books, or has not taken them as they are."""


class Progress(Protocol):
    """Hears how a copy gets on."""

    def begin(self, task: str, rows: int) -> None:
        """A part of the work that goes over so many rows."""
        ...

    def advance(self, rows: int) -> None:
        """So many rows of it are done."""
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did. `resumed_rows` were in the target already."""

    sums: dict[str, TableSum]
    resumed_rows: int

    @property
    def rows(self) -> int:
        """Rows of the books."""
        return sum(one.rows for one in self.sums.values())


async def copy_books(source: Store, target: Store, *, progress: Progress) -> Copied:
    """Copy all books into `target`, which is new, or which an earlier copy into it was cut.

    The target was opened alone; the source too, or is a PostgreSQL whose daemon may go on: it is
    read on one state. Raises CopyRefused for a target that has books, or has not got the same ones.
    """
    tables = await learn_tables(source)
    if not source.store_id:
        raise CopyRefused(f"{source.place} holds a part of the books: finish the copy into it")
    await _check_target(source, target, tables)
    progress.begin("copying", await count_rows(source, tables))
    copier = _Copier(target, progress.advance)
    async with source.read() as reader:
        await copier.begin(tables)
        sums = {table.name: await copier.copy(reader, table) for table in tables}
        await copier.add_own(reader)
        store_row = await reader.fetch(statement_name("fetch_first_rows", STORE), (1,))
    progress.begin("comparing", sum(one.rows for one in sums.values()))
    wrong = differences(sums, await sum_books(target, tables, on_rows=progress.advance))
    if wrong:
        raise CopyRefused(
            f"the copy in {target.place} is not the same: {'; '.join(wrong)}. The source has "
            "changed between two attempts, or is another: empty the target and copy again"
        )
    async with target.transaction() as transaction:
        await transaction.execute_many(statement_name("insert_rows", STORE), store_row)
    return Copied(sums, copier.resumed_rows)


async def _check_target(source: Store, target: Store, tables: Sequence[Table]) -> None:
    theirs = await learn_tables(target)
    if {(t.name, t.columns) for t in tables} != {(t.name, t.columns) for t in theirs}:
        raise CopyRefused(
            f"{source.place} and {target.place} have other tables: were both made by this program?"
        )
    if not target.store_id:
        return
    for table in theirs:
        if table.name in SEEDED_TABLES:
            continue
        async with target.read() as reader:
            if await reader.fetch(statement_name("fetch_last_key", table.name)):
                raise CopyRefused(
                    f"{target.place} holds books already ({table.name} has rows): "
                    "name a new file, or an empty database"
                )


class _Copier:
    """Writes tables into the target, from where an earlier copy ended."""

    def __init__(self, target: Store, on_rows: Callable[[int], None]) -> None:
        self._target = target
        self._on_rows = on_rows
        self._months: set[int] = set()
        self.resumed_rows = 0

    async def begin(self, tables: Sequence[Table]) -> None:
        """Take the target's id away, and what a new store has in its tables."""
        if not self._target.store_id:
            return
        async with self._target.transaction() as transaction:
            await transaction.execute(statement_name("empty", STORE))
            for table in tables:
                if table.name in SEEDED_TABLES:
                    await transaction.execute(statement_name("empty", table.name))

    async def copy(self, reader: Reader, table: Table) -> TableSum:
        """One table, in the order of its key; the source's part of the checksum."""
        async with self._target.read() as there:
            found = await there.fetch(statement_name("fetch_last_key", table.name))
        summer = TableSummer()
        async for rows in pages(reader, table):
            summer.add(rows)
            new = rows
            if found and key_of(table, rows[0]) <= found[0]:
                new = [row for row in rows if key_of(table, row) > found[0]]
                self.resumed_rows += len(rows) - len(new)
            if new:
                await self._insert(table, new)
            self._on_rows(len(rows))
        return summer.sum()

    async def add_own(self, reader: Reader) -> None:
        """Ids that were given out are not given out again."""
        floors = await reader.fetch("fetch_id_floors")
        async with self._target.transaction() as transaction:
            await transaction.execute_many("raise_id_floor", floors)

    async def _insert(self, table: Table, rows: Sequence[Row]) -> None:
        is_monthly = self._target.dialect is Dialect.POSTGRESQL and _MONTHLY_BY in table.key
        async with self._target.transaction() as transaction:
            if is_monthly:
                await self._make_months(transaction, table, rows)
            await transaction.execute_many(statement_name("insert_rows", table.name), rows)
            if is_monthly and table.name == EVENT:
                keys = _lasting_keys(table, rows)
                await transaction.execute_many(statement_name("insert_rows", EVENT_KEY), keys)

    async def _make_months(
        self, transaction: Transaction, table: Table, rows: Sequence[Row]
    ) -> None:
        """Make the partitions of the months in which the rows' ids were made."""
        place = table.columns.index(_MONTHLY_BY)
        days = {made_at_ms(row[place]) // 86_400_000 for row in rows} - self._months
        for day in sorted(days):
            parameters: tuple[SqlValue, ...] = (day * 86_400, 0)
            await transaction.fetch("make_partitions", parameters)
        self._months |= days


def _lasting_keys(event: Table, rows: Sequence[Row]) -> list[Row]:
    """The rows of `event_key`: PostgreSQL keeps the keys of what is no piece of usage apart, for
    they are unique over all months."""
    kind = event.columns.index("event_type")
    places = [event.columns.index(name) for name in ("account_id", "event_key", "event_id")]
    return [tuple(row[place] for place in places) for row in rows if row[kind] != USAGE_EVENT]
