"""Backups: the books as of one instant in a SQLite file, whatever store they come from, with a
manifest that proves them whole; and the way back into an empty store of either kind.

A SQLite store is copied by its online backup within one read transaction, PostgreSQL by the pages
of ledger.store.copying within one snapshot: the daemon goes on either way. The manifest is written
last: a folder without one is no backup. It tells how far each journal was posted: a daemon that is
started on the restored books replays what its journal has beyond that. Keys are never in a backup,
only the ids of those that its credentials were sealed with.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import msgspec

from ledger.clock import Clock
from ledger.sessions import fetch_journal_positions
from ledger.store import Store, StoreError, open_store, sqlite_path
from ledger.store.checksum import TableSum, count_rows, sum_books
from ledger.store.copying import Progress, copy_books
from ledger.store.tables import learn_tables

FORMAT: Final = 1
BOOKS_NAME: Final = "books.db"
MANIFEST_NAME: Final = "manifest.json"
MANIFEST_SIZE_MAX: Final = 1 << 20
"""Octets: some twenty tables and a hundred journals take a few thousand."""

FOLDER_MODE: Final = 0o700
"""A backup holds names, addresses and sealed passwords of customers."""

BACKUP_PAGES: Final = 4_096
"""Pages of SQLite copied between two looks at the progress: 16 MiB."""

READ_SIZE: Final = 1 << 20

_UNFINISHED: Final = ".unfinished"
_BESIDE: Final = ("-wal", "-shm", "-journal", ".lock", ".users")
"""Files that SQLite and ledger.store lay beside one that is open."""


class BackupError(StoreError):
    """The backup cannot be made or used; the message names the file and the remedy."""


class JournalMark(msgspec.Struct, frozen=True):
    """How far a journal was posted: what a restored store replays begins after `applied_lsn`."""

    journal_number: int
    applied_lsn: int
    watermark_at: int


class BackupFile(msgspec.Struct, frozen=True):
    """The file of the books."""

    name: str
    octets: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup is, and what it must be found to be."""

    format: int
    store_id: str
    taken_at: int
    source: str
    journals: list[JournalMark]
    sealing_keys: list[str]
    file: BackupFile
    books: dict[str, TableSum]


