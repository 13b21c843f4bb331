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
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from aaad.policy.account_state import AccountState
from aaad.policy.class_attribute import read_class
from aaad.policy.report import Report, is_session_report
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
from aaad.server.session_table import SessionTable
from ledger.ids import EPOCH_MS, made_at_ms, make_id, node_of
from ledger.model import BootInstant, Limit, LimitCrossing, SuspenseRecord, UsageMetric
from ledger.rules.limits import CREDIT_LIMIT, LimitUse, Totals, crossing_key, crossings
from ratingcore.errors import RatingError

SEQUENCE_MASK = 0xFFFF
"""Session ids carry the low bits of the LSN: the same record makes the same id at a replay."""

US_PER_MS = 1_000

BATCH_MAX = 1024
"""Records whose missing facts are fetched together."""


class Books(Protocol):
    """Where the applier leaves what must be posted."""

    def session_changed(self, session: Session, *, lsn: int, received_us: int) -> None: ...
    def crossed(self, crossing: LimitCrossing, session: Session) -> None: ...
    def suspend(self, record: SuspenseRecord) -> None: ...
    def booted(self, boot: BootInstant, *, lsn: int) -> None: ...
    def applied(self, lsn: int, received_us: int) -> None: ...


class Enforcement(Protocol):
    """What follows from usage for the sessions that run."""

    def review(self, account_id: int, now: int) -> None: ...


class NasTable(Protocol):
    """What is configured and known of NASes."""

    def facts(self, client: str, nas: str) -> NasFacts: ...
    def heard(self, report: Report) -> None: ...
    def booted(self, client: str, nas: str, at: int) -> bool: ...
    def end_presumed(self, session: Session) -> None: ...


