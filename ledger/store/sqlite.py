"""The books in one SQLite file, through aiosqlite: a writing and a reading connection, an owner
lock each.

WAL with synchronous=FULL: a commit is on disk. Only the daemon's writer checkpoints: SQLite before
3.51.3 can corrupt a WAL when two connections do. aiosqlite interleaves tasks inside one
transaction, so a lock per connection makes one task its owner; its threads are not daemons, so
every path closes them.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import aiosqlite

from ledger.ids import IdMaker
from ledger.store.contract import (
    CommitUnknown,
    KeyExists,
    Row,
    SqlValue,
    Step,
    StoreUnavailable,
    store_id_of,
)
from ledger.store.file_lock import FileLock, UseLock
from ledger.store.migrations import (
    MIGRATIONS_FOLDER,
    load_migrations,
    pending_migrations,
    statements,
)
from ledger.store.named_queries import Dialect, Query, load_queries
from ledger.store.sqlite_batches import Batch, batch_of

BUSY_MAX_MS = 2_000
"""How long a locked store is waited for: a hundred transactions of 20 ms each."""

CHECKPOINT_PAGES = 1_000
"""WAL pages after which the daemon's writer checkpoints: 4 MB, SQLite's own default."""

CACHE_KIB = 65_536
"""Page cache of the writer: the working set of a batch stays in memory."""

READER_CACHE_KIB = 16_384

STATEMENTS_CACHED = 256
"""Prepared statements kept a connection: more than there are named queries."""

SAFE_VERSION = (3, 51, 3)
"""The first SQLite in which two checkpointing connections cannot corrupt the WAL."""

_KEY_ERRORS: Final = frozenset(
    {"SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID", "SQLITE_CONSTRAINT_UNIQUE"}
)

_Result = TypeVar("_Result")

_REMEDIES: Final = {
    "SQLITE_BUSY": "another process writes for too long; the work is tried again",
    "SQLITE_LOCKED": "another connection holds the table; the work is tried again",
    "SQLITE_FULL": "free space on its file system, or raise its quota",
    "SQLITE_IOERR": "look at the disk and at the kernel's log",
    "SQLITE_CANTOPEN": "make the folder and let this user write in it",
    "SQLITE_READONLY": "let this user write the file, its folder and its -wal and -shm files",
    "SQLITE_PERM": "let this user read and write the file",
    "SQLITE_CORRUPT": "stop all writers, keep the file, restore a backup and replay the journal",
    "SQLITE_NOTADB": "the file is no SQLite database: name another file in the store's URL",
    "SQLITE_NOMEM": "give the machine more memory",
}


class SqliteTransaction:
    """Runs named queries on one connection; see contract.Transaction."""

    __slots__ = ("_connection", "_path", "_queries", "ids")

    def __init__(
        self, connection: aiosqlite.Connection, queries: dict[str, Query], path: str, ids: IdMaker
    ) -> None:
        self._connection = connection
        self._queries = queries
        self._path = path
        self.ids = ids

    async def fetch(self, query: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        """All rows of a named query."""
        sql = self._queries[query].sql
        rows = await _translated(self._connection.execute_fetchall(sql, parameters), self._path)
        return cast("list[Row]", rows)  # no row factory is set: rows are tuples

    async def execute(self, query: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run a named writing query; the number of rows that it changed."""
        sql = self._queries[query].sql
        cursor = await _translated(self._connection.execute(sql, parameters), self._path)
        return cursor.rowcount

    async def execute_many(self, query: str, rows: Sequence[Sequence[SqlValue]]) -> int:
        """Run a named writing query for each row of parameters; rows changed in all."""
        return (await self.execute_all([(query, rows)]))[0]

    async def execute_all(self, steps: Sequence[Step]) -> list[int]:
        """Run named writing queries in their order, all in one turn of the connection's thread."""
        named = [(batch_of(self._queries[query]), rows) for query, rows in steps]
        # aiosqlite offers a turn of its thread for one statement only: a batch would pay a dozen
        connection = cast("Any", self._connection)
        run = connection._execute(_run_all, connection._conn, named)
        return cast("list[int]", await _translated(run, self._path))


