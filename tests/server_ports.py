"""Real sockets for the tests of aaad.server: a gate, a listener on a free port, the NAS's side."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

from aaad.radius.codes import Code as RadiusCode
from aaad.radius.duplicates import DuplicateTable
from aaad.server.gate import Clients, Gate
from aaad.server.journal import Journal
from aaad.server.journal_segments import Sync
from aaad.server.listener import Handler, Listener
from aaad.server.metrics import Metrics
from aaad.server.sockets import open_socket
from ledger.clients import ClientSettings, ClientTable
from ledger.clock import monotonic
from ledger.logs import RateLimiter
from tests.e2e.wire import (
    Attribute,
    Code,
    Packet,
    Status,
    attribute,
    check_reply,
    hide_password,
    sign_accounting,
    sign_request,
)
from tests.server_world import BRAND, CLIENT, JOURNAL_NUMBER, PASSWORD, SECRET, World


def client_settings(*, require_message_authenticator: bool = True) -> ClientSettings:
    """This machine."""
    return ClientSettings(
        name=CLIENT,
        prefixes=(ip_network("127.0.0.0/8"),),
        secret=SECRET,
        brand=BRAND.name,
        require_message_authenticator=require_message_authenticator,
    )


def clients(*, require_message_authenticator: bool = True) -> Clients:
    """One client: this machine."""
    client = client_settings(require_message_authenticator=require_message_authenticator)
    return Clients(ClientTable([client]), {BRAND.name: BRAND})


def gate_of(world: World, codes: frozenset[RadiusCode], known: Clients | None = None) -> Gate:
    """A gate that counts in the world's metrics."""
    found = known or clients()
    return Gate(
        codes=codes,
        clients=lambda: found,
        duplicates=DuplicateTable(1_000, 30),
        clock=world.clock,
        monotonic=monotonic,
        limiter=RateLimiter(),
        metrics=world.metrics,
        log=world.log,
    )


@contextmanager
def listening(handler: Handler, metrics: Metrics) -> Iterator[Listener]:
    """A listener on a free port of this machine; it reads when it is started."""
    opened = open_socket("127.0.0.1", 0, receive_buffer=1 << 20)
    listener = Listener(opened, handler, metrics=metrics)
    try:
        yield listener
    finally:
        listener.close()


def open_journal(
    folder: Path, *, sync: Sync = os.fdatasync, max_unapplied_bytes: int = 1 << 24
) -> Journal:
    """The journal of a world; not started yet."""
    return Journal.open(
        folder / "journal",
        store_id="tests",
        journal_number=JOURNAL_NUMBER,
        segment_size=1 << 20,
        retention_s=0,
        max_unapplied_bytes=max_unapplied_bytes,
        sync=sync,
    )


class Asker:
    """A socket of a NAS that awaits its answers; what comes is checked by the tests' own code."""

    def __init__(self, port: int, *, secret: bytes = SECRET) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.connect(("127.0.0.1", port))
        self._secret = secret

    def send(self, request: bytes) -> None:
        """Send a request, or anything."""
        self.socket.send(request)

    async def answer(self, request: bytes) -> Packet:
        """The next packet that comes, which must be the authentic answer to this request."""
        async with asyncio.timeout(ANSWER_S):
            data = await asyncio.get_running_loop().sock_recv(self.socket, 4096)
        return check_reply(data, request=request, secret=self._secret)

    async def ask(self, request: bytes) -> Packet:
        """Send a request and await its answer."""
        self.send(request)
        return await self.answer(request)

    def heard_nothing(self) -> bool:
        """Whether nothing has come that nobody awaited."""
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        return False


ANSWER_S = 20
"""An answer that has not come by then does not come."""


@contextmanager
def asking(listener: Listener, *, secret: bytes = SECRET) -> Iterator[Asker]:
    """A NAS's socket towards a listener."""
    asker = Asker(listener.address[1], secret=secret)
    try:
        yield asker
    finally:
        asker.socket.close()


def access_request(
    login: str | bytes, password: bytes = PASSWORD, *, identifier: int = 1, secret: bytes = SECRET
) -> bytes:
    """A login by PAP."""
    authenticator = os.urandom(16)
    body = attribute(Attribute.USER_NAME, login)
    hidden = hide_password(password, authenticator=authenticator, secret=secret)
    body += attribute(Attribute.USER_PASSWORD, hidden)
    return sign_request(Code.ACCESS_REQUEST, identifier, authenticator, body, secret)


def status_server(*, identifier: int = 1, secret: bytes = SECRET) -> bytes:
    """RFC 5997."""
    return sign_request(Code.STATUS_SERVER, identifier, os.urandom(16), b"", secret)


def accounting_request(
    status: Status, acct_session_id: str = "s1", *, login: str = "ann", identifier: int = 1
) -> bytes:
    """A report as a NAS sends it."""
    facts = (
        (Attribute.ACCT_STATUS_TYPE, int(status)),
        (Attribute.NAS_IDENTIFIER, "nas-1"),
        (Attribute.USER_NAME, login),
        (Attribute.ACCT_SESSION_ID, acct_session_id),
    )
    body = b"".join(attribute(kind, value) for kind, value in facts)
    return sign_accounting(Code.ACCOUNTING_REQUEST, identifier, body, SECRET)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    async with asyncio.timeout(ANSWER_S):
        while not condition():  # noqa: ASYNC110 - the daemon has no events for its tests
            await asyncio.sleep(0)
