"""Proves that what is applied is posted exactly once and in time, whatever the store does: it
fails, it is away, its commit is in doubt, another owner was faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

import pytest

from aaad.server import poster
from aaad.server.applicable import Applicable
from aaad.server.poster import Poster
from ledger.model import SessionRow
from ledger.posting import post
from ledger.sessions import fetch_boots, fetch_open_sessions, fetch_suspense
from ledger.settings import PostingSettings
from ledger.store import CommitUnknown, Reader, Store, StoreUnavailable, Transaction
from tests.e2e.wire import Status
from tests.server_ports import until
from tests.server_world import T0, US, World, applicable, clock_at, new_books, position_of, report


class Fault(Enum):
    """What the next transaction meets."""

    NONE = "none"
    AWAY = "away"
    CUT_BEFORE_COMMIT = "cut before the commit"
    CUT_AFTER_COMMIT = "cut after the commit"


class FaultyStore:
    """The real store with the fault of the day; counts the transactions that were begun."""

    def __init__(self, store: Store) -> None:
        self.real = store
        self.fault = Fault.NONE
        self.readable = True
        self.transactions = 0

    @property
    def store_id(self) -> str:
        return self.real.store_id

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.real.warnings

    def read(self) -> AbstractAsyncContextManager[Reader]:
        if not self.readable:
            raise StoreUnavailable("cannot be read")
        return self.real.read()

    @asynccontextmanager
    async def transaction(self, *, shared: bool = False) -> AsyncIterator[Transaction]:
        self.transactions += 1
        if self.fault is Fault.AWAY:
            raise StoreUnavailable("is away")
        with suppress(RolledBack):
            async with self.real.transaction(shared=shared) as transaction:
                yield transaction
                if self.fault is Fault.CUT_BEFORE_COMMIT:
                    raise RolledBack
        if self.fault is not Fault.NONE:
            raise CommitUnknown(self.fault.value)

    async def wait_for_change(self, *, timeout_s: float) -> None:
        await self.real.wait_for_change(timeout_s=timeout_s)

    async def make_room(self, *, at: int) -> None:
        await self.real.make_room(at=at)

    async def close(self) -> None:
        await self.real.close()


class RolledBack(Exception):
    """The commit never reached the store."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FaultyStore]:
    made = FaultyStore(await new_books(tmp_path))
    try:
        yield made
    finally:
        await made.close()


MakeWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def make_world(store: FaultyStore, tmp_path: Path) -> MakeWorld:
    @asynccontextmanager
    async def make(**given: int) -> AsyncIterator[World]:
        values = {"tick_ms": 5, "open_session_max_age_s": 60, "batch_max": 100, **given}
        world = World(store, clock_at(tmp_path), posting=PostingSettings(**values))
        await world.restore()
        async with world.running():
            yield world

    return make


def starts(*ids: str, at: int = T0, first_lsn: int = 1) -> list[Applicable]:
    return applicable(
        [report(lsn, Status.START, name, at=at) for lsn, name in enumerate(ids, start=first_lsn)]
    )


def stop(lsn: int, name: str, *, at: int) -> list[Applicable]:
    return applicable([report(lsn, Status.STOP, name, at=at, session_time=at - T0)])


async def open_rows(store: Store) -> list[SessionRow]:
    async with store.read() as reader:
        return await fetch_open_sessions(reader)


async def stored(store: FaultyStore) -> dict[bytes, int]:
    """The LSN of every open session in the books."""
    return {row.acct_session_id: row.lsn for row in await open_rows(store)}


async def test_running_sessions_are_posted_when_they_are_old(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("a"), *starts("b", at=T0 + 59, first_lsn=2))
        await world.poster.tick()
        assert await stored(store) == {}
        await world.apply(*starts("c", at=T0 + 60, first_lsn=3))
        await world.poster.tick()
        assert await stored(store) == {b"a": 1}
        assert (world.poster.position_lsn, await position_of(store)) == (1, 1)
        assert world.poster.waiting == 2


async def test_ended_sessions_are_posted_at_the_next_tick(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("old", "ends"), *stop(3, "ends", at=T0 + 30))
        await world.poster.tick()
        assert await stored(store) == {}
        session = world.sessions.candidates("nas-1", b"ends")[0]
        assert not session.dirty
        assert await position_of(store) == 0, "record 1 is not posted"
        assert world.posted_lsns == [0]


