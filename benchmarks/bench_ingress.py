"""CPU of an accounting request up to its durable answer: receiving, verifying, journal, reply.

    PYTHONPATH=. python benchmarks/bench_ingress.py [--count N] [--folder DIR]

`whole` is a child process with a real socket and a real journal that syncs each group; nothing is
applied or posted. The parent keeps 256 requests outstanding and checks every answer. `echo` is the
same child that only receives and sends: what the kernel takes whatever we do. The single steps are
measured in this process, in drains of 64. All figures are microseconds of CPU (user and system, all
threads) for one request of 253 octets, medians of five rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

from aaad.radius.attributes import parse_pairs
from aaad.radius.dictionary import load_dictionary
from aaad.radius.duplicates import DuplicateTable
from aaad.radius.packet import Secret, encode_request, verify_response
from aaad.server.accounting import CODES, AccountingHandler
from aaad.server.datagrams import BATCH_SIZE_MAX, DatagramBatch
from aaad.server.gate import Clients, Gate
from aaad.server.journal import Journal
from aaad.server.listener import Listener
from aaad.server.metrics import Metrics
from aaad.server.peers import Peer
from aaad.server.records import read_record
from aaad.server.sockets import open_socket
from ledger.clients import ClientSettings, ClientTable
from ledger.clock import Clock
from ledger.logs import RateLimiter, get_logger
from ledger.rules.logins import BrandSettings

ROUNDS = 5
WINDOW = 256
RECEIVE_BUFFER = 4 << 20
SESSIONS = 1_000
SILENCE_S = 5
KEY = b"testing123"
SECRET = Secret(KEY)
BRAND = BrandSettings(name="default")
US = 1_000_000
PAIRS = """
User-Name = "subscriber{session:04}@isp.example", NAS-Port = {session}, NAS-IP-Address = 192.0.2.1
NAS-Identifier = "bras-1.isp.example", Service-Type = Framed-User, Framed-Protocol = PPP
NAS-Port-Type = PPPoEoVLAN, NAS-Port-Id = "xe-0/1/2:100-200"
Framed-IP-Address = 198.51.{high}.{low}, Calling-Station-Id = "00:1b:21:3c:9d:f8"
Called-Station-Id = "internet", Acct-Session-Id = "0123456789ab{session:04}"
Acct-Status-Type = Interim-Update, Acct-Authentic = RADIUS, Acct-Session-Time = {number}
Acct-Input-Octets = {number}, Acct-Output-Octets = 987654321, Acct-Input-Packets = 123456
Acct-Output-Packets = 654321, Acct-Input-Gigawords = 1, Acct-Output-Gigawords = 7
Event-Timestamp = 1767323045, Acct-Delay-Time = 0, Class = 0x0102030405060708090a0b0c0d0e0f10
"""

Server = Callable[[socket.socket, int, Path], None]


class Nothing:
    """Takes durable records and forgets them."""

    def __init__(self) -> None:
        self.records = 0

    def offer(self, records: Iterable[object]) -> None:
        """Count them."""
        self.records += sum(1 for _ in records)


def requests(count: int) -> list[bytes]:
    """Interim reports of a thousand sessions, no two alike."""
    dictionary = load_dictionary()
    made = []
    for number in range(count):
        session = number % SESSIONS
        text = PAIRS.format(session=session, high=session >> 8, low=session & 255, number=number)
        attributes = parse_pairs(text, dictionary)
        made.append(
            encode_request(4, number & 255, attributes, SECRET, message_authenticator=False)
        )
    return made


def gate(metrics: Metrics) -> Gate:
    """A gate that knows this machine."""
    client = ClientSettings(
        name="bras", prefixes=(ip_network("127.0.0.0/8"),), secret=KEY, brand=BRAND.name
    )
    clients = Clients(ClientTable([client]), {BRAND.name: BRAND})
    return Gate(
        codes=CODES,
        clients=lambda: clients,
        duplicates=DuplicateTable(1 << 17, 30),
        clock=Clock(),
        monotonic=time.monotonic,
        limiter=RateLimiter(),
        metrics=metrics,
        log=get_logger(),
    )


def open_journal(folder: Path) -> Journal:
    """The journal as a daemon opens it."""
    return Journal.open(
        folder,
        store_id="bench",
        journal_number=0,
        segment_size=64 << 20,
        retention_s=0,
        max_unapplied_bytes=1 << 32,
    )


def accounting(applier: Nothing, journal: Journal, metrics: Metrics) -> AccountingHandler:
    """The accounting port's handler over that journal."""
    return AccountingHandler(
        gate=gate(metrics),
        journal=journal,
        applier=applier,  # type: ignore[arg-type]
        clock=Clock(),
        metrics=metrics,
        log=get_logger(),
    )


def serve_echo(opened: socket.socket, count: int, folder: Path) -> None:
    """Only receive and send."""
    uvloop.run(_echo(opened, count))


async def _echo(opened: socket.socket, count: int) -> None:
    metrics, done = Metrics(), asyncio.Event()
    answered = 0

    def handle(listener: Listener, received: list[tuple[bytes, Peer]]) -> None:
        nonlocal answered
        listener.send(received)
        answered += len(received)
        if answered >= count:
            done.set()

    Listener(opened, handle, metrics=metrics).start(asyncio.get_running_loop())
    await done.wait()


