"""One UDP socket on the event loop: drains up to a batch at each wake-up, and answers in batches.

Replies leave from the address that was asked (Peer keeps it). What the kernel does not take at once
is dropped and counted: the client asks again, and the duplicate table has the reply.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from aaad.server.datagrams import BATCH_SIZE_MAX, DatagramBatch
from aaad.server.metrics import Metrics
from aaad.server.peers import Peer

DRAINS_MAX = 8
"""Batches taken at one wake-up of the loop, so that no socket starves the others."""

Handler = Callable[["Listener", list[tuple[bytes, Peer]]], None]


class Listener:
    """A bound socket and the handler of what arrives at it."""

    def __init__(self, sock: socket.socket, handler: Handler, *, metrics: Metrics) -> None:
        self._socket = sock
        self._handler = handler
        self._batch = DatagramBatch(sock.fileno())
        self._metrics = metrics
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    @property
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because the receive buffer was full."""
        return self._batch.kernel_drops

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._drain)

    def stop(self) -> None:
        """Read no more; replies can still be sent."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None

    def close(self) -> None:
        """Give the port back."""
        self.stop()
        self._socket.close()

    def send(self, replies: Sequence[tuple[bytes, Peer]]) -> None:
        """Answer."""
        if not replies:
            return
        errors = self._batch.send_errors
        sent = self._batch.send(replies) - (self._batch.send_errors - errors)
        self._metrics.count("replies_sent", sent)
        if sent < len(replies):
            self._metrics.count("replies_dropped", len(replies) - sent)

    def _drain(self) -> None:
        for _ in range(DRAINS_MAX):
            received = self._batch.receive()
            if received:
                self._handler(self, received)
            if len(received) < BATCH_SIZE_MAX:  # the socket was empty: the loop tells when not
                return
