"""The PostgreSQL store by itself (ledger.store.postgres): two nodes, cut connections, changes told.

What both stores promise is proven by the other files of this folder. Here: who waits for whom, what
a commit that nobody answered is called, and that the server may go and come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from ledger.books import check_books
from ledger.changes import bump_change
from ledger.ids import node_of
from ledger.model import SessionPosting
from ledger.posting import post
from ledger.store import (
    CommitUnknown,
    Store,
    StoreError,
    StoreInUse,
    StoreUnavailable,
    open_store,
)
from ledger.store.postgres import PostgresStore, durability_warnings
from tests.postgres_cluster import PASSWORD, Cluster, run_sql, running_cluster
from tests.store.builders import NOW, advanced, batch, opening, register, session

IMPATIENT_MS = 50
LATE_S = 20
"""Nothing here takes seconds; a test that waits so long has failed."""


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    opened = await open_store(postgres_url, checkpoints=True, node=1)
    assert isinstance(opened, PostgresStore)
    yield opened
    await opened.close()


@pytest.fixture
async def second(postgres_url: str, store: PostgresStore) -> AsyncIterator[Store]:
    """Another node on the same books."""
    opened = await open_store(postgres_url, checkpoints=False, node=2)
    yield opened
    await opened.close()


async def add_boot(store: Store, nas: str = "bras-1") -> None:
    async with store.transaction() as tx:
        await tx.execute("raise_boot", ("bras", nas, NOW))


async def boots(store: Store) -> list[tuple[str, str, int]]:
    async with store.read() as reader:
        return sorted(await reader.fetch("fetch_boots"))


# ---- two nodes


async def test_two_nodes_that_post_the_same_session_are_one_winner_and_one_loser(
    store: Store, second: Store
) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    async with store.transaction(shared=True) as tx:
        await post(tx, batch(first))
    nodes = (store, second)
    row = first.new
    for round_number in range(5):
        won = asyncio.Event()
        new = advanced(row, seconds=10 + round_number, charge_micros=7)

        async def attempt(
            node: Store, posting: SessionPosting = new, won: asyncio.Event = won
        ) -> frozenset[int]:
            async with node.transaction(shared=True) as tx:
                result = await post(tx, batch(posting))
                won.set()
                return result.lost_session_ids

        lost = await asyncio.gather(*(attempt(node) for node in nodes))
        assert sorted(map(len, lost)) == [0, 1]
        row = new.new
    assert await check_books(store) == []


async def test_two_nodes_that_open_the_same_session_make_one(store: Store, second: Store) -> None:
    account_id, service_id = await register(store)
    rows = [
        opening(session(account_id, service_id, session_id=session_id)) for session_id in (1, 2)
    ]
    inside = asyncio.Event()

    async def early() -> frozenset[int]:
        async with store.transaction(shared=True) as tx:
            result = await post(tx, batch(rows[0]))
            inside.set()
            await asyncio.sleep(0.05)  # time for the other to run into the uncommitted row
            return result.lost_session_ids

    async def late() -> frozenset[int]:
        await inside.wait()
        async with second.transaction(shared=True) as tx:
            return (await post(tx, batch(rows[1]))).lost_session_ids

    assert await asyncio.gather(early(), late()) == [frozenset(), frozenset({2})]
    assert await check_books(store) == []


async def test_who_shares_is_not_waited_for_and_who_is_alone_is(
    store: Store, postgres_url: str
) -> None:
    other = await open_store(postgres_url, checkpoints=False, node=2, busy_ms=IMPATIENT_MS)
    try:
        async with store.transaction(shared=True):
            async with other.transaction(shared=True) as tx:
                await tx.execute("raise_boot", ("bras", "beside", NOW))
            with pytest.raises(StoreUnavailable, match="writes for too long"):
                await add_boot(other, "alone")
        async with store.transaction():
            with pytest.raises(StoreUnavailable, match="writes for too long"):
                async with other.transaction(shared=True):
                    pass
        await add_boot(other, "alone")
        assert [nas for _, nas, _ in await boots(store)] == ["alone", "beside"]
    finally:
        await other.close()


async def test_changes_of_two_nodes_take_turns(store: Store, second: Store) -> None:
    async def read_then_write(node: Store, nas: str) -> int:
        async with node.transaction() as tx:
            seen = len(await tx.fetch("fetch_boots"))
            await tx.execute("raise_boot", ("bras", nas, NOW))
            return seen

    seen = await asyncio.gather(
        *(read_then_write((store, second)[number % 2], f"nas-{number}") for number in range(8))
    )
    assert sorted(seen) == list(range(8))


async def test_ids_of_two_nodes_differ_and_those_of_one_node_go_on(
    store: Store, second: Store, postgres_url: str
) -> None:
    made = []
    for node in (store, second, store):
        async with node.transaction() as tx:
            made.append(tx.ids.make(NOW * 1000))
    assert [node_of(one) for one in made] == [1, 2, 1]
    again = await open_store(postgres_url, checkpoints=False, node=1)
    try:
        async with again.transaction() as tx:
            made.append(tx.ids.make((NOW - 86_400) * 1000))
    finally:
        await again.close()
    assert len(set(made)) == 4
    assert made[3] > made[2]


async def test_a_nodes_number_is_its_own_while_it_serves(store: Store, postgres_url: str) -> None:
    with pytest.raises(StoreInUse, match=r"journal number 1: give each node its own \[journal\]"):
        await open_store(postgres_url, checkpoints=True, node=1, busy_ms=IMPATIENT_MS)
    other = await open_store(postgres_url, checkpoints=True, node=2)
    await other.close()
    await store.close()
    again = await open_store(postgres_url, checkpoints=True, node=1)
    await again.close()


async def test_nodes_that_start_together_migrate_once(postgres_cluster: Cluster) -> None:
    url = postgres_cluster.new_database()
    stores = await asyncio.gather(
        *(open_store(url, checkpoints=False, node=node) for node in (1, 2, 3))
    )
    for opened in stores:
        await opened.close()
    assert len({opened.store_id for opened in stores}) == 1
    numbers = run_sql(url, "SELECT number FROM schema_migration ORDER BY number")
    assert numbers == [(number + 1,) for number in range(len(numbers))]


# ---- changes are told


async def test_a_change_wakes_every_node_at_once(store: Store, second: Store) -> None:
    for node in (store, second):
        await node.wait_for_change(timeout_s=0.01)  # they listen from now on
    waiting = [asyncio.create_task(n.wait_for_change(timeout_s=LATE_S)) for n in (store, second)]
    await asyncio.sleep(0)
    begun = time.monotonic()
    async with second.transaction() as tx:
        await bump_change(tx, 0)
    await asyncio.gather(*waiting)
    assert time.monotonic() - begun < 1


async def test_without_a_change_time_wakes_with_or_without_a_server(
    postgres_cluster: Cluster, store: Store
) -> None:
    await store.wait_for_change(timeout_s=0.01)
    await asyncio.wait_for(store.wait_for_change(timeout_s=0.01), LATE_S)
    await store.close()
    await asyncio.wait_for(store.wait_for_change(timeout_s=0.01), LATE_S)


# ---- what is refused, and what is unknown


async def test_a_password_is_asked_for_over_tcp(postgres_cluster: Cluster) -> None:
    postgres_cluster.empty_books()
    url = postgres_cluster.tcp_url("shared_books")
    with pytest.raises(StoreUnavailable, match="password_file") as caught:
        await open_store(url, checkpoints=False, password=b"not this one")
    assert "not this one" not in str(caught.value)
    opened = await open_store(url, checkpoints=False, password=PASSWORD.encode())
    await opened.close()


async def test_no_server_and_no_database_are_named_with_the_remedy(
    postgres_cluster: Cluster,
) -> None:
    with pytest.raises(StoreUnavailable, match="createdb"):
        await open_store(postgres_cluster.url("nowhere"), checkpoints=False)
    with pytest.raises(StoreUnavailable, match="look whether the server runs"):
        await open_store("postgresql://aaad@127.0.0.1:1/books", checkpoints=False)


class CuttingProxy:
    """Between a store and its server: cuts the connection before or after a COMMIT arrives."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.cut = ""  # "before", "after" or "": let all pass
        self._server = server
        self._listening: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> int:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._listening is not None
        self._listening.close()
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        server, requests = await asyncio.open_connection(*self._server)
        self._writers += [answers, requests]
        down = asyncio.create_task(self._pass(server, answers))
        with contextlib.suppress(OSError):
            while data := await client.read(65_536):
                if self.cut and b"COMMIT\0" in data:
                    down.cancel()
                    if self.cut == "after":
                        requests.write(data)
                        await server.read(1)  # the server has answered: it is committed
                    break
                requests.write(data)
        down.cancel()
        answers.close()
        requests.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                sink.write(data)


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_connection_cut_in_a_commit_is_unknown_and_the_next_one_works(
    postgres_cluster: Cluster, cut: str
) -> None:
    postgres_cluster.empty_books()
    proxy = CuttingProxy(("127.0.0.1", postgres_cluster.port))
    port = await proxy.start()
    opened = await open_store(
        f"postgresql://aaad@127.0.0.1:{port}/shared_books?sslmode=disable",
        checkpoints=True,
        password=PASSWORD.encode(),
    )
    try:
        proxy.cut = cut
        with pytest.raises(CommitUnknown, match="read the rows back"):
            await add_boot(opened)
        proxy.cut = ""
        assert len(await boots(opened)) == (cut == "after")
        await add_boot(opened, "bras-2")
        assert len(await boots(opened)) == 1 + (cut == "after")
    finally:
        await opened.close()
        await proxy.stop()


