"""The books in PostgreSQL 15 or newer, through asyncpg: a writing connection, a few that read, one
that listens.

Every transaction is READ COMMITTED and begins with a lock. Alone (the default) it is what BEGIN
IMMEDIATE is on SQLite: nobody else writes meanwhile, so what it read still holds when it writes.
Shared ones run beside each other, on several nodes: their statements hold their own by
compare-and-set, sums and unique keys, whose outcome PostgreSQL decides by row locks on the newest
row. SERIALIZABLE would do both and abort postings of accounts that only share an index page.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import asyncpg

from ledger.ids import IdMaker
from ledger.store.contract import (
    CommitUnknown,
    Row,
    SqlValue,
    Step,
    StoreError,
    StoreInUse,
    StoreUnavailable,
    in_use,
    store_id_of,
)
from ledger.store.migrations import MIGRATIONS_FOLDER, load_migrations, pending_migrations
from ledger.store.named_queries import Dialect, Query, load_queries
from ledger.store.postgres_batches import batch_sql, columns, copy_table
from ledger.store.postgres_errors import FAILURES, translated, unavailable

VERSION_MIN = 15
"""The oldest server that the tests run on."""

READERS_MAX = 4
"""Connections that read at once: a drain's misses, the control socket, a check, one to spare."""

STATEMENTS_CACHED = 512
"""Prepared statements kept a connection: more than there are named queries."""

CONNECT_MAX_S = 5
"""A server that does not answer a new connection for so long is away."""

ANSWER_MAX_S = 30
"""The longest statement: a page of a check. A server that is silent for longer is away."""

HANG_MAX_MS = 30_000
"""The server ends a transaction whose node says nothing for so long, for it holds locks."""

MIGRATION_WAIT_MS = 60_000
"""How long another node's migration is waited for."""

CLOSE_MAX_S = 2
"""A goodbye that takes longer is left unsaid."""

MONTHS_AHEAD = 2
"""Months whose partitions are made ahead: a daemon that ran one day of them has room."""

CHANGES_CHANNEL = "aaad_changes"

BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

if TYPE_CHECKING:  # generic in its stubs only
    _Connection = asyncpg.Connection[asyncpg.Record]


