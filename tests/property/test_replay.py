"""Proves that a crash changes nothing in the books: rules of exactness 1, 3 and 16.

Random reports of few sessions (repeated and late ones, reused ids, boots, silence, unknown users)
are applied once without a fault. The same records go through lives that end at random moments: the
books then hold some sessions further than others, the next life begins with what they hold, and
replays the journal from their position or from any record before it. Both end in the same books.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aaad.server.journal import Record
from ledger.clock import Clock
from ledger.settings import PostingSettings
from ledger.store import Reader, Store, StoreUnavailable, Transaction
from tests.e2e.wire import Status
from tests.server_world import (
    T0,
    World,
    applicable,
    clock_at,
    new_books,
    position_of,
    report,
    silence,
)

NASES = ("nas-1", "nas-2")
IDS = ("a", "b")
LOGINS = ("ann", "sam", "bob", "cat", "nobody")
STEPS_MAX = 14
GAPS_S = (0, 1, 20, 70, 119, 130, 300, 3_599, 7_200, 40_000, 90_000, 900_000)
"""Between reports: within and beyond the tolerance of a start, an age of posting, a midnight, a
month."""

ONE_BY_ONE = PostingSettings(tick_ms=5, open_session_max_age_s=60, batch_max=1)
"""Each session in its own transaction: a fault leaves some posted and others not."""

ALL = 1 << 30


@dataclass(frozen=True, slots=True)
class Step:
    """What a NAS does next."""

    gap_s: int
    kind: str  # start | interim | stop | on | off | silence | again
    nas: str
    acct_session_id: str
    login: str
    octets: int
    timed: bool  # with Acct-Session-Time
    late_s: int  # the report speaks of so long ago
    which: int  # for silence and again


@dataclass(frozen=True, slots=True)
class Life:
    """Records that a process applies until it dies, with some ticks of the poster."""

    applied: int
    ticks: tuple[tuple[int, bool, int], ...]  # (after how many, everything?, commits that succeed)
    replayed_too: int  # records before the position that the next life replays, too
    posts_all: bool = False  # it ends in order


STEPS = st.builds(
    Step,
    gap_s=st.sampled_from(GAPS_S),
    kind=st.sampled_from(("start", "interim", "interim", "stop", "on", "off", "silence", "again")),
    nas=st.sampled_from(NASES),
    acct_session_id=st.sampled_from(IDS),
    login=st.sampled_from(LOGINS),
    octets=st.sampled_from((0, 1_000, 700_000, 3_000_000_000)),
    timed=st.sampled_from((True, True, True, False)),
    late_s=st.sampled_from((0, 0, 0, 60, 500, 4_000)),
    which=st.integers(0, 20),
)
TICKS = st.tuples(st.integers(0, STEPS_MAX), st.booleans(), st.sampled_from((0, 1, 1, 2, ALL)))
LIVES = st.lists(
    st.builds(
        Life,
        applied=st.integers(0, STEPS_MAX),
        ticks=st.lists(TICKS, max_size=4).map(tuple),
        replayed_too=st.sampled_from((0, 0, 1, 5, STEPS_MAX)),
    ),
    min_size=1,
    max_size=3,
)

STATUS = {
    "start": Status.START,
    "interim": Status.INTERIM_UPDATE,
    "stop": Status.STOP,
    "on": Status.ACCOUNTING_ON,
    "off": Status.ACCOUNTING_OFF,
}


class FaultyStore:
    """The real store, until its commits are used up: then it is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.commits = ALL

    @property
    def store_id(self) -> str:
        return self._store.store_id

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._store.warnings

    def read(self) -> AbstractAsyncContextManager[Reader]:
        return self._store.read()

    @asynccontextmanager
    async def transaction(self, *, shared: bool = False) -> AsyncIterator[Transaction]:
        if self.commits <= 0:
            raise StoreUnavailable("its commits are used up")
        self.commits -= 1
        async with self._store.transaction(shared=shared) as transaction:
            yield transaction

    async def wait_for_change(self, *, timeout_s: float) -> None:
        await self._store.wait_for_change(timeout_s=timeout_s)

    async def make_room(self, *, at: int) -> None:
        await self._store.make_room(at=at)

    async def close(self) -> None:
        await self._store.close()


