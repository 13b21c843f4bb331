"""ledger.store.postgres_batches: the statement for many rows says what the one for one row says."""

from __future__ import annotations

from pathlib import Path

from ledger.store.named_queries import Dialect, load_queries
from ledger.store.postgres_batches import batch_sql, columns, copy_table

QUERIES = """
-- name: add_thing (brand, amount_micros)
INSERT INTO thing (brand, amount_micros, kind)
VALUES (:brand, :amount_micros, 'x')
ON CONFLICT (brand) DO UPDATE SET amount_micros = thing.amount_micros + excluded.amount_micros;

-- name: move_thing (brand, amount_micros, meter)
UPDATE thing SET amount_micros = amount_micros + :amount_micros, meter = :meter
WHERE brand = :brand AND kind = (SELECT kind FROM other WHERE brand = :brand);

-- name: fill_thing (brand, amount_micros)
INSERT INTO thing (brand, amount_micros)
VALUES (:brand, :amount_micros);

-- name: drop_thing (brand)
DELETE FROM thing WHERE brand = :brand;
"""


def batches(folder: Path) -> dict[str, str | None]:
    (folder / "things.sql").write_text(QUERIES)
    return {name: batch_sql(q) for name, q in load_queries(Dialect.POSTGRESQL, folder).items()}


def test_an_insert_takes_its_values_from_lists(tmp_path: Path) -> None:
    assert batches(tmp_path)["add_thing"] == (
        "INSERT INTO thing (brand, amount_micros, kind)\n"
        "SELECT batch.given_brand, batch.given_amount_micros, 'x'\n"
        "FROM unnest($1::text[], $2::bigint[]) AS batch (given_brand, given_amount_micros)\n"
        "ON CONFLICT (brand) DO UPDATE SET"
        " amount_micros = thing.amount_micros + excluded.amount_micros;"
    )


def test_an_update_is_joined_with_lists(tmp_path: Path) -> None:
    assert batches(tmp_path)["move_thing"] == (
        "UPDATE thing SET amount_micros = amount_micros + batch.given_amount_micros,"
        " meter = batch.given_meter\n"
        "FROM unnest($1::text[], $2::bigint[], $3::bytea[])"
        " AS batch (given_brand, given_amount_micros, given_meter)\n"
        "WHERE brand = batch.given_brand"
        " AND kind = (SELECT kind FROM other WHERE brand = batch.given_brand);"
    )


def test_what_is_neither_goes_row_by_row(tmp_path: Path) -> None:
    assert batches(tmp_path)["drop_thing"] is None


def test_everything_that_is_posted_in_numbers_goes_at_once() -> None:
    queries = load_queries(Dialect.POSTGRESQL)
    for name in (
        "insert_session",
        "advance_session",
        "settle_session",
        "insert_usage_event",
        "insert_impact",
        "add_to_item",
        "add_to_balance",
        "add_to_usage_counter",
        "insert_suspense",
        "raise_boot",
    ):
        assert batch_sql(queries[name]), name


def test_rows_become_lists() -> None:
    assert columns([(1, "a", None), (2, "b", b"x")]) == [(1, 2), ("a", "b"), (None, b"x")]


def test_only_a_plain_insert_is_a_copy(tmp_path: Path) -> None:
    batches(tmp_path)
    queries = load_queries(Dialect.POSTGRESQL, tmp_path)
    assert {name: copy_table(query) for name, query in queries.items()} == {
        "add_thing": None,  # literal values, and rows that may collide
        "move_thing": None,
        "fill_thing": "thing",
        "drop_thing": None,
    }
    real = load_queries(Dialect.POSTGRESQL)
    assert copy_table(real["insert_usage_event"]) == "event"
    assert copy_table(real["insert_impact"]) == "impact"
    assert copy_table(real["insert_session"]) == "session"
