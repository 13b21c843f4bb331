"""A NAS of the tests: asks and reports over UDP, checks every answer, and takes Disconnect- and
CoA-Requests.

It shares no code with aaad. A request goes out again with the same bytes until it is answered, as a
NAS does it; whoever wants to see silence says so. All that it sent and heard stands in `log`.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from tests.e2e.wire import (
    Attribute,
    Code,
    Packet,
    Status,
    WrongPacketError,
    attribute,
    chap_password,
    check_order,
    check_reply,
    hide_password,
    sign_accounting,
    sign_reply,
    sign_request,
)

RESEND_S = 1.0
TRIES = 30
"""Half a minute of asking: a daemon that starts anew has been waited for, one that is dead is
found."""

Endpoint = tuple[str, int]
Attributes = tuple[tuple[int, bytes | str | int], ...]


class NoAnswerError(AssertionError):
    """The daemon stayed silent."""


class Behaviour(Enum):
    """What a NAS does with an order. One that lies says ACK and goes on reporting the session."""

    ACK = "ack"
    NAK = "nak"
    SILENCE = "silence"
    FORGE = "forge"  # an ACK under another secret: whoever sits between


@dataclass(frozen=True, slots=True)
class Entry:
    """One packet in the log: to or from the daemon, at which instant of the machine's clock."""

    sent: bool
    at: float
    packet: Packet