class SqliteStore:
    """An open SQLite store; see contract.Store. Made by `open`."""

    dialect = Dialect.SQLITE

    def __init__(
        self, path: str, *, checkpoints: bool, node: int, busy_ms: int, alone: bool
    ) -> None:
        self._path = path
        self._busy_ms = busy_ms
        self._use_lock = UseLock(f"{path}.users", alone=alone)
        self._file_lock = FileLock(f"{path}.lock", yields=not checkpoints)
        self._queries = load_queries(Dialect.SQLITE)
        self._ids = IdMaker(node)
        self._writer: aiosqlite.Connection | None = None
        self._reader: aiosqlite.Connection | None = None
        self._writer_owner = asyncio.Lock()
        self._reader_owner = asyncio.Lock()
        self._store_id = ""

    @classmethod
    async def open(
        cls, path: str, *, checkpoints: bool, node: int, busy_ms: int, alone: bool
    ) -> SqliteStore:
        """Open, migrate and check; on any error nothing stays open."""
        store = cls(path, checkpoints=checkpoints, node=node, busy_ms=busy_ms, alone=alone)
        try:
            await store._connect_writer(checkpoints=checkpoints)
            await store._migrate()
            await store._connect_reader()
            async with store.read() as reader:
                rows = await reader.fetch("fetch_store_id")
            store._store_id = store_id_of(rows, place=path, alone=alone)
        except BaseException:
            await store.close()
            raise
        return store

    @property
    def store_id(self) -> str:
        """Made with the first migration; journals carry it."""
        return self._store_id

    @property
    def warnings(self) -> tuple[str, ...]:
        """A SQLite that can corrupt its WAL is worth a line at every start."""
        return version_warnings(sqlite3.sqlite_version_info)

    @property
    def place(self) -> str:
        """The file."""
        return self._path

    def learn(self, queries: Iterable[Query]) -> None:
        """Run these by their names as well."""
        self._queries.update((query.name, query) for query in queries)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqliteTransaction]:
        """One page of reading on one state of the books."""
        connection = _opened(self._reader)
        async with self._reader_owner:
            try:
                await _translated(connection.execute("BEGIN"), self._path)
                yield SqliteTransaction(connection, self._queries, self._path, self._ids)
            finally:
                await connection.rollback()

    @asynccontextmanager
    async def transaction(self, *, shared: bool = False) -> AsyncIterator[SqliteTransaction]:
        """One writing transaction, committed when the block ends and rolled back when it raises.

        A file has one writer: `shared` ones too take turns.
        """
        async with self._exclusive() as transaction:
            rows = await transaction.fetch("fetch_id_floor", (self._ids.node,))
            floor = rows[0][0] if rows else 0
            self._ids.advance(floor)
            yield transaction
            if self._ids.last_id > floor:
                await transaction.execute("raise_id_floor", (self._ids.node, self._ids.last_id))

    async def wait_for_change(self, *, timeout_s: float) -> None:
        """A file tells nobody that it changed: time alone wakes."""
        await asyncio.sleep(timeout_s)

    async def make_room(self, *, at: int) -> None:
        """Nothing: a table of SQLite has room for all months."""

    async def close(self) -> None:
        """End the connections and their threads."""
        reader, self._reader = self._reader, None
        writer, self._writer = self._writer, None
        try:
            if reader is not None:
                await reader.close()
        finally:
            try:
                if writer is not None:
                    await writer.close()
            finally:
                self._file_lock.close()
                self._use_lock.close()

    async def _commit(self, connection: aiosqlite.Connection) -> None:
        """Commit, and say which of the three outcomes it was; a cancelled task waits for it."""
        commit = asyncio.ensure_future(connection.commit())
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await asyncio.wait((commit,))
            raise
        except sqlite3.Error as error:
            if connection.in_transaction:
                raise _unavailable(error, self._path) from error
            raise CommitUnknown(
                f"store {self._path}: the commit failed ({error}: {_remedy(error)}) and may have "
                "been written: its rows are read back before anything is sent again"
            ) from error

    async def _connect_writer(self, *, checkpoints: bool) -> None:
        self._writer = await _connect(self._path, busy_ms=self._busy_ms)
        pages = CHECKPOINT_PAGES if checkpoints else 0
        for pragma in (
            f"PRAGMA wal_autocheckpoint = {pages}",
            f"PRAGMA cache_size = -{CACHE_KIB}",
            "PRAGMA foreign_keys = ON",
        ):
            await _translated(self._writer.execute_fetchall(pragma), self._path)
        await self._file_lock.acquire(wait_ms=self._busy_ms)
        try:
            await _translated(
                self._writer.execute_fetchall("PRAGMA journal_mode = WAL"), self._path
            )
        finally:
            self._file_lock.release()

    async def _connect_reader(self) -> None:
        self._reader = await _connect(self._path, busy_ms=self._busy_ms)
        for pragma in (
            "PRAGMA wal_autocheckpoint = 0",
            f"PRAGMA cache_size = -{READER_CACHE_KIB}",
            "PRAGMA query_only = ON",
        ):
            await _translated(self._reader.execute_fetchall(pragma), self._path)

    async def _migrate(self) -> None:
        """Apply what is new, each migration in its own transaction under the file lock."""
        known = load_migrations(MIGRATIONS_FOLDER / Dialect.SQLITE)
        for migration in known:
            async with self._exclusive() as transaction:
                applied = await _applied_migrations(transaction)
                if migration not in pending_migrations(known, applied):
                    continue
                for statement in statements(migration.text):
                    await _translated(_opened(self._writer).execute(statement), self._path)
                if migration.number == 1:
                    await transaction.execute("insert_store", (uuid.uuid4().hex,))
                await transaction.execute(
                    "insert_migration", (migration.number, migration.name, migration.sha256)
                )

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[SqliteTransaction]:
        """The writer's connection for one transaction: own task, file lock, BEGIN IMMEDIATE."""
        connection = _opened(self._writer)
        async with self._writer_owner:
            await self._file_lock.acquire(wait_ms=self._busy_ms)
            try:
                await _translated(connection.execute("BEGIN IMMEDIATE"), self._path)
                yield SqliteTransaction(connection, self._queries, self._path, self._ids)
                await self._commit(connection)
            finally:
                await connection.rollback()  # does nothing after a commit
                self._file_lock.release()


