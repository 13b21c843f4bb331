"""Proves that the list of tables is the database's own, the same in both, with what moves rows."""

from __future__ import annotations

import pytest

from ledger.store import Store, open_store
from ledger.store.checksum import count_rows, pages
from ledger.store.named_queries import Dialect
from ledger.store.tables import (
    OWN_TABLES,
    Table,
    fetch_tables,
    learn_tables,
    load_templates,
    statement_name,
    statements_of,
)
from tests.store.books import fill

ITEM = Table("item", ("a", "b", "c"), ("c", "a"))


async def test_both_databases_list_the_same_tables(sqlite_url: str, postgres_url: str) -> None:
    found = []
    for url in (sqlite_url, postgres_url):
        store = await open_store(url, checkpoints=False)
        try:
            async with store.read() as reader:
                found.append({table.name: table for table in await fetch_tables(reader)})
        finally:
            await store.close()
    here, there = found
    assert there.keys() - here.keys() == {"event_key"}
    assert all(there[name] == table for name, table in here.items())
    assert here["impact"].key == ("account_id", "event_id", "position")


async def test_the_books_are_all_but_a_stores_own_tables(store: Store) -> None:
    names = {table.name for table in await learn_tables(store)}
    assert {"account", "session", "event", "journal_position"} <= names
    assert not names & OWN_TABLES


async def test_pages_reach_every_row_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.store.checksum.ROWS_PAGE", 2)
    await fill(store)
    tables = await learn_tables(store)
    seen = 0
    async with store.read() as reader:
        for table in tables:
            rows = [row for page in [p async for p in pages(reader, table)] for row in page]
            keys = [tuple(row[place] for place in table.key_places) for row in rows]
            assert keys == sorted(set(keys)), table.name
            seen += len(rows)
    assert seen == await count_rows(store, tables) > 40


def test_statements_are_in_the_words_of_each_database() -> None:
    lite = {query.name: query for query in statements_of(ITEM, Dialect.SQLITE)}
    post = {query.name: query for query in statements_of(ITEM, Dialect.POSTGRESQL)}
    assert lite.keys() == post.keys()
    more = statement_name("fetch_more_rows", "item")
    assert lite[more].sql == (
        "SELECT a, b, c FROM item WHERE (c, a) > (?1, ?2) ORDER BY c, a LIMIT ?3;"
    )
    assert post[more].sql.endswith("(c, a) > ($1, $2) ORDER BY c, a LIMIT $3;")
    insert = statement_name("insert_rows", "item")
    assert post[insert].sql == "INSERT INTO item (a, b, c) VALUES ($1, $2, $3);"
    assert post[insert].parameters == ("a", "b", "c")


def test_every_template_is_one_statement() -> None:
    for name in ("tables", "citus"):
        templates = load_templates(name)
        assert len(templates) > 4
        assert all(text.count(";") == 1 for text in templates.values())
