"""Many rows at once on SQLite, derived from the query that writes one.

Each run of a statement costs the interpreter as much as a narrow row costs SQLite, and gives the
interpreter's lock away and takes it back. So an insert of many rows is a statement with many rows
of VALUES; updates go one by one, for joining them with a list costs more than it saves (measured:
docs/decisions/posting.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from ledger.store.contract import SqlValue
from ledger.store.named_queries import INSERT, PARAMETER, Query

ROWS_AT_ONCE = 64
"""Rows of one statement: of the gain of 500 it has nine tenths, and it is prepared in a moment."""


QUERIES_MAX = 512
"""Queries remembered: more than there are."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How a query is run for many rows."""

    one: str
    many: str | None  # for ROWS_AT_ONCE rows

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[SqlValue]]) -> int:
        """Run it for every row; how many rows it changed."""
        changed = 0
        whole = len(rows) - len(rows) % ROWS_AT_ONCE if self.many else 0
        for start in range(0, whole, ROWS_AT_ONCE):
            flat = tuple(chain.from_iterable(rows[start : start + ROWS_AT_ONCE]))
            changed += connection.execute(self.many or "", flat).rowcount
        if whole < len(rows):
            changed += connection.executemany(self.one, rows[whole:]).rowcount
        return changed


@lru_cache(maxsize=QUERIES_MAX)
def batch_of(query: Query) -> Batch:
    """The query for one row and, where it is an insert, for ROWS_AT_ONCE."""
    insert = INSERT.match(query.text)
    if insert is None or any(match["name"] for match in PARAMETER.finditer(insert["tail"])):
        return Batch(query.sql, None)
    count = len(query.parameters)
    values = ", ".join(
        f"({_numbered(insert['values'], query, row * count)})" for row in range(ROWS_AT_ONCE)
    )
    return Batch(query.sql, f"{insert['head']}VALUES {values}{insert['tail']}")


def _numbered(values: str, query: Query, before: int) -> str:
    """The values of one row, its parameters counted from those of the rows before it."""
    places = {name: before + place for place, name in enumerate(query.parameters, start=1)}
    return PARAMETER.sub(
        lambda match: f"?{places[match['name']]}" if match["name"] else match[0], values
    )
