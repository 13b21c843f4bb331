"""The schema: migrations from zero, constraints that hold, and the rules of Citus over every
table."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.store import SchemaMismatch, open_store
from ledger.store.migrations import (
    MIGRATIONS_FOLDER,
    load_migrations,
    pending_migrations,
    statements,
)
from ledger.store.named_queries import Dialect, load_queries
from tests.store.builders import batch, cut, opening, register, session
from tests.store.conftest import run_on_books

# Small or of no account, so kept whole on every node: see the head of the first migration.
REFERENCE_TABLES = {
    "store",
    "schema_migration",
    "id_floor",
    "brand",
    "price_list",
    "login",
    "payment_reference",
    "bill_number",
    "suspense",
    "boot",
    "journal_position",
    "change_counter",
}


IMPOSSIBLE_ROWS = (
    "INSERT INTO balance VALUES (1, 'USD', 'ten', 0)",
    "INSERT INTO balance VALUES (1, 'USD', 0, -1)",
    "INSERT INTO balance VALUES (NULL, 'USD', 0, 0)",
    "INSERT INTO account VALUES"
    " (1, 'nobody', 'n', 'USD', 'UTC', 'active', '', NULL, 'taxable', '', 0, '{}')",
    "INSERT INTO account VALUES"
    " (1, 'isp', 'n', 'DOLLAR', 'UTC', 'active', '', NULL, 'taxable', '', 0, '{}')",
    "INSERT INTO account VALUES"
    " (1, 'isp', 'n', 'USD', 'UTC', 'sleeping', '', NULL, 'taxable', '', 0, '{}')",
    "INSERT INTO bill_unit VALUES (9, 9, 32, 14, 1, 1, NULL, 0, NULL, NULL)",
    "INSERT INTO service VALUES (77, 1, 'isp', 'ann', 'active', '', 0, '{}', '{}')",
    "INSERT INTO item VALUES (9, 9, 'mystery', 0, 'USD', 0, 0)",
    "INSERT INTO purchase VALUES (9, 1, 9, 'dialup', 100, 99, 1)",
    "INSERT INTO own_limit VALUES (9, 0, 'hours', 0, 1, 'miles', 1, 2, 0)",
    "INSERT INTO event (account_id, event_id, event_key, service_id, event_type, service_at,"
    " posted_at, actor, data) VALUES (9, 1, '', 0, 'topup', 0, 0, 'x', '{}')",
    "INSERT INTO event (account_id, event_id, service_id, event_type, service_at, posted_at, actor,"
    " data) VALUES (9, 1, 0, 'topup', 0, 0, 'x', '{}')",
    "INSERT INTO event (account_id, event_id, event_key, service_id, event_type, service_at,"
    " posted_at, actor, data) VALUES (9, 1, 'k', 0, 'usage', 0, 0, 'x', '{}')",
    "INSERT INTO bill VALUES"
    " (9, 1, 9, 'isp', NULL, 'USD', 0, 9, 0, '2026-01-15', '', 0, 0, 0, 0, NULL)",
    "INSERT INTO change_counter VALUES (2, 0)",
)
"""Statements that both dialects must refuse, after the customer of `A_CUSTOMER`."""

A_CUSTOMER = (
    "INSERT INTO brand VALUES ('isp', 0)",
    "INSERT INTO account VALUES"
    " (9, 'isp', 'n', 'USD', 'UTC', 'active', '', NULL, 'taxable', '', 0, '{}')",
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The schema alone, made by the migrations from zero."""
    connection = sqlite3.connect(tmp_path / "schema.db", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    for migration in load_migrations(MIGRATIONS_FOLDER / "sqlite"):
        for statement in statements(migration.text):
            connection.execute(statement)
    yield connection
    connection.close()


def tables(database: sqlite3.Connection) -> list[str]:
    found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [name for (name,) in found]


def unique_keys(database: sqlite3.Connection, table: str) -> list[set[str]]:
    """Columns of the primary key and of every unique index."""
    columns = database.execute(f"PRAGMA table_info({table})").fetchall()
    keys = [{name for _, name, _, _, _, position in columns if position}]
    for _, index, is_unique, *_ in database.execute(f"PRAGMA index_list({table})").fetchall():
        if is_unique:
            parts = database.execute(f"PRAGMA index_info({index})").fetchall()
            keys.append({name for *_, name in parts})
    return keys


def test_every_growing_table_has_the_account_or_an_id_in_all_its_unique_keys(
    database: sqlite3.Connection,
) -> None:
    """One file keeps an id unique by itself; on PostgreSQL the account stands in every key."""
    growing = set(tables(database)) - REFERENCE_TABLES
    assert {"session", "event", "impact", "balance", "service", "bill", "outbox"} <= growing
    for table in growing:
        for key in unique_keys(database, table):
            assert key & {"account_id", "session_id", "event_id"}, f"{table}: {key} has no owner"


def test_reference_tables_exist_and_hold_no_more_than_their_rule_says(
    database: sqlite3.Connection,
) -> None:
    assert set(tables(database)) >= REFERENCE_TABLES


def test_foreign_keys_stay_within_an_account_or_lead_to_reference_tables(
    database: sqlite3.Connection,
) -> None:
    seen = 0
    for table in tables(database):
        keys: dict[int, tuple[str, list[tuple[str, str]]]] = {}
        for number, _, target, source, column, *_ in database.execute(
            f"PRAGMA foreign_key_list({table})"
        ):
            keys.setdefault(number, (target, []))[1].append((source, column))
        for target, pairs in keys.values():
            seen += 1
            within = ("account_id", "account_id") in pairs
            assert within or target in REFERENCE_TABLES, f"{table} -> {target} crosses accounts"
    assert seen > 5


def test_ids_are_made_by_the_application(database: sqlite3.Connection) -> None:
    assert "sqlite_sequence" not in tables(database)  # no AUTOINCREMENT anywhere
    for (text,) in database.execute("SELECT sql FROM sqlite_master WHERE type = 'table'"):
        assert "AUTOINCREMENT" not in text.upper()


def test_every_table_is_strict_and_has_a_primary_key(database: sqlite3.Connection) -> None:
    listed = database.execute("PRAGMA table_list").fetchall()
    own = [row for row in listed if row[2] == "table" and not row[1].startswith("sqlite_")]
    assert len(own) == len(tables(database))
    for _, name, _, _, _, strict in own:
        assert strict == 1, f"{name} is not STRICT"
        assert unique_keys(database, name)[0], f"{name} has no primary key"


def test_no_join_of_the_queries_leaves_the_account() -> None:
    """Growing tables are joined by account_id, or reached from a list of keys."""
    growing = "service|purchase|own_limit|session|event|impact|bill_unit|credential|account"
    for query in load_queries(Dialect.SQLITE).values():
        for match in re.finditer(
            rf"JOIN ({growing}) AS (\w+)(.*?)(?=JOIN|WHERE|GROUP|ORDER|;|$)", query.sql, re.S
        ):
            condition = match[3]
            ways = (f"{match[2]}.account_id", f"{match[2]}.session_id IN")
            assert any(way in condition for way in ways), (
                f"{query.name}: joins {match[1]} without its account"
            )


def test_every_query_prepares_against_the_schema(database: sqlite3.Connection) -> None:
    for query in load_queries(Dialect.SQLITE).values():
        if query.sql.startswith(("SAVEPOINT", "ROLLBACK")):
            continue
        values = [None] * len(query.parameters)
        database.execute(f"EXPLAIN {query.sql}", values)


def test_every_query_is_called_by_name_somewhere() -> None:
    package = MIGRATIONS_FOLDER.parent.parent
    code = "\n".join(path.read_text() for path in package.rglob("*.py"))
    unused = [name for name in load_queries(Dialect.SQLITE) if f'"{name}"' not in code]
    assert unused == []


@pytest.mark.parametrize("statement", IMPOSSIBLE_ROWS)
def test_a_row_that_cannot_be_true_is_refused(database: sqlite3.Connection, statement: str) -> None:
    for customer in A_CUSTOMER:
        database.execute(customer)
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(statement)


async def test_opening_twice_applies_once_and_keeps_the_stores_id(fresh_url: str) -> None:
    first = await open_store(fresh_url, checkpoints=True)
    await first.close()
    second = await open_store(fresh_url, checkpoints=False)
    await second.close()
    assert len(first.store_id) == 32
    assert second.store_id == first.store_id
    applied = run_on_books(fresh_url, "SELECT count(*) FROM schema_migration")
    dialect = fresh_url.partition(":")[0]
    assert applied == [(len(load_migrations(MIGRATIONS_FOLDER / dialect)),)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE schema_migration SET sha256 = 'other' WHERE number = 1", "another text"),
        ("INSERT INTO schema_migration VALUES (99, 'later', 'x', 0)", "newer program"),
    ],
)
async def test_books_of_another_program_stop_the_start(
    fresh_url: str, change: str, message: str
) -> None:
    opened = await open_store(fresh_url, checkpoints=True)
    await opened.close()
    run_on_books(fresh_url, change)
    with pytest.raises(SchemaMismatch, match=message):
        await open_store(fresh_url, checkpoints=True)


