"""Access-Requests: facts from memory, a decision, an answer; rejects are delayed a little.

What is missing in memory is fetched for the whole batch by a task of a bounded number; slow
password verifiers run in a bounded pool of threads. A login is decided only after what its user has
been acknowledged for is applied.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from aaad.policy.authenticate import Proof, authenticate, needs_verifier
from aaad.policy.authorize import RejectReason, authorize, session_timeout_s
from aaad.policy.reply import EncodeNamed, reject_attributes, timeout_attribute
from aaad.radius import attribute_types as attribute
from aaad.radius.codes import Code
from aaad.radius.errors import DiscardReason
from aaad.radius.packet import encode_reply
from aaad.radius.passwords import decrypt_pap
from aaad.server.applier import Applier
from aaad.server.directory import Directory, Entry
from aaad.server.facts import facts_under, standing_at
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

TASKS_MAX = 512
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
        self._rejects_delayed: deque[DelayedReject] = deque()  # the delay is one: first due first
        self._reject_timer: asyncio.TimerHandle | None = None
        self._verified = VerifiedPasswords()

    @property
    def outstanding(self) -> int:
        """Logins that are not answered yet, delayed rejects included."""
        return self._waiting + len(self._rejects_delayed)

    def handle(self, listener: Listener, received: list[tuple[bytes, Peer]]) -> None:
        """A batch of datagrams."""
        replies: list[tuple[bytes, Peer]] = []
        missing: list[Login] = []
        writable = self._journal.writable
        for request in self._gate.admit(listener, received):
            if request.packet.code == STATUS_SERVER:
                self._finish(request, ACCESS_ACCEPT, b"", replies)
            elif not writable:
                self._gate.give_up(request, DiscardReason.JOURNAL_UNAVAILABLE)
            else:
                self._guarded(request, replies, missing)
        listener.send(replies)
        if missing:
            self._start(missing, self._decide_later(listener, missing))

    def forget_passwords(self) -> None:
        """Credentials changed: verifier outcomes are no longer known."""
        self._verified.clear()

    async def close(self) -> None:
        """Finish what was begun, and end the threads."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._reject_timer is not None:
            self._reject_timer.cancel()
        self._send_rejects(until_s=math.inf)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _login(self, request: Request) -> Login:
        user_name = request.packet.get(attribute.USER_NAME) or b""
        return Login(request, user_name, canonical_login(request.client.brand, user_name))

    def _guarded(
        self, request: Request, replies: list[tuple[bytes, Peer]], missing: list[Login]
    ) -> None:
        """A bug met by one request must not cost the others of its batch their answer."""
        try:
            self._sort(self._login(request), replies, missing)
        except Exception as error:
            self._fail([request], error)

    def _fail(self, requests: Iterable[Request], error: BaseException) -> None:
        self._metrics.count("access_errors")
        self._log.error("access_failed", exc_info=error)
        for request in requests:
            self._gate.give_up(request, DiscardReason.INTERNAL_ERROR)

    def _sort(self, login: Login, replies: list[tuple[bytes, Peer]], missing: list[Login]) -> None:
        """Decide a login now, or put it with those that must wait."""
        entry = self._directory.find(login.brand, login.login)
        known = entry is not None or self._directory.is_known_missing(login.brand, login.login)
        if not known or self._applier.backlog:
            missing.append(login)
        elif entry is not None and needs_verifier(login.request.packet, entry.password):
            self._start([login], self._verify_later(login, entry))
        else:
            self._decide(login, entry, None, replies)

    def _start(self, logins: list[Login], work: Coroutine[Any, Any, None]) -> None:
        """Run work for logins that wait, within the bound."""
        if self._waiting + len(logins) > TASKS_MAX:
            work.close()
            for login in logins:
                self._gate.give_up(login.request, DiscardReason.OVERLOAD)
            return
        self._waiting += len(logins)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, logins))

    def _done(self, task: asyncio.Task[None], logins: list[Login]) -> None:
        self._tasks.discard(task)
        self._waiting -= len(logins)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail((login.request for login in logins), error)

    async def _decide_later(self, listener: Listener, logins: list[Login]) -> None:
        try:
            async with asyncio.timeout(CATCH_UP_MAX_S):
                await self._applier.caught_up()
        except TimeoutError:
            self._metrics.count("access_before_accounting")
        try:
            await self._directory.load([(login.brand, login.login) for login in logins])
        except StoreUnavailable:
            for login in logins:
                self._gate.give_up(login.request, DiscardReason.STORE_UNAVAILABLE)
            return
        replies: list[tuple[bytes, Peer]] = []
        slow: list[tuple[Login, Entry]] = []
        for login in logins:
            try:
                self._decide_loaded(login, replies, slow)
            except Exception as error:  # as in _guarded: it costs no other login its answer
                self._fail([login.request], error)
        listener.send(replies)
        outcomes = await asyncio.gather(
            *(self._verify_later(*one) for one in slow), return_exceptions=True
        )
        for (login, _), outcome in zip(slow, outcomes, strict=True):
            if outcome is not None:
                self._fail([login.request], outcome)

    def _decide_loaded(
        self, login: Login, replies: list[tuple[bytes, Peer]], slow: list[tuple[Login, Entry]]
    ) -> None:
        """Decide a login whose facts are in memory, or put it with those that a verifier checks."""
        entry = self._directory.find(login.brand, login.login)
        if entry is not None and needs_verifier(login.request.packet, entry.password):
            slow.append((login, entry))
        else:
            self._decide(login, entry, None, replies)

    async def _verify_later(self, login: Login, entry: Entry) -> None:
        """Check a password against its slow verifier in a thread, unless it was lately."""
        assert entry.password is not None
        assert entry.password.verifier is not None
        offered = decrypt_pap(login.request.packet, login.request.client.secret)
        verifier = entry.password.verifier
        if offered is None:
            verified = False
        elif self._verified.contains(verifier, offered):
            verified = True
        else:
            loop = asyncio.get_running_loop()
            verified = await loop.run_in_executor(self._threads, verify_argon2, verifier, offered)
            if verified:
                self._verified.add(verifier, offered)
        replies: list[tuple[bytes, Peer]] = []
        self._decide(login, entry, verified, replies)
        login.request.listener.send(replies)

    def _decide(
        self,
        login: Login,
        entry: Entry | None,
        verified: bool | None,
        replies: list[tuple[bytes, Peer]],
    ) -> None:
        request = login.request
        proof = authenticate(
            request.packet,
            request.client.secret,
            entry.password if entry else None,
            user_name=login.user_name,
            allow_mschapv1=request.client.settings.allow_mschapv1,
            verified=verified,
        )
        if proof.refusal is not None or entry is None:
            reason = proof.refusal or RejectReason.UNKNOWN_USER
            self._reject(login, reason, "", proof, replies)
            return
        now = self._clock.now()
        standing = standing_at(self._directory, self._sessions, entry, now, self._encode)
        refusal, attributes = standing.refusal, standing.attributes
        if standing.by_usage:
            facts = facts_under(
                standing.offer, self._directory, self._sessions, entry, now, projected_to=now
            )
            refusal = authorize(facts)
            if refusal is None:
                attributes += timeout_attribute(session_timeout_s(facts))
        if refusal is not None:
            self._reject(login, refusal.reason, refusal.detail, proof, replies)
        elif self._finish(request, ACCESS_ACCEPT, proof.reply + attributes, replies):
            self._metrics.count("access_accepts")

    def _reject(
        self,
        login: Login,
        reason: RejectReason,
        detail: str,
        proof: Proof,
        replies: list[tuple[bytes, Peer]],
    ) -> None:
        """Refuse, after the delay; the log tells the reason, once a minute a name with a count."""
        self._metrics.count(REJECTS[reason])
        now_s = self._monotonic()
        more = self._limiter.admit("access_rejected", login.login, now_s=now_s)
        if more is not None:
            self._log.info(
                "access_rejected",
                login=login.login,
                client=login.request.client.settings.name,
                reason=reason.value,
                detail=detail,
                method=proof.method.value,
                more=more,
            )
        attributes = reject_attributes(detail, proof.reply)
        if self._reject_delay_s <= 0 or len(self._rejects_delayed) >= REJECTS_DELAYED_MAX:
            self._finish(login.request, ACCESS_REJECT, attributes, replies)
            return
        self._rejects_delayed.append((now_s + self._reject_delay_s, login.request, attributes))
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
        by_listener: dict[Listener, list[tuple[bytes, Peer]]] = {}
        while self._rejects_delayed and self._rejects_delayed[0][0] <= until_s:
            _, request, attributes = self._rejects_delayed.popleft()
            replies = by_listener.setdefault(request.listener, [])
            self._finish(request, ACCESS_REJECT, attributes, replies)
        for listener, replies in by_listener.items():
            listener.send(replies)

    def _finish(
        self, request: Request, code: int, attributes: bytes, replies: list[tuple[bytes, Peer]]
    ) -> bool:
        """Add the reply, and keep it for repetitions. False if it does not fit into a packet, for
        the plan's attributes and the request's Proxy-States are too many.
        """
        try:
            reply = encode_reply(request.packet, code, attributes, request.client.secret)
        except ValueError:
            self._gate.give_up(request, DiscardReason.REPLY_TOO_LONG)
            return False
        self._gate.complete(request, reply)
        replies.append((reply, request.peer))
        return True


class VerifiedPasswords:
    """Passwords that a slow verifier has found right, as keyed digests of this process; bounded."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._digests: OrderedDict[bytes, None] = OrderedDict()

    def contains(self, verifier: bytes, offered: bytes) -> bool:
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
