"""Posts what the applier changed: coalesced by session, one transaction a tick, exactly once.

Ended sessions, finished pieces and sessions that crossed a limit go out at the next tick, other
running sessions when they have been dirty for `open_session_max_age_s`. A session that began and
ended between two ticks is one row. The more there is to post the more a transaction takes, up to
`batch_max` sessions and what the writers' lock may be held for; the event loop serves in between.
The store's journal position never passes a record that is not posted. A transaction whose commit is
in doubt is settled by reading its rows back before anything is sent again (rule of exactness 2).

One task runs `run`; it is also where changed accounts are read again, so that no posting is under
way between reading an account and taking it over (Directory.refresh).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from aaad.server.metrics import Metrics
from aaad.server.session_table import SessionTable
from aaad.server.unposted import Dirty, Unposted
from ledger.clock import Clock, monotonic
from ledger.model import PostingBatch, SessionPosting, SessionRow
from ledger.posting import post
from ledger.sessions import fetch_session
from ledger.settings import PostingSettings
from ledger.store.contract import CommitUnknown, Store, StoreUnavailable, Transaction

US = 1_000_000

WATERMARK_MAX_AGE_S = 60.0
"""An idle journal says once a minute that nothing of it is missing: bills wait for that (rule of
exactness 10)."""

ATTEMPTS_MAX = 3
"""How often a tick posts without those that another owner was faster with, before it lets go."""

LOCK_MAX_US = 50_000
LOCK_CROWDED_MAX_US = 20_000
"""How long a transaction may hold the writers' lock: a large one shares its pages and its commit
among more sessions. The shorter one while others write."""

WAIT_CROWDED_S = 0.005
"""Who waits so long for the lock is not alone: taking a free one costs a fifth of it."""

CROWDED_S = 10.0
"""For so long others are expected again."""

BATCH_MIN = 64
"""However slow the store, so many sessions share a commit."""

SESSION_FIRST_US = 50
"""What a session is taken to cost before any was posted."""

SLICE = 256
"""Sessions prepared in one go: a millisecond for which nobody else is served."""

OnLost = Callable[[list[Dirty]], Awaitable[None]]
"""Takes sessions that another owner was faster with: what we have of them is not true, and what our
journal has of them since their first record that is not in the books counts still."""


class _Lost(Exception):
    """Rolls a transaction back that lost sessions: the journal's position must not pass them."""

    def __init__(self, session_ids: frozenset[int]) -> None:
        super().__init__(f"{len(session_ids)} sessions")
        self.session_ids = session_ids


@dataclass(frozen=True, slots=True)
class Attempt:
    """One transaction: what was taken from the queue for it, and what it writes."""

    taken: tuple[Dirty, ...]
    batch: PostingBatch


