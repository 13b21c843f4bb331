"""Proves that a batch receives what recvmsg of the standard library receives: the same bytes,
source and asked address, and that its answers come from that address."""

import socket
import struct

import pytest

from aaad.server.datagrams import DatagramBatch
from aaad.server.sockets import open_socket

ASKED = ["127.0.0.1", "127.0.0.9", "127.200.0.1"]
SIZES = [0, 20, 313, 4_096]


def receive_by_recvmsg(opened: socket.socket) -> tuple[bytes, str, int, bytes]:
    data, [(level, kind, info)], _, (host, port) = opened.recvmsg(4_097, 128)
    assert (level, kind) == (socket.IPPROTO_IP, 8)
    _, asked, _ = struct.unpack("i4s4s", info)
    return data, host, port, asked


@pytest.mark.parametrize("asked", ASKED)
def test_batches_and_recvmsg_receive_the_same(asked: str) -> None:
    with (
        open_socket("0.0.0.0", 0, receive_buffer=1 << 18) as opened,
        open_socket("127.0.0.1", 0, receive_buffer=1 << 18) as client,
    ):
        batch, to = DatagramBatch(opened.fileno()), (asked, opened.getsockname()[1])
        for _ in range(2):
            for size in SIZES:
                client.sendto(bytes(size), to)
        by_recvmsg = [receive_by_recvmsg(opened) for _ in SIZES]
        received = batch.receive()
        by_batch = [(data, p.host, p.port, p.local_address) for data, p in received]
        assert by_batch == by_recvmsg
        batch.send(received)
        answers = [client.recvfrom(4_097) for _ in SIZES]
        assert answers == [(bytes(size), to) for size in SIZES]
