"""The running daemon as the control commands see it: figures, sessions, NASes, explanations; and
their few orders.

Implements `aaad.control.contract.Daemon` over the parts of `Daemon`. It reads memory and changes
nothing itself: changes go through the ledger, orders through the enforcer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from aaad import VERSION
from aaad.control.contract import (
    AttentionLine,
    ClientLine,
    DiscardLine,
    DisconnectReport,
    LimitLine,
    LoginCheck,
    NasLine,
    OrderLine,
    SegmentLine,
    SessionLine,
    SessionReport,
    StatusReport,
)
from aaad.policy.authorize import explain
from aaad.policy.session import Session, tariff_at
from aaad.radius.dictionary import Dictionary
from aaad.radius.errors import REMEDY
from aaad.server.daemon import Daemon
from aaad.server.directory import Entry
from aaad.server.facts import facts_at
from aaad.server.nas_table import Observed
from ledger.catalog import Catalog
from ledger.clients import BRAND_DEFAULT
from ledger.clock import Clock
from ledger.escape import printable
from ledger.rules.cycles import cycle_at
from ledger.rules.limits import CREDIT_LIMIT, LimitUse, limit_uses, limits_in_force
from ledger.rules.logins import canonical_login
from ledger.settings import Settings
from ledger.store.contract import Store
from ledger.subscribers import fetch_subscribers_by_account
from ratingcore.meter import Segment

LAG_ATTENTION_FACTOR = 3
"""A poster that is this many times behind `open_session_max_age_s` wants an operator's eye."""


