"""Proves that a socket on the event loop is drained in batches and answers as itself."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from aaad.server.datagrams import BATCH_SIZE_MAX
from aaad.server.listener import DRAINS_MAX, Listener
from aaad.server.metrics import Metrics
from aaad.server.peers import Peer
from tests.server_ports import asking, listening, until


class Heard:
    """A handler that keeps what came, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []

    def __call__(self, listener: Listener, received: list[tuple[bytes, Peer]]) -> None:
        self.batches.append([datagram for datagram, _ in received])
        listener.send([(datagram.upper(), peer) for datagram, peer in received])

    @property
    def count(self) -> int:
        return sum(map(len, self.batches))


async def test_what_waits_is_handled_in_batches_and_answered() -> None:
    heard, metrics = Heard(), Metrics()
    with listening(heard, metrics) as listener, asking(listener) as asker:
        sent = [b"a%d" % number for number in range(BATCH_SIZE_MAX + 10)]
        for datagram in sent:
            asker.send(datagram)
        listener.start(asyncio.get_running_loop())
        await until(lambda: heard.count == len(sent))
        assert [len(batch) for batch in heard.batches] == [BATCH_SIZE_MAX, 10]
        assert [d for batch in heard.batches for d in batch] == sent
        answers = [asker.socket.recv(100) for _ in sent]
        assert answers == [datagram.upper() for datagram in sent]
        assert metrics.counters["replies_sent"] == len(sent)
        assert listener.kernel_drops == 0


async def test_no_socket_starves_the_others() -> None:
    """At one wake-up at most DRAINS_MAX batches are taken."""
    heard = Heard()
    with listening(heard, Metrics()) as listener, asking(listener) as asker:
        for _ in range(DRAINS_MAX * BATCH_SIZE_MAX + 1):
            asker.send(b"x")
        listener._drain()
        assert len(heard.batches) == DRAINS_MAX
        listener._drain()
        assert heard.count == DRAINS_MAX * BATCH_SIZE_MAX + 1


async def test_after_stop_nothing_is_read_but_replies_can_be_sent() -> None:
    heard = Heard()
    with listening(heard, Metrics()) as listener, asking(listener) as asker:
        listener.start(asyncio.get_running_loop())
        asker.send(b"one")
        await until(lambda: heard.count == 1)
        listener.stop()
        listener.stop()
        asker.send(b"two")
        await asyncio.sleep(0.02)  # the loop has turned: it would have been read
        assert heard.count == 1
        peer = Peer("127.0.0.1", asker.socket.getsockname()[1], local_host="127.0.0.1")
        listener.send([(b"late", peer)])
        assert [asker.socket.recv(100) for _ in range(2)] == [b"ONE", b"late"]


async def test_sending_nothing_counts_nothing() -> None:
    metrics = Metrics()
    with listening(Heard(), metrics) as listener:
        listener.send([])
    assert metrics.counters == {}


async def test_what_cannot_be_sent_is_counted() -> None:
    """An answer cannot leave from an address that is not ours."""
    metrics = Metrics()
    with listening(Heard(), metrics) as listener:
        listener.send([(b"x", Peer("127.0.0.1", 9, local_host="192.0.2.77"))])
    assert metrics.counters["replies_dropped"] == 1
    assert metrics.counters["replies_sent"] == 0


async def test_a_closed_listener_gives_its_port_back() -> None:
    with listening(Heard(), Metrics()) as listener:
        host, port = listener.address
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            with pytest.raises(OSError, match="in use") as caught:
                other.bind((host, port))
            assert caught.value.errno == errno.EADDRINUSE
            listener.close()
            other.bind((host, port))
