"""Turns a PostgreSQL store into a distributed one (Citus): tables with an account are divided by it
and lie side by side, the small ones that are joined with them are on every node, the rest stays on
the node that is asked.

Works on an empty store and on a filled one; each table is one statement and one transaction, and
what is done already is passed over, so a run that was cut is begun again. The kinds of tables are
ledger/store/tables.py's; that the schema keeps the rules for it is tests/store's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import asyncpg

from ledger.store.contract import StoreError
from ledger.store.postgres import CONNECT_MAX_S, PostgresStore
from ledger.store.postgres_errors import translated
from ledger.store.sqlite import BUSY_MAX_MS
from ledger.store.tables import (
    REFERENCE_TABLES,
    SHARDED_BY,
    Table,
    fetch_tables,
    load_templates,
)

if TYPE_CHECKING:  # generic in its stubs only
    _Connection = asyncpg.Connection[asyncpg.Record]

FIRST: Final = "account"
"""The table that all divided ones lie beside."""

OnStatement = Callable[[str], None]
"""Hears each statement before it runs."""


class CannotDistribute(StoreError):
    """This store cannot be distributed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What there is to do. `extension` is the version of citus, "" without it."""

    extension: str
    statements: tuple[str, ...]


def plan(tables: Sequence[Table], *, done: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The statements that distribute `tables`, whoever is referred to first; `done`: tables that
    are distributed already."""
    templates = load_templates("citus")
    names = [table.name for table in tables if table.is_distributed]
    divided = [FIRST, *(name for name in names if name != FIRST)]
    references = [table.name for table in tables if table.name in REFERENCE_TABLES]
    steps = [("make_reference", name) for name in references]
    steps += [("distribute_first" if name == FIRST else "distribute", name) for name in divided]
    missing = [(step, name) for step, name in steps if name not in done]
    missing += [("drop_local_rows", name) for _, name in missing]
    return tuple(
        templates[step].format(table=name, column=SHARDED_BY, first=FIRST) for step, name in missing
    )


async def distribute(
    url: str, *, password: bytes | None, dry_run: bool, on_statement: OnStatement
) -> Distribution:
    """Distribute the store at `url`, which nobody has open; a dry run only tells the statements.

    Raises CannotDistribute without PostgreSQL or the extension, StoreError.
    """
    if not url.startswith("postgresql://"):
        raise CannotDistribute(
            f"store {url} is no PostgreSQL: copy the books there first with `aaactl store copy`"
        )
    secret = None if password is None else password.decode()
    store = await PostgresStore.open(
        url, password=secret, serves=False, node=0, busy_ms=BUSY_MAX_MS, alone=not dry_run
    )
    try:
        async with store.read() as reader:
            tables = await fetch_tables(reader)
        connection: _Connection
        connecting = asyncpg.connect(dsn=url, password=secret, timeout=CONNECT_MAX_S)
        connection = await translated(connecting, store.place)
        try:
            found = await _distribution(connection, tables)
            if not found.extension and not dry_run:
                raise CannotDistribute(
                    f"store {store.place}: the extension citus is not in this database: install "
                    "it on the server and all workers, then CREATE EXTENSION citus"
                )
            for statement in found.statements:
                on_statement(statement)
                if not dry_run:
                    await translated(connection.execute(statement), store.place)
        finally:
            await connection.close()
    finally:
        await store.close()
    return found


async def _distribution(connection: _Connection, tables: Sequence[Table]) -> Distribution:
    templates = load_templates("citus")
    version = await connection.fetchval(templates["fetch_extension"])
    if version is None:
        return Distribution("", plan(tables))
    rows = await connection.fetch(templates["fetch_done"])
    return Distribution(str(version), plan(tables, done=frozenset(name for (name,) in rows)))
