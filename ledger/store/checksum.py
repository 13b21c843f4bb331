"""The checksum of the books: the SHA-256 of every row of a table, added up, the same on SQLite and
PostgreSQL.

A row is msgpack of its columns: integers, text, octets and nothing mean the same in both databases.
A sum knows no order, so each store is read in the order in which it keeps its rows. What belongs to
one store alone is left out (tables.OWN_TABLES).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ledger.store.contract import Reader, Row, Store
from ledger.store.tables import Table, statement_name

ROWS_PAGE: Final = 5_000
"""Rows read and written at once: some 10 MB, and a tenth of a second."""

OnRows = Callable[[int], None]
"""Hears how many rows more are done."""

SUM_BITS: Final = 256
"""A sum of digests is kept to their own size."""

_encode: Final = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class TableSum:
    """One table's part of the checksum."""

    rows: int
    sha256: str


class TableSummer:
    """Adds rows up as they pass."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0

    def add(self, rows: Sequence[Row]) -> None:
        """More rows."""
        self._rows += len(rows)
        for row in rows:
            self._sum += int.from_bytes(hashlib.sha256(_encode(row)).digest())
        self._sum %= 1 << SUM_BITS

    def sum(self) -> TableSum:
        """What was added so far."""
        return TableSum(self._rows, f"{self._sum:064x}")


async def pages(reader: Reader, table: Table) -> AsyncIterator[list[Row]]:
    """All rows of a table in the order of its store's key, in pages. `learn_tables` comes first."""
    rows = await reader.fetch(statement_name("fetch_first_rows", table.name), (ROWS_PAGE,))
    while rows:
        yield rows
        last = key_of(table, rows[-1])
        rows = await reader.fetch(statement_name("fetch_more_rows", table.name), (*last, ROWS_PAGE))


def key_of(table: Table, row: Row) -> Row:
    """A row's primary key."""
    return tuple(row[place] for place in table.key_places)


async def count_rows(store: Store, tables: Iterable[Table]) -> int:
    """How many rows there are in all: what a progress bar goes by."""
    async with store.read() as reader:
        counts = [await reader.fetch(statement_name("count_rows", table.name)) for table in tables]
    return sum(count for ((count,),) in counts)


async def sum_books(
    store: Store, tables: Iterable[Table], *, on_rows: OnRows
) -> dict[str, TableSum]:
    """The checksum of each table, on one state of the books."""
    sums = {}
    async with store.read() as reader:
        for table in tables:
            summer = TableSummer()
            async for rows in pages(reader, table):
                summer.add(rows)
                on_rows(len(rows))
            sums[table.name] = summer.sum()
    return sums


def differences(one: Mapping[str, TableSum], other: Mapping[str, TableSum]) -> list[str]:
    """The tables that are not the same, in words."""
    nothing = TableSum(0, "")
    found = []
    for name in sorted(one.keys() | other.keys()):
        here, there = one.get(name, nothing), other.get(name, nothing)
        if here.rows != there.rows:
            found.append(f"{name} has {here.rows} rows here and {there.rows} there")
        elif here != there:
            found.append(f"{name} has other values in some of its {here.rows} rows")
    return found