class Inspection:
    """What aaactl sees and may ask for."""

    def __init__(self, daemon: Daemon, *, on_drain: Callable[[], None]) -> None:
        self._daemon = daemon
        self._on_drain = on_drain

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self._daemon.settings

    @property
    def clock(self) -> Clock:
        """The daemon's clock."""
        return self._daemon.clock

    @property
    def store(self) -> Store:
        """The books."""
        return self._daemon.store

    @property
    def dictionary(self) -> Dictionary:
        """Names of attributes and values."""
        return self._daemon.dictionary

    def catalog(self, brand: str) -> Catalog:
        """The price list versions of a brand."""
        return self._daemon.catalogs.of(brand)

    async def status(self) -> StatusReport:
        """The daemon at one glance."""
        daemon = self._daemon
        return StatusReport(
            version=VERSION,
            state=daemon.state,
            started_at=daemon.started_at,
            now_at=daemon.clock.now(),
            sections={
                "sessions": {
                    "open": daemon.sessions.open_count,
                    "in memory": len(daemon.sessions),
                    "subscribers in memory": len(daemon.directory),
                    "subscribers at most": daemon.settings.directory.subscribers_max,
                },
                "journal": self._journal(),
                "poster": self._poster(),
                "requests": self._requests(),
                "enforcement": {"orders in flight": daemon.enforcer.in_flight},
                "counters": dict(sorted(daemon.metrics.counters.items())),
            },
            discards=[
                DiscardLine(reason=reason.value, count=count, remedy=REMEDY[reason])
                for reason, count in sorted(daemon.metrics.discards_by_reason().items())
            ],
            attention=list(self._attention()),
        )

    async def sessions(
        self, *, account_id: int | None, login: str | None, nas: str | None, after: int, limit: int
    ) -> Sequence[SessionLine]:
        """Up to `limit` running sessions with an id above `after`, by id."""
        table = self._daemon.sessions
        candidates: Iterable[Session] = table.open_sessions()
        if account_id is not None:
            state = self._daemon.directory.state(account_id)
            candidates = [] if state is None else table.open_of_account(state)
        elif nas is not None:
            candidates = table.open_of_nas(nas)
        wanted = [
            session
            for session in candidates
            if session.session_id > after
            and account_id in {None, session.terms.account_id}
            and login in {None, session.terms.login}
            and nas in {None, session.nas}
        ]
        wanted.sort(key=lambda session: session.session_id)
        return [self._session_line(session) for session in wanted[:limit]]

    async def session(self, session_id: int) -> SessionReport | None:
        """A running session in full."""
        session = self._daemon.sessions.get(session_id)
        if session is None or not session.is_open:
            return None
        entry = self._daemon.directory.of_service(session.terms.service_id)
        return SessionReport(
            session=self._session_line(session),
            segments=[_segment_line(segment) for segment in _segments(session)],
            limits=self._limit_lines(entry, [entry]),
            orders=[
                OrderLine(
                    kind="disconnect",
                    reason=order.reason,
                    ordered_at=order.ordered_at,
                    attempts=order.attempts,
                    outcome=order.outcome,
                )
                for order in self._daemon.enforcer.orders(session_id)
            ],
        )

    async def disconnect(self, session_id: int, *, actor: str) -> DisconnectReport | None:
        """Sends a Disconnect-Request and waits for its outcome."""
        session = self._daemon.sessions.get(session_id)
        if session is None or not session.is_open:
            return None
        order = await self._daemon.enforcer.disconnect(session, f"ordered by {actor}")
        return DisconnectReport(
            outcome=order.outcome,
            address=order.address,
            attempts=order.attempts,
            error_cause=order.error_cause,
        )

    def clients(self) -> Sequence[ClientLine]:
        """All clients, by name."""
        return [
            ClientLine(
                client=name,
                prefixes=[str(prefix) for prefix in client.settings.prefixes],
                message_authenticator=(
                    "required" if client.settings.require_message_authenticator else "excused"
                ),
                requests=client.requests,
                discards=sum(
                    count
                    for (of_client, _), count in self._daemon.metrics.discards.items()
                    if of_client == name
                ),
                heard_at=client.heard_at,
            )
            for name, client in sorted(self._daemon.clients.by_name.items())
        ]

    def nases(self) -> Sequence[NasLine]:
        """All NASes that are configured or were heard, by name."""
        daemon = self._daemon
        observed = daemon.nases.observed()
        heard = {one.nas for one in observed}
        unheard = [
            Observed(client="", nas=name, address="", heard_at=0)
            for name in sorted(daemon.settings.nases)
            if name not in heard
        ]
        return [self._nas_line(one) for one in (*observed, *unheard)]

    async def limit_usage(self, account_id: int) -> Sequence[LimitLine]:
        """Every limit of an account and its services with its usage, posted and running."""
        directory = self._daemon.directory
        async with self.store.read() as reader:
            subscribers = await fetch_subscribers_by_account(reader, [account_id])
        await directory.load(
            [(subscriber.service.brand, subscriber.service.login) for subscriber in subscribers]
        )
        entries = directory.of_account(account_id)
        return self._limit_lines(entries[0], entries) if entries else []

    async def accounts_changed(self, account_ids: Iterable[int]) -> None:
        """A change to these accounts is in the store: memory has it when this returns."""
        await self._daemon.take_over(list(account_ids))

    async def catalog_changed(self) -> None:
        """A price list version is in the store: memory has it when this returns."""
        await self._daemon.between_postings(self._daemon.reload_price_lists)

    async def explain_login(self, login: bytes, brand: str = BRAND_DEFAULT) -> Sequence[LoginCheck]:
        """Every check that a login with the right password would go through now."""
        daemon = self._daemon
        name = canonical_login(daemon.settings.brands[brand], login)
        await daemon.directory.load([(brand, name)])
        entry = daemon.directory.find(brand, name)
        if entry is None:
            return [
                LoginCheck(
                    check="login",
                    input=printable(login),
                    verdict="failed",
                    remedy=f"nobody has the login {name!r} in brand {brand}",
                )
            ]
        facts = facts_at(daemon.directory, daemon.sessions, entry, daemon.clock.now())
        checks = [LoginCheck(check="login", input=name, verdict="passed", remedy="")]
        for verdict in explain(facts):
            refusal = verdict.refusal
            checks.append(
                LoginCheck(
                    check=verdict.check,
                    input=verdict.input,
                    verdict="failed" if refusal else "passed",
                    remedy=refusal.detail if refusal else "",
                )
            )
        return checks

    async def reload(self, *, actor: str) -> Sequence[str]:
        """Reads the configuration again. Raises SettingsError, and changes nothing then."""
        self._daemon.log.info("reload_asked", actor=actor)
        return self._daemon.reload()

    async def drain(self, *, actor: str) -> None:
        """Begins to end."""
        self._daemon.log.info("drain_asked", actor=actor)
        self._on_drain()

    def _journal(self) -> dict[str, object]:
        journal = self._daemon.journal
        counters = journal.counters
        return {
            "writable": journal.writable,
            "last lsn": journal.last_lsn,
            "durable lsn": journal.durable_lsn,
            "unapplied octets": journal.unapplied_bytes,
            "unapplied octets at most": self._daemon.settings.journal.unapplied_max,
            "groups": counters.groups,
            "records": counters.records,
            "microseconds a group": counters.write_us_total // max(1, counters.groups),
        }

    def _poster(self) -> dict[str, object]:
        poster = self._daemon.poster
        return {
            "store": "there" if poster.available else "away",
            "posted lsn": poster.position_lsn,
            "sessions to post": poster.waiting,
            "lag seconds": poster.lag_s(),
            "records waiting for facts": self._daemon.applier.backlog,
        }

    def _requests(self) -> dict[str, object]:
        daemon = self._daemon
        return {
            "accounting outstanding": daemon.accounting.outstanding,
            "access outstanding": daemon.access.outstanding,
            "kernel drops": sum(listener.kernel_drops for listener in daemon.listeners),
        }

    def _attention(self) -> Iterable[AttentionLine]:
        daemon = self._daemon
        if not daemon.poster.available:
            yield AttentionLine(
                what="the store is away: records wait in the journal",
                remedy="look at disk space, locks and the store itself; the log names the error",
            )
        if not daemon.journal.writable:
            yield AttentionLine(
                what="the journal takes nothing more: no request is answered",
                remedy="bring the store back, or give the journal's disk room",
            )
        if daemon.poster.lag_s() > LAG_ATTENTION_FACTOR * (
            daemon.settings.posting.open_session_max_age_s
        ):
            yield AttentionLine(
                what=f"the poster is {daemon.poster.lag_s()} s behind",
                remedy="see whether a job holds the store's lock, or the disk is slow",
            )
        for name, client in sorted(daemon.clients.by_name.items()):
            if not client.settings.require_message_authenticator:
                yield AttentionLine(
                    what=f"client {name} may omit Message-Authenticator (CVE-2024-3596)",
                    remedy="update it, then remove require_message_authenticator = false",
                )
        suspended = daemon.metrics.counters["suspense"]
        if suspended:
            yield AttentionLine(
                what=f"{suspended} accounting records went to suspense since the start",
                remedy="aaactl suspense list shows them with their reasons",
            )

    def _session_line(self, session: Session) -> SessionLine:
        terms = session.terms
        tariff = tariff_at(session.meter.timeline, session.last_at)
        return SessionLine(
            session_id=session.session_id,
            account_id=terms.account_id,
            service_id=terms.service_id,
            login=terms.login,
            user_name=printable(session.user_name),
            nas=printable(session.nas.encode()),
            client=session.client,
            acct_session_id=printable(session.acct_session_id),
            nas_address=session.nas_address,
            nas_port=printable(session.nas_port.encode()),
            framed_address=session.framed_address,
            calling_station_id=printable(session.calling_station_id),
            started_at=session.started_at,
            last_at=session.last_at,
            heard_at=session.heard_at,
            session_time_s=session.session_time_s,
            input_octets=session.input_octets,
            output_octets=session.output_octets,
            tariff=tariff.name,
            zone=tariff.zone,
            currency=tariff.currency,
            charge_micros=session.meter.charge_micros,
        )

    def _nas_line(self, observed: Observed) -> NasLine:
        daemon = self._daemon
        dynauth = daemon.settings.nas(observed.nas).dynauth
        sessions = daemon.sessions.open_of_nas(observed.nas)
        return NasLine(
            nas=printable(observed.nas.encode()),
            client=observed.client,
            address=observed.address,
            dynauth=f"{dynauth.address}:{dynauth.port}" if dynauth else "",
            sessions=sum(session.client == observed.client for session in sessions),
            heard_at=observed.heard_at or None,
            booted_at=daemon.nases.booted_at(observed.client, observed.nas),
            reports=observed.reports,
            clamped_clocks=observed.clamped_clocks,
            presumed_ends=observed.presumed_ends,
            unanswered_orders=observed.unanswered_orders,
        )

    def _limit_lines(self, first: Entry, entries: list[Entry]) -> list[LimitLine]:
        """The limits of some services of one account in its running billing cycle."""
        daemon = self._daemon
        state, account = first.state, first.subscriber.account
        now = daemon.clock.now()
        cycle = cycle_at(now, bill_day=account.bill_day, zone=account.zone)
        used: dict[tuple[int, str], LimitUse] = {}
        for entry in entries:
            offer = daemon.directory.offer(entry, now)
            service_id = entry.subscriber.service.service_id
            in_force = limits_in_force(
                offer.limits if offer else (),
                entry.subscriber.own_limits,
                service_id,
                period_start_at=cycle.start_at,
            )
            for use in limit_uses(
                in_force,
                service=state.of_service(service_id, cycle.start_at),
                account=state.of_account(cycle.start_at),
            ):
                used[use.service_id, use.limit.name] = use
        lines = [
            _limit_line(use, start_at=cycle.start_at, end_at=cycle.end_at) for use in used.values()
        ]
        if account.credit_limit_micros is not None:
            lines.append(
                LimitLine(
                    limit=CREDIT_LIMIT,
                    scope="account",
                    service_id=0,
                    metric="money",
                    soft=None,
                    hard=account.credit_limit_micros,
                    used=state.owed_micros,
                    period_start_at=cycle.start_at,
                    period_end_at=None,
                )
            )
        return lines


def _segments(session: Session) -> tuple[Segment, ...]:
    piece = session.meter.open_piece()
    return piece.segments if piece else ()


def _segment_line(segment: Segment) -> SegmentLine:
    return SegmentLine(
        band=segment.band,
        metric=segment.metric,
        tier_from=segment.tier_from,
        quantity=segment.quantity,
        price_micros=segment.price_micros,
        per=segment.per,
        amount_micros=segment.amount_micros,
        started_at=segment.started_at,
        ended_at=segment.ended_at,
    )


def _limit_line(use: LimitUse, *, start_at: int, end_at: int) -> LimitLine:
    return LimitLine(
        limit=use.limit.name,
        scope="service" if use.service_id else "account",
        service_id=use.service_id,
        metric=use.limit.metric.value,
        soft=use.limit.soft,
        hard=use.limit.hard,
        used=use.used,
        period_start_at=start_at,
        period_end_at=end_at,
    )
