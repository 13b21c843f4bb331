"""Many rows at once on PostgreSQL, derived from the query that writes one.

A round trip a row costs 100 us. So each parameter becomes a list, unnest makes rows of the lists,
and the query's own text says what is done with a row. Rows are taken in the order given: who sorts
them by key cannot deadlock with another who does. An insert that no row can collide with is a COPY
into its table: 30 us of CPU less for a session that ends (docs/decisions/postgresql.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ledger.store.contract import SqlValue
from ledger.store.named_queries import INSERT, PARAMETER, Query, postgresql_type

_UPDATE = re.compile(r"\A(?P<head>UPDATE \w+ SET\s.*?)\nWHERE (?P<condition>.*)\Z", re.DOTALL)


def batch_sql(query: Query) -> str | None:
    """The query for many rows at once; None where only rows one by one are possible."""
    rows = _rows(query)
    if insert := INSERT.match(query.text):
        values = _from_rows(insert["values"])
        return f"{insert['head']}SELECT {values}\nFROM {rows}{insert['tail']}"
    if update := _UPDATE.match(query.text):
        head, condition = _from_rows(update["head"]), _from_rows(update["condition"])
        return f"{head}\nFROM {rows}\nWHERE {condition}"
    return None


def copy_table(query: Query) -> str | None:
    """The table whose columns are the query's parameters, in their order, when inserting them is
    all that the query does."""
    insert = INSERT.match(query.text)
    if insert is None or insert["tail"] != ";":
        return None
    given = tuple(f":{name}" for name in query.parameters)
    is_plain = _names(insert["columns"]) == query.parameters and _names(insert["values"]) == given
    return insert["table"] if is_plain else None


def columns(rows: Sequence[Sequence[SqlValue]]) -> list[tuple[SqlValue, ...]]:
    """Rows of parameters as lists, one a parameter."""
    return list(zip(*rows, strict=True))


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(","))


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
