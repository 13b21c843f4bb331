"""Statements of many rows on SQLite are derived from those of one, and change as many rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ledger.store.named_queries import Dialect, Query, load_queries
from ledger.store.sqlite_batches import ROWS_AT_ONCE, batch_of

QUERIES = """\
-- name: add_thing (amount, name)
INSERT INTO thing (name, amount, unit)
VALUES (:name, :amount, 'x:y')
ON CONFLICT (name) DO UPDATE SET amount = thing.amount + excluded.amount;

-- name: add_above (name, amount, least)
INSERT INTO thing (name, amount) VALUES (:name, :amount)
ON CONFLICT (name) DO UPDATE SET amount = excluded.amount WHERE thing.amount < :least;

-- name: grow_thing (name)
UPDATE thing SET amount = amount + 1 WHERE name = :name;
"""


def queries(folder: Path) -> dict[str, Query]:
    (folder / "things.sql").write_text(QUERIES)
    return load_queries(Dialect.SQLITE, folder)


def things() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE thing (name TEXT PRIMARY KEY, amount INTEGER, unit TEXT)")
    return connection


def test_many_rows_are_written_as_each_alone(tmp_path: Path) -> None:
    batch = batch_of(queries(tmp_path)["add_thing"])
    connection = things()
    for count in (0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 3):
        connection.execute("DELETE FROM thing")
        rows = [(number + 7, f"thing {number}") for number in range(count)]
        assert batch.run(connection, rows) == count
        assert batch.run(connection, rows) == count  # a row that grows has changed
        stored = connection.execute("SELECT amount, name, unit FROM thing ORDER BY amount")
        assert stored.fetchall() == [(2 * amount, name, "x:y") for amount, name in rows]


def test_what_is_no_plain_insert_goes_row_by_row(tmp_path: Path) -> None:
    known = queries(tmp_path)
    assert batch_of(known["add_above"]).many is None
    grow = batch_of(known["grow_thing"])
    assert grow.many is None
    connection = things()
    rows = [(f"thing {number}",) for number in range(ROWS_AT_ONCE + 1)]
    connection.executemany("INSERT INTO thing VALUES (?, 0, '')", rows)
    assert grow.run(connection, [*rows, ("nobody",)]) == len(rows)


def test_all_that_posting_inserts_in_numbers_goes_at_once() -> None:
    known = load_queries(Dialect.SQLITE)
    for name in (
        "insert_session",
        "insert_usage_event",
        "insert_impact",
        "add_to_item",
        "add_to_balance",
        "add_to_usage_counter",
    ):
        assert batch_of(known[name]).many, name
