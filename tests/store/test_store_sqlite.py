"""The SQLite store by itself: who checkpoints, who waits, and which failure is told as what."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import aiosqlite
import pytest

from ledger.store import CommitUnknown, Store, StoreUnavailable, open_store
from ledger.store.sqlite import SqliteStore, version_warnings
from tests.store.builders import NOW

IMPATIENT_MS = 50


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """Of this kind alone."""
    return sqlite_url


def path_of(store_url: str) -> str:
    return store_url.removeprefix("sqlite://")


async def add_boot(store: Store, nas: str = "bras-1") -> None:
    async with store.transaction() as tx:
        await tx.execute("raise_boot", ("bras", nas, NOW))


async def add_many_boots(store: Store) -> None:
    """A transaction of a megabyte."""
    async with store.transaction() as tx:
        rows = [("bras", f"{number:0500d}", NOW) for number in range(2_000)]
        await tx.execute_many("raise_boot", rows)


def threads_left(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads begun since `before` that do not end by themselves."""
    begun = [thread for thread in threading.enumerate() if thread not in before]
    for thread in begun:
        thread.join(timeout=5)
    return [thread for thread in begun if thread.is_alive()]


async def boots(store: Store) -> list[tuple[str, str, int]]:
    async with store.read() as reader:
        return await reader.fetch("fetch_boots")


@pytest.mark.parametrize(
    "url", ["mysql://localhost/books", "sqlite://books.db", "books.db", "sqlite:", ""]
)
async def test_another_url_is_refused_with_the_form_it_should_have(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///absolute/path"):
        await open_store(url, checkpoints=False)


async def test_only_a_checkpointing_writer_checkpoints(store_url: str) -> None:
    for checkpoints, pages in ((True, 1000), (False, 0)):
        opened = await open_store(store_url, checkpoints=checkpoints)
        assert isinstance(opened, SqliteStore)
        try:
            assert opened._writer is not None
            assert opened._reader is not None
            assert await pragma(opened._writer, "wal_autocheckpoint") == pages
            assert await pragma(opened._reader, "wal_autocheckpoint") == 0
            assert await pragma(opened._writer, "synchronous") == 2  # FULL
            assert await pragma(opened._writer, "journal_mode") == "wal"
        finally:
            await opened.close()


async def pragma(connection: aiosqlite.Connection, name: str) -> object:
    rows = list(await connection.execute_fetchall(f"PRAGMA {name}"))
    return rows[0][0]


async def test_a_database_locked_by_others_is_unavailable_and_later_works(store_url: str) -> None:
    opened = await open_store(store_url, checkpoints=True, busy_ms=IMPATIENT_MS)
    other = sqlite3.connect(path_of(store_url), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"locked.*tried again"):
            await add_boot(opened)
        other.execute("ROLLBACK")
        await add_boot(opened)
        assert len(await boots(opened)) == 1
    finally:
        other.close()
        await opened.close()


async def test_the_file_lock_of_another_writer_is_waited_for_within_a_bound(
    store_url: str,
) -> None:
    first = await open_store(store_url, checkpoints=True)
    second = await open_store(store_url, checkpoints=False, busy_ms=IMPATIENT_MS)
    try:
        async with first.transaction() as tx:
            await tx.execute("raise_boot", ("bras", "first", NOW))
            with pytest.raises(
                StoreUnavailable, match=f"held by another process for {IMPATIENT_MS}"
            ):
                await add_boot(second, "second")
        await add_boot(second, "second")
        assert len(await boots(first)) == 2
    finally:
        await second.close()
        await first.close()


async def test_a_full_disk_is_unavailable_and_keeps_what_was_committed(store_url: str) -> None:
    opened = await open_store(store_url, checkpoints=True)
    assert isinstance(opened, SqliteStore)
    assert opened._writer is not None
    try:
        await add_boot(opened)
        pages = await pragma(opened._writer, "page_count")
        await opened._writer.execute_fetchall(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreUnavailable, match=r"full.*free space"):
            await add_many_boots(opened)
        assert await boots(opened) == [("bras", "bras-1", NOW)]
        await opened._writer.execute_fetchall(f"PRAGMA max_page_count = {10**6}")
        await add_boot(opened, "bras-2")
        assert len(await boots(opened)) == 2
    finally:
        await opened.close()


async def test_a_file_that_is_no_database_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    path.write_bytes(b"these are not books at all" * 100)
    before = set(threading.enumerate())
    with pytest.raises(StoreUnavailable, match=r"books\.db.*name another file"):
        await open_store(f"sqlite://{path}", checkpoints=True)
    assert threads_left(before) == []


async def test_a_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="make the folder"):
        await open_store(f"sqlite://{tmp_path}/none/books.db", checkpoints=True)


@pytest.mark.parametrize("written", [True, False])
async def test_a_commit_that_fails_after_the_transaction_ended_is_unknown(
    store: Store, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    assert isinstance(store, SqliteStore)
    assert store._writer is not None
    commit, rollback = store._writer.commit, store._writer.rollback

    async def cut_off() -> None:
        await (commit() if written else rollback())
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(store._writer, "commit", cut_off)
        with pytest.raises(CommitUnknown, match="rows are read back"):
            await add_boot(store)
    assert len(await boots(store)) == int(written)


async def test_a_commit_that_fails_and_is_still_open_is_unavailable(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(store, SqliteStore)

    async def refused() -> None:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(store._writer, "commit", refused)
        with pytest.raises(StoreUnavailable):
            await add_boot(store)
    assert await boots(store) == []


async def test_a_task_cancelled_in_its_commit_waits_for_the_outcome(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(store, SqliteStore)
    assert store._writer is not None
    commit = store._writer.commit
    committing, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        committing.set()
        await go_on.wait()
        await commit()

    with monkeypatch.context() as patch:
        patch.setattr(store._writer, "commit", slow)
        task = asyncio.create_task(add_boot(store))
        await committing.wait()
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(await boots(store)) == 1


async def test_closing_twice_is_harmless_and_ends_the_threads(store_url: str) -> None:
    before = set(threading.enumerate())
    opened = await open_store(store_url, checkpoints=True)
    assert len(set(threading.enumerate()) - before) == 2
    await opened.close()
    await opened.close()
    assert threads_left(before) == []
    with pytest.raises(StoreUnavailable, match="closed"):
        await add_boot(opened)


def test_an_old_sqlite_is_warned_of_and_a_mended_one_is_not() -> None:
    assert "3.40.1 can corrupt" in version_warnings((3, 40, 1))[0]
    assert version_warnings((3, 51, 3)) == ()
