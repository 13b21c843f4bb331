"""Proves what distributing a store would do, on the schema's own catalogue: every table has its
kind, whoever is referred to comes first, and without Citus nothing happens but a clear word."""

from __future__ import annotations

import re

import pytest

from ledger.store import open_store
from ledger.store.distribute import CannotDistribute, distribute, plan
from ledger.store.tables import LOCAL_TABLES, REFERENCE_TABLES, Table, fetch_tables
from tests.postgres_cluster import run_sql
from tests.store import test_store_postgres_schema, test_store_schema

STATEMENT = re.compile(r"^SELECT (\w+)\('(\w+)'(?:, '(\w+)', colocate_with => '(\w+)')?\);$")


@pytest.fixture
async def tables(postgres_url: str) -> tuple[Table, ...]:
    store = await open_store(postgres_url, checkpoints=False)
    try:
        async with store.read() as reader:
            return await fetch_tables(reader)
    finally:
        await store.close()


def test_the_tables_of_no_account_are_those_of_the_schema_rules() -> None:
    assert REFERENCE_TABLES | LOCAL_TABLES == test_store_schema.REFERENCE_TABLES
    assert not REFERENCE_TABLES & LOCAL_TABLES


def test_every_table_has_its_kind(tables: tuple[Table, ...]) -> None:
    for table in tables:
        assert table.is_distributed == ("account_id" in table.key), table.name


def test_every_table_is_planned_once_by_its_kind(tables: tuple[Table, ...]) -> None:
    steps = [match.groups() for line in plan(tables) if (match := STATEMENT.match(line))]
    assert len(steps) == len(plan(tables))
    made = {name: step for step, name, *_ in steps if step.startswith("create_")}
    whole = {name for name, step in made.items() if step == "create_reference_table"}
    assert whole == REFERENCE_TABLES
    assert made.keys() | LOCAL_TABLES == {table.name for table in tables}
    divided = [step[1:] for step in steps if step[0] == "create_distributed_table"]
    assert divided[0] == ("account", "account_id", "none")
    assert {(column, beside) for _, column, beside in divided[1:]} == {("account_id", "account")}
    last = [name for step, name, *_ in steps if step.startswith("truncate_")]
    assert set(last) == made.keys()
    assert [step for step, *_ in steps[-len(last) :]] == [
        "truncate_local_data_after_distributing_table"
    ] * len(last)


def test_whoever_is_referred_to_comes_first(tables: tuple[Table, ...], postgres_url: str) -> None:
    order = [match[2] for line in plan(tables) if (match := STATEMENT.match(line))]
    keys = run_sql(postgres_url, test_store_postgres_schema.FOREIGN_KEYS)
    assert keys
    for table, target, *_ in keys:
        assert order.index(target) < order.index(table), f"{table} refers to {target}"


def test_what_is_done_is_not_done_again(tables: tuple[Table, ...]) -> None:
    left = plan(tables, done=frozenset({"brand", "account", "session"}))
    assert not any(f"'{name}'" in line.partition(",")[0] for line in left for name in ("account",))
    assert len(left) == len(plan(tables)) - 6
    everything = frozenset(table.name for table in tables)
    assert plan(tables, done=everything) == ()


async def test_a_dry_run_tells_and_changes_nothing(
    tables: tuple[Table, ...], postgres_url: str
) -> None:
    told: list[str] = []
    found = await distribute(postgres_url, password=None, dry_run=True, on_statement=told.append)
    assert found.extension == ""
    assert tuple(told) == found.statements == plan(tables)


async def test_without_the_extension_nothing_happens(postgres_url: str) -> None:
    told: list[str] = []
    with pytest.raises(CannotDistribute, match="CREATE EXTENSION citus"):
        await distribute(postgres_url, password=None, dry_run=False, on_statement=told.append)
    assert told == []


async def test_a_file_cannot_be_distributed(sqlite_url: str) -> None:
    with pytest.raises(CannotDistribute, match="store copy"):
        await distribute(sqlite_url, password=None, dry_run=True, on_statement=print)