async def test_a_batch_is_at_most_batch_max_sessions(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world(batch_max=2) as world:
        await world.apply(*starts("a", "b", "c", "d", "e"))
        await world.poster.tick(everything=True)
        assert store.transactions == 3
        assert len(await stored(store)) == 5
        assert world.posted_lsns == [2, 4, 5]


async def test_reports_between_postings_are_one_posting(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("a"))
        for lsn in range(2, 10):
            at = T0 + lsn
            await world.apply(
                *applicable([report(lsn, Status.INTERIM_UPDATE, "a", at=at, session_time=lsn)])
            )
        await world.poster.tick(everything=True)
        (row,) = await open_rows(store)
        assert (row.version, row.lsn, row.accrued_micros) == (1, 9, 9_000)


async def test_an_idle_tick_writes_only_the_watermark_once_a_minute(
    store: FaultyStore, make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(poster, "monotonic", lambda: now_s)
    async with make_world() as world:
        for at_s, transactions in ((1_000.0, 1), (1_059.0, 1), (1_060.0, 2), (1_061.0, 2)):
            now_s = at_s
            await world.poster.tick()
            assert store.transactions == transactions
        assert await watermark(store) in range(T0, T0 + 100)


async def watermark(store: FaultyStore) -> int:
    async with store.read() as reader:
        ((_, _, _, watermark_at),) = await reader.fetch("fetch_journal_positions")
    return int(watermark_at)


async def test_records_that_change_no_session_move_the_position(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(
            *applicable(
                [
                    report(1, Status.ACCOUNTING_ON, "boot", login="", at=T0),
                    report(2, Status.START, login="nobody", at=T0),
                ]
            )
        )
        await world.poster.tick()
        assert await position_of(store) == 2
        async with store.read() as reader:
            assert [boot.booted_at for boot in await fetch_boots(reader)] == [T0]
            assert [one.lsn for one in await fetch_suspense(reader)] == [2]
        assert not world.unposted.has_records


async def test_what_could_not_be_posted_is_posted_later(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("a"), *stop(2, "a", at=T0 + 60))
        store.fault = Fault.AWAY
        await world.poster.tick()
        assert not world.poster.available
        assert (world.poster.waiting, world.posted_lsns) == (1, [])
        store.fault = Fault.NONE
        await world.poster.tick()
        assert world.poster.available
        assert (world.poster.waiting, await position_of(store)) == (0, 2)


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE_COMMIT, Fault.CUT_AFTER_COMMIT])
@pytest.mark.parametrize("reported_between", [False, True])
async def test_a_commit_in_doubt_is_settled_by_its_rows(
    store: FaultyStore, make_world: MakeWorld, fault: Fault, reported_between: bool
) -> None:
    async with make_world() as world:
        await world.apply(*starts("a", "b"), *stop(3, "b", at=T0 + 60))
        store.fault = fault
        await world.poster.tick(everything=True)
        assert not world.poster.available
        committed = fault is Fault.CUT_AFTER_COMMIT
        assert await position_of(store) == (3 if committed else 0)
        if reported_between:
            at = T0 + 90
            await world.apply(
                *applicable([report(4, Status.INTERIM_UPDATE, "a", at=at, session_time=90)])
            )
        store.fault = Fault.NONE
        await world.poster.tick(everything=True)
        (row,) = await open_rows(store)
        last_lsn = 4 if reported_between else 3
        assert (row.lsn, row.accrued_micros) == ((4, 90_000) if reported_between else (1, 0))
        assert (await position_of(store), world.poster.position_lsn) == (last_lsn, last_lsn)
        assert world.lost == []
        assert world.metrics.counters["postings"] == 2 + (committed and reported_between)


async def test_nothing_is_sent_while_a_commit_is_in_doubt(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("a"))
        store.fault = Fault.CUT_AFTER_COMMIT
        await world.poster.tick(everything=True)
        store.fault, store.readable = Fault.NONE, False
        await world.poster.tick(everything=True)
        assert store.transactions == 1
        store.readable = True
        await world.poster.tick(everything=True)
        assert (store.transactions, world.poster.position_lsn) == (1, 1)


async def test_records_without_a_session_are_sent_again_after_a_doubt(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*applicable([report(1, Status.START, login="nobody", at=T0)]))
        store.fault = Fault.CUT_AFTER_COMMIT
        await world.poster.tick()
        store.fault = Fault.NONE
        await world.poster.tick()
        async with store.read() as reader:
            assert [one.lsn for one in await fetch_suspense(reader)] == [1]
        assert not world.unposted.has_records


async def test_who_lost_against_another_owner_is_let_go(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("a", "b"))
        await world.poster.tick(everything=True)
        await _post_as_another_owner(world, store, b"a")
        late = [
            report(3, Status.INTERIM_UPDATE, "a", at=T0 + 70, session_time=70),
            report(4, Status.INTERIM_UPDATE, "b", at=T0 + 70, session_time=70),
        ]
        await world.apply(*applicable(late))
        await world.poster.tick(everything=True)
        assert [session.acct_session_id for session in world.lost] == [b"a"]
        assert world.sessions.candidates("nas-1", b"a") == []
        assert (await stored(store))[b"b"] == 4
        assert world.metrics.counters["postings_lost"] == 1
        assert world.poster.waiting == 0


async def _post_as_another_owner(world: World, store: FaultyStore, name: bytes) -> None:
    other = World(store.real, world.clock)
    await other.restore()
    async with other.running():
        at = T0 + 65
        (record,) = applicable(
            [report(99, Status.INTERIM_UPDATE, name.decode(), at=at, session_time=65)]
        )
        await other.apply(record)
        await other.poster.tick(everything=True)


async def test_chores_run_between_postings_and_wait_for_the_store(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    done = []

    async def read() -> None:
        async with store.read():
            done.append("read")

    async with make_world() as world:
        store.readable = False
        world.poster.do_between_postings(read)
        await world.poster.tick()
        assert (done, world.poster.available) == ([], False)
        store.readable = True
        await world.poster.tick()
        await world.poster.tick()
        assert done == ["read"]


async def test_the_lag_is_the_age_of_the_oldest_unposted_record(make_world: MakeWorld) -> None:
    async with make_world() as world:
        assert world.poster.lag_s() == 0
        await world.apply(*starts("a", at=T0 - 100))
        assert 100 <= world.poster.lag_s() <= 110
        await world.poster.tick(everything=True)
        assert world.poster.lag_s() == 0


@asynccontextmanager
async def running(posting: Poster) -> AsyncIterator[None]:
    task = asyncio.create_task(posting.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_flush_returns_when_all_is_in_the_books(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world(tick_ms=60_000) as world, running(world.poster):
        await world.apply(*starts("a", "b"))
        async with asyncio.timeout(20):
            await world.poster.flush()
        assert await stored(store) == {b"a": 1, b"b": 2}


async def test_flush_waits_until_the_store_is_back(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world(tick_ms=1) as world, running(world.poster):
        await world.apply(*starts("a"))
        store.fault = Fault.AWAY
        flushed = asyncio.create_task(world.poster.flush())
        await until(lambda: store.transactions >= 3)
        assert not flushed.done()
        store.fault = Fault.NONE
        async with asyncio.timeout(20):
            await flushed
        assert await stored(store) == {b"a": 1}


async def test_the_watermark_is_the_receipt_of_the_oldest_unposted_record(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("waits", at=T0 - 50), *starts("ends", first_lsn=2))
        await world.apply(*stop(3, "ends", at=T0))
        await world.poster.tick()
        assert await watermark(store) == T0 - 50


async def test_the_watermark_waits_for_what_is_durable_and_not_applied(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        end = report(2, Status.STOP, "ends", at=T0 - 40, session_time=10)
        await world.apply(*starts("ends", at=T0 - 50), *applicable([end]))
        world.last_lsn = 3
        await world.poster.tick()
        assert await watermark(store) == T0 - 40
        world.last_lsn = 2
        world.poster._watermark_due_s = 0.0
        await world.poster.tick()
        assert await watermark(store) >= T0


async def test_transactions_grow_to_what_the_lock_may_be_held_for(make_world: MakeWorld) -> None:
    async with make_world(batch_max=10_000) as world:
        sizes = []
        for session_us in (10, 25, 50, 5_000):
            world.poster._session_us = session_us
            sizes.append(world.poster._batch_size())
        assert sizes == [5_000, 2_000, 1_000, poster.BATCH_MIN]


async def test_transactions_shrink_while_others_write(
    store: FaultyStore, make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_world(batch_max=10_000) as world:
        alone = world.poster._batch_size()
        now_s = 1_000.0

        def a_wait_later() -> float:
            nonlocal now_s
            now_s += 2 * poster.WAIT_CROWDED_S
            return now_s

        with monkeypatch.context() as patch:
            patch.setattr(poster, "monotonic", a_wait_later)
            await world.apply(*starts("a"))
            await world.poster.tick(everything=True)
            crowded = world.poster._batch_size()
        assert crowded == alone * poster.LOCK_CROWDED_MAX_US // poster.LOCK_MAX_US
        monkeypatch.setattr(poster, "monotonic", lambda: now_s + poster.CROWDED_S + 1)
        assert world.poster._batch_size() == alone


async def test_reports_between_the_slices_of_a_batch_are_posted_once(
    store: FaultyStore, make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poster, "SLICE", 1)
    async with make_world() as world:
        await world.apply(*starts("a", "b"))
        late = applicable(
            report(lsn, Status.INTERIM_UPDATE, name, at=T0 + 70, session_time=70)
            for lsn, name in ((3, "a"), (4, "b"))
        )

        async def report_meanwhile(_delay: float) -> None:
            """Both are taken, and the second is not yet prepared."""
            world.applier.offer(late)
            late.clear()

        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "sleep", report_meanwhile)
            await world.poster.tick(everything=True)
        assert late == []
        assert await position_of(store) == 2
        await world.poster.tick(everything=True)
        assert await stored(store) == {b"a": 3, b"b": 4}
        assert await position_of(store) == 4
        assert world.lost == []
        async with store.read() as reader:
            rows = await fetch_open_sessions(reader)
        assert [row.accrued_micros for row in rows] == [70_000, 70_000]


async def test_the_same_batch_again_changes_nothing(
    store: FaultyStore, make_world: MakeWorld
) -> None:
    async with make_world() as world:
        await world.apply(*starts("a"), *stop(2, "a", at=T0 + 60))
        (dirty,) = world.unposted.take(received_until_us=T0 * US, count_max=9)
        attempt = await world.poster._attempt([dirty])
        for expected in (frozenset(), frozenset({dirty.session.session_id})):
            async with store.transaction() as transaction:
                result = await post(transaction, attempt.batch)
            assert result.lost_session_ids == expected
