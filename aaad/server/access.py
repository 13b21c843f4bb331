"""Access-Requests: facts from memory, a decision, an answer; rejects are delayed a little.

What is missing in memory is fetched by one task for all that wait, so what comes during a fetch
goes into the next; slow password verifiers run in a bounded pool of threads. A login is decided
only after what its user has been acknowledged for is applied.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from aaad.policy.authenticate import Proof, authenticate, needs_verifier
from aaad.policy.authorize import RejectReason, authorize, session_timeout_s
from aaad.policy.reply import EncodeNamed, reject_attributes, timeout_attribute
from aaad.radius import attribute_types as attribute
from aaad.radius.codes import Code
from aaad.radius.errors import DiscardReason
from aaad.radius.passwords import decrypt_pap
from aaad.radius.signing import encode_reply
from aaad.server.applier import Applier
from aaad.server.directory import Directory, Entry
from aaad.server.facts import facts_at, standing_at
from aaad.server.gate import Gate, Request
from aaad.server.journal import Journal
from aaad.server.listener import Listener
from aaad.server.metrics import Metrics
from aaad.server.peers import Peer
from aaad.server.session_table import SessionTable
from ledger.clock import Clock
from ledger.credentials import verify_argon2
from ledger.logs import RateLimiter
from ledger.rules.logins import canonical_login
from ledger.store.contract import StoreUnavailable

CODES = frozenset({Code.ACCESS_REQUEST, Code.STATUS_SERVER})

# A member of an enumeration costs a lookup through its class each time: looked up once.
STATUS_SERVER: Final = int(Code.STATUS_SERVER)
ACCESS_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
ACCESS_REJECT: Final = int(Code.ACCESS_REJECT)
REJECTS: Final = {reason: f"access_rejects_{reason.value}" for reason in RejectReason}

WAITING_MAX = 512
"""Logins that wait for the store or a verifier at one time; more are not answered, so the NAS tries
elsewhere.
"""

REJECTS_DELAYED_MAX = 10_000
"""Rejects held back at one time; more go out at once."""

CATCH_UP_MAX_S = 2.0
"""How long a login waits for acknowledged accounting to be applied before it is decided on what is
known.
"""

REJECT_TICK_S = 0.01
"""Delayed rejects go out together with those that are due within this time."""

VERIFIED_MAX = 10_000
"""Verifier outcomes kept, so that argon2 is paid once and not at each login."""


@dataclass(frozen=True)
class Login:
    """A request and the name it means."""

    request: Request
    user_name: bytes
    login: str

    @property
    def brand(self) -> str:
        """The brand of its client."""
        return self.request.client.brand.name


@dataclass
class Batch:
    """Logins decided together: at which instant, what is sent, and who must wait for facts.

    `now_s` is the same moment on the clock that only runs forward.
    """

    now: int
    now_s: float
    replies: list[tuple[bytes, Peer]] = field(default_factory=list)
    missing: list[Login] = field(default_factory=list)
    accepts: int = 0


DelayedReject = tuple[float, Request, bytes]
"""When it is due (monotonic seconds), the request, the reject's attributes."""