@settings(max_examples=settings().max_examples // 3)
@given(steps=st.lists(STEPS, min_size=1, max_size=STEPS_MAX), lives=LIVES)
def test_a_replay_ends_in_the_books_of_the_undisturbed_run(
    steps: list[Step], lives: list[Life]
) -> None:
    with tempfile.TemporaryDirectory(prefix="aaad-replay-") as folder:
        asyncio.run(_compare(Path(folder), steps, lives))


async def test_a_later_session_draws_no_earlier_report(tmp_path: Path) -> None:
    """Two sessions of one id whose starts lie 180 s apart, and between them the start of a report
    that came before the older of the two was known: it stays with the one it belonged to.
    """
    clock = clock_at(tmp_path)
    records = [
        report(1, Status.START, "a", at=T0),
        report(2, Status.INTERIM_UPDATE, "a", at=T0 + 500, session_time=610),
        report(3, Status.STOP, "a", at=T0 + 510, session_time=690),
    ]
    store = FaultyStore(await new_books(tmp_path))
    try:
        await _live(store, clock, records[:1], Life(1, ((1, True, ALL),), 0), 0)
        await _live(store, clock, records, Life(2, ((2, False, ALL),), 0), 0)
        world = World(store, clock, position_lsn=await position_of(store))
        await world.restore()
        async with world.running():
            await world.apply(*applicable(records[1:]))
            session, later = world.sessions.candidates("nas-1", b"a")
            assert (session.session_time_s, session.lsn) == (610, 2)
            assert (later.session_time_s, later.is_open) == (690, False)
    finally:
        await store.close()


async def test_a_boot_ends_nothing_before_its_record(tmp_path: Path) -> None:
    """The process dies when the books hold what came after the boot, but not the NAS's session."""
    clock = clock_at(tmp_path)
    records = [
        report(1, Status.START, "a", at=T0),
        report(2, Status.INTERIM_UPDATE, "a", at=T0 + 600, session_time=600),
        report(3, Status.STOP, "b", nas="nas-2", at=T0 + 650, session_time=50),
        report(4, Status.ACCOUNTING_ON, "boot", login="", at=T0 + 700),
    ]
    calm = FaultyStore(await new_books(tmp_path, "calm.db"))
    try:
        await _live(calm, clock, records, Life(0, (), 0, posts_all=True), 0)
    finally:
        await calm.close()
    await _with_crashes(tmp_path, clock, records, [Life(4, ((4, False, 1),), 0)])
    assert _books(tmp_path / "crashed.db") == _books(tmp_path / "calm.db")


async def _compare(folder: Path, steps: list[Step], lives: list[Life]) -> None:
    clock = clock_at(folder)
    records = await _undisturbed(folder, clock, steps)
    await _with_crashes(folder, clock, records, lives)
    expected, found = _books(folder / "calm.db"), _books(folder / "crashed.db")
    for table, rows in expected.items():
        assert found[table] == rows, table


async def _undisturbed(folder: Path, clock: Clock, steps: list[Step]) -> list[Record]:
    """Apply the steps in one life, post once at the end; the journal that they make."""
    store = await new_books(folder, "calm.db")
    try:
        world = World(store, clock)
        await world.restore()
        async with world.running():
            records: list[Record] = []
            for record in _journal(world, steps):
                records.append(record)
                await world.apply(*applicable([record]))
            await world.poster.tick(everything=True)
            assert world.poster.available
            assert world.metrics.counters["applier_errors"] == 0
            return records
    finally:
        await store.close()


def _journal(world: World, steps: Sequence[Step]) -> Any:
    """The records that the steps make, one after the other: silence depends on what is open."""
    starts: dict[tuple[str, str], int] = {}
    made: list[tuple[Status, dict[str, Any]]] = []
    now = T0
    for step in steps:
        now += step.gap_s
        lsn = len(made) + 1
        if step.kind == "silence":
            running = sorted(world.sessions.open_sessions(), key=lambda one: one.session_id)
            if running:
                made.append(made[-1])
                yield silence(lsn, running[step.which % len(running)], at=now)
            continue
        if step.kind == "again" and made:
            status, facts = made[step.which % len(made)]
            facts = {**facts, "at": now, "delay": min(now - facts["at"], 86_400)}
        else:
            status = STATUS.get(step.kind, Status.INTERIM_UPDATE)
            facts = _facts(step, now, starts)
        made.append((status, facts))
        yield report(lsn, status, **facts)


def _facts(step: Step, now: int, starts: dict[tuple[str, str], int]) -> dict[str, Any]:
    facts: dict[str, Any] = {"at": now, "nas": step.nas, "event_at": now - step.late_s}
    if step.kind in {"on", "off"}:
        return {**facts, "acct_session_id": "boot", "login": ""}
    key = (step.nas, step.acct_session_id)
    if step.kind == "start":
        starts[key] = now - step.late_s
    since = max(0, now - step.late_s - starts.setdefault(key, now - step.late_s))
    return {
        **facts,
        "acct_session_id": step.acct_session_id,
        "login": step.login,
        "session_time": since if step.timed and step.kind != "start" else None,
        "input_octets": step.octets,
        "output_octets": step.octets // 3,
    }


async def _with_crashes(
    folder: Path, clock: Clock, records: list[Record], lives: list[Life]
) -> None:
    store = FaultyStore(await new_books(folder, "crashed.db"))
    try:
        applied, replayed_too = 0, 0
        for life in (*lives, Life(len(records), (), 0, posts_all=True)):
            applied = min(len(records), applied + life.applied)
            await _live(store, clock, records[:applied], life, replayed_too)
            replayed_too = life.replayed_too
    finally:
        await store.close()


async def _live(
    store: FaultyStore, clock: Clock, records: list[Record], life: Life, replayed_too: int
) -> None:
    """One process: reads the books, replays, goes on, posts now and then, and is gone."""
    store.commits = ALL
    position = await position_of(store)
    begin = max(0, position - replayed_too)
    world = World(store, clock, position_lsn=position, posting=ONE_BY_ONE)
    await world.restore()
    ticks = {begin + after: (everything, commits) for after, everything, commits in life.ticks}
    async with world.running():
        for number, record in enumerate(applicable(records[begin:]), start=begin + 1):
            await world.apply(record)
            if number in ticks:
                everything, commits = ticks[number]
                await _tick(world, store, everything=everything, commits=commits)
        if life.posts_all:
            await _tick(world, store, everything=True, commits=ALL)
        assert world.metrics.counters["applier_errors"] == 0


async def _tick(world: World, store: FaultyStore, *, everything: bool, commits: int) -> None:
    store.commits = commits
    await world.poster.tick(everything=everything)
    store.commits = ALL


BOOKS = {
    "sessions": """SELECT account_id, session_id, service_id, nas, acct_session_id,
        started_at, status, lsn, last_at, heard_at, session_time_s, input_octets, output_octets,
        pieces, period_start_at, open_seconds, open_input_octets, open_output_octets,
        accrued_micros, details, ended_at, terminate_cause, presumed, hex(counters),
        hex(meter) FROM session ORDER BY 1, 2""",
    "events": """SELECT account_id, session_id, piece, service_id, event_type, service_at,
        period_start_at, seconds, input_octets, output_octets, data FROM event
        WHERE event_type = 'usage' ORDER BY 1, 2, 3""",
    "impacts": """SELECT e.session_id, e.piece, i.resource, i.amount_micros, i.from_gl, i.to_gl,
        i.cycle_start_at FROM impact AS i JOIN event AS e USING (account_id, event_id)
        ORDER BY 1, 2, 3""",
    "items": "SELECT account_id, item_kind, cycle_start_at, amount_micros FROM item ORDER BY 1, 3",
    "balances": """SELECT account_id, resource, posted_micros, accrued_micros
        FROM account_balance ORDER BY 1""",
    "counters": """SELECT * FROM usage_counter WHERE seconds <> 0 OR input_octets <> 0
        OR output_octets <> 0 OR charge_micros <> 0 ORDER BY 1, 2, 3""",
    "crossings": """SELECT account_id, service_id, limit_name, period_start_at, threshold, revision
        FROM limit_crossing ORDER BY 1, 2, 3, 4, 5""",
    "outbox": "SELECT account_id, outbox_key FROM outbox ORDER BY 1, 2",
    "suspense": "SELECT lsn, reason, nas, user_name FROM suspense ORDER BY 1",
    "boots": "SELECT client, nas, booted_at FROM boot ORDER BY 1, 2",
    "position": "SELECT applied_lsn FROM journal_position",
}


def _books(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in BOOKS.items()}
