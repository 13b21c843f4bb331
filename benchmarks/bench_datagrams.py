"""CPU of a UDP echo server per datagram: recvmmsg/sendmmsg in batches beside recvfrom/sendto.

Run from the root of the repository: `python benchmarks/bench_datagrams.py [--count N]`. Each server
is a child that waits with select, drains its socket, answers, and ends after `count` datagrams; the
parent keeps a window of requests outstanding. Only the child's CPU (user and system) is compared.
The batches also answer from the address that was asked; plain Python must use recvmsg for that, the
second server.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import select
import socket
import struct
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from aaad.server.datagrams import BATCH_SIZE_MAX, DatagramBatch
from aaad.server.peers import Peer
from aaad.server.sockets import open_socket

# The size of a usual Accounting-Request with its attributes.
DATAGRAM_SIZE = 313
WINDOW = 256
RECEIVE_BUFFER = 4 << 20
# The parent gives up when nothing comes back for so long; loopback within the window loses nothing.
SILENCE_S = 5

Server = Callable[[socket.socket, int], None]


def serve_one_by_one(opened: socket.socket, count: int) -> None:
    """Echo with a recvfrom and a sendto for each datagram."""
    answered = 0
    while answered < count:
        select.select([opened], [], [])
        try:
            for _ in range(BATCH_SIZE_MAX):
                data, name = opened.recvfrom(4_096)
                opened.sendto(data, name)
                answered += 1
        except BlockingIOError:
            continue


def serve_from_the_asked_address(opened: socket.socket, count: int) -> None:
    """Echo with a recvmsg and a sendmsg for each datagram, and the pktinfo of the request."""
    answered = 0
    while answered < count:
        select.select([opened], [], [])
        try:
            for _ in range(BATCH_SIZE_MAX):
                data, [(level, kind, info), *_], _, name = opened.recvmsg(4_096, 128)
                _, asked, _ = struct.unpack("i4s4s", info)
                control = [(level, kind, struct.pack("i4s4s", 0, asked, bytes(4)))]
                opened.sendmsg([data], control, 0, name)
                answered += 1
        except BlockingIOError:
            continue


def serve_in_batches(opened: socket.socket, count: int) -> None:
    """Echo with a recvmmsg and a sendmmsg for each batch."""
    batch, answered = DatagramBatch(opened.fileno()), 0
    while answered < count:
        select.select([opened], [], [])
        answered += batch.send(batch.receive())


SERVERS: dict[str, Server] = {
    "recvfrom and sendto": serve_one_by_one,
    "recvmsg and sendmsg": serve_from_the_asked_address,
    "batches": serve_in_batches,
}


def main() -> None:
    """Measure each server and print one line for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="datagrams for each server")
    count = parser.parse_args().count
    for name, server in SERVERS.items():
        cpu_us, rate = measure(server, count)
        print(f"{name:20} {cpu_us:5.2f} us of CPU a datagram   {rate:8.0f} datagrams/s")


def measure(server: Server, count: int) -> tuple[float, float]:
    """CPU microseconds of the server per datagram, and datagrams per second."""
    opened = open_socket("127.0.0.1", 0, receive_buffer=RECEIVE_BUFFER)
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=run_child, args=(server, opened, count, theirs))
    child.start()
    begun = time.perf_counter()
    exchange(Peer("127.0.0.1", opened.getsockname()[1]), count)
    elapsed_s = time.perf_counter() - begun
    cpu_s: float = ours.recv()
    child.join()
    opened.close()
    return cpu_s / count * 1e6, count / elapsed_s


def run_child(server: Server, opened: socket.socket, count: int, parent: Connection) -> None:
    """Serve, then tell the parent the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    server(opened, count)
    after = resource.getrusage(resource.RUSAGE_SELF)
    parent.send(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def exchange(peer: Peer, count: int) -> None:
    """Send `count` datagrams, at most a window ahead of their answers."""
    with open_socket("127.0.0.1", 0, receive_buffer=RECEIVE_BUFFER) as client:
        batch = DatagramBatch(client.fileno())
        message = (bytes(DATAGRAM_SIZE), peer)
        sent = received = 0
        while received < count:
            room = min(count - sent, WINDOW - (sent - received), BATCH_SIZE_MAX)
            if room > 0:
                sent += batch.send([message] * room)
            if sent - received >= WINDOW or sent == count:
                assert select.select([client], [], [], SILENCE_S)[0], "answers were lost"
            received += len(batch.receive())


if __name__ == "__main__":
    main()
