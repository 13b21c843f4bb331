"""The checksum of the books: the sum of the SHA-256 of every row of a table, the same on SQLite and
PostgreSQL.

A row is msgpack of its columns: integers, text, octets and nothing mean the same in both databases.
A sum, for their keys, and so their orders, differ. What belongs to one store alone is left out
(tables.OWN_TABLES).
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

_SUM_OCTETS: Final = 32
_SUM_MASK: Final = (1 << 8 * _SUM_OCTETS) - 1

_encode: Final = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class TableSum:
    """One table's part of the checksum: how many rows, and the sum of their SHA-256 as hex."""

    rows: int
    sha256: str


class TableSummer:
    """Adds rows up as they pass."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0

    def add(self, rows: Sequence[Row]) -> None:
        """More rows, in any order."""
        self._rows += len(rows)
        digests = (hashlib.sha256(_encode(row)).digest() for row in rows)
        self._sum = (self._sum + sum(map(int.from_bytes, digests))) & _SUM_MASK

    def sum(self) -> TableSum:
        """What was added so far."""
        return TableSum(self._rows, self._sum.to_bytes(_SUM_OCTETS).hex())


async def pages(reader: Reader, table: Table) -> AsyncIterator[list[Row]]:
    """All rows of a table in the order of its key, in pages. `learn_tables` comes first."""
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
