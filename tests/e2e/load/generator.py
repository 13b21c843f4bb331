"""Accounting load that outlives the daemon: thousands of reports a second from one process, all of
them remembered.

A program of its own with the standard library alone. It plays sessions of many logins on several
NASes: Start, Interims with growing counters, Stop; a share of them never stops. Each session has at
most one report under way; a report that is not answered goes out again with the same bytes until it
is, also over a restart of the daemon. Each answer's authenticator is checked. What was acknowledged
is written as one JSON line to the log, which is what `auditor.py` judges the books by.

Time is compressed: a session begins some hours ago and its reports lie minutes apart
(Event-Timestamp), though they are sent at once. Commands come as lines on stdin, each is answered
with one JSON line on stdout:

    wait N          when N more reports are acknowledged
    outstanding T   how many requests first sent before the monotonic instant T are still not
    answered
    under_way       how many requests are not answered, the window being full
    drain           stop the sessions that are to stop, wait for every answer, and exit
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.e2e.wire import Attribute, Code, Status, attribute, sign_accounting

RESEND_S = 0.5
"""Shorter than a NAS waits, so that a kill leaves no long pause in the load."""
STARTED_AGO_S = (5 * 3600, 12 * 3600)
REPORT_GAP_S = (30, 600)
INTERIMS = (0, 29)
"""29 gaps of 600 s end before now, for sessions that began at least 5 hours ago."""
OCTETS_A_SECOND_MAX = 200_000
STAYS_OPEN_ONE_IN = 16
RECEIVE_BUFFER = 4 * 1024 * 1024
DATAGRAMS_A_TURN = 64
ANSWER_SIZE_MAX = 4096


@dataclass(slots=True)
class Session:
    """One session: what its next report will say."""

    acct_session_id: str
    login: str
    nas: str
    started_at: int
    interims_left: int
    stops: bool
    session_time: int = 0
    input_octets: int = 0
    output_octets: int = 0
    next_status: Status = Status.START

    def report(self) -> dict[str, object]:
        """The facts of the next report, as they stand in the log once it is acknowledged."""
        return {
            "session": self.acct_session_id,
            "login": self.login,
            "nas": self.nas,
            "kind": self.next_status.name.lower(),
            "session_time": self.session_time,
            "input_octets": self.input_octets,
            "output_octets": self.output_octets,
            "started_at": self.started_at,
        }

    def advance(self, chance: random.Random) -> bool:
        """Go on after an acknowledgement; False when this session reports no more."""
        if self.next_status == Status.STOP:
            return False
        gap = chance.randint(*REPORT_GAP_S)
        self.session_time += gap
        self.input_octets += chance.randint(0, gap * OCTETS_A_SECOND_MAX)
        self.output_octets += chance.randint(0, gap * OCTETS_A_SECOND_MAX)
        self.next_status = Status.INTERIM_UPDATE
        if self.interims_left == 0:
            self.next_status = Status.STOP
            return self.stops
        self.interims_left -= 1
        return True


@dataclass(slots=True)
class Request:
    """A report under way. `first_sent_at` and `sent_at` are monotonic."""

    session: Session
    data: bytes
    socket: socket.socket
    key: tuple[int, int]  # file number of the socket, identifier
    first_sent_at: float
    sent_at: float


class Generator:
    """Keeps `window` reports under way, each to any of the endpoints."""

    def __init__(self, options: argparse.Namespace, log: IO[str]) -> None:
        self._endpoints = [(options.host, port) for port in options.port]
        self._secret = options.secret_file.read_bytes().rstrip(b"\n")
        self._logins = options.logins.read_text().split()
        self._window = options.window
        self._chance = random.Random(options.seed)  # repeatable, not secret
        self._run = options.seed
        self._log = log
        self._selector = selectors.DefaultSelector()
        self._identifiers: deque[tuple[socket.socket, int]] = deque()
        self._outstanding: dict[tuple[int, int], Request] = {}
        self._resend: deque[Request] = deque()
        self._idle: deque[Session] = deque()
        self._sessions = 0
        self._acknowledged = 0
        self._waiting_for: int | None = None
        self._draining = False
        self._open_sockets(options.sockets)
        self._selector.register(sys.stdin, selectors.EVENT_READ)

    def _open_sockets(self, count: int) -> None:
        """A source port has 256 identifiers; each is taken again when its request is answered."""
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            one.setblocking(False)
            one.bind(("127.0.0.1", 0))
            self._selector.register(one, selectors.EVENT_READ)
        self._identifiers.extend((one, number) for number in range(256) for one in sockets)

    def run(self) -> None:
        while not (self._draining and not self._outstanding and not self._idle):
            self._fill_window()
            for key, _ in self._selector.select(RESEND_S / 10):
                if key.fileobj is sys.stdin:
                    self._obey(sys.stdin.readline().split())
                else:
                    self._receive(key.fileobj)  # type: ignore[arg-type]
            self._resend_unanswered()
        self._log.flush()
        self._say(acknowledged=self._acknowledged, sessions=self._sessions)

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["wait", count]:
                self._waiting_for = self._acknowledged + int(count)
            case ["outstanding", instant]:
                before = float(instant)
                old = sum(r.first_sent_at < before for r in self._outstanding.values())
                self._say(outstanding=old)
            case ["under_way"]:
                self._fill_window()
                self._say(under_way=len(self._outstanding))
            case ["drain"] | []:  # the end of stdin: whoever started us is gone
                self._draining = True
                for session in self._idle:
                    session.interims_left = 0
            case _:
                raise SystemExit(f"unknown command {words}")

    def _fill_window(self) -> None:
        while len(self._outstanding) < self._window and self._identifiers:
            if self._idle:
                self._send_new(self._idle.popleft())
            elif not self._draining:
                self._send_new(self._begin_session())
            else:
                return

    def _begin_session(self) -> Session:
        self._sessions += 1
        chance = self._chance
        login = chance.choice(self._logins)
        return Session(
            acct_session_id=f"{self._run:x}-{self._sessions:08x}",
            login=login,
            nas=f"nas-{self._sessions % 4 + 1}",
            started_at=int(time.time()) - chance.randint(*STARTED_AGO_S),
            interims_left=chance.randint(*INTERIMS),
            stops=chance.randrange(STAYS_OPEN_ONE_IN) != 0,
        )

    def _send_new(self, session: Session) -> None:
        one, identifier = self._identifiers.popleft()
        body = b"".join(attribute(kind, value) for kind, value in _facts(session))
        data = sign_accounting(Code.ACCOUNTING_REQUEST, identifier, body, self._secret)
        now = time.monotonic()
        request = Request(session, data, one, (one.fileno(), identifier), now, now)
        self._outstanding[request.key] = request
        self._resend.append(request)
        self._send(request)

    def _send(self, request: Request) -> None:
        try:
            request.socket.sendto(request.data, self._chance.choice(self._endpoints))
        except OSError:
            return  # a full buffer or nobody there: it goes out again in RESEND_S

    def _resend_unanswered(self) -> None:
        """`_resend` is in the order of sending, so the first young one ends the walk."""
        now = time.monotonic()
        while self._resend and self._resend[0].sent_at <= now - RESEND_S:
            request = self._resend.popleft()
            if self._outstanding.get(request.key) is request:
                request.sent_at = now
                self._send(request)
                self._resend.append(request)

    def _receive(self, one: socket.socket) -> None:
        for _ in range(DATAGRAMS_A_TURN):
            try:
                data = one.recv(ANSWER_SIZE_MAX)
            except OSError:  # nothing more there, or the echo of a port that is closed
                return
            request = self._outstanding.get((one.fileno(), data[1]))
            if request and self._is_authentic(data, request):
                self._acknowledge(request)

    def _is_authentic(self, data: bytes, request: Request) -> bool:
        """An answer to an earlier sending on this identifier carries another authenticator."""
        signed = data[:4] + request.data[4:20] + data[20:] + self._secret
        return data[0] == Code.ACCOUNTING_RESPONSE and hashlib.md5(signed).digest() == data[4:20]

    def _acknowledge(self, request: Request) -> None:
        del self._outstanding[request.key]
        self._identifiers.append((request.socket, request.key[1]))
        session = request.session
        self._log.write(json.dumps(session.report()) + "\n")
        self._acknowledged += 1
        if self._draining:
            session.interims_left = 0
        if session.advance(self._chance):
            self._idle.append(session)
        if self._waiting_for is not None and self._acknowledged >= self._waiting_for:
            self._waiting_for = None
            self._say(acknowledged=self._acknowledged)

    def _say(self, **facts: int) -> None:
        print(json.dumps(facts), flush=True)


def _facts(session: Session) -> Iterator[tuple[int, str | int]]:
    yield Attribute.ACCT_STATUS_TYPE, int(session.next_status)
    yield Attribute.USER_NAME, session.login
    yield Attribute.NAS_IDENTIFIER, session.nas
    yield Attribute.ACCT_SESSION_ID, session.acct_session_id
    yield Attribute.EVENT_TIMESTAMP, session.started_at + session.session_time
    yield Attribute.ACCT_SESSION_TIME, session.session_time
    yield Attribute.ACCT_INPUT_OCTETS, session.input_octets & 0xFFFFFFFF
    yield Attribute.ACCT_INPUT_GIGAWORDS, session.input_octets >> 32
    yield Attribute.ACCT_OUTPUT_OCTETS, session.output_octets & 0xFFFFFFFF
    yield Attribute.ACCT_OUTPUT_GIGAWORDS, session.output_octets >> 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, required=True, action="append", help="of each node; any gets a report"
    )
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--logins", type=Path, required=True, help="file of logins, one a line")
    parser.add_argument("--log", type=Path, required=True, help="gets what was acknowledged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--window", type=int, default=256, help="reports under way")
    parser.add_argument("--sockets", type=int, default=8, help="source ports")
    options = parser.parse_args()
    with options.log.open("w") as log:
        Generator(options, log).run()


if __name__ == "__main__":
    main()
