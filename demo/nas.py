"""A terminal server for the demonstration: it dials users in, reports what they use, and takes
Disconnect-Requests.

It speaks to the daemon over UDP and nothing else. A request is sent again with the same octets
until it is answered (RFC 5080 section 2.2.1), every answer and every order is verified, and what
an Access-Accept says about timeouts and interim reports is obeyed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from aaad.radius import attribute_types as attribute
from aaad.radius.codes import AcctStatusType, Code, TerminateCause
from aaad.radius.errors import Discard
from aaad.radius.packet import (
    Packet,
    Secret,
    decode,
    encode_reply,
    encode_request,
    verify_request,
    verify_response,
)
from aaad.radius.passwords import chap_password, encrypt_pap

LOCALHOST = "127.0.0.1"
RESEND_S = 0.5
TRIES = 20
"""Ten seconds of asking: longer than the daemon needs to start again."""

ORDER_MAX_S = 10.0
"""An order that is due comes within a second; after ten it is a failure."""

DATAGRAM_SIZE_MAX = 4096
OCTETS_PER_S = 4_000
"""What a user of 2001 downloads; a quarter of it goes the other way."""

Endpoint = tuple[str, int]


class NoAnswer(Exception):
    """The daemon did not answer, or an order did not come, in the time that a NAS has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One packet on the wire, in words. `outgoing`: from the NAS."""

    outgoing: bool
    text: str
    routine: bool = False  # interim reports: many, and all alike


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginReply:
    """What the daemon said to a login."""

    accepted: bool
    message: str
    session_timeout_s: int | None
    interim_interval_s: int | None
    class_: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A user on a line: what a NAS knows of the session that it serves."""

    acct_session_id: str
    user_name: str
    started_at: int
    class_: bytes = field(repr=False)


