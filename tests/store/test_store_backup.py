"""Proves that a backup is the books as of one instant, whatever goes on beside it, that it comes
back into either kind of store, and that nothing but a whole, unchanged backup does."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from ledger import backup
from ledger.backup import BackupError, back_up, read_manifest, restore
from ledger.books import check_books
from ledger.clock import Clock
from ledger.store import Store, UnfinishedBooks, open_store
from ledger.store.checksum import TableSum, sum_books
from ledger.store.tables import learn_tables
from tests.postgres_cluster import Cluster
from tests.store.books import fill
from tests.store.builders import SEALER, register
from tests.store.conftest import NEW_KINDS, run_on_books


class Silent:
    """A progress bar that nobody watches."""

    def begin(self, task: str, rows: int) -> None:
        """Nothing to show."""

    def advance(self, rows: int) -> None:
        """Nothing to show."""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await open_store(url, checkpoints=True)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(params=NEW_KINDS)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a backup is brought back."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/new.db"
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.new_database()


@pytest.fixture
async def source_url(store_url: str) -> str:
    async with opened(store_url) as store:
        await fill(store)
    return store_url


async def sums(url: str) -> dict[str, TableSum]:
    async with opened(url) as store:
        return await sum_books(store, await learn_tables(store), on_rows=lambda _: None)


async def take(url: str, folder: Path) -> backup.Manifest:
    return await back_up(url, folder, password=None, clock=Clock(), progress=Silent())


async def test_a_backup_comes_back_into_either_store(
    source_url: str, new_url: str, tmp_path: Path
) -> None:
    before = await sums(source_url)
    manifest = await take(source_url, tmp_path / "backup")
    assert read_manifest(tmp_path / "backup") == manifest
    assert manifest.books == before
    await restore(tmp_path / "backup", new_url, password=None, progress=Silent())
    assert await sums(new_url) == before
    async with opened(source_url) as here, opened(new_url) as there:
        assert there.store_id == here.store_id == manifest.store_id
        assert await check_books(there) == []


async def test_a_manifest_tells_what_a_restore_needs(source_url: str, tmp_path: Path) -> None:
    manifest = await take(source_url, tmp_path / "backup")
    assert manifest.sealing_keys == [SEALER.key_id.hex()]
    ((number, lsn),) = [(one.journal_number, one.applied_lsn) for one in manifest.journals]
    assert (number, lsn) == (1, 40)
    assert {path.name for path in (tmp_path / "backup").iterdir()} == {"books.db", "manifest.json"}
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    assert (tmp_path / "backup" / "books.db").stat().st_mode & 0o077 == 0


async def test_writers_go_on_and_a_backup_has_nothing_of_them(
    source_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change between any two looks at the progress."""
    monkeypatch.setattr(backup, "BACKUP_PAGES", 5)
    monkeypatch.setattr("ledger.store.checksum.ROWS_PAGE", 5)
    before = await sums(source_url)
    heard = 0

    class Busy(Silent):
        def advance(self, rows: int) -> None:
            nonlocal heard
            heard += 1
            run_on_books(source_url, "UPDATE brand SET created_at = created_at + 1")

    async with opened(source_url) as store:
        await register(store, logins=(b"early",))
        early = await sum_books(store, await learn_tables(store), on_rows=lambda _: None)
        manifest = await back_up(
            source_url, tmp_path / "backup", password=None, clock=Clock(), progress=Busy()
        )
    assert heard > 5
    assert manifest.books == early != before


async def test_a_folder_that_holds_anything_is_left_alone(source_url: str, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "letter").touch()
    with pytest.raises(BackupError, match="is not empty"):
        await take(source_url, tmp_path / "backup")
    with pytest.raises(BackupError, match="cannot be made"):
        await take(source_url, tmp_path / "backup" / "letter")


async def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="does not exist"):
        await take(f"sqlite://{tmp_path}/typo.db", tmp_path / "backup")
    assert not (tmp_path / "typo.db").exists()


async def test_half_of_the_books_are_no_backup(sqlite_url: str, tmp_path: Path) -> None:
    async with opened(sqlite_url):
        pass
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite://"))) as books, books:
        books.execute("DELETE FROM store")
    with pytest.raises(BackupError, match="a part of the books"):
        await take(sqlite_url, tmp_path / "backup")
    with pytest.raises(BackupError, match="no backup"):
        read_manifest(tmp_path / "backup")


async def test_a_changed_backup_is_refused(source_url: str, new_url: str, tmp_path: Path) -> None:
    await take(source_url, tmp_path / "backup")
    file = tmp_path / "backup" / "books.db"
    whole = file.read_bytes()
    for changed in (whole[:-1], whole + b"\0", whole[:5000] + b"\xff" + whole[5001:]):
        file.write_bytes(changed)
        with pytest.raises(BackupError, match="not what its manifest says"):
            await restore(tmp_path / "backup", new_url, password=None, progress=Silent())
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "cannot be read"),
        ("no json", "cannot be read"),
        ({"format": 2}, "install the program"),
        ({"file": {"name": "../../etc/passwd", "octets": 1, "sha256": ""}}, "install the program"),
    ],
)
async def test_a_manifest_of_another_kind_is_refused(
    sqlite_url: str, tmp_path: Path, text: str | dict[str, object], words: str
) -> None:
    async with opened(sqlite_url):
        pass
    await take(sqlite_url, tmp_path / "backup")
    path = tmp_path / "backup" / "manifest.json"
    if isinstance(text, dict):
        text = json.dumps(json.loads(path.read_text()) | text)
    path.write_text(text)
    with pytest.raises(BackupError, match=words):
        read_manifest(tmp_path / "backup")


async def test_nothing_is_restored_over_a_store(source_url: str, tmp_path: Path) -> None:
    await take(source_url, tmp_path / "backup")
    url = f"sqlite://{tmp_path}/old.db"
    for name in ("old.db", "old.db-wal"):
        (tmp_path / name).write_bytes(b"somebody's")
        with pytest.raises(BackupError, match=f"{name} exists: move the old store away"):
            await restore(tmp_path / "backup", url, password=None, progress=Silent())
        assert (tmp_path / name).read_bytes() == b"somebody's"
        (tmp_path / name).unlink()


async def test_a_restore_that_was_cut_goes_on(
    source_url: str, postgres_cluster: Cluster, tmp_path: Path
) -> None:
    class Cut(Exception):
        pass

    class CutThere(Silent):
        def begin(self, task: str, rows: int) -> None:
            if task == "comparing":
                raise Cut

    await take(source_url, tmp_path / "backup")
    new_url = postgres_cluster.new_database()
    with pytest.raises(Cut):
        await restore(tmp_path / "backup", new_url, password=None, progress=CutThere())
    with pytest.raises(UnfinishedBooks, match="aaactl restore"):
        await open_store(new_url, checkpoints=True)
    await restore(tmp_path / "backup", new_url, password=None, progress=Silent())
    assert await sums(new_url) == await sums(source_url)
