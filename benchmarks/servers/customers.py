"""The customers that aaad is measured with: one account and one service for each user.

The first is registered by the ledger's own API; the others are copies of its rows with ids, logins
and passwords of their own, which is a hundred times faster. `aaactl store check` judges the result.
The tariff has two bands, by day and by night of New York's clock: `benchmarks/judge.py` computes
its prices by itself.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import asyncpg

from ledger.accounts import AccountRules, NewAccount, NewService, register_account
from ledger.changes import Authorship
from ledger.credentials import prepare_password, seal_password
from ledger.model import CredentialScheme
from ledger.pricelists import store_version
from ledger.seal import Sealer
from ledger.store import open_store

BRAND = "default"
OFFER = "day-and-night"
STRIDE = 64
"""Between the ids of two copies: an account has fewer ids than that."""
EFFECTIVE_AT = 1_577_836_800  # 2020-01-01: before every session of a load

PRICE_LIST = f"""
[pricelist]
name = "Day and night"
currency = "USD"
zone = "America/New_York"
prices = "net"
gl = "usage"
tax_code = "internet-access"

[tariffs.{OFFER}]
[[tariffs.{OFFER}.bands]]
name = "day"
from = "08:00"
to = "20:00"
prices = [{{ metric = "seconds", amount = "1.20", per = "1 h" }}]
[[tariffs.{OFFER}.bands]]
name = "night"
prices = [{{ metric = "seconds", amount = "0.36", per = "1 h" }}]

[offers.{OFFER}]
tariff = "{OFFER}"
service = "broadband"
session_timeout = "24 h"
idle_timeout = "30 min"
interim_interval = "5 min"

[offers.{OFFER}.reply]
Service-Type = "Framed-User"
Framed-Protocol = "PPP"
"""
"""1.20 an hour is 333 1/3 micros a second: nearly every charge has to be rounded."""

Row = Mapping[str, Any]


async def fill(url: str, people: Sequence[tuple[bytes, bytes]], *, key: bytes) -> None:
    """Register everybody in an empty store."""
    sealer = Sealer(key)
    account_id = await _register_first(url, people[0], sealer)
    if url.startswith("postgresql://"):
        await _copy_postgresql(url, account_id, people[1:], sealer)
    else:
        _copy_sqlite(url.removeprefix("sqlite://"), account_id, people[1:], sealer)


async def _register_first(url: str, person: tuple[bytes, bytes], sealer: Sealer) -> int:
    by = Authorship(at=int(time.time()), actor="benchmark")
    rules = AccountRules(
        canonical=lambda name: name.decode(), offers=frozenset({OFFER}), sealer=sealer
    )
    store = await open_store(url, checkpoints=True)
    try:
        await store.make_room(at=by.at)
        async with store.transaction() as tx:
            await store_version(
                tx,
                brand=BRAND,
                text=PRICE_LIST,
                effective_at=EFFECTIVE_AT,
                at=by.at,
                actor="benchmark",
            )
            return await register_account(tx, _account(*person), rules=rules, by=by)
    finally:
        await store.close()


def _account(name: bytes, password: bytes) -> NewAccount:
    """One customer. The service is active since long: its sessions began hours ago."""
    service = NewService(
        login=name,
        offer=OFFER,
        password=prepare_password(CredentialScheme.SEALED, password),
        activated_at=EFFECTIVE_AT,
    )
    return NewAccount(
        brand=BRAND,
        name=name.decode(),
        currency="USD",
        zone="America/New_York",
        bill_day=1,
        services=(service,),
    )


def _copy_sqlite(
    path: str, account_id: int, people: Sequence[tuple[bytes, bytes]], sealer: Sealer
) -> None:
    with closing(sqlite3.connect(path)) as books, books:
        books.row_factory = sqlite3.Row
        names = books.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
        rows = {}
        for (table,) in names.fetchall():
            columns = [row["name"] for row in books.execute(f"PRAGMA table_info({table})")]
            if "account_id" in columns:
                query = f"SELECT * FROM {table} WHERE account_id = ?"  # noqa: S608, our own tables
                rows[table] = [dict(row) for row in books.execute(query, (account_id,))]
        for table, columns, copies in _copies(rows, people, sealer):
            marks = ", ".join("?" * len(columns))
            into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
            books.executemany(into, copies)


async def _copy_postgresql(
    url: str, account_id: int, people: Sequence[tuple[bytes, bytes]], sealer: Sealer
) -> None:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            """SELECT c.relname FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND c.relnamespace = 'public'::regnamespace ORDER BY c.oid"""
        )
        rows = {}
        for (table,) in tables:
            query = f"SELECT * FROM {table} WHERE account_id = $1"  # noqa: S608, our own tables
            rows[table] = [dict(row) for row in await connection.fetch(query, account_id)]
        async with connection.transaction():
            for table, columns, copies in _copies(rows, people, sealer):
                await connection.copy_records_to_table(table, columns=columns, records=copies)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _copies(
    rows: Mapping[str, Sequence[Row]], people: Sequence[tuple[bytes, bytes]], sealer: Sealer
) -> Iterator[tuple[str, list[str], Iterable[tuple[Any, ...]]]]:
    """(table, columns, rows) in the order in which foreign keys allow them."""
    for table, of_account in rows.items():
        for row in of_account:
            copies = (
                tuple(_copied(row, number, person, sealer).values())
                for number, person in enumerate(people, start=1)
            )
            yield table, list(row), copies


def _copied(row: Row, number: int, person: tuple[bytes, bytes], sealer: Sealer) -> dict[str, Any]:
    """One row for another account: the same but for ids, name and password."""
    name, password = person
    copy = {
        column: value + number * STRIDE if value and column.endswith("_id") else value
        for column, value in row.items()
    }
    for column in ("login", "name"):
        if column in copy:
            copy[column] = name.decode()
    if "secret" in copy:
        prepared = prepare_password(CredentialScheme.SEALED, password)
        service_id = copy["service_id"]
        copy["secret"] = seal_password(sealer, service_id=service_id, prepared=prepared).secret
    return copy
