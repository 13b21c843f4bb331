"""Applies durable journal records to the sessions, in journal order: the one place where live state
changes.

What is applied here is what a replay applies after a crash: the same records through the same code,
with received times from the journal. A record whose facts are not in memory waits, and all behind
it wait with it, until the store has answered. A record that cannot be processed goes to suspense,
and the rest goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from aaad.policy.class_attribute import read_class
from aaad.policy.report import is_session_report
from aaad.policy.session import Session
from aaad.policy.usage import (
    Effect,
    NasFacts,
    Placement,
    apply,
    counts,
    counts_from,
    end_when_last_heard,
    open_session,
    place,
)
from aaad.radius.codes import AcctStatusType
from aaad.server.applicable import Accounting, Applicable, Silence
from aaad.server.directory import Directory, Entry
from aaad.server.metrics import Metrics
from aaad.server.nas_table import NasTable
from aaad.server.session_table import SessionTable
from aaad.server.unposted import Unposted
from ledger.ids import EPOCH_MS, made_at_ms, make_id, node_of
from ledger.model import BootInstant, SuspenseRecord
from ledger.rules.limits import Tally, credit_use, crossing_key, crossings
from ratingcore.errors import RatingError

SEQUENCE_MASK = 0xFFFF
"""Session ids carry the low bits of the LSN: the same record makes the same id at a replay."""

US_PER_MS = 1_000

BATCH_MAX = 1024
"""Records whose missing facts are fetched together."""

COUNTED_AS = {effect: f"usage_{effect.value}" for effect in Effect}
"""The counter of each effect."""

_INTERIM_UPDATE = AcctStatusType.INTERIM_UPDATE.value
_BOOTS = (AcctStatusType.ACCOUNTING_ON.value, AcctStatusType.ACCOUNTING_OFF.value)


class Enforcement(Protocol):
    """What follows from usage for the sessions that run."""

    def review(self, account_id: int, now: int) -> None: ...


class Applier:
    """Owns the order: `offer` durable records, and they are applied one after the other."""

    def __init__(
        self,
        *,
        journal_number: int,
        sessions: SessionTable,
        directory: Directory,
        nases: NasTable,
        books: Unposted,
        enforcement: Enforcement,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._journal_number = journal_number
        self._sessions = sessions
        self._directory = directory
        self._nases = nases
        self._books = books
        self._enforcement = enforcement
        self._metrics = metrics
        self._log = log
        self._waiting: deque[Applicable] = deque()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def backlog(self) -> int:
        """Durable records that wait for facts from the store."""
        return len(self._waiting)

    async def caught_up(self) -> None:
        """Wait until nothing durable is unapplied."""
        await self._idle.wait()

    def offer(self, records: Iterable[Applicable]) -> None:
        """Take durable records in journal order; apply at once what memory has the facts for."""
        waiting = self._waiting
        for record in records:
            if waiting or not self._apply_if_known(record):
                waiting.append(record)
        if waiting:
            self._idle.clear()
            self._work.set()

    async def run(self) -> None:
        """Fetch what records need, for ever. One task of the daemon."""
        while True:
            await self._work.wait()
            batch = [self._waiting[i] for i in range(min(BATCH_MAX, len(self._waiting)))]
            await self._fetch(batch)
            for _ in batch:
                record = self._waiting.popleft()
                self._apply(record, self._placement(record))
            self._apply_known()
            if not self._waiting:
                self._work.clear()
                self._idle.set()

    async def _fetch(self, batch: Sequence[Applicable]) -> None:
        """Bring users, accounts and closed sessions that the batch speaks of into memory."""
        accountings = [record for record in batch if isinstance(record, Accounting)]
        await self._directory.load_for_usage(
            logins=[(a.brand, a.login) for a in accountings],
            services=[named for a in accountings if (named := self._named(a))],
            session_keys=[
                (a.report.nas, a.report.acct_session_id)
                for a in accountings
                if not self._is_known(self._placement(a))
            ],
        )

    def _apply_known(self) -> None:
        waiting = self._waiting
        while waiting and self._apply_if_known(waiting[0]):
            waiting.popleft()

    def _apply_if_known(self, record: Applicable) -> bool:
        """Apply a record if that can be done from memory alone."""
        placement = self._placement(record)
        if not self._is_known(placement):
            return False
        self._apply(record, placement)
        return True

    def _placement(self, record: Applicable) -> Placement | None:
        """The session in memory that a report belongs to; None if it is not about a session."""
        if isinstance(record, Silence) or not is_session_report(record.report.status):
            return None
        try:
            return self._place(record)
        except Exception:  # poison: `_apply` meets it again, and puts the record in suspense
            return None

    def _place(self, record: Accounting) -> Placement:
        report = record.report
        facts = self._nases.facts(report.client, report.nas)
        return place(report, self._candidates(record), facts)

    def _is_known(self, placement: Placement | None) -> bool:
        """Whether memory alone tells where a report belongs."""
        if placement is None:
            return True
        session = placement.session
        return session is not None and self._sessions.is_complete(
            session.nas, session.acct_session_id
        )

    def _candidates(self, record: Accounting) -> list[Session]:
        """The sessions that a record can belong to: those that were opened before it came.

        At a replay the store may hold later ones already, and what a record means must not depend
        on them.
        """
        report = record.report
        found = self._sessions.candidates(report.nas, report.acct_session_id)
        for session in found:
            if self._opened_after(session, record):
                return [one for one in found if not self._opened_after(one, record)]
        return found

    def _opened_after(self, session: Session, record: Accounting) -> bool:
        """Whether a later record of this journal opened a session: its id tells which one did."""
        if session.lsn <= record.report.lsn and session.journal_number == self._journal_number:
            return False  # this record or an earlier one was applied to it
        session_id = session.session_id
        if node_of(session_id) != self._journal_number:
            return False  # its owner was faster: what we have of that start belongs to it
        at_ms, made_at = record.received_us // US_PER_MS, made_at_ms(session_id)
        if made_at != at_ms:
            return made_at > max(at_ms, EPOCH_MS)
        ahead = (session_id - record.report.lsn) & SEQUENCE_MASK
        return 0 < ahead <= SEQUENCE_MASK // 2

    def _apply(self, record: Applicable, placement: Placement | None) -> None:
        if isinstance(record, Silence):
            self._apply_silence(record)
            self._books.applied(record.lsn, record.received_us)
            return
        session = None
        try:
            session = self._apply_accounting(record, placement)
        except Exception as error:  # the one catch-all: a poison record must not stop the books
            self._metrics.count("applier_errors")
            self._log.exception("record_not_applied", lsn=record.report.lsn)
            self._suspend(record, f"error: {error!r}")
        if session is not None:
            self._enforce(session, record)
        self._books.applied(record.report.lsn, record.received_us)

    def _enforce(self, session: Session, record: Accounting) -> None:
        """What the report means for the sessions of its account; the books hold it already.

        Nothing, while the enforcer knows that it lets them run on.
        """
        now = record.report.received_at
        tally, state = session.tally, session.account
        if tally is not None and now < tally.free_until_at:
            return
        if state is not None and max(now, session.last_at) < state.settled_until_at:
            return
        try:
            self._enforcement.review(session.terms.account_id, now)
        except Exception:  # a bug in what follows from usage must not touch the books
            self._metrics.count("enforcement_errors")
            self._log.exception("enforcement_failed", lsn=record.report.lsn)

    def _apply_accounting(self, record: Accounting, placement: Placement | None) -> Session | None:
        """Apply a record; the session it belongs to, if it belongs to one."""
        report = record.report
        self._nases.heard(report)
        if report.status in _BOOTS:
            self._apply_boot(record)
            return None
        if not is_session_report(report.status):
            self._suspend(record, f"Acct-Status-Type {report.status} is not a session's")
            return None
        if not report.acct_session_id:
            self._suspend(record, "no Acct-Session-Id")
            return None
        nas = self._nases.facts(report.client, report.nas)
        if not counts(report, nas):
            self._metrics.count("usage_not_counted")
            return None
        return self._apply_session(record, placement or self._place(record), nas)

    def _apply_session(
        self, record: Accounting, placement: Placement, nas: NasFacts
    ) -> Session | None:
        session = placement.session
        if session is None:
            session = self._open(record, placement, nas)
            if session is None or not self._count(session, record, placement, nas):
                return None
            self._carry(session, record.report.lsn, record.received_us)
            self._sessions.add(session)
            self._runs_anew(session)
        elif not self._is_applied(session, record.report.lsn):
            was_open = session.is_open
            self._count(session, record, placement, nas)
            self._carry(session, record.report.lsn, record.received_us)
            if session.is_open != was_open:
                self._sessions.status_changed(session)
                self._runs_anew(session)
        if not session.interim_interval_s and record.report.status == _INTERIM_UPDATE:
            self._learn_interval(session)
        self._end_older(session, record)
        return session

    def _runs_anew(self, session: Session) -> None:
        """One session more uses what its account has: the enforcer has to look again."""
        state = session.account
        if session.is_open and state is not None:
            state.settled_until_at = 0

    def _learn_interval(self, session: Session) -> None:
        """Who has sent one interim report owes us the next: only then can a session be silent."""
        entry = self._directory.of_service(session.terms.service_id)
        session.interim_interval_s = self._directory.interim_interval_s(entry, session.last_at)

    def _open(self, record: Accounting, placement: Placement, nas: NasFacts) -> Session | None:
        """A session seen for the first time; suspense if no user or no tariff is found for it."""
        report = record.report
        entry = self._entry(record)
        if entry is None:
            self._suspend(record, "unknown user")
            return None
        counts_from_at = counts_from(
            report, placement, nas, activated_at=entry.subscriber.service.activated_at
        )
        timeline = self._directory.timeline(entry, counts_from_at)
        if timeline is None:
            self._suspend(record, "no tariff in force")
            return None
        return open_session(
            report,
            placement,
            counts_from_at=counts_from_at,
            session_id=make_id(
                record.received_us // US_PER_MS, self._journal_number, report.lsn & SEQUENCE_MASK
            ),
            journal_number=self._journal_number,
            terms=entry.terms,
            timeline=timeline,
        )

    def _count(
        self, session: Session, record: Accounting, placement: Placement, nas: NasFacts
    ) -> bool:
        """Bring a session up to a report. False if it cannot be priced: that is in suspense, and
        what else it says holds.
        """
        try:
            effect = apply(session, record.report, placement, nas)
        except RatingError as error:
            self._suspend(record, f"unpriced: {error}")
            return False
        self._metrics.count(COUNTED_AS[effect])
        return True

    def _carry(self, session: Session, lsn: int, received_us: int) -> None:
        """The account's usage and limits follow what changed in a session; the books must learn of
        it. Its LSN is one of this journal from here on, whoever had the session before.
        """
        if session.journal_number != self._journal_number:
            session.take_over(self._journal_number)
        self._books.session_changed(session, lsn, received_us)
        state = session.account
        assert state is not None, "sessions are opened and restored with their account"
        tallies = state.carry(session)
        at = max(session.started_at, session.last_at - 1)
        for tally in tallies:
            if tally.is_due(at, state.owed_micros):
                # what is owed is no cycle's: it is compared once, in the latest
                self._check_limits(session, tally, at, tally is tallies[-1])

    def _check_limits(self, session: Session, tally: Tally, at: int, with_credit: bool) -> None:
        """Which thresholds are newly reached by usage up to and in the second `at`."""
        entry = self._directory.of_service(session.terms.service_id)
        state, period_start_at = entry.state, tally.period_start_at
        state.settled_until_at = 0
        offer = self._directory.offer(entry, at)
        uses = state.uses(entry.subscriber, offer, period_start_at)
        credit = credit_use(state.account.credit_limit_micros, state.owed_micros)
        for crossing in crossings(
            (*uses, credit) if credit is not None and with_credit else uses,
            account_id=state.account.account_id,
            period_start_at=period_start_at,
            at=session.last_at,
            fired=state.fired,
        ):
            state.fired.add(crossing_key(crossing))
            self._books.crossed(crossing, session)
            self._metrics.count(f"limit_{crossing.threshold.value}")
        tally.watch(uses, credit, from_at=entry.offer_from_at, until_at=entry.offer_until_at)

    def _end_older(self, session: Session, record: Accounting) -> None:
        """An Acct-Session-Id has one session that runs: the latest. Others ended when last heard,
        also one that a late report has just made known.
        """
        candidates = self._sessions.candidates(session.nas, session.acct_session_id)
        if len(candidates) == 1:
            return
        candidates = self._candidates(record)
        latest = max([candidate.started_at for candidate in candidates])
        for older in candidates:
            if older.is_open and older.started_at < latest:
                self._presume_ended(older, record.report.lsn, record.received_us, "Id-Reused")

    def _apply_boot(self, record: Accounting) -> None:
        """Accounting-On/Off: the sessions of this (client, NAS) that started strictly before it
        have ended.
        """
        report = record.report
        at = report.instant(self._nases.facts(report.client, report.nas).timestamp_window_s)
        if self._nases.booted(report.client, report.nas, at):
            boot = BootInstant(client=report.client, nas=report.nas, booted_at=at)
            self._books.booted(boot, lsn=report.lsn)
        for session in self._sessions.open_of_nas(report.nas):
            if session.client == report.client and session.started_at < at:
                self._presume_ended(session, report.lsn, record.received_us, "NAS-Reboot")

    def _apply_silence(self, record: Silence) -> None:
        session = self._sessions.get(record.session_id)
        if session is not None and session.is_open and session.heard_at <= record.heard_at:
            self._presume_ended(session, record.lsn, record.received_us, "Silence")

    def _presume_ended(self, session: Session, lsn: int, received_us: int, cause: str) -> None:
        if self._is_applied(session, lsn + 1):
            return  # a replay: it has spoken again since
        end_when_last_heard(session, lsn=lsn, cause=cause)
        self._metrics.count("usage_presumed_ended")
        self._nases.end_presumed(session)
        self._sessions.status_changed(session)
        self._carry(session, lsn, received_us)

    def _is_applied(self, session: Session, lsn: int) -> bool:
        """Whether a session contains a record already (exactness 1: per-row LSNs are the truth)."""
        return session.journal_number == self._journal_number and session.lsn >= lsn

    def _entry(self, record: Accounting) -> Entry | None:
        """The service a report belongs to: by our own Class if it came back, else by User-Name."""
        named = self._named(record)
        if named is not None and (entry := self._directory.find_service(named[1])):
            return entry
        return self._directory.find(record.brand, record.login)

    def _named(self, record: Accounting) -> tuple[int, int] | None:
        """The account and service that a Class of ours names."""
        return read_class(self._directory.class_key, record.report.class_)

    def _suspend(self, record: Accounting, reason: str) -> None:
        report = record.report
        self._metrics.count("suspense")
        self._books.suspend(
            SuspenseRecord(
                journal_number=self._journal_number,
                lsn=report.lsn,
                received_at=report.received_at,
                reason=reason,
                client=report.client,
                nas=report.nas,
                user_name=report.user_name,
                body=record.body,
            )
        )
