"""Posts what the applier changed: coalesced by session, one transaction a tick, exactly once.

A session in here is *dirty*: the books lack something of it since some journal record. Ended
sessions, finished pieces and sessions near a limit are posted at the next tick; other running
sessions when they have been dirty for `open_session_max_age_s`. The store's journal position never
passes a record that is not posted.

One task runs `run`; it is also where changed accounts are read again, so that no posting is under
way between reading an account and taking it over (Directory.refresh).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from aaad.policy.session import Session
from aaad.server.metrics import Metrics
from aaad.server.session_table import SessionTable
from ledger.clock import Clock
from ledger.model import (
    BootInstant,
    LimitCrossing,
    PostingBatch,
    PostingResult,
    SessionPosting,
    SessionRow,
    SuspenseRecord,
)
from ledger.posting import post
from ledger.sessions import fetch_session
from ledger.settings import PostingSettings
from ledger.store.contract import CommitUnknown, Store, StoreUnavailable

US = 1_000_000


@dataclass(slots=True)
class Dirty:
    """Since when the books lack something of a session."""

    session: Session
    first_lsn: int
    received_us: int
    urgent: bool


class Poster:
    """The queue of what is applied but not posted, and the task that posts it."""

    def __init__(
        self,
        *,
        store: Store,
        sessions: SessionTable,
        settings: PostingSettings,
        journal_number: int,
        position_lsn: int,
        clock: Clock,
        on_posted: Callable[[int], None],
        on_lost: Callable[[set[int]], Awaitable[None]],
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._settings = settings
        self._journal_number = journal_number
        self._position_lsn = position_lsn
        self._clock = clock
        self._on_posted = on_posted
        self._on_lost = on_lost
        self._metrics = metrics
        self._log = log
        self._dirty: dict[int, Dirty] = {}
        self._crossings: list[LimitCrossing] = []
        self._suspense: list[SuspenseRecord] = []
        self._boots: list[BootInstant] = []
        self._applied_lsn = position_lsn
        self._applied_us = 0
        self._available = True
        self._chores: list[Callable[[], Awaitable[None]]] = []
        self._flush_asked = asyncio.Event()
        self._flushed = asyncio.Event()

    # What the applier tells (Books).

    def session_changed(self, session: Session, *, lsn: int, received_us: int) -> None:
        """The books lack something of a session, since this record."""
        urgent = not session.is_open or bool(session.unposted)
        dirty = self._dirty.get(session.session_id)
        if dirty is None:
            self._dirty[session.session_id] = Dirty(session, lsn, received_us, urgent)
        else:
            dirty.urgent = dirty.urgent or urgent

    def hasten(self, session: Session) -> None:
        """Post a session at the next tick: it is near a limit."""
        dirty = self._dirty.get(session.session_id)
        if dirty is not None:
            dirty.urgent = True

    def crossed(self, crossing: LimitCrossing, lsn: int) -> None:
        """A limit fired; its row and its mail are written at the next tick."""
        self._crossings.append(crossing)

    def suspend(self, record: SuspenseRecord) -> None:
        """A record that fits nothing."""
        self._suspense.append(record)

    def booted(self, boot: BootInstant, lsn: int) -> None:
        """A NAS said Accounting-On/Off."""
        self._boots.append(boot)

    def applied(self, lsn: int, received_us: int) -> None:
        """Every record up to here is in memory."""
        self._applied_lsn = lsn
        self._applied_us = received_us

    # What others see.

    @property
    def available(self) -> bool:
        """Whether the store took the last transaction."""
        return self._available

    @property
    def unposted(self) -> int:
        """Sessions that the books lack something of."""
        return len(self._dirty)

    @property
    def position_lsn(self) -> int:
        """Every record up to here is in the books."""
        return self._position_lsn

    def lag_s(self) -> int:
        """Age of the oldest record that is not in the books, in seconds."""
        oldest = min((d.received_us for d in self._dirty.values()), default=None)
        return 0 if oldest is None else max(0, (self._clock.now_us() - oldest) // US)

    # The task.

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            await self._wait_for_tick()
            await self.tick(everything=self._flush_asked.is_set())
            if self._flush_asked.is_set() and not self._has_work():
                self._flush_asked.clear()
                self._flushed.set()

    async def flush(self) -> None:
        """Post everything that is applied now; returns when it is in the books."""
        self._flushed.clear()
        self._flush_asked.set()
        await self._flushed.wait()

    def do_between_postings(self, chore: Callable[[], Awaitable[None]]) -> None:
        """Run something in the poster's task at the next tick."""
        self._chores.append(chore)

    async def tick(self, *, everything: bool = False) -> None:
        """Post what is due, in transactions of at most `batch_max` sessions, then the chores."""
        try:
            for due in self._batches(everything):
                await self._post(due)
            chores, self._chores = self._chores, []
            for chore in chores:
                await chore()
            self._set_available(True, "")
        except (StoreUnavailable, CommitUnknown) as error:
            self._set_available(False, str(error))

    async def _wait_for_tick(self) -> None:
        if self._available and self._flush_asked.is_set():
            return
        try:
            async with asyncio.timeout(self._settings.tick_ms / 1000):
                await self._flush_asked.wait()
        except TimeoutError:
            return
        if not self._available:
            await asyncio.sleep(self._settings.tick_ms / 1000)

    def _batches(self, everything: bool) -> list[list[Dirty]]:
        """What is due now, in the order in which it became dirty, cut to the size of a transaction."""
        due, size = self._due(everything), self._settings.batch_max
        if not due and (self._has_records() or self._position_lsn < self._position(frozenset())):
            return [[]]
        return [due[at : at + size] for at in range(0, len(due), size)]

    def _has_records(self) -> bool:
        return bool(self._crossings or self._suspense or self._boots)

    def _has_work(self) -> bool:
        return bool(self._dirty) or self._has_records() or not self._available

    def _due(self, everything: bool) -> list[Dirty]:
        latest_us = self._applied_us - self._settings.open_session_max_age_s * US
        return [
            dirty
            for dirty in self._dirty.values()
            if everything or dirty.urgent or dirty.received_us <= latest_us
        ]

    def _position(self, posted: frozenset[int]) -> int:
        """The last record before the first that the books lack, once `posted` sessions are in them."""
        first = min((d.first_lsn for i, d in self._dirty.items() if i not in posted), default=None)
        return self._applied_lsn if first is None else min(self._applied_lsn, first - 1)

    async def _post(self, due: list[Dirty]) -> None:
        """One transaction: what it writes is taken from the queue only when it is committed."""
        postings = tuple(dirty.session.posting() for dirty in due)
        ids = frozenset(p.new.session_id for p in postings)
        batch = PostingBatch(
            posted_at=self._clock.now(),
            journal_number=self._journal_number,
            applied_lsn=self._position(ids),
            watermark_at=self._watermark_at(ids),
            sessions=postings,
            crossings=tuple(self._crossings),
            suspense=tuple(self._suspense),
            boots=tuple(self._boots),
        )
        applied = (self._applied_lsn, self._applied_us)
        async with self._store.transaction() as transaction:
            result = await post(transaction, batch)
        del self._crossings[: len(batch.crossings)]
        del self._suspense[: len(batch.suspense)]
        del self._boots[: len(batch.boots)]
        lost = await self._truly_lost(result, postings)
        for dirty, posting in zip(due, postings, strict=True):
            if posting.new.session_id not in lost:
                self._settle(dirty, posting, applied)
        await self._drop(lost)
        self._position_lsn = batch.applied_lsn
        self._metrics.count("postings", len(postings))
        self._metrics.count("transactions")
        self._sessions.evict()
        self._on_posted(batch.applied_lsn)

    def _watermark_at(self, posted: frozenset[int]) -> int:
        oldest = min(
            (d.received_us for i, d in self._dirty.items() if i not in posted), default=None
        )
        return (self._clock.now_us() if oldest is None else oldest) // US

    def _settle(self, dirty: Dirty, posting: SessionPosting, applied: tuple[int, int]) -> None:
        session = dirty.session
        session.posted(posting)
        if session.dirty:
            self._dirty[session.session_id] = Dirty(
                session,
                posting.new.lsn + 1,
                applied[1],
                urgent=not session.is_open or bool(session.unposted),
            )
        else:
            del self._dirty[session.session_id]

    async def _truly_lost(
        self, result: PostingResult, postings: tuple[SessionPosting, ...]
    ) -> set[int]:
        """Losers whose row is not ours: after an unknown commit our own row may be there already."""
        if not result.lost_session_ids:
            return set()
        lost = [p.new for p in postings if p.new.session_id in result.lost_session_ids]
        stored = {}
        async with self._store.read() as reader:
            for row in lost:
                stored[row.session_id] = await fetch_session(
                    reader, account_id=row.account_id, session_id=row.session_id
                )
        return {row.session_id for row in lost if not _is_ours(row, stored[row.session_id])}

    async def _drop(self, lost: set[int]) -> None:
        """Another owner was faster with a session: what we have of it is not true. Read it again."""
        if not lost:
            return
        self._metrics.count("postings_lost", len(lost))
        for session_id in lost:
            self._sessions.remove(self._dirty.pop(session_id).session)
        await self._on_lost(lost)

    def _set_available(self, available: bool, error: str) -> None:
        if available != self._available:
            self._available = available
            if available:
                self._log.info("store_back")
            else:
                self._log.error(
                    "store_away",
                    error=error,
                    remedy="records wait in the journal; see disk space, locks and the store",
                )


def _is_ours(posted: SessionRow, stored: SessionRow | None) -> bool:
    """Whether the store holds exactly what we posted."""
    return stored is not None and (posted.version, posted.lsn, posted.journal_number) == (
        stored.version,
        stored.lsn,
        stored.journal_number,
    )