class AccessHandler:
    """Handles what arrives at the authentication ports."""

    def __init__(
        self,
        *,
        gate: Gate,
        journal: Journal,
        applier: Applier,
        directory: Directory,
        sessions: SessionTable,
        encode: Callable[[], EncodeNamed],
        clock: Clock,
        monotonic: Callable[[], float],
        reject_delay_s: float,
        password_threads: int,
        limiter: RateLimiter,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._applier = applier
        self._directory = directory
        self._sessions = sessions
        self._encode = encode
        self._clock = clock
        self._monotonic = monotonic
        self._reject_delay_s = reject_delay_s
        self._threads = ThreadPoolExecutor(password_threads, thread_name_prefix="password")
        self._limiter = limiter
        self._metrics = metrics
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._missing: list[Login] = []
        self._fetcher: asyncio.Task[None] | None = None
        self._rejects_delayed: deque[DelayedReject] = deque()  # the delay is one: first due first
        self._reject_timer: asyncio.TimerHandle | None = None
        self._verified = VerifiedPasswords()

    @property
    def outstanding(self) -> int:
        """Logins that are not answered yet, delayed rejects included."""
        return self._waiting + len(self._rejects_delayed)

    def handle(self, listener: Listener, received: list[tuple[bytes, Peer]]) -> None:
        """A batch of datagrams."""
        batch = self._batch()
        writable = self._journal.writable
        applied = not self._applier.backlog
        for request in self._gate.admit(listener, received):
            if request.packet.code == STATUS_SERVER:
                self._finish(request, ACCESS_ACCEPT, b"", batch)
            elif not writable:
                self._gate.give_up(request, DiscardReason.JOURNAL_UNAVAILABLE)
            else:
                try:
                    self._sort(self._login(request), applied, batch)
                except Exception as error:  # a bug that one meets costs no other its answer
                    self._fail([request], error)
        self._send(listener, batch)
        if batch.missing:
            self._fetch(batch.missing)

    def forget_passwords(self) -> None:
        """Credentials changed: verifier outcomes are no longer known."""
        self._verified.clear()

    async def close(self) -> None:
        """Finish what was begun, and end the threads."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._reject_timer is not None:
            self._reject_timer.cancel()
        self._send_rejects(until_s=math.inf)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _login(self, request: Request) -> Login:
        user_name = request.packet.get(attribute.USER_NAME) or b""
        return Login(request, user_name, canonical_login(request.client.brand, user_name))

    def _fail(self, requests: Iterable[Request], error: BaseException) -> None:
        self._metrics.count("access_errors")
        self._log.error("access_failed", exc_info=error)
        for request in requests:
            self._gate.give_up(request, DiscardReason.INTERNAL_ERROR)

    def _sort(self, login: Login, applied: bool, batch: Batch) -> None:
        """Decide a login now, or put it with those that must wait."""
        request = login.request
        brand = request.client.brand.name
        entry = self._directory.find(brand, login.login)
        if not applied or (
            entry is None and not self._directory.is_known_missing(brand, login.login)
        ):
            batch.missing.append(login)
        else:
            self._verify(login, entry, batch)

    def _verify(self, login: Login, entry: Entry | None, batch: Batch) -> None:
        """Decide a login whose facts are in memory; a slow verifier is asked first."""
        request = login.request
        if entry is None or not needs_verifier(request.packet, entry.password):
            self._decide(login, entry, None, batch)
            return
        assert entry.password is not None
        verifier = entry.password.verifier
        assert verifier is not None
        offered = decrypt_pap(request.packet, request.client.secret)
        if offered is None or self._verified.knows(verifier, offered):
            self._decide(login, entry, offered is not None, batch)
        elif self._admit([login]):
            self._begin(self._verify_slowly(login, entry, verifier, offered))

    def _batch(self) -> Batch:
        return Batch(self._clock.now(), self._monotonic())

    def _send(self, listener: Listener, batch: Batch) -> None:
        if batch.accepts:
            self._metrics.count("access_accepts", batch.accepts)
        listener.send(batch.replies)

    def _fetch(self, logins: list[Login]) -> None:
        """Let logins wait for their facts; those that come while others are fetched go together."""
        if self._admit(logins):
            self._missing += logins
            if self._fetcher is None:
                self._fetcher = self._begin(self._fetch_missing())

    async def _fetch_missing(self) -> None:
        while self._missing:
            logins, self._missing = self._missing, []
            try:
                await self._decide_fetched(logins)
            except Exception as error:  # as in handle: those that wait are not to wait for ever
                self._fail((login.request for login in logins), error)
        self._fetcher = None

    async def _decide_fetched(self, logins: list[Login]) -> None:
        """Fetch what is missing for these logins and decide them."""
        try:
            await self._catch_up()
            await self._directory.load([(login.brand, login.login) for login in logins])
        except StoreUnavailable:
            for login in logins:
                self._gate.give_up(login.request, DiscardReason.STORE_UNAVAILABLE)
            return
        finally:
            self._waiting -= len(logins)
        batches: dict[Listener, Batch] = {}
        for login in logins:
            batch = batches.setdefault(login.request.listener, self._batch())
            try:
                self._verify(login, self._directory.find(login.brand, login.login), batch)
            except Exception as error:  # as in handle
                self._fail([login.request], error)
        for listener, batch in batches.items():
            self._send(listener, batch)

    async def _catch_up(self) -> None:
        """Wait until what is acknowledged is applied, but not for ever."""
        try:
            async with asyncio.timeout(CATCH_UP_MAX_S):
                await self._applier.caught_up()
        except TimeoutError:
            self._metrics.count("access_before_accounting")

    async def _verify_slowly(
        self, login: Login, entry: Entry, verifier: bytes, offered: bytes
    ) -> None:
        """Check a password against its slow verifier in a thread, and decide."""
        try:
            loop = asyncio.get_running_loop()
            verified = await loop.run_in_executor(self._threads, verify_argon2, verifier, offered)
            if verified:
                self._verified.add(verifier, offered)
            batch = self._batch()
            self._decide(login, entry, verified, batch)
            self._send(login.request.listener, batch)
        except Exception as error:  # as in handle
            self._fail([login.request], error)
        finally:
            self._waiting -= 1

    def _admit(self, logins: list[Login]) -> bool:
        """Whether these may wait as well; if not, they are given up."""
        if self._waiting + len(logins) > WAITING_MAX:
            for login in logins:
                self._gate.give_up(login.request, DiscardReason.OVERLOAD)
            return False
        self._waiting += len(logins)
        return True

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _decide(
        self, login: Login, entry: Entry | None, verified: bool | None, batch: Batch
    ) -> None:
        request = login.request
        proof = authenticate(
            request.packet,
            request.client.secret,
            None if entry is None else entry.password,
            user_name=login.user_name,
            allow_mschapv1=request.client.settings.allow_mschapv1,
            verified=verified,
        )
        if proof.refusal is not None or entry is None:
            self._reject(login, proof.refusal or RejectReason.UNKNOWN_USER, "", proof, batch)
            return
        now = batch.now
        standing = standing_at(self._directory, self._sessions, entry, now, self._encode)
        refusal, attributes = standing.refusal, standing.attributes
        if standing.by_usage:
            facts = facts_at(self._directory, self._sessions, entry, now)
            refusal = authorize(facts)
            if refusal is None:
                attributes += timeout_attribute(session_timeout_s(facts))
        if refusal is not None:
            self._reject(login, refusal.reason, refusal.detail, proof, batch)
        elif self._finish(request, ACCESS_ACCEPT, proof.reply + attributes, batch):
            batch.accepts += 1

    def _reject(
        self,
        login: Login,
        reason: RejectReason,
        detail: str,
        proof: Proof,
        batch: Batch,
    ) -> None:
        """Refuse, after the delay; the log tells the reason, once a minute a name with a count."""
        self._metrics.count(REJECTS[reason])
        more = self._limiter.admit("access_rejected", login.login, now_s=batch.now_s)
        if more is not None:
            self._log.info(
                "access_rejected",
                login=login.login,
                client=login.request.client.name,
                reason=reason.value,
                detail=detail,
                method=proof.method.value,
                more=more,
            )
        attributes = reject_attributes(detail, proof.reply)
        if self._reject_delay_s <= 0 or len(self._rejects_delayed) >= REJECTS_DELAYED_MAX:
            self._finish(login.request, ACCESS_REJECT, attributes, batch)
            return
        due_s = batch.now_s + self._reject_delay_s
        self._rejects_delayed.append((due_s, login.request, attributes))
        if self._reject_timer is None:
            self._await_rejects(self._reject_delay_s)

    def _await_rejects(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._reject_timer = loop.call_later(max(REJECT_TICK_S, seconds), self._rejects_due)

    def _rejects_due(self) -> None:
        """The first of the delayed rejects is due: send it with its neighbours."""
        now_s = self._monotonic()
        self._reject_timer = None
        self._send_rejects(until_s=now_s + REJECT_TICK_S)
        if self._rejects_delayed:
            self._await_rejects(self._rejects_delayed[0][0] - now_s)

    def _send_rejects(self, *, until_s: float) -> None:
        batches: dict[Listener, Batch] = {}
        while self._rejects_delayed and self._rejects_delayed[0][0] <= until_s:
            _, request, attributes = self._rejects_delayed.popleft()
            batch = batches.setdefault(request.listener, self._batch())
            self._finish(request, ACCESS_REJECT, attributes, batch)
        for listener, batch in batches.items():
            self._send(listener, batch)

    def _finish(self, request: Request, code: int, attributes: bytes, batch: Batch) -> bool:
        """Add the reply, and keep it for repetitions. False if it does not fit into a packet, for
        the plan's attributes and the request's Proxy-States are too many.
        """
        try:
            reply = encode_reply(request.packet, code, attributes, request.client.secret)
        except ValueError:
            self._gate.give_up(request, DiscardReason.REPLY_TOO_LONG)
            return False
        self._gate.complete(request, reply, batch.now_s)
        batch.replies.append((reply, request.peer))
        return True


class VerifiedPasswords:
    """Passwords that a slow verifier has found right, as keyed digests of this process; bounded."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._digests: OrderedDict[bytes, None] = OrderedDict()

    def knows(self, verifier: bytes, offered: bytes) -> bool:
        """Whether this very password was right for this very verifier."""
        return self._digest(verifier, offered) in self._digests

    def add(self, verifier: bytes, offered: bytes) -> None:
        """Remember a right one."""
        self._digests[self._digest(verifier, offered)] = None
        while len(self._digests) > VERIFIED_MAX:
            self._digests.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self._digests.clear()

    def _digest(self, verifier: bytes, offered: bytes) -> bytes:
        return hmac.digest(self._key, verifier + b"\0" + offered, "sha256")