async def test_a_commit_that_the_server_refuses_wrote_nothing(store: Store) -> None:
    async def spoilt() -> None:
        async with store.transaction() as tx:
            await tx.execute("raise_boot", ("bras", "bras-1", NOW))
            with contextlib.suppress(ValueError, Exception):
                await tx.execute("insert_balance", (1, None))  # NOT NULL: spoils the transaction

    with pytest.raises((StoreUnavailable, StoreError), match="rolled back"):
        await spoilt()
    assert await boots(store) == []


async def test_a_server_that_ends_in_a_transaction_is_unavailable(
    store: Store, postgres_url: str
) -> None:
    async def cut_off() -> None:
        async with store.transaction() as tx:
            await tx.execute("raise_boot", ("bras", "bras-1", NOW))
            run_sql(
                postgres_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            await tx.execute("raise_boot", ("bras", "bras-2", NOW))

    with pytest.raises(StoreUnavailable):
        await cut_off()
    await add_boot(store, "later")
    assert [nas for _, nas, _ in await boots(store)] == ["later"]


async def test_a_killed_server_comes_back_with_all_that_was_committed() -> None:
    with running_cluster() as cluster:
        opened = await open_store(cluster.new_database(), checkpoints=True)
        try:
            await add_boot(opened, "before")
            cluster.kill()
            with pytest.raises(StoreError):
                await add_boot(opened, "while away")
            with pytest.raises(StoreUnavailable):
                await boots(opened)
            cluster.start()
            await add_boot(opened, "after")
            assert [nas for _, nas, _ in await boots(opened)] == ["after", "before"]
        finally:
            await opened.close()


async def test_closing_twice_is_harmless(store: PostgresStore) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await add_boot(store)
    with pytest.raises(StoreUnavailable, match="closed"):
        await boots(store)


def test_a_server_that_forgets_is_warned_of(store: PostgresStore) -> None:
    assert store.warnings == ()
    (said,) = durability_warnings("off", "on", "on")
    assert "fsync = off" in said


# ---- months


async def test_months_have_partitions_and_what_came_before_them_moves_in(
    postgres_cluster: Cluster,
) -> None:
    url = postgres_cluster.new_database()
    opened = await open_store(url, checkpoints=True)
    try:
        account_id, service_id = await register(opened)  # its event waits in the default partition
        first = opening(session(account_id, service_id))
        async with opened.transaction() as tx:
            await post(tx, batch(first))
        count = "SELECT count(*) FROM event_default"
        assert run_sql(url, count) != [(0,)]
        for _ in range(2):
            await opened.make_room(at=NOW)
        assert run_sql(url, count) == [(0,)]
        assert run_sql(url, "SELECT count(*) > 0 FROM event_2023_11") == [(True,)]
        names = run_sql(url, "SELECT relname::text FROM pg_class WHERE relname ~ '_20.._..$'")
        assert {name for (name,) in names} == {
            f"{table}_{month}"
            for table in ("event", "impact")
            for month in ("2023_11", "2023_12", "2024_01")
        }
        assert await check_books(opened) == []
    finally:
        await opened.close()