class PostgresTransaction:
    """Runs named queries on one connection; see contract.Transaction."""

    __slots__ = ("_batches", "_connection", "_copies", "_place", "_queries", "ids")

    def __init__(self, store: PostgresStore, connection: _Connection, ids: IdMaker) -> None:
        self._connection = connection
        self._queries = store.queries
        self._batches = store.batches
        self._copies = store.copies
        self._place = store.place
        self.ids = ids

    async def fetch(self, query: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        """All rows of a named query."""
        sql = self._queries[query].sql
        rows = await translated(self._connection.fetch(sql, *parameters), self._place)
        return [tuple(row) for row in rows]

    async def execute(self, query: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run a named writing query; the number of rows that it changed."""
        return await self._count(self._queries[query].sql, parameters)

    async def execute_many(self, query: str, rows: Sequence[Sequence[SqlValue]]) -> int:
        """Run a named writing query for each row of parameters; rows changed in all."""
        if not rows:
            return 0
        if len(rows) > 1:
            if table := self._copies[query]:
                names = self._queries[query].parameters
                copy = self._connection.copy_records_to_table(table, columns=names, records=rows)
                await translated(copy, self._place)
                return len(rows)
            if batch := self._batches[query]:
                return await self._count(batch, columns(rows))
        return sum([await self.execute(query, row) for row in rows])

    async def execute_all(self, steps: Sequence[Step]) -> list[int]:
        """Run named writing queries in their order; the rows that each changed."""
        return [await self.execute_many(query, rows) for query, rows in steps]

    async def _count(self, sql: str, parameters: Sequence[Any]) -> int:
        """The last word of a status as "INSERT 0 5" or "UPDATE 5"; "SAVEPOINT" has none."""
        status = await translated(self._connection.execute(sql, *parameters), self._place)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0


class PostgresStore:
    """An open PostgreSQL store; see contract.Store. Made by `open`."""

    dialect = Dialect.POSTGRESQL

    def __init__(
        self,
        url: str,
        *,
        password: str | None,
        serves: bool,
        node: int,
        busy_ms: int,
        alone: bool,
    ) -> None:
        self.place = url.partition("?")[0]
        self._hold = "hold_alone" if alone else "hold_shared"
        self._holds_journal = serves and node > 0
        self.queries = load_queries(Dialect.POSTGRESQL)
        self.batches = {name: batch_sql(query) for name, query in self.queries.items()}
        self.copies = {name: copy_table(query) for name, query in self.queries.items()}
        self._ids = IdMaker(node)
        self._options: dict[str, Any] = {
            "dsn": url,
            "password": password,
            "timeout": CONNECT_MAX_S,
            "command_timeout": ANSWER_MAX_S,
            "statement_cache_size": STATEMENTS_CACHED,
            "max_cached_statement_lifetime": 0,
            "server_settings": {
                "application_name": "aaad",
                "lock_timeout": str(busy_ms),
                "idle_in_transaction_session_timeout": str(HANG_MAX_MS),
            },
        }
        self._writer: _Connection | None = None
        self._writer_owner = asyncio.Lock()
        self._readers: asyncpg.Pool[asyncpg.Record] | None = None
        self._listener: _Connection | None = None
        self._changed = asyncio.Event()
        self._closed = False
        self._store_id = ""
        self._warnings: tuple[str, ...] = ()

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        password: str | None,
        serves: bool,
        node: int,
        busy_ms: int,
        alone: bool,
    ) -> PostgresStore:
        """Open, migrate and check; on any error nothing stays open.

        serves: a daemon, whose node's number nobody else may have meanwhile.
        """
        store = cls(url, password=password, serves=serves, node=node, busy_ms=busy_ms, alone=alone)
        try:
            await store._migrate()
            store._readers = asyncpg.create_pool(
                min_size=0, max_size=READERS_MAX, init=_prepare, reset=_keep, **store._options
            )
            await translated(store._readers, store.place)
            async with store.read() as reader:
                rows = await reader.fetch("fetch_store_id")
                ((fsync, full_pages, synchronous),) = await reader.fetch("fetch_durability")
            store._store_id = store_id_of(rows, place=store.place, alone=alone)
            store._warnings = durability_warnings(fsync, full_pages, synchronous)
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
        """A server that forgets what it said is on disk is worth a line at every start."""
        return self._warnings

    def learn(self, queries: Iterable[Query]) -> None:
        """Run these by their names as well."""
        for query in queries:
            self.queries[query.name] = query
            self.batches[query.name] = None
            self.copies[query.name] = copy_table(query)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[PostgresTransaction]:
        """One page of reading on one state of the books."""
        if self._readers is None:
            raise _closed()
        readers = self._readers
        connection = await self._begun_reader(readers)
        try:
            yield self._transaction_on(connection)
        finally:
            try:
                await _roll_back(connection)
            finally:
                await readers.release(cast("Any", connection))

    @asynccontextmanager
    async def transaction(self, *, shared: bool = False) -> AsyncIterator[PostgresTransaction]:
        """One writing transaction, committed when the block ends and rolled back when it raises."""
        async with self._committed() as transaction:
            await transaction.fetch("lock_shared" if shared else "lock_alone")
            ((floor,),) = await transaction.fetch("fetch_id_floor", (self._ids.node,))
            self._ids.advance(floor)
            yield transaction
            if self._ids.last_id > floor:
                await transaction.execute("raise_id_floor", (self._ids.node, self._ids.last_id))

    async def wait_for_change(self, *, timeout_s: float) -> None:
        """Return when somebody changed a customer or a price list, or after `timeout_s`."""
        with suppress(StoreUnavailable):  # while the server is away, time alone wakes
            await self._listen()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        self._changed.clear()

    async def make_room(self, *, at: int) -> None:
        """Make the partitions of the month of `at` (epoch seconds) and of those that follow."""
        async with self.transaction() as transaction:
            await transaction.fetch("make_partitions", (at, MONTHS_AHEAD))

    async def close(self) -> None:
        """End the connections."""
        self._closed = True
        readers, self._readers = self._readers, None
        for connection in (self._writer, self._listener):
            if connection is not None:
                await _say_goodbye(connection)
        self._writer = self._listener = None
        if readers is not None:
            try:
                await asyncio.wait_for(readers.close(), CLOSE_MAX_S)
            except FAILURES:
                readers.terminate()

    def _transaction_on(self, connection: _Connection) -> PostgresTransaction:
        return PostgresTransaction(self, connection, self._ids)

    @asynccontextmanager
    async def _committed(self) -> AsyncIterator[PostgresTransaction]:
        """The writer's connection for one transaction."""
        async with self._writer_owner:
            connection = await self._begun_writer()
            try:
                yield self._transaction_on(connection)
                await self._commit(connection)
            finally:
                await _roll_back(connection)

    async def _begun_writer(self) -> _Connection:
        """The writer's connection with a transaction begun. One that died idle is made anew."""
        if self._writer is not None and not self._writer.is_closed():
            with suppress(StoreUnavailable):
                await _begin(self._writer, BEGIN_WRITING, self.place)
                return self._writer
        self._writer = await self._connect()
        await self._hold_store(self._writer)
        await _begin(self._writer, BEGIN_WRITING, self.place)
        return self._writer

    async def _hold_store(self, connection: _Connection) -> None:
        """Say for this connection's life that we write here; refused while others move the
        books."""
        transaction = self._transaction_on(connection)
        try:
            ((is_held,),) = await transaction.fetch(self._hold)
            if is_held and self._holds_journal:
                await self._hold_journal(transaction)
        except BaseException:
            _give_up(connection)
            raise
        if not is_held:
            _give_up(connection)
            raise in_use(self.place, alone=self._hold == "hold_alone")

    async def _hold_journal(self, transaction: PostgresTransaction) -> None:
        try:
            await transaction.fetch("hold_journal", (self._ids.node,))
        except StoreUnavailable as error:
            raise StoreInUse(
                f"store {self.place}: another daemon has journal number {self._ids.node}: give "
                "each node its own [journal] number"
            ) from error

    async def _begun_reader(self, readers: asyncpg.Pool[asyncpg.Record]) -> _Connection:
        """A connection of the pool with a transaction begun. When one died idle, so did all."""
        for is_last in (False, True):
            connection = cast("_Connection", await translated(readers.acquire(), self.place))
            try:
                await _begin(connection, BEGIN_READING, self.place)
            except BaseException as error:
                await readers.release(cast("Any", connection))
                if is_last or not isinstance(error, StoreUnavailable):
                    raise
                await readers.expire_connections()
            else:
                return connection
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _commit(self, connection: _Connection) -> None:
        """Commit, and say which of the three outcomes it was; a cancelled task waits for it."""
        commit = asyncio.ensure_future(connection.execute("COMMIT"))
        try:
            status = await asyncio.shield(commit)
        except asyncio.CancelledError:
            await asyncio.wait((commit,))
            raise
        except FAILURES as error:
            if _is_refused(error, connection):
                raise unavailable(error, self.place) from error
            connection.terminate()
            raise CommitUnknown(
                f"store {self.place}: the connection was lost in a commit ({error}), which may "
                "have been written: read the rows back before anything is sent again"
            ) from error
        if status != "COMMIT":  # so the server says when a statement had failed before
            raise StoreUnavailable(f"store {self.place}: the transaction was rolled back")

    async def _connect(self) -> _Connection:
        if self._closed:
            raise _closed()
        connection: _Connection
        connection = await translated(asyncpg.connect(**self._options), self.place)
        try:
            await translated(_prepare(connection), self.place)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _listen(self) -> None:
        """Have a connection that hears of changes. What was missed without one is looked for."""
        if self._listener is not None and not self._listener.is_closed():
            return
        connection = await self._connect()
        self._listener = connection
        self._changed.set()
        hear = connection.add_listener(CHANGES_CHANNEL, lambda *_: self._changed.set())
        await translated(hear, self.place)

    async def _migrate(self) -> None:
        """Apply what is new in one transaction; other nodes wait. Makes this node's floor of ids.

        The transaction is alone: one that this node's forerunner left behind has ended by then,
        so that what is read from now on is final.
        """
        known = load_migrations(MIGRATIONS_FOLDER / Dialect.POSTGRESQL)
        async with self._committed() as transaction:
            connection = cast("_Connection", self._writer)
            major = connection.get_server_version().major
            if major < VERSION_MIN:
                raise StoreError(
                    f"store {self.place}: PostgreSQL {major} is too old: install {VERSION_MIN}"
                )
            wait = connection.execute(f"SET LOCAL lock_timeout = {MIGRATION_WAIT_MS}")
            await translated(wait, self.place)
            await transaction.fetch("lock_alone")
            applied = await _applied_migrations(transaction)
            for migration in pending_migrations(known, applied):
                await translated(connection.execute(migration.text), self.place)
                row = (migration.number, migration.name, migration.sha256)
                await transaction.execute("insert_migration", row)
                if migration.number == 1:
                    await transaction.execute("insert_store", (uuid.uuid4().hex,))
            await transaction.execute("insert_id_floor", (self._ids.node,))


def durability_warnings(fsync: str, full_pages: str, synchronous: str) -> tuple[str, ...]:
    """What to say about a server's settings."""
    settings = {"fsync": fsync, "full_page_writes": full_pages, "synchronous_commit": synchronous}
    return tuple(
        f"PostgreSQL runs with {name} = off and can lose what it said is on disk: set it to on"
        for name, value in settings.items()
        if value == "off"
    )


async def _applied_migrations(transaction: PostgresTransaction) -> dict[int, str]:
    if not await transaction.fetch("find_table", ("schema_migration",)):
        return {}
    return dict(await transaction.fetch("fetch_migrations"))


async def _prepare(connection: _Connection) -> None:
    """Sums of integers arrive as numeric: they are integers here as well."""
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=int, format="text"
    )


async def _keep(_connection: object) -> None:
    """A reader changes nothing of its connection that would have to be set back."""


def _is_refused(error: BaseException, connection: _Connection) -> bool:
    """Whether the server itself said no to a commit, and lives on: then nothing was written."""
    return (
        isinstance(error, asyncpg.PostgresError)
        and not isinstance(error, asyncpg.PostgresConnectionError)
        and (error.sqlstate or "57")[:2] not in {"57", "58", "XX"}
        and not connection.is_closed()
    )


async def _begin(connection: _Connection, statement: str, place: str) -> None:
    """Begin a transaction; a connection on which that fails is given up."""
    try:
        await translated(connection.execute(statement), place)
    except BaseException:
        _give_up(connection)
        raise


async def _roll_back(connection: _Connection) -> None:
    """Undo what a block left; a connection on which that fails is given up."""
    try:
        if connection.is_closed() or not connection.is_in_transaction():
            return
        await connection.execute("ROLLBACK")
    except FAILURES:
        _give_up(connection)
    except asyncio.CancelledError:
        _give_up(connection)
        raise


def _give_up(connection: _Connection) -> None:
    """Cut a connection off; of a lost one the pool may have let go already, and says so."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _say_goodbye(connection: _Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_MAX_S)
    except FAILURES:
        connection.terminate()


def _closed() -> StoreUnavailable:
    return StoreUnavailable("the store is closed: open it again")