def _run_all(
    connection: sqlite3.Connection, steps: Sequence[tuple[Batch, Sequence[Sequence[SqlValue]]]]
) -> list[int]:
    """In the connection's thread: every step for its rows; the rows that each changed."""
    return [batch.run(connection, rows) for batch, rows in steps]


def version_warnings(version: tuple[int, int, int]) -> tuple[str, ...]:
    """What to say about a version of SQLite."""
    if version >= SAFE_VERSION:
        return ()
    return (
        f"SQLite {'.'.join(map(str, version))} can corrupt a WAL when two connections checkpoint: "
        "only the daemon's writer does; write to the books with aaactl and aaabill alone, or "
        f"install {'.'.join(map(str, SAFE_VERSION))} or newer",
    )


async def _connect(path: str, *, busy_ms: int) -> aiosqlite.Connection:
    connecting = aiosqlite.connect(
        path,
        timeout=busy_ms / 1000,
        isolation_level=None,
        cached_statements=STATEMENTS_CACHED,
    )
    connection = await _translated(connecting, path)
    try:
        await _translated(connection.execute("PRAGMA synchronous = FULL"), path)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _applied_migrations(transaction: SqliteTransaction) -> dict[int, str]:
    if not await transaction.fetch("find_table", ("schema_migration",)):
        return {}
    return dict(await transaction.fetch("fetch_migrations"))


def _opened(connection: aiosqlite.Connection | None) -> aiosqlite.Connection:
    if connection is None:
        raise StoreUnavailable("the store is closed: open it again")
    return connection


async def _translated(call: Awaitable[_Result], path: str) -> _Result:
    """Await a call; an error that an operator can end becomes StoreUnavailable, others are bugs."""
    try:
        return await call
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") in _KEY_ERRORS:
            raise KeyExists(f"store {path}: {error}") from error
        if _remedy(error) is None:
            raise
        raise _unavailable(error, path) from error


def _remedy(error: sqlite3.Error) -> str | None:
    """What helps against an error; an extended code (SQLITE_IOERR_FSYNC) counts as its primary."""
    name = getattr(error, "sqlite_errorname", "")
    return _REMEDIES.get("_".join(name.split("_")[:2]))


def _unavailable(error: sqlite3.Error, path: str) -> StoreUnavailable:
    remedy = _remedy(error) or "the transaction was rolled back; the work is tried again"
    return StoreUnavailable(f"store {path}: {error}: {remedy}")