class Poster:
    """The task that posts."""

    def __init__(
        self,
        *,
        store: Store,
        unposted: Unposted,
        sessions: SessionTable,
        settings: PostingSettings,
        journal_number: int,
        clock: Clock,
        last_lsn: Callable[[], int],
        on_posted: Callable[[int], None],
        on_lost: OnLost,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._unposted = unposted
        self._sessions = sessions
        self._settings = settings
        self._journal_number = journal_number
        self._clock = clock
        self._last_lsn = last_lsn
        self._on_posted = on_posted
        self._on_lost = on_lost
        self._metrics = metrics
        self._log = log
        self._position_lsn = unposted.position_lsn
        self._watermark_due_s = 0.0
        self._marks: deque[tuple[float, int]] = deque()  # (monotonic s, received us), one a tick
        self._in_doubt: Attempt | None = None
        self._session_us = SESSION_FIRST_US
        self._crowded_until_s = 0.0
        self._available = True
        self._chores: list[Callable[[], Awaitable[None]]] = []
        self._wanted = asyncio.Event()
        self._all_posted = asyncio.Event()

    @property
    def available(self) -> bool:
        """Whether the store took the last transaction."""
        return self._available

    @property
    def waiting(self) -> int:
        """Sessions that the books lack something of."""
        return len(self._unposted)

    @property
    def position_lsn(self) -> int:
        """Every record up to here is in the books."""
        return self._position_lsn

    def lag_s(self) -> int:
        """Age of the oldest record that is not in the books, in seconds."""
        oldest_us = self._unposted.oldest_us
        return 0 if oldest_us is None else max(0, (self._clock.now_us() - oldest_us) // US)

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            await self._until_tick()
            await self.tick(everything=self._wanted.is_set())
            if self._wanted.is_set() and self._available and not self._has_work():
                self._wanted.clear()
                self._all_posted.set()

    async def flush(self) -> None:
        """Post everything that is applied now; returns when it is in the books."""
        self._all_posted.clear()
        self._wanted.set()
        await self._all_posted.wait()

    def do_between_postings(self, chore: Callable[[], Awaitable[None]]) -> None:
        """Run something in the poster's task at the next tick."""
        self._chores.append(chore)

    async def tick(self, *, everything: bool = False) -> None:
        """Post what is due in as many transactions as that takes, then the chores."""
        try:
            await self._settle_doubt()
            due = 1 + len(self._unposted)
            while due > 0 and await self._post_some(everything):
                due -= self._batch_size()
            while self._chores:
                await self._chores[0]()
                del self._chores[0]
            self._set_available(True, "")
        except (StoreUnavailable, CommitUnknown) as error:
            self._set_available(False, str(error))

    async def _until_tick(self) -> None:
        """A tick's time, or less if everything is wanted in the books now."""
        if self._available and self._wanted.is_set():
            return
        waiter = self._wanted.wait() if self._available else asyncio.Event().wait()
        try:
            await asyncio.wait_for(waiter, self._settings.tick_ms / 1000)
        except TimeoutError:
            return

    def _has_work(self) -> bool:
        return bool(len(self._unposted)) or self._unposted.has_records

    async def _post_some(self, everything: bool) -> bool:
        """One transaction of what is due; whether there was anything."""
        for _ in range(ATTEMPTS_MAX):
            try:
                return await self._post_once(everything)
            except _Lost as lost:
                await self._lose(lost.session_ids)
        return True

    async def _post_once(self, everything: bool) -> bool:
        unposted = self._unposted
        taken = unposted.take(
            received_until_us=None if everything else self._aged_us(),
            count_max=self._batch_size(),
        )
        if not (
            taken
            or unposted.has_records
            or unposted.position_lsn > self._position_lsn
            or monotonic() >= self._watermark_due_s
        ):
            return False
        try:
            attempt = await self._attempt(taken)
            await self._post(attempt)
        except CommitUnknown:
            self._in_doubt = attempt
            raise
        except BaseException:
            unposted.put_back(taken)
            raise
        self._settle(attempt)
        return True

    async def _post(self, attempt: Attempt) -> None:
        """One transaction. What it took decides how large the next may be."""
        asked_s = monotonic()
        async with self._store.transaction(shared=True) as transaction:
            begun_s = monotonic()
            await _post_all(transaction, attempt.batch)
        ended_s = monotonic()
        if begun_s - asked_s > WAIT_CROWDED_S:
            self._crowded_until_s = ended_s + CROWDED_S
        if (count := len(attempt.taken)) >= BATCH_MIN:
            session_us = int((ended_s - begun_s) * US) // count
            self._session_us = max(1, (3 * self._session_us + session_us) // 4)

    def _batch_size(self) -> int:
        """How many sessions a transaction may take."""
        crowded = monotonic() < self._crowded_until_s
        lock_us = LOCK_CROWDED_MAX_US if crowded else LOCK_MAX_US
        wanted = max(BATCH_MIN, lock_us // self._session_us)
        return min(wanted, self._settings.batch_max)

    def _aged_us(self) -> int:
        """Open sessions that the books lack since a record received before this are due.

        By the time of day, or by what was applied so long ago on a clock that does not jump:
        received times stand still while the time of day is back behind them.
        """
        age_s, applied_us = self._settings.open_session_max_age_s, self._unposted.applied_us
        marks, now_s = self._marks, monotonic()
        marks.append((now_s, applied_us))
        while len(marks) > 1 and marks[1][0] <= now_s - age_s:
            marks.popleft()
        aged_us = max(self._clock.now_us(), applied_us) - age_s * US
        return max(aged_us, marks[0][1]) if marks[0][0] <= now_s - age_s else aged_us

    async def _attempt(self, taken: list[Dirty]) -> Attempt:
        """What a transaction writes, in the order of its rows.

        Reports go on to be applied between the slices. So all else is read last: a crossing is
        never later in the books than the usage that made it fire, and the position is before every
        record that a posting lacks.
        """
        unposted = self._unposted
        taken.sort(key=lambda dirty: dirty.session.session_id)
        postings: list[SessionPosting] = []
        for start in range(0, len(taken), SLICE):
            if start:
                await asyncio.sleep(0)
            postings += [dirty.session.posting() for dirty in taken[start : start + SLICE]]
        batch = PostingBatch(
            posted_at=self._clock.now(),
            journal_number=self._journal_number,
            applied_lsn=unposted.position_lsn,
            last_lsn=max([unposted.applied_lsn, *(posting.new.lsn for posting in postings)]),
            watermark_at=self._watermark_us() // US,
            sessions=tuple(postings),
            crossings=tuple(unposted.crossings),
            suspense=tuple(unposted.suspense),
            boots=tuple(unposted.boots),
        )
        return Attempt(tuple(taken), batch)

    def _watermark_us(self) -> int:
        """Everything received before this is in the books once what is taken is (rule of exactness
        10): what the journal has and memory not yet was received after all that memory has.
        """
        unposted = self._unposted
        if unposted.oldest_us is not None:
            return unposted.oldest_us
        if self._last_lsn() > unposted.applied_lsn:
            return unposted.applied_us
        return self._clock.now_us()

    def _settle(self, attempt: Attempt) -> None:
        """A transaction is in the books: sessions know it, and the journal may let go."""
        batch = attempt.batch
        for dirty, posting in zip(attempt.taken, batch.sessions, strict=True):
            dirty.session.posted(posting)
        self._unposted.posted(
            crossings=len(batch.crossings), suspense=len(batch.suspense), boots=len(batch.boots)
        )
        self._position_lsn = batch.applied_lsn
        self._watermark_due_s = monotonic() + WATERMARK_MAX_AGE_S
        self._metrics.count("postings", len(attempt.taken))
        self._metrics.count("transactions")
        self._sessions.evict()
        self._on_posted(batch.applied_lsn)

    async def _settle_doubt(self) -> None:
        """Find out by its rows whether a transaction was committed, before anything else is sent.

        It was, if one of its sessions stands as it wrote it; all of them did then, and who has
        written one since wins at the next posting of it. One that wrote no session is simply sent
        again: all its rows have unique keys.
        """
        attempt = self._in_doubt
        if attempt is None:
            return
        is_committed = False
        async with self._store.read() as reader:
            for row in (posting.new for posting in attempt.batch.sessions):
                stored = await fetch_session(
                    reader, account_id=row.account_id, session_id=row.session_id
                )
                if _is_same(row, stored):
                    is_committed = True
                    break
        self._in_doubt = None
        if is_committed:
            self._settle(attempt)
        else:
            self._unposted.put_back(attempt.taken)

    async def _lose(self, session_ids: frozenset[int]) -> None:
        """Another owner was faster with these sessions."""
        self._metrics.count("postings_lost", len(session_ids))
        await self._on_lost(self._unposted.find(session_ids))

    def _set_available(self, available: bool, error: str) -> None:
        if available == self._available:
            return
        self._available = available
        if available:
            self._log.info("store_back")
        else:
            self._log.error(
                "store_away",
                error=error,
                remedy="records wait in the journal; see disk space, locks and the store",
            )


async def _post_all(transaction: Transaction, batch: PostingBatch) -> None:
    """Post a batch, or raise _Lost."""
    result = await post(transaction, batch)
    if result.lost_session_ids:
        raise _Lost(result.lost_session_ids)


def _is_same(posted: SessionRow, stored: SessionRow | None) -> bool:
    """Whether the store holds exactly what we posted."""
    return stored is not None and (posted.version, posted.lsn, posted.journal_number) == (
        stored.version,
        stored.lsn,
        stored.journal_number,
    )
