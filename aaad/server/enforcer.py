"""Makes running sessions end that should not run: the desired state, compared at every report and
every change.

A session should run if its user could log in now. If not, a Disconnect-Request goes to its NAS (RFC
5176) and is repeated until it is answered; a session that goes on reporting after that is ordered
off again at each report (rule of exactness 13). Limits that time alone reaches are looked at when
they are due, without a report.
"""

from __future__ import annotations

import asyncio
import heapq
import ipaddress
import socket
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from structlog.typing import FilteringBoundLogger

from aaad.policy.account_state import SILENT_PROJECTION_MAX_S, gone_on
from aaad.policy.authorize import Facts, Refusal, authorize
from aaad.policy.reply import octets
from aaad.policy.session import Session
from aaad.radius import attribute_types as attribute
from aaad.radius.codes import Code
from aaad.radius.dynauth import Ack, Exchange, Nak
from aaad.radius.packet import Secret
from aaad.server.directory import Directory, Entry
from aaad.server.dynauth_port import DynauthPort, Retries
from aaad.server.facts import facts_at
from aaad.server.metrics import Metrics
from aaad.server.nas_table import NasTable
from aaad.server.session_table import SessionTable
from ledger.clients import DynauthSettings, NasSettings
from ledger.clock import Clock
from ledger.model import UsageMetric
from ledger.rules.cycles import cycle_at
from ledger.rules.limits import NEVER
from ledger.settings import EnforcementSettings

STOP_GRACE_S = 5
"""A NAS that keeps its Session-Timeout ends the session itself: so long it has for its Stop to
arrive.
"""

ORDERS_KEPT_MAX = 10_000
"""Sessions whose orders are kept for `aaactl session show`."""

ORDERS_OF_SESSION_MAX = 20

LOOK_AHEAD_MAX_S = 86_400
"""An account with a money limit is looked at again at least once a day."""

QUEUE_MAX = 100_000
"""Orders that wait for a free identifier; more wait for the session's next report."""


@dataclass(slots=True, kw_only=True)
class Order:
    """A Disconnect-Request about one session, and what came of it."""

    session_id: int
    reason: str
    ordered_at: int
    at_lsn: int
    address: str = ""
    outcome: str = "pending"  # pending | ack | nak | timeout | no_address
    attempts: int = 0
    error_cause: str = ""