@dataclass(kw_only=True)
class Nas:
    """One NAS with its identifier and secret. `now` gives Event-Timestamps; None sends none."""

    authentication: Endpoint
    accounting: Endpoint
    secret: bytes
    nas_identifier: str = "nas-1"
    source: str = "127.0.0.1"
    now: Callable[[], float] | None = time.time
    log: list[Entry] = field(default_factory=list)
    _identifier: int = 0
    _socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.source else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((self.source, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def access_request(
        self, login: str | bytes, password: str, *, chap: bool = False, attributes: Attributes = ()
    ) -> Packet:
        """Log in by PAP or CHAP; the Access-Accept or Access-Reject."""
        authenticator = os.urandom(16)
        body = attribute(Attribute.USER_NAME, login)
        if chap:
            value = chap_password(password.encode(), chap_id=7, challenge=authenticator)
            body += attribute(Attribute.CHAP_PASSWORD, value)
        else:
            hidden = hide_password(
                password.encode(), authenticator=authenticator, secret=self.secret
            )
            body += attribute(Attribute.USER_PASSWORD, hidden)
        body += self._own(attributes)
        code = Code.ACCESS_REQUEST
        request = sign_request(code, self._next(), authenticator, body, self.secret)
        return self.exchange(request, self.authentication)

    def status_server(self, endpoint: Endpoint) -> Packet:
        """RFC 5997, to either port."""
        request = sign_request(
            Code.STATUS_SERVER, self._next(), os.urandom(16), self._own(()), self.secret
        )
        return self.exchange(request, endpoint)

    def accounting_request(  # a report has that many facts
        self,
        status: Status,
        acct_session_id: str = "",
        *,
        login: str | bytes = "",
        session_time: int | None = None,
        input_octets: int | None = None,
        output_octets: int | None = None,
        event_at: float | None = None,
        delay: int | None = None,
        attributes: Attributes = (),
    ) -> bytes:
        """The bytes of a report, to be sent by `exchange`, twice if the test says so."""
        at = event_at if event_at is not None else (self.now() if self.now else None)
        facts = (
            (Attribute.ACCT_STATUS_TYPE, int(status)),
            (Attribute.USER_NAME, login or None),
            (Attribute.ACCT_SESSION_ID, acct_session_id or None),
            (Attribute.ACCT_SESSION_TIME, session_time),
            *_octets(Attribute.ACCT_INPUT_OCTETS, Attribute.ACCT_INPUT_GIGAWORDS, input_octets),
            *_octets(Attribute.ACCT_OUTPUT_OCTETS, Attribute.ACCT_OUTPUT_GIGAWORDS, output_octets),
            (Attribute.EVENT_TIMESTAMP, None if at is None else int(at)),
            (Attribute.ACCT_DELAY_TIME, delay),
        )
        body = b"".join(attribute(kind, value) for kind, value in facts if value is not None)
        body += self._own(attributes)
        return sign_accounting(Code.ACCOUNTING_REQUEST, self._next(), body, self.secret)

    def report(self, status: Status, acct_session_id: str = "", **facts: object) -> Packet:
        """Send a report until it is acknowledged; facts as in `accounting_request`."""
        request = self.accounting_request(status, acct_session_id, **facts)
        reply = self.exchange(request, self.accounting)
        assert reply.code == Code.ACCOUNTING_RESPONSE, reply
        return reply

    def exchange(self, request: bytes, endpoint: Endpoint, *, tries: int = TRIES) -> Packet:
        """Send these bytes until an authentic answer comes; NoAnswerError after `tries`
        sendings."""
        for _ in range(tries):
            self._note(request, sent=True)
            self._socket.sendto(request, endpoint)
            reply = self._receive(request, time.monotonic() + RESEND_S)
            if reply:
                return reply
        raise NoAnswerError(f"no answer from {endpoint} to code {request[0]} in {tries} tries")

    def send(self, data: bytes, endpoint: Endpoint) -> None:
        """Send any bytes and expect nothing."""
        self._socket.sendto(data, endpoint)

    def _receive(self, request: bytes, deadline: float) -> Packet | None:
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(4096)
            except TimeoutError:
                return None
            if data[1] == request[1]:
                self._note(data, sent=False)
                return check_reply(data, request=request, secret=self.secret)
        return None

    def _note(self, data: bytes, *, sent: bool) -> None:
        code, identifier, authenticator = data[0], data[1], data[4:20]
        packet = Packet(code, identifier, authenticator, ())
        self.log.append(Entry(sent, time.time(), packet))

    def _next(self) -> int:
        self._identifier = (self._identifier + 1) % 256
        return self._identifier

    def _own(self, attributes: Attributes) -> bytes:
        own = attribute(Attribute.NAS_IDENTIFIER, self.nas_identifier)
        return own + b"".join(attribute(kind, value) for kind, value in attributes)


def _octets(low: int, high: int, octets: int | None) -> tuple[tuple[int, int | None], ...]:
    """A counter as two attributes; the upper one only if it says something."""
    if octets is None:
        return ((low, None),)
    return ((low, octets & 0xFFFFFFFF), (high, octets >> 32 or None))


class DynauthListener:
    """The NAS's ear for orders (RFC 5176): answers by its `behaviour`, keeps what came in
    `orders`."""

    def __init__(self, secret: bytes, *, source: str = "127.0.0.1", port: int = 0) -> None:
        self.secret = secret
        self.behaviour = Behaviour.ACK
        self.error_cause = 503  # Session-Context-Not-Found
        self.orders: list[Packet] = []
        self.wrong: list[str] = []
        self._arrived = threading.Condition()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((source, port))
        self._thread = threading.Thread(target=self._serve, name="dynauth", daemon=True)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @contextmanager
    def serving(self) -> Iterator[Self]:
        self._thread.start()
        try:
            yield self
        finally:
            # A datagram to itself ends the thread: closing a socket does not wake its reader.
            self._socket.sendto(b"", self._socket.getsockname())
            self._thread.join()
            self._socket.close()

    def wait_for_orders(self, count: int, *, timeout_s: float = 30) -> list[Packet]:
        """All orders once `count` have come (resent ones count each)."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.orders) >= count, timeout_s)
        assert arrived, f"{len(self.orders)} of {count} orders came in {timeout_s} s; {self.wrong}"
        return list(self.orders)

    def _serve(self) -> None:
        while data_and_peer := self._socket.recvfrom(4096):
            data, peer = data_and_peer
            if not data:
                return
            try:
                order = check_order(data, secret=self.secret)
            except WrongPacketError as error:
                self.wrong.append(str(error))
                continue
            reply = self._reply(order, data)
            if reply:
                self._socket.sendto(reply, peer)
            with self._arrived:
                self.orders.append(order)
                self._arrived.notify_all()

    def _reply(self, order: Packet, data: bytes) -> bytes:
        """ACK is the request's code + 1, NAK + 2. Proxy-State goes back as it came."""
        kept = b"".join(
            attribute(Attribute.PROXY_STATE, v) for v in order.all(Attribute.PROXY_STATE)
        )
        match self.behaviour:
            case Behaviour.ACK:
                return sign_reply(order.code + 1, data, kept, self.secret)
            case Behaviour.NAK:
                cause = attribute(Attribute.ERROR_CAUSE, self.error_cause)
                return sign_reply(order.code + 2, data, cause + kept, self.secret)
            case Behaviour.FORGE:
                return sign_reply(order.code + 1, data, kept, self.secret + b"x")
            case Behaviour.SILENCE:
                return b""
