"""Proves that books move whole between databases, either way: the same rows, the same checksum, a
daemon that takes over; and that nobody takes half of them for the whole, however a copy was cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ledger.books import check_books
from ledger.model import Event
from ledger.posting import post_event
from ledger.store import (
    Store,
    StoreInUse,
    UnfinishedBooks,
    checksum,
    open_store,
)
from ledger.store.checksum import TableSum, differences, sum_books
from ledger.store.copying import CopyRefused, copy_books
from ledger.store.tables import learn_tables
from tests.postgres_cluster import Cluster
from tests.store.books import fill
from tests.store.builders import NOW
from tests.store.conftest import NEW_KINDS, run_on_books


class Heard:
    """What a progress bar would show; `cut_after` rows it fails, as if the process were killed."""

    def __init__(self, cut_after: int | None = None) -> None:
        self.tasks: list[tuple[str, int]] = []
        self.rows = 0
        self._cut_after = cut_after

    def begin(self, task: str, rows: int) -> None:
        self.tasks.append((task, rows))
        self.rows = 0

    def advance(self, rows: int) -> None:
        self.rows += rows
        if self._cut_after is not None and self.rows >= self._cut_after:
            raise Cut


class Cut(Exception):
    """The end of a process in the middle of a copy."""


@pytest.fixture(params=NEW_KINDS)
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/target.db"
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.new_database()


@pytest.fixture
async def source_url(store_url: str) -> str:
    """Books with a row in every kind of table."""
    async with opened(store_url) as store:
        await fill(store)
    return store_url


@asynccontextmanager
async def opened(url: str, *, alone: bool = False) -> AsyncIterator[Store]:
    store = await open_store(url, checkpoints=True, alone=alone)
    try:
        yield store
    finally:
        await store.close()


async def copy(source_url: str, target_url: str, heard: Heard) -> int:
    """Copy; how many rows an earlier attempt had copied."""
    async with opened(source_url, alone=True) as here, opened(target_url, alone=True) as there:
        return (await copy_books(here, there, progress=heard)).resumed_rows


async def sums(url: str) -> dict[str, TableSum]:
    async with opened(url) as store:
        return await sum_books(store, await learn_tables(store), on_rows=lambda _: None)


async def test_books_arrive_whole(source_url: str, target_url: str) -> None:
    heard = Heard()
    assert await copy(source_url, target_url, heard) == 0
    before = await sums(source_url)
    assert await sums(target_url) == before
    rows = sum(one.rows for one in before.values())
    assert heard.tasks == [("copying", rows), ("comparing", rows)]
    assert heard.rows == rows
    for name in ("session", "event", "impact", "balance", "suspense", "boot", "limit_crossing"):
        assert before[name].rows > 0, name
    async with opened(source_url) as here, opened(target_url) as there:
        assert there.store_id == here.store_id
        assert await check_books(there) == []


async def test_what_was_unique_stays_unique(source_url: str, target_url: str) -> None:
    await copy(source_url, target_url, Heard())
    found = run_on_books(
        source_url, "SELECT account_id, event_key FROM event WHERE event_type <> 'usage' LIMIT 1"
    )
    ((account_id, key),) = found
    async with opened(target_url) as store, store.transaction() as tx:
        again = Event(
            event_id=tx.ids.make(NOW * 1000),
            event_key=key,
            account_id=account_id,
            service_id=0,
            event_type="account_registered",
            service_at=NOW,
            posted_at=NOW,
            actor="csr ann",
            data={},
        )
        assert not await post_event(tx, again)
        ids = "SELECT max(event_id) FROM event"
        assert again.event_id > run_on_books(source_url, ids)[0][0]


async def test_a_copy_that_was_cut_goes_on(
    source_url: str, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksum, "ROWS_PAGE", 3)
    rows = sum(one.rows for one in (await sums(source_url)).values())

    for cut_after in (1, rows // 3, rows // 2):
        with pytest.raises(Cut):
            await copy(source_url, target_url, Heard(cut_after))
        with pytest.raises(UnfinishedBooks, match="store copy"):
            await open_store(target_url, checkpoints=True)
    resumed = await copy(source_url, target_url, Heard())
    assert 0 < resumed < rows
    assert await sums(target_url) == await sums(source_url)


async def test_a_copy_that_was_cut_while_comparing_is_unfinished(
    source_url: str, target_url: str
) -> None:
    class CutComparing(Heard):
        def begin(self, task: str, rows: int) -> None:
            if task == "comparing":
                raise Cut

    with pytest.raises(Cut):
        await copy(source_url, target_url, CutComparing())
    with pytest.raises(UnfinishedBooks):
        await open_store(target_url, checkpoints=True)
    async with opened(target_url, alone=True) as part, opened(source_url) as other:
        with pytest.raises(CopyRefused, match="a part of the books"):
            await copy_books(part, other, progress=Heard())


async def test_a_source_that_changed_between_two_attempts_is_found_out(
    source_url: str, target_url: str
) -> None:
    rows = sum(one.rows for one in (await sums(source_url)).values())
    with pytest.raises(Cut):
        await copy(source_url, target_url, Heard(rows // 2))
    run_on_books(source_url, "UPDATE brand SET created_at = created_at + 1")
    with pytest.raises(CopyRefused, match="brand has other values in some of its 1 rows"):
        await copy(source_url, target_url, Heard())
    with pytest.raises(UnfinishedBooks):
        await open_store(target_url, checkpoints=True)


async def test_books_are_never_copied_over_others(source_url: str, target_url: str) -> None:
    async with opened(target_url) as other:
        await fill(other)
    before = await sums(target_url)
    with pytest.raises(CopyRefused, match="holds books already"):
        await copy(source_url, target_url, Heard())
    assert await sums(target_url) == before


async def test_a_served_store_is_not_copied(source_url: str, target_url: str) -> None:
    async with opened(source_url):
        with pytest.raises(StoreInUse, match="aaactl drain"):
            await open_store(source_url, checkpoints=True, alone=True)


async def test_nobody_opens_a_store_that_is_being_copied(source_url: str) -> None:
    async with opened(source_url, alone=True):
        with pytest.raises(StoreInUse, match="being copied or restored"):
            await open_store(source_url, checkpoints=True)
    async with opened(source_url):
        pass


async def test_a_daemon_that_lost_its_connection_stays_out_while_books_move(
    postgres_url: str,
) -> None:
    async with opened(postgres_url) as daemon:
        end_others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        run_on_books(postgres_url, end_others)
        async with opened(postgres_url, alone=True):
            with pytest.raises(StoreInUse):
                async with daemon.transaction() as tx:
                    await tx.fetch("fetch_store_id")
        async with daemon.transaction() as tx:
            assert await tx.fetch("fetch_store_id")


async def test_stores_with_other_tables_are_refused(
    sqlite_url: str, tmp_path: Path, postgres_url: str
) -> None:
    async with opened(sqlite_url):
        run_on_books(sqlite_url, "ALTER TABLE boot ADD COLUMN more INTEGER")
    with pytest.raises(CopyRefused, match="other tables"):
        await copy(sqlite_url, postgres_url, Heard())


def test_differences_name_the_tables() -> None:
    one = {"a": TableSum(1, "x"), "b": TableSum(2, "y"), "c": TableSum(3, "z")}
    other = {"a": TableSum(1, "x"), "b": TableSum(5, "y"), "c": TableSum(3, "w")}
    assert differences(one, one) == []
    assert differences(one, other) == [
        "b has 2 rows here and 5 there",
        "c has other values in some of its 3 rows",
    ]
    assert differences(one, {}) == [
        f"{n} has {k} rows here and 0 there" for n, k in zip("abc", (1, 2, 3), strict=True)
    ]