def test_migration_files_are_contiguous_and_well_named(tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE t (a);")
    (tmp_path / "0003_third.sql").write_text("CREATE TABLE u (a);")
    with pytest.raises(SchemaMismatch, match=r"\[1, 3\]"):
        load_migrations(tmp_path)
    (tmp_path / "0003_third.sql").rename(tmp_path / "second.sql")
    with pytest.raises(SchemaMismatch, match=r"second\.sql"):
        load_migrations(tmp_path)


def test_only_what_is_missing_is_pending() -> None:
    known = load_migrations(MIGRATIONS_FOLDER / "sqlite")
    assert pending_migrations(known, {}) == known
    assert pending_migrations(known, {1: known[0].sha256}) == known[1:]


def test_a_migration_that_ends_in_the_middle_is_refused() -> None:
    assert statements("-- why\nCREATE TABLE t (a);\n-- end\n") == ["-- why\nCREATE TABLE t (a);"]
    with pytest.raises(SchemaMismatch, match="unfinished"):
        statements("CREATE TABLE t (a);\nCREATE TABLE u (a")


async def test_views_speak_plainly(sqlite_url: str) -> None:
    from ledger.posting import post

    store = await open_store(sqlite_url, checkpoints=True)
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id, user_name=b"Ann\x00\xff"))
    for posting in (first, cut(first.new, seconds=7200, charge_micros=2_500_001, ends=True)):
        async with store.transaction() as tx:
            await post(tx, batch(posting))
    await store.close()
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite://"))
    connection.row_factory = sqlite3.Row
    rows = {
        view: connection.execute(f"SELECT * FROM {view}").fetchall()
        for view in ("v_account", "v_service", "v_session", "v_event", "v_balance")
    }
    connection.close()
    assert rows["v_account"][0]["bill_day"] == 1
    assert rows["v_account"][0]["created"] == "2023-11-14T22:13:20Z"
    assert rows["v_account"][0]["credit_limit"] is None
    assert rows["v_service"][0]["login"] == "ann"
    assert rows["v_session"][0]["user_name"] == "Ann\\u{0}\\xff"
    assert rows["v_session"][0]["ended"] == "2023-11-15T00:13:20Z"
    assert rows["v_session"][0]["seconds"] == 7200
    assert rows["v_balance"][0]["posted"] == "2.500001"
    usage = [row for row in rows["v_event"] if row["event_type"] == "usage"]
    assert [(row["amount"], row["service_time"]) for row in usage] == [
        ("2.500001", "2023-11-15T00:13:20Z")
    ]