class Nas:
    """One NAS with its two sockets; a context manager. `seen` is told of every packet."""

    def __init__(self, name: str, secret: bytes, seen: Callable[[Seen], None]) -> None:
        self.name = name
        self._secret = Secret(secret)
        self._seen = seen
        self._requests = _socket()
        self._orders = _socket()
        self._identifier = 0
        self._sessions = 0
        self.routine = False  # whether all that happens now is everyday's
        self.authentication: Endpoint = (LOCALHOST, 0)
        self.accounting: Endpoint = (LOCALHOST, 0)

    def __enter__(self) -> Nas:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close()
        self._orders.close()

    @property
    def dynauth_port(self) -> int:
        """Where it takes Disconnect-Requests."""
        return int(self._orders.getsockname()[1])

    def log_in(self, user_name: str, password: str, *, chap: bool = False) -> LoginReply:
        """An Access-Request by PAP or CHAP, and what came back. Raises NoAnswer."""
        authenticator = os.urandom(16)
        body = _attribute(attribute.USER_NAME, user_name.encode())
        if chap:
            value = chap_password(password.encode(), identifier=1, challenge=authenticator)
            body += _attribute(attribute.CHAP_PASSWORD, value)
        else:
            hidden = encrypt_pap(
                password.encode(), secret=self._secret, authenticator=authenticator
            )
            body += _attribute(attribute.USER_PASSWORD, hidden)
        request = self._request(Code.ACCESS_REQUEST, body, authenticator)
        method = "CHAP" if chap else "PAP"
        reply = self._exchange(
            request, f"Access-Request {user_name} ({method})", routine=self.routine
        )
        answer = _login_reply(reply)
        self._seen(Seen(outgoing=False, text=_words(answer), routine=self.routine))
        return answer

    def begin(self, user_name: str, reply: LoginReply, *, at: int) -> Line:
        """The user is connected: a line, and its Start."""
        self._sessions += 1
        line = Line(
            acct_session_id=f"S{self._sessions}",
            user_name=user_name,
            started_at=at,
            class_=reply.class_,
        )
        self.report(line, AcctStatusType.START, at=at)
        return line

    def interim(self, line: Line, *, at: int) -> None:
        """An Interim-Update."""
        self.report(line, AcctStatusType.INTERIM_UPDATE, at=at)

    def end(
        self, line: Line, *, at: int, cause: TerminateCause = TerminateCause.USER_REQUEST
    ) -> None:
        """The Stop."""
        self.report(line, AcctStatusType.STOP, at=at, cause=cause)

    def report(
        self, line: Line, status: AcctStatusType, *, at: int, cause: TerminateCause | None = None
    ) -> None:
        """A report, sent until it is acknowledged. Raises NoAnswer."""
        request = self.report_of(line, status, at=at, cause=cause)
        self.acknowledge(request, line, status)

    def report_of(
        self, line: Line, status: AcctStatusType, *, at: int, cause: TerminateCause | None = None
    ) -> bytes:
        """The octets of a report."""
        duration_s = at - line.started_at
        body = _attribute(attribute.USER_NAME, line.user_name.encode())
        body += _attribute(attribute.ACCT_SESSION_ID, line.acct_session_id.encode())
        body += _attribute(attribute.CLASS, line.class_)
        for number, value in (
            (attribute.ACCT_STATUS_TYPE, status),
            (attribute.EVENT_TIMESTAMP, at),
            (attribute.ACCT_SESSION_TIME, duration_s),
            (attribute.ACCT_INPUT_OCTETS, duration_s * OCTETS_PER_S // 4),
            (attribute.ACCT_OUTPUT_OCTETS, duration_s * OCTETS_PER_S),
        ):
            body += _integer(number, value)
        if cause is not None:
            body += _integer(attribute.ACCT_TERMINATE_CAUSE, cause)
        return self._request(Code.ACCOUNTING_REQUEST, body)

    def acknowledge(self, request: bytes, line: Line, status: AcctStatusType) -> None:
        """Send a report until the Accounting-Response is there. Raises NoAnswer."""
        routine = self.routine or status is AcctStatusType.INTERIM_UPDATE
        name = status.name.replace("_", "-").title()
        self._exchange(request, f"{name} {line.user_name} {line.acct_session_id}", routine=routine)
        self._seen(Seen(outgoing=False, text="Accounting-Response", routine=routine))

    def is_unanswered(self, request: bytes, text: str) -> bool:
        """Send a request once; whether nobody answered."""
        self._seen(Seen(outgoing=True, text=f"{text}: no answer"))
        return self._try(request) is None

    def take_order(self) -> str:
        """Wait for a Disconnect-Request, verify it, acknowledge it: the Acct-Session-Id that it
        names. Raises NoAnswer, and Discard for an order that is not authentic.
        """
        self._orders.settimeout(ORDER_MAX_S)
        try:
            datagram, peer = self._orders.recvfrom(DATAGRAM_SIZE_MAX)
        except TimeoutError:
            raise NoAnswer(f"no Disconnect-Request came within {ORDER_MAX_S:.0f} s") from None
        order = decode(datagram)
        verify_request(order, self._secret, require_message_authenticator=True)
        if order.code != Code.DISCONNECT_REQUEST:
            raise NoAnswer(f"a packet of code {order.code} came, no Disconnect-Request")
        session = (order.get(attribute.ACCT_SESSION_ID) or b"").decode()
        self._seen(Seen(outgoing=False, text=f"Disconnect-Request {session}"))
        self._orders.sendto(encode_reply(order, Code.DISCONNECT_ACK, b"", self._secret), peer)
        self._seen(Seen(outgoing=True, text=f"Disconnect-ACK {session}"))
        return session

    def _request(self, code: Code, body: bytes, authenticator: bytes | None = None) -> bytes:
        self._identifier = (self._identifier + 1) % 256
        body += _attribute(attribute.NAS_IDENTIFIER, self.name.encode())
        return encode_request(
            code, self._identifier, body, self._secret, authenticator=authenticator
        )

    def _exchange(self, request: bytes, text: str, *, routine: bool) -> Packet:
        self._seen(Seen(outgoing=True, text=text, routine=routine))
        for _ in range(TRIES):
            reply = self._try(request)
            if reply is not None:
                return reply
        raise NoAnswer(f"aaad did not answer {TRIES} times to: {text}")

    def _try(self, request: bytes) -> Packet | None:
        """Send once; the authentic answer, or None when the time is up."""
        is_login = request[0] == Code.ACCESS_REQUEST
        self._requests.sendto(request, self.authentication if is_login else self.accounting)
        self._requests.settimeout(RESEND_S)
        while True:
            try:
                datagram = self._requests.recv(DATAGRAM_SIZE_MAX)
                return verify_response(
                    datagram, request, self._secret, require_message_authenticator=is_login
                )
            except TimeoutError:
                return None
            except Discard:
                continue  # the answer to an earlier sending


def _socket() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((LOCALHOST, 0))
    return opened


def _attribute(number: int, value: bytes) -> bytes:
    return bytes((number, len(value) + 2)) + value


def _integer(number: int, value: int) -> bytes:
    return _attribute(number, value.to_bytes(4, "big"))


def _login_reply(reply: Packet) -> LoginReply:
    return LoginReply(
        accepted=reply.code == Code.ACCESS_ACCEPT,
        message=(reply.get(attribute.REPLY_MESSAGE) or b"").decode(),
        session_timeout_s=reply.get_int(attribute.SESSION_TIMEOUT),
        interim_interval_s=reply.get_int(attribute.ACCT_INTERIM_INTERVAL),
        class_=reply.get(attribute.CLASS) or b"",
    )


def _words(reply: LoginReply) -> str:
    if not reply.accepted:
        return "Access-Reject" + (f": {reply.message}" if reply.message else "")
    timeout_s = reply.session_timeout_s
    return "Access-Accept" + (f" for {timeout_s} s" if timeout_s else "")