class Enforcer:
    """Orders, their outcomes, and the times at which limits are due."""

    def __init__(
        self,
        *,
        settings: Callable[[], EnforcementSettings],
        nas_settings: Callable[[str], NasSettings],
        directory: Directory,
        sessions: SessionTable,
        nases: NasTable,
        clock: Clock,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings = settings
        self._nas_settings = nas_settings
        self._directory = directory
        self._sessions = sessions
        self._nases = nases
        self._clock = clock
        self._metrics = metrics
        self._log = log
        self._ports: dict[tuple[int, str], list[DynauthPort]] = {}
        self._orders: OrderedDict[int, list[Order]] = OrderedDict()
        self._queue: deque[tuple[Order, Session, DynauthSettings]] = deque()
        self._in_flight = 0
        self._waiters: dict[int, list[asyncio.Future[Order]]] = {}
        self._due: list[tuple[int, int]] = []
        self._due_of: dict[int, int] = {}
        self._serving = False

    @property
    def in_flight(self) -> int:
        """Orders on the wire or waiting for it."""
        return self._in_flight + len(self._queue)

    def begin(self) -> None:
        """A replay is over: from now on decisions go to the network. Looks at every account at
        once.
        """
        self._serving = True
        now = self._clock.now()
        for account_id in {s.terms.account_id for s in self._sessions.open_sessions()}:
            self.review(account_id, now)

    def review(self, account_id: int, now: int) -> None:
        """Compare the sessions of an account with what should run, and see when to look again."""
        if not self._serving:
            return
        running = self._sessions.open_of_account(account_id)
        if not running:
            self._due_of.pop(account_id, None)
            return
        by_service: dict[int, list[Session]] = {}
        for session in running:
            by_service.setdefault(session.terms.service_id, []).append(session)
        state = self._directory.of_service(running[0].terms.service_id).state
        due_at = settled_until_at = NEVER
        for service_id, sessions in by_service.items():
            entry = self._directory.of_service(service_id)
            facts = self._facts(entry, now)
            refusal = authorize(facts)
            if refusal is not None:
                settled_until_at = 0
                for session in sessions:
                    self._order(session, refusal)
            elif is_free(facts):
                settled_until_at = min(settled_until_at, entry.offer_until_at)
                for session in sessions:
                    if session.tally is not None:
                        session.tally.free_until_at = entry.offer_until_at
            else:
                due_at = min(due_at, due_at_of(facts, sessions, len(running)))
                settled_until_at = min(
                    settled_until_at, entry.offer_until_at, predictable_until(facts, running)
                )
        if due_at < NEVER:
            self._look_again(account_id, due_at)
        state.settled_until_at = min(settled_until_at, due_at - STOP_GRACE_S)

    def review_due(self) -> None:
        """Look at the accounts whose time has come."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            at, account_id = heapq.heappop(self._due)
            if self._due_of.get(account_id) == at:
                del self._due_of[account_id]
                self.review(account_id, now)

    async def disconnect(self, session: Session, reason: str) -> Order:
        """Order a session off because a person says so; returns when the outcome is known."""
        order = self._pending(session) or self._send(session, reason)
        if order.outcome != "pending":
            return order
        waiter: asyncio.Future[Order] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(session.session_id, []).append(waiter)
        return await waiter

    def orders(self, session_id: int) -> list[Order]:
        """What was ordered about a session, oldest first."""
        return list(self._orders.get(session_id, ()))

    def close(self) -> None:
        """Give all ports back. Twice is harmless."""
        for ports in self._ports.values():
            while ports:
                ports.pop().close()

    def _facts(self, entry: Entry, now: int) -> Facts:
        return facts_at(
            self._directory, self._sessions, entry, now, projected_to=now - STOP_GRACE_S
        )

    def _look_again(self, account_id: int, at: int) -> None:
        known = self._due_of.get(account_id)
        if known is None or at < known:
            self._due_of[account_id] = at
            heapq.heappush(self._due, (at, account_id))

    def _pending(self, session: Session) -> Order | None:
        orders = self._orders.get(session.session_id)
        return orders[-1] if orders and orders[-1].outcome == "pending" else None

    def _order(self, session: Session, refusal: Refusal) -> None:
        """Order a session off, unless that is under way or it has not been heard since the last
        time.
        """
        orders = self._orders.get(session.session_id)
        if orders and (orders[-1].outcome == "pending" or orders[-1].at_lsn >= session.lsn):
            return
        self._send(session, refusal.detail)

    def _send(self, session: Session, reason: str) -> Order:
        order = Order(
            session_id=session.session_id,
            reason=reason,
            ordered_at=self._clock.now(),
            at_lsn=session.lsn,
        )
        self._keep(order)
        target = self._nas_settings(session.nas).dynauth
        if target is None:
            self._finish(order, session, "no_address")
        elif len(self._queue) >= QUEUE_MAX:
            self._finish(order, session, "timeout")
        else:
            order.address = f"{target.address}:{target.port}"
            self._queue.append((order, session, target))
            self._pump()
        return order

    def _keep(self, order: Order) -> None:
        orders = self._orders.setdefault(order.session_id, [])
        orders.append(order)
        del orders[:-ORDERS_OF_SESSION_MAX]
        self._orders.move_to_end(order.session_id)
        while len(self._orders) > ORDERS_KEPT_MAX:
            self._orders.popitem(last=False)

    def _pump(self) -> None:
        """Send what waits while identifiers are free."""
        while self._queue and self._in_flight < self._settings().in_flight_max:
            order, session, target = self._queue.popleft()
            self._in_flight += 1
            try:
                port = self._port(target)
            except OSError as error:
                self._in_flight -= 1
                self._log.error("dynauth_source_unusable", nas=session.nas, error=str(error))
                self._finish(order, session, "timeout")
                continue
            port.send(
                Code.DISCONNECT_REQUEST,
                session_attributes(session),
                secret=Secret(target.secret),
                target=(target.address, target.port),
                event_timestamp=self._clock.now(),
                on_outcome=partial(self._answered, order, session),
            )

    def _port(self, target: DynauthSettings) -> DynauthPort:
        """A source port with a free identifier, from the address that the NAS knows."""
        settings = self._settings()
        version = ipaddress.ip_address(target.address).version
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        configured = [target.source] if target.source else settings.source_addresses
        source = next((a for a in configured if ipaddress.ip_address(a).version == version), "")
        ports = self._ports.setdefault((version, source), [])
        for port in ports:
            if port.free:
                return port
        retries = Retries(
            tries=settings.tries,
            first_timeout_s=settings.first_timeout_ms / 1000,
            timeout_max_s=settings.timeout_max_ms / 1000,
        )
        ports.append(DynauthPort(family, source, retries=retries))
        return ports[-1]

    def _answered(self, order: Order, session: Session, exchange: Exchange) -> None:
        self._in_flight -= 1
        order.attempts = exchange.tries
        match exchange.outcome:
            case Ack():
                self._finish(order, session, "ack")
            case Nak() as nak:
                order.error_cause = nak.meaning
                self._finish(order, session, "nak")
            case _:
                self._finish(order, session, "timeout")
        self._pump()

    def _finish(self, order: Order, session: Session, outcome: str) -> None:
        order.outcome = outcome
        self._metrics.count(f"disconnect_{outcome}")
        observed = self._nases.of(session.client, session.nas)
        if observed is not None and outcome == "timeout":
            observed.unanswered_orders += 1
        self._log.info(
            "session_disconnect",
            session_id=session.session_id,
            login=session.terms.login,
            nas=session.nas,
            reason=order.reason,
            outcome=outcome,
            error_cause=order.error_cause,
            attempts=order.attempts,
        )
        for waiter in self._waiters.pop(session.session_id, []):
            if not waiter.done():
                waiter.set_result(order)


def session_attributes(session: Session) -> bytes:
    """What names a session to its NAS (RFC 5176 s.3)."""
    encoded = octets(attribute.USER_NAME, session.user_name) if session.user_name else b""
    encoded += octets(attribute.ACCT_SESSION_ID, session.acct_session_id)
    address = session.nas_address
    if session.nas != address:
        encoded += octets(attribute.NAS_IDENTIFIER, session.nas.encode()[:253])
    packed = ipaddress.ip_address(address).packed if address else b""
    if len(packed) == 4:
        encoded += octets(attribute.NAS_IP_ADDRESS, packed)
    elif packed:
        encoded += octets(attribute.NAS_IPV6_ADDRESS, packed)
    if session.framed_address:
        framed = ipaddress.ip_address(session.framed_address).packed
        encoded += octets(attribute.FRAMED_IP_ADDRESS, framed)
    return encoded


def is_free(facts: Facts) -> bool:
    """Whether nothing that a service uses can end its sessions, in this cycle or another."""
    offered = facts.offer.limits if facts.offer else ()
    return (
        facts.subscriber.account.credit_limit_micros is None
        and not facts.subscriber.own_limits
        and all(limit.hard is None for limit in offered)
    )


def due_at_of(facts: Facts, sessions: Iterable[Session], running: int) -> int:
    """When at the earliest time alone could end one of these sessions of a service."""
    at = facts.now - STOP_GRACE_S
    left = [time_left_s(facts, session, running, at=at) for session in sessions]
    # so long after the projection, and then the grace
    return min((facts.now + seconds for seconds in left if seconds is not None), default=NEVER)


def predictable_until(facts: Facts, running: Iterable[Session]) -> int:
    """Until when no report of the sessions that run can bring forward what time alone will do.

    Time goes on as it is projected: a report then changes nothing but who has counted it. Octets
    come as they like, so they may cost what is not foreseen; octets that are limited themselves
    are no matter of time, and noticed when they are counted.
    """
    account = facts.subscriber.account
    by_money = account.credit_limit_micros is not None or any(
        use.limit.metric is UsageMetric.MONEY and use.limit.hard is not None for use in facts.uses
    )
    if by_money and not all(session.meter.timeline.by_time for session in running):
        return 0
    cycle = cycle_at(facts.now, bill_day=account.bill_day, zone=account.zone)
    return min(cycle.end_at, *(s.last_at + SILENT_PROJECTION_MAX_S for s in running))


def time_left_s(facts: Facts, session: Session, running: int, *, at: int) -> int | None:
    """When at the earliest time alone could reach a limit while `running` sessions go on; None:
    never.

    `at` is the instant that the facts are projected to; the seconds count from there.
    """
    bounds = []
    for use in facts.uses:
        if use.left is None:
            continue
        if use.limit.metric is UsageMetric.SECONDS:
            bounds.append(-(-use.left // running))
        elif use.limit.metric is UsageMetric.MONEY:
            bounds.append(_time_for(use.left // running, session, at))
    credit_limit = facts.subscriber.account.credit_limit_micros
    if credit_limit is not None:
        left = max(0, credit_limit - facts.owed_micros)
        bounds.append(_time_for(left // running, session, at))
    return max(1, min(bounds)) if bounds else None


def _time_for(available_micros: int, session: Session, at: int) -> int:
    """When an amount is used up by a session; a day at most, then it is looked at again.

    It is used up when the charge is as large: one second after the last that costs a micro less.
    Free hours that follow put nothing off.
    """
    meter = gone_on(session, at)
    return meter.grant_seconds(max(0, available_micros - 1), LOOK_AHEAD_MAX_S) + 1
