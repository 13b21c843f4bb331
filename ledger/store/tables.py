"""The tables of the books as the database's own catalogue lists them, and the statements that move
any of them.

Copying, backups, checksums and distribution go by this list, so that a new table or column needs no
word from them. Only what a catalogue cannot know stands here: which tables belong to one store and
stay behind, and which are whole on every node of a distributed store.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.store.contract import Reader, Store
from ledger.store.named_queries import Dialect, Query

OWN_TABLES: Final = frozenset({"store", "schema_migration", "id_floor", "event_key"})
"""Facts about one store: its identity and making, ids given out, keys that events have as well."""

REFERENCE_TABLES: Final = frozenset({"brand", "price_list", "login"})
"""Whole on every node: small, seldom written, joined with accounts (Citus: reference tables)."""

LOCAL_TABLES: Final = frozenset(
    {
        "store",
        "schema_migration",
        "id_floor",
        "bill_number",
        "suspense",
        "boot",
        "journal_position",
        "change_counter",
        "payment_reference",
    }
)
"""On the node that is asked: of no account, written often, joined with nothing large."""

SHARDED_BY: Final = "account_id"
"""What a distributed table is divided by; every other table's primary key begins with it."""

_TEMPLATES: Final = Path(__file__).parent / "templates"
_BLOCK: Final = re.compile(r"^-- name: (\w+)\n(.*?;)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in their order, and those of its primary key in the key's order."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def is_distributed(self) -> bool:
        """Whether its rows are divided by account on a distributed store."""
        return self.name not in REFERENCE_TABLES | LOCAL_TABLES

    @property
    def key_places(self) -> tuple[int, ...]:
        """Where the key's columns stand in a row."""
        return tuple(self.columns.index(name) for name in self.key)


async def fetch_tables(reader: Reader) -> tuple[Table, ...]:
    """All tables, whoever is referred to before who refers to it."""
    columns: dict[str, list[str]] = {}
    keys: dict[str, list[tuple[int, str]]] = {}
    for table, column, place in await reader.fetch("fetch_columns"):
        columns.setdefault(table, []).append(column)
        if place:
            keys.setdefault(table, []).append((place, column))
    return tuple(
        Table(name, tuple(names), tuple(column for _, column in sorted(keys[name])))
        for name, names in columns.items()
    )


async def learn_tables(store: Store) -> tuple[Table, ...]:
    """The tables whose rows are the books, and the store can run `statement_name`s of each."""
    async with store.read() as reader:
        tables = await fetch_tables(reader)
    store.learn(query for table in tables for query in statements_of(table, store.dialect))
    return tuple(table for table in tables if table.name not in OWN_TABLES)


def statement_name(statement: str, table: str) -> str:
    """What a statement of templates/tables.sql is called for one table."""
    return f"{statement}/{table}"


def statements_of(table: Table, dialect: Dialect) -> Iterator[Query]:
    """The statements of templates/tables.sql for one table."""
    mark = "?" if dialect is Dialect.SQLITE else "$"
    key = len(table.key)
    for name, template in load_templates("tables").items():
        count = 1 if name == "fetch_first_rows" else key + 1
        text = template.format(
            table=table.name,
            columns=_listed(table.columns),
            key=_listed(table.key),
            key_descending=_listed(f"{column} DESC" for column in table.key),
            after=_listed(f"{mark}{number}" for number in range(1, key + 1)),
            values=_listed(f":{column}" for column in table.columns),
            count=f"{mark}{count}",
        )
        yield Query(
            statement_name(name, table.name),
            table.columns if name == "insert_rows" else (),
            text,
            _numbered(text, table.columns, mark),
        )


def load_templates(name: str) -> dict[str, str]:
    """The statements of templates/<name>.sql by their names, with places in {braces}."""
    text = (_TEMPLATES / f"{name}.sql").read_text(encoding="utf-8")
    return dict(_BLOCK.findall(text))


def _numbered(text: str, columns: tuple[str, ...], mark: str) -> str:
    """The text with its named parameters numbered; PostgreSQL takes their types from the table."""
    numbers = {column: f"{mark}{number}" for number, column in enumerate(columns, start=1)}
    return re.sub(r":(\w+)", lambda match: numbers[match[1]], text)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