def serve_accounting(opened: socket.socket, count: int, folder: Path) -> None:
    """The whole: to the durable answer."""
    uvloop.run(_accounting(opened, count, folder))


async def _accounting(opened: socket.socket, count: int, folder: Path) -> None:
    metrics, applier, done = Metrics(), Nothing(), asyncio.Event()
    journal = open_journal(folder)
    handler = accounting(applier, journal, metrics)

    def durable(lsn: int) -> None:
        handler.durable(lsn)
        if applier.records >= count:
            done.set()

    loop = asyncio.get_running_loop()
    journal.start(loop, durable, print)
    Listener(opened, handler.handle, metrics=metrics).start(loop)
    await done.wait()
    counters = journal.counters
    print(f"    {counters.records / counters.groups:.0f} records a group", end="")
    await journal.close()


def run_child(server: Server, opened: socket.socket, count: int, parent: Connection) -> None:
    """Serve, then tell the parent the CPU seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_SELF)
        server(opened, count, Path(folder))
        after = resource.getrusage(resource.RUSAGE_SELF)
    parent.send(
        (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime),
    )


def measure(server: Server, sent: list[bytes], *, answers: bool) -> tuple[float, float]:
    """User and system microseconds of a request."""
    opened = open_socket("127.0.0.1", 0, receive_buffer=RECEIVE_BUFFER)
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=run_child, args=(server, opened, len(sent), theirs))
    child.start()
    begun = time.perf_counter()
    exchange(Peer("127.0.0.1", opened.getsockname()[1]), sent, answers=answers)
    print(f"    {len(sent) / (time.perf_counter() - begun):.0f} requests/s", end="")
    user_s, system_s = ours.recv()
    child.join()
    opened.close()
    return user_s / len(sent) * US, system_s / len(sent) * US


def exchange(peer: Peer, requests: list[bytes], *, answers: bool) -> None:
    """Send them, at most a window ahead of the answers; answers come in the order of requests."""
    count = len(requests)
    with open_socket("127.0.0.1", 0, receive_buffer=RECEIVE_BUFFER) as client:
        client.settimeout(SILENCE_S)
        batch = DatagramBatch(client.fileno())
        sent = received = 0
        while received < count:
            room = min(count - sent, WINDOW - (sent - received), BATCH_SIZE_MAX)
            if room:
                sent += batch.send([(data, peer) for data in requests[sent : sent + room]])
            replies = batch.receive()
            for data, _ in replies:
                if answers:
                    verify_response(data, requests[received], SECRET)
                received += 1
            if not replies and room == 0:
                client.setblocking(True)
                client.recv(1, socket.MSG_PEEK)
                client.setblocking(False)


def steps(sent: list[bytes]) -> dict[str, float]:
    """CPU of the single steps, in this process."""
    peers = [Peer("127.0.0.1", 20_000 + number) for number in range(16)]
    received = [(data, peers[number % 16]) for number, data in enumerate(sent)]
    drains = [received[at : at + 64] for at in range(0, len(received), 64)]
    with open_socket("127.0.0.1", 0, receive_buffer=RECEIVE_BUFFER) as opened:
        listener = Listener(opened, lambda *_: None, metrics=Metrics())
        door = gate(Metrics())

        def admit() -> None:
            for drain in drains:
                door.admit(listener, drain)

        found = {"admit: client, decode, verify, duplicates": cpu_us(admit, len(sent))}
    with tempfile.TemporaryDirectory() as folder:
        records = asyncio.run(journaled(Path(folder), sent))
    brands = {BRAND.name: BRAND}
    found["read_record: a record as it is replayed"] = cpu_us(
        lambda: [read_record(record, brands) for record in records], len(records)
    )
    return found


async def journaled(folder: Path, sent: list[bytes]) -> list[object]:
    """The journal records of these requests."""
    journal = open_journal(folder)
    applier, metrics = Nothing(), Metrics()
    handler = accounting(applier, journal, metrics)
    journal.start(asyncio.get_running_loop(), handler.durable, print)
    peer = Peer("127.0.0.1", 9)
    with open_socket("127.0.0.1", 0, receive_buffer=RECEIVE_BUFFER) as opened:
        listener = Listener(opened, handler.handle, metrics=metrics)
        handler.handle(listener, [(data, peer) for data in sent])
        await journal.close()
        await asyncio.sleep(0)
    journal = open_journal(folder)
    records: list[object] = list(journal.records())
    await journal.close()
    assert len(records) == len(sent)
    return records


def cpu_us(work: Callable[[], object], count: int) -> float:
    """CPU microseconds of one of `count`."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) / count * US


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40_000, help="requests of one round")
    parser.add_argument("--folder", type=Path, help="where to journal (default: a temporary one)")
    arguments = parser.parse_args()
    tempfile.tempdir = arguments.folder and str(arguments.folder)
    sent = requests(arguments.count)
    lines: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, server, answers in (
            ("echo", serve_echo, False),
            ("whole", serve_accounting, True),
        ):
            user_us, system_us = measure(server, sent, answers=answers)
            print(f"    {name} {user_us:.2f} + {system_us:.2f}")
            lines.setdefault(name, []).append(user_us + system_us)
        for name, figure in steps(sent[:20_000]).items():
            lines.setdefault(name, []).append(figure)
    for name, figures in lines.items():
        print(f"{name:45} {statistics.median(figures):6.2f} us")


if __name__ == "__main__":
    main()
