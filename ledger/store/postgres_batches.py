"""One statement for many rows on PostgreSQL, derived from the query that writes one.

A round trip a row costs 100 us, a row of a list 5 us (measured, benchmarks/store_posting.py). So
each parameter becomes a list, unnest makes rows of the lists, and the query's own text says what is
done with a row. Rows are taken in the order given: who sorts them by key cannot deadlock with
another who does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ledger.store.contract import SqlValue
from ledger.store.named_queries import PARAMETER, Query, postgresql_type

_INSERT = re.compile(
    r"\A(?P<head>INSERT\s+INTO\s+\w+\s+\([^)]*\)\s)VALUES \((?P<values>[^()]*)\)(?P<tail>.*)\Z",
    re.DOTALL,
)
_UPDATE = re.compile(r"\A(?P<head>UPDATE \w+ SET\s.*?)\nWHERE (?P<condition>.*)\Z", re.DOTALL)


def batch_sql(query: Query) -> str | None:
    """The query for many rows at once; None where only rows one by one are possible."""
    rows = _rows(query)
    if insert := _INSERT.match(query.text):
        values = _from_rows(insert["values"])
        return f"{insert['head']}SELECT {values}\nFROM {rows}{insert['tail']}"
    if update := _UPDATE.match(query.text):
        head, condition = _from_rows(update["head"]), _from_rows(update["condition"])
        return f"{head}\nFROM {rows}\nWHERE {condition}"
    return None


def columns(rows: Sequence[Sequence[SqlValue]]) -> list[tuple[SqlValue, ...]]:
    """Rows of parameters as lists, one a parameter."""
    return list(zip(*rows, strict=True))


def _rows(query: Query) -> str:
    lists = ", ".join(
        f"${number}::{postgresql_type(name)}[]"
        for number, name in enumerate(query.parameters, start=1)
    )
    names = ", ".join(f"given_{name}" for name in query.parameters)
    return f"unnest({lists}) AS batch ({names})"


def _from_rows(text: str) -> str:
    """Text whose parameters are columns of the batch; no table has a column of such a name."""
    return PARAMETER.sub(
        lambda match: f"batch.given_{match['name']}" if match["name"] else match[0], text
    )
