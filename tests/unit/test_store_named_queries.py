"""The loader of named queries: headings are checked, parameters numbered, all mistakes told at
once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.store.named_queries import Dialect, Query, QueryError, load_queries

GOOD = """-- Notes ahead of the first heading.
-- name: fetch_thing (thing_id, text)
-- a note: not :sql
SELECT a::text, ':quoted' FROM thing WHERE id = :thing_id AND (:text = '' OR t = :text);

-- name: fetch_only ()
-- dialect: sqlite
SELECT 1;

-- name: fetch_only ()
-- dialect: postgresql
SELECT 2;
"""


def load(tmp_path: Path, text: str, dialect: Dialect = Dialect.SQLITE) -> dict[str, Query]:
    (tmp_path / "things.sql").write_text(text)
    return load_queries(dialect, tmp_path)


def test_parameters_are_numbered_in_the_order_of_the_heading(tmp_path: Path) -> None:
    queries = load(tmp_path, GOOD)
    assert queries["fetch_thing"].sql == (
        "SELECT a::text, ':quoted' FROM thing WHERE id = ?1 AND (?2 = '' OR t = ?2);"
    )
    assert queries["fetch_thing"].parameters == ("thing_id", "text")
    postgresql = load(tmp_path, GOOD, Dialect.POSTGRESQL)
    assert "id = $1::bigint AND ($2::text = '' OR t = $2::text);" in postgresql["fetch_thing"].sql


def test_a_query_of_one_dialect_is_loaded_for_that_one(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD)["fetch_only"].sql == "SELECT 1;"
    assert load(tmp_path, GOOD, Dialect.POSTGRESQL)["fetch_only"].sql == "SELECT 2;"


def test_all_mistakes_are_told_with_file_and_line(tmp_path: Path) -> None:
    text = """SELECT 0;
-- name: Fetch
SELECT 1;
-- name: twice ()
SELECT 1;
-- name: twice ()
SELECT 1;
-- name: wrong (a, b, b)
SELECT :a, :c; SELECT 2;
-- name: odd ()
-- dialect: oracle
SELECT 1;
"""
    with pytest.raises(QueryError) as caught:
        load(tmp_path, text)
    told = str(caught.value).splitlines()
    assert [line.split(": ", 1)[0] for line in told] == [
        f"things.sql:{number}" for number in (1, 2, 6, 8, 8, 8, 8, 10)
    ]
    assert "wrong uses :c, which its heading lacks" in str(caught.value)
    assert "wrong does not use its parameter b" in str(caught.value)
    assert "names a parameter twice" in str(caught.value)
    assert "exactly one statement" in str(caught.value)
    assert "dialect 'oracle' is unknown" in str(caught.value)


def test_a_folder_without_queries_is_a_broken_installation(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="installed whole"):
        load_queries(Dialect.SQLITE, tmp_path)
