"""Source ports for Disconnect and CoA: each carries up to 256 exchanges, told apart by identifier
(RFC 5176).
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aaad.radius.codes import Code
from aaad.radius.dynauth import JITTER_MAX, Exchange, IdentifierPool
from aaad.radius.packet import Secret

DATAGRAM_SIZE_MAX = 4096
DRAIN_MAX = 64
"""Answers read at one wake-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how patiently a request is sent (RFC 5080 s.2.2.1)."""

    tries: int
    first_timeout_s: float
    timeout_max_s: float


@dataclass(slots=True)
class InFlight:
    """An exchange on the wire and who waits for its outcome."""

    exchange: Exchange
    target: tuple[str, int]
    on_outcome: Callable[[Exchange], None]
    timer: asyncio.TimerHandle | None = None


class DynauthPort:
    """One UDP socket from which requests go to NASes."""

    def __init__(self, family: socket.AddressFamily, source: str, *, retries: Retries) -> None:
        """Raises OSError for a source address that this machine does not have."""
        self._retries = retries
        self._identifiers = IdentifierPool()
        self._in_flight: dict[int, InFlight] = {}
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind((source, 0))
        except OSError:
            self._socket.close()
            raise
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)

    @property
    def free(self) -> int:
        """Exchanges that can still begin."""
        return len(self._identifiers)

    def send(
        self,
        code: Code,
        attributes: bytes,
        *,
        secret: Secret,
        target: tuple[str, int],
        event_timestamp: int,
        on_outcome: Callable[[Exchange], None],
    ) -> Exchange:
        """Begin an exchange; `on_outcome` is called once, whatever comes of it."""
        identifier = self._identifiers.allocate()
        assert identifier is not None, "ask `free` first"
        exchange = Exchange(
            code=code,
            attributes=attributes,
            secret=secret,
            identifier=identifier,
            event_timestamp=event_timestamp,
            now_s=self._loop.time(),
            jitter=random.uniform(-JITTER_MAX, JITTER_MAX),  # noqa: S311 - spreads resends only
            tries_max=self._retries.tries,
            first_timeout_s=self._retries.first_timeout_s,
            timeout_max_s=self._retries.timeout_max_s,
        )
        in_flight = InFlight(exchange, target, on_outcome)
        self._in_flight[identifier] = in_flight
        self._poll(in_flight)
        return exchange

    def close(self) -> None:
        """Give the port back; what is in flight has no outcome any more."""
        for in_flight in self._in_flight.values():
            if in_flight.timer is not None:
                in_flight.timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _poll(self, in_flight: InFlight) -> None:
        """Send or resend when it is time; end the exchange when its tries are used up."""
        datagram = in_flight.exchange.poll(now_s=self._loop.time())
        if in_flight.exchange.outcome is not None:
            self._finish(in_flight)
            return
        if datagram is not None:
            with suppress(OSError):  # unreachable is like silent: the next try follows
                self._socket.sendto(datagram, in_flight.target)
        in_flight.timer = self._loop.call_at(in_flight.exchange.deadline_s, self._poll, in_flight)

    def _read(self) -> None:
        for _ in range(DRAIN_MAX):
            try:
                datagram, _ = self._socket.recvfrom(DATAGRAM_SIZE_MAX + 1)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of some earlier sending
            if len(datagram) < 2:
                continue
            in_flight = self._in_flight.get(datagram[1])
            if in_flight is not None and in_flight.exchange.feed(datagram) is not None:
                self._finish(in_flight)

    def _finish(self, in_flight: InFlight) -> None:
        if in_flight.timer is not None:
            in_flight.timer.cancel()
        identifier = in_flight.exchange.identifier
        del self._in_flight[identifier]
        self._identifiers.release(identifier)
        in_flight.on_outcome(in_flight.exchange)
