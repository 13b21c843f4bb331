"""The schema on PostgreSQL's own catalogue: the rules of Citus, the months, the same tables as on
SQLite, views for people, and every query prepared."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from ledger.ids import make_id
from ledger.posting import post
from ledger.store import Store, open_store
from ledger.store.migrations import MIGRATIONS_FOLDER, load_migrations, statements
from ledger.store.named_queries import Dialect, load_queries
from ledger.store.postgres_batches import batch_sql
from tests.postgres_cluster import Cluster, run_apart, run_sql
from tests.store.builders import NOW, batch, cut, opening, register, session
from tests.store.test_store_schema import A_CUSTOMER, IMPOSSIBLE_ROWS, REFERENCE_TABLES

ONLY_HERE = {"event_key"}
"""Keys of events over all months: on SQLite the table of events itself has them."""

TABLES = """SELECT relname::text FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"""
UNIQUE_KEYS = """SELECT i.indrelid::regclass::text, array_agg(a.attname::text)
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indisunique GROUP BY i.indexrelid, i.indrelid"""
FOREIGN_KEYS = """SELECT conrelid::regclass::text, confrelid::regclass::text,
        (SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]),
        (SELECT attname::text FROM pg_attribute WHERE attrelid = confrelid AND attnum = confkey[1])
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"""
COLUMNS = """SELECT table_name::text, column_name::text FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"""
WHOLE = "AND NOT relispartition"


def test_every_growing_table_has_the_account_in_all_its_unique_keys(postgres_url: str) -> None:
    keys = run_sql(postgres_url, UNIQUE_KEYS)
    assert {table for table, _ in keys} == {table for (table,) in run_sql(postgres_url, TABLES)}
    for table, columns in keys:
        if table not in REFERENCE_TABLES:
            assert "account_id" in columns, f"{table}: {columns}"


def test_foreign_keys_stay_within_an_account_or_lead_to_reference_tables(
    postgres_url: str,
) -> None:
    found = run_sql(postgres_url, FOREIGN_KEYS)
    assert len(found) > 5
    for table, target, column, target_column in found:
        within = (column, target_column) == ("account_id", "account_id")
        assert within or target in REFERENCE_TABLES, f"{table} -> {target} crosses accounts"


def test_ids_are_made_by_the_application(postgres_url: str) -> None:
    assert run_sql(postgres_url, "SELECT relname FROM pg_class WHERE relkind = 'S'") == []


def test_tables_and_columns_are_those_of_sqlite(postgres_url: str) -> None:
    here: dict[str, list[str]] = {}
    whole = {name for (name,) in run_sql(postgres_url, f"{TABLES} {WHOLE}")} - ONLY_HERE
    for table, column in run_sql(postgres_url, COLUMNS):
        if table in whole:
            here.setdefault(table, []).append(column)
    there = sqlite3.connect(":memory:")
    for migration in load_migrations(MIGRATIONS_FOLDER / "sqlite"):
        for statement in statements(migration.text):
            there.execute(statement)
    names = [n for (n,) in there.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {n: [c for _, c, *_ in there.execute(f"PRAGMA table_info({n})")] for n in names}
    there.close()
    assert here == columns


def test_no_index_holds_what_a_usual_report_changes(postgres_url: str) -> None:
    """Then an update stays on its page (HOT), where fillfactor left it room."""
    indexed = run_sql(
        postgres_url,
        """SELECT DISTINCT a.attname::text FROM pg_index AS i JOIN pg_attribute AS a
        ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = 'session'::regclass""",
    )
    assert {name for (name,) in indexed} == {
        "account_id",
        "session_id",
        "nas",
        "acct_session_id",
        "started_at",
    }
    roomy = run_sql(
        postgres_url, "SELECT relname::text FROM pg_class WHERE 'fillfactor=70' = ANY (reloptions)"
    )
    assert {("session",), ("balance",)} <= set(roomy)


@pytest.mark.parametrize("statement", IMPOSSIBLE_ROWS)
def test_a_row_that_cannot_be_true_is_refused(postgres_url: str, statement: str) -> None:
    refused = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)
    with pytest.raises(refused):
        run_sql(postgres_url, *A_CUSTOMER, statement)


def test_every_query_prepares_against_the_schema_alone_and_in_numbers(postgres_url: str) -> None:
    queries = load_queries(Dialect.POSTGRESQL)

    async def prepare_all() -> list[str]:
        connection = await asyncpg.connect(postgres_url)
        prepared = []
        try:
            for name, query in queries.items():
                for sql in filter(None, (query.sql, batch_sql(query))):
                    await connection.prepare(sql)
                prepared.append(name)
        finally:
            await connection.close()
        return prepared

    assert run_apart(prepare_all) == list(queries)


def test_both_dialects_have_the_same_queries_with_the_same_parameters() -> None:
    def headings(dialect: Dialect) -> dict[str, tuple[str, ...]]:
        return {name: query.parameters for name, query in load_queries(dialect).items()}

    here, there = headings(Dialect.POSTGRESQL), headings(Dialect.SQLITE)
    assert {name: here.get(name) for name in there} == there
    assert set(here) - set(there) == {
        "lock_alone",
        "lock_shared",
        "make_partitions",
        "fetch_durability",
        "insert_id_floor",
        "hold_shared",
        "hold_alone",
        "hold_journal",
    }


@pytest.mark.parametrize("month", ["2020-01", "2023-11", "2024-02", "2026-12"])
def test_a_month_begins_with_the_first_id_that_is_made_in_it(postgres_url: str, month: str) -> None:
    first = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    made = make_id(int(first.timestamp()) * 1000, 0, 0)
    for at in (0, 86_400 * 27):
        found = run_sql(postgres_url, f"SELECT first_id_of_month({int(first.timestamp()) + at}, 0)")
        assert found == [(made,)]


def test_a_key_of_an_event_is_unique_over_all_months(postgres_url: str) -> None:
    insert = """INSERT INTO event_key VALUES (9, 'topup/1', {0})"""
    with pytest.raises(asyncpg.UniqueViolationError):
        run_sql(postgres_url, insert.format(1), insert.format(2))


def rows(url: str, view: str) -> list[dict[str, Any]]:
    async def fetch() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(f"SELECT * FROM {view}")]
        finally:
            await connection.close()

    return run_apart(fetch)


async def test_views_speak_plainly(postgres_cluster: Cluster) -> None:
    url = postgres_cluster.empty_books()
    store: Store = await open_store(url, checkpoints=True)
    try:
        account_id, service_id = await register(store)
        first = opening(session(account_id, service_id, user_name=b"Ann\x00\xff"))
        for posting in (first, cut(first.new, seconds=7200, charge_micros=2_500_001, ends=True)):
            async with store.transaction() as tx:
                await post(tx, batch(posting))
    finally:
        await store.close()
    (account,) = rows(url, "v_account")
    assert account["bill_day"] == 1
    assert account["created"] == datetime.fromtimestamp(NOW, UTC)
    assert account["credit_limit"] is None
    assert rows(url, "v_service")[0]["login"] == "ann"
    (stay,) = rows(url, "v_session")
    assert stay["user_name"] == "Ann\\u{0}\\xff"
    assert stay["ended"] == datetime.fromtimestamp(NOW + 7200, UTC)
    assert stay["seconds"] == 7200
    assert rows(url, "v_balance")[0]["posted"] == Decimal("2.500001")
    usage = [row for row in rows(url, "v_event") if row["event_type"] == "usage"]
    assert [(row["amount"], row["service_time"]) for row in usage] == [
        (Decimal("2.500001"), datetime.fromtimestamp(NOW + 7200, UTC))
    ]