async def back_up(
    url: str, folder: Path, *, password: bytes | None, clock: Clock, progress: Progress
) -> Manifest:
    """Write a backup of the store at `url` into a new or empty folder; daemons may go on.

    Raises BackupError, StoreError.
    """
    folder = _make_empty(folder)
    unfinished = folder / (BOOKS_NAME + _UNFINISHED)
    taken_at = clock.now()
    path = sqlite_path(url)
    sums = None
    if path is None:
        sums = await _copy_postgresql(url, password, unfinished, progress)
    else:
        await asyncio.to_thread(_copy_sqlite, path, unfinished, progress)
    books = await _open_file(unfinished)
    try:
        sums = sums or await _sum(books, url, progress)
        manifest = await _describe(books, url, taken_at, sums)
    finally:
        await books.close()
    manifest = _finish_file(unfinished, folder, manifest)
    _write_durably(folder / MANIFEST_NAME, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


async def restore(
    folder: Path, url: str, *, password: bytes | None, progress: Progress
) -> Manifest:
    """Bring a backup into the store at `url`: a file that does not exist, or an empty database.

    Raises BackupError, StoreError.
    """
    manifest = read_manifest(folder)
    books = folder / manifest.file.name
    path = sqlite_path(url)
    if path is not None:
        await _restore_sqlite(books, Path(path), manifest, progress)
        return manifest
    with tempfile.TemporaryDirectory(prefix="aaad-restore-") as work:
        copy = Path(work) / BOOKS_NAME
        _copy_checked(books, copy, manifest.file, progress)
        await _restore_postgresql(copy, url, password, progress)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError."""
    path = folder / MANIFEST_NAME
    try:
        with path.open("rb") as stream:
            manifest = msgspec.json.decode(stream.read(MANIFEST_SIZE_MAX), type=Manifest)
    except FileNotFoundError as error:
        raise BackupError(
            f"{path} is missing: {folder} is no backup, or one that was cut; take another"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{path} cannot be read ({error}): take another backup") from error
    if manifest.format != FORMAT or Path(manifest.file.name).name != manifest.file.name:
        raise BackupError(
            f"{path} is of format {manifest.format}, known is {FORMAT}: install the program that "
            "made it"
        )
    return manifest


def _make_empty(folder: Path) -> Path:
    folder = folder.absolute()
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise BackupError(f"{folder} cannot be made ({error.strerror})") from error
    if not is_empty:
        raise BackupError(f"{folder} is not empty: name a new folder for each backup")
    return folder


def _copy_sqlite(path: str, target: Path, progress: Progress) -> None:
    """SQLite's online backup within one read transaction: writers go on, and the copy is never
    begun anew. The WAL grows meanwhile; only the daemon's writer checkpoints."""
    if not Path(path).is_file():
        raise BackupError(f"store {path} does not exist: look at the URL")
    try:
        with (
            closing(sqlite3.connect(path, isolation_level=None)) as books,
            closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            books.execute("PRAGMA wal_autocheckpoint = 0")
            books.execute("BEGIN")
            ((pages,),) = books.execute("PRAGMA page_count").fetchall()
            progress.begin("copying", pages)
            books.backup(copy, pages=BACKUP_PAGES, progress=_heard_by(progress, pages))
    except sqlite3.Error as error:
        raise BackupError(f"store {path}: {error}: look at the disks of both") from error


def _heard_by(progress: Progress, pages: int) -> Callable[[int, int, int], None]:
    """SQLite says how many pages are left; a bar wants how many more are done."""
    done = 0

    def hear(_status: int, remaining: int, _total: int) -> None:
        nonlocal done
        now = max(done, pages - remaining)
        progress.advance(now - done)
        done = now

    return hear


async def _copy_postgresql(
    url: str, password: bytes | None, target: Path, progress: Progress
) -> dict[str, TableSum]:
    source = await open_store(url, checkpoints=False, password=password)
    try:
        books = await _open_file(target)
        try:
            return (await copy_books(source, books, progress=progress)).sums
        finally:
            await books.close()
    finally:
        await source.close()


async def _open_file(path: Path) -> Store:
    return await open_store(f"sqlite://{path}", checkpoints=True, alone=True)


async def _sum(books: Store, url: str, progress: Progress) -> dict[str, TableSum]:
    """The checksum of a copied file: every row of it is read for that."""
    if not books.store_id:
        raise BackupError(f"store {url.partition('?')[0]} holds a part of the books: finish it")
    tables = await learn_tables(books)
    progress.begin("reading back", await count_rows(books, tables))
    return await sum_books(books, tables, on_rows=progress.advance)


async def _describe(books: Store, url: str, taken_at: int, sums: dict[str, TableSum]) -> Manifest:
    async with books.read() as reader:
        positions = await fetch_journal_positions(reader)
        keys = await reader.fetch("fetch_sealing_keys")
    return Manifest(
        format=FORMAT,
        store_id=books.store_id,
        taken_at=taken_at,
        source=url.partition(":")[0],
        journals=[
            JournalMark(one.journal_number, one.applied_lsn, one.watermark_at) for one in positions
        ],
        sealing_keys=[key.hex() for (key,) in keys],
        file=BackupFile(BOOKS_NAME, 0, ""),
        books=sums,
    )


def _finish_file(unfinished: Path, folder: Path, manifest: Manifest) -> Manifest:
    """Make the file of the books one plain file, durable, with its checksum in the manifest."""
    _make_plain(unfinished)
    path = folder / BOOKS_NAME
    unfinished.chmod(0o600)
    octets, digest = _digest(unfinished)
    _sync(unfinished)
    unfinished.rename(path)
    return msgspec.structs.replace(manifest, file=BackupFile(path.name, octets, digest))


def _make_plain(path: Path) -> None:
    """No WAL, nothing beside it: a file that can lie on a read-only medium."""
    with closing(sqlite3.connect(path, isolation_level=None)) as books:
        books.execute("PRAGMA journal_mode = DELETE")
    for suffix in _BESIDE:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def _restore_sqlite(
    books: Path, target: Path, manifest: Manifest, progress: Progress
) -> None:
    """Copied under another name first: who is cut leaves no half store behind."""
    for suffix in ("", *_BESIDE[:3]):
        path = target.with_name(target.name + suffix)
        if path.exists():
            raise BackupError(f"{path} exists: move the old store away, with all of {target}*")
    unfinished = target.with_name(target.name + _UNFINISHED)
    _copy_checked(books, unfinished, manifest.file, progress)
    unfinished.rename(target)
    _sync(target.parent)
    store = await open_store(f"sqlite://{target}", checkpoints=True, alone=True)
    await store.close()


async def _restore_postgresql(
    books: Path, url: str, password: bytes | None, progress: Progress
) -> None:
    source = await _open_file(books)
    try:
        target = await open_store(url, checkpoints=True, password=password, alone=True)
        try:
            await copy_books(source, target, progress=progress)
        finally:
            await target.close()
    finally:
        await source.close()


def _copy_checked(source: Path, target: Path, expected: BackupFile, progress: Progress) -> None:
    """Copy the file of the books; it must be what the manifest says."""
    progress.begin("reading", expected.octets)
    try:
        with suppress(FileNotFoundError):
            target.unlink()
        with source.open("rb") as books, target.open("xb") as copy:
            shutil.copyfileobj(_Counted(books.read, progress), copy, READ_SIZE)
        found = _digest(target)
        _sync(target)
    except OSError as error:
        raise BackupError(f"{source} -> {target}: {error}") from error
    if found != (expected.octets, expected.sha256):
        target.unlink()
        raise BackupError(
            f"{source} is not what its manifest says (damaged, or of another backup): "
            "take another backup"
        )


class _Counted:
    """A file whose reading is told to a progress bar."""

    def __init__(self, read: Callable[[int], bytes], progress: Progress) -> None:
        self._read = read
        self._progress = progress

    def read(self, size: int = READ_SIZE, /) -> bytes:
        """As the file's own."""
        octets = self._read(size)
        self._progress.advance(len(octets))
        return octets


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return stream.tell(), digest


def _write_durably(path: Path, octets: bytes) -> None:
    unfinished = path.with_name(path.name + _UNFINISHED)
    unfinished.write_bytes(octets)
    _sync(unfinished)
    unfinished.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