class Applier:
    """Owns the order: `offer` durable records, and they are applied one after the other."""

    def __init__(
        self,
        *,
        journal_number: int,
        sessions: SessionTable,
        directory: Directory,
        nases: NasTable,
        books: Books,
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
        waiting.extend(records)
        if not self._work.is_set():
            self._apply_known()
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
                self._apply(self._waiting.popleft())
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
                if not self._is_known(a)
            ],
        )

    def _apply_known(self) -> None:
        while self._waiting and self._is_known(self._waiting[0]):
            self._apply(self._waiting.popleft())

    def _is_known(self, record: Applicable) -> bool:
        """Whether a record can be applied from memory alone."""
        if isinstance(record, Silence) or not is_session_report(record.report.status):
            return True
        report = record.report
        candidates = self._candidates(record)
        if not candidates or not self._sessions.is_complete(report.nas, report.acct_session_id):
            return False
        facts = self._nases.facts(report.client, report.nas)
        return place(report, candidates, facts).session is not None

    def _candidates(self, record: Accounting) -> list[Session]:
        """The sessions that a record can belong to: those that were opened before it came.

        At a replay the store may hold later ones already, and what a record means must not depend
        on them.
        """
        report = record.report
        return [
            session
            for session in self._sessions.candidates(report.nas, report.acct_session_id)
            if not self._opened_after(session, record)
        ]

    def _opened_after(self, session: Session, record: Accounting) -> bool:
        """Whether a later record of this journal opened a session: its id tells which one did."""
        session_id = session.session_id
        at_ms, made_at = record.received_us // US_PER_MS, made_at_ms(session_id)
        if made_at != at_ms or node_of(session_id) != self._journal_number:
            return made_at > max(at_ms, EPOCH_MS)
        ahead = (session_id - record.report.lsn) & SEQUENCE_MASK
        return 0 < ahead <= SEQUENCE_MASK // 2

    def _apply(self, record: Applicable) -> None:
        if isinstance(record, Silence):
            self._apply_silence(record)
            self._books.applied(record.lsn, record.received_us)
            return
        try:
            self._apply_accounting(record)
        except RatingError as error:
            self._suspend(record, f"unpriced: {error}")
        except Exception as error:  # the one catch-all: a poison record must not stop the books
            self._metrics.count("applier_errors")
            self._log.exception("record_not_applied", lsn=record.report.lsn)
            self._suspend(record, f"error: {error!r}")
        self._enforce(record)
        self._books.applied(record.report.lsn, record.received_us)

    def _enforce(self, record: Accounting) -> None:
        """What the new usage means for the sessions of its account; the books hold it already."""
        entry = self._entry(record)
        if entry is None:
            return
        try:
            self._enforcement.review(entry.state.account.account_id, record.report.received_at)
        except Exception:  # a bug in what follows from usage must not touch the books
            self._metrics.count("enforcement_errors")
            self._log.exception("enforcement_failed", lsn=record.report.lsn)

    def _apply_accounting(self, record: Accounting) -> None:
        report = record.report
        self._nases.heard(report)
        if report.status in {AcctStatusType.ACCOUNTING_ON, AcctStatusType.ACCOUNTING_OFF}:
            self._apply_boot(record)
        elif not is_session_report(report.status):
            self._suspend(record, f"Acct-Status-Type {report.status} is not a session's")
        elif not report.acct_session_id:
            self._suspend(record, "no Acct-Session-Id")
        elif not counts(report, self._nases.facts(report.client, report.nas)):
            self._metrics.count("usage_not_counted")
        else:
            self._apply_session(record)

    def _apply_session(self, record: Accounting) -> None:
        report = record.report
        nas = self._nases.facts(report.client, report.nas)
        placement = place(report, self._candidates(record), nas)
        session = placement.session
        if session is None:
            session = self._open(record, placement, nas)
            if session is None:
                return
            self._change(session, lambda: apply(session, report, placement, nas), record)
            self._sessions.add(session)
        elif not self._is_applied(session, report.lsn):
            self._change(session, lambda: apply(session, report, placement, nas), record)
            self._sessions.status_changed(session)
        self._learn_interval(session, record)
        self._end_older(session, record)

    def _learn_interval(self, session: Session, record: Accounting) -> None:
        """Who has sent one interim report owes us the next: only then can a session be silent."""
        if session.interim_interval_s or record.report.status != AcctStatusType.INTERIM_UPDATE:
            return
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
            terms=self._directory.terms(entry),
            timeline=timeline,
        )

    def _change(self, session: Session, change: Callable[[], Effect], record: Accounting) -> None:
        """Change a session and carry its usage to the account, its limits and the books."""
        before = session.usage_not_stored()
        effect = change()
        self._metrics.count(f"usage_{effect.value}")
        self._carry(session, before, lsn=record.report.lsn, received_us=record.received_us)

    def _carry(
        self, session: Session, before: Mapping[int, Totals], *, lsn: int, received_us: int
    ) -> None:
        """The account's usage and limits follow what changed in a session; the books must learn of
        it.
        """
        self._books.session_changed(session, lsn=lsn, received_us=received_us)
        after = session.usage_not_stored()
        if after == before:
            return
        entry = self._directory.of_service(session.terms.service_id)
        state = entry.state
        service_id = session.terms.service_id
        state.subtract(service_id, before)
        state.add(service_id, after)
        periods = sorted(before.keys() | after.keys())
        for period_start_at in periods:
            # what is owed is no cycle's: it is compared once, in the latest
            self._check_limits(
                entry, session, period_start_at, with_credit=period_start_at == periods[-1]
            )

    def _check_limits(
        self, entry: Entry, session: Session, period_start_at: int, *, with_credit: bool
    ) -> None:
        state = entry.state
        at = session.last_at
        offer = self._directory.offer(entry, max(session.started_at, at - 1))
        uses = state.uses(entry.subscriber, offer, period_start_at)
        for crossing in crossings(
            credit_and(uses, state) if with_credit else uses,
            account_id=state.account.account_id,
            period_start_at=period_start_at,
            at=at,
            fired=state.fired,
        ):
            state.fired.add(crossing_key(crossing))
            self._books.crossed(crossing, session)
            self._metrics.count(f"limit_{crossing.threshold.value}")

    def _end_older(self, session: Session, record: Accounting) -> None:
        """An Acct-Session-Id has one session that runs: the latest. Others ended when last heard,
        also one that a late report has just made known.
        """
        candidates = self._candidates(record)
        latest = max(candidate.started_at for candidate in candidates)
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
        before = session.usage_not_stored()
        end_when_last_heard(session, lsn=lsn, cause=cause)
        self._metrics.count("usage_presumed_ended")
        self._nases.end_presumed(session)
        self._sessions.status_changed(session)
        self._carry(session, before, lsn=lsn, received_us=received_us)

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


def credit_and(uses: tuple[LimitUse, ...], state: AccountState) -> tuple[LimitUse, ...]:
    """The credit limit fires like a hard limit on what the account owes."""
    credit_limit = state.account.credit_limit_micros
    if credit_limit is None:
        return uses
    limit = Limit(name=CREDIT_LIMIT, metric=UsageMetric.MONEY, soft=None, hard=credit_limit)
    return (*uses, LimitUse(limit, 0, state.owed_micros))
