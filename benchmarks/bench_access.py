"""What a login costs from its datagram to its signed reply: gate, facts, decision, encoding.

    PYTHONPATH=. python benchmarks/bench_access.py [--users N] [--logins N] [--profile METHOD]

The real AccessHandler over a real store, called with batches of 64 signed Access-Requests as the
listener would; the sockets are left out (bench_datagrams has them). Every user logs in, every reply
is checked for its code. CPU time of the process, the median of five rounds; garbage is collected
between rounds. `limited` has an hours limit that is not reached, `prepaid` a credit limit and a
session that runs, `rejected` a wrong password (its answer is sent without delay).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import io
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyrad.dictionary import Dictionary as PyradDictionary
from pyrad.packet import AuthPacket

from aaad.radius import attribute_types as attribute
from aaad.radius.codes import Code
from aaad.radius.dictionary import OWN_FOLDER, load_dictionary
from aaad.radius.framing import frame_attribute, frame_vendor_attribute
from aaad.radius.mschap import generate_nt_response, nt_hash
from aaad.radius.packet import Secret, encode_request
from aaad.radius.passwords import chap_password, encrypt_pap
from aaad.server.access import CODES, AccessHandler
from aaad.server.catalogs import reply_encoder
from aaad.server.peers import Peer
from ledger.accounts import NewService, register_account
from ledger.clock import Clock, monotonic
from ledger.logs import LogLevel, RateLimiter, configure_logs
from tests.e2e.wire import Status
from tests.server_ports import gate_of, open_journal
from tests.server_world import (
    BY,
    PASSWORD,
    SECRET,
    T0,
    World,
    applicable,
    new_account,
    new_world,
    report,
    rules,
    with_password,
)

ROUNDS = 5
BATCH = 64
KEY = Secret(SECRET)
ASKED = PyradDictionary(*(str(path) for path in sorted(Path(OWN_FOLDER).iterdir())))
CONTEXT = b"".join(
    (
        frame_attribute(attribute.NAS_IP_ADDRESS, bytes((192, 0, 2, 1))),
        frame_attribute(attribute.NAS_PORT, (12345).to_bytes(4, "big")),
        frame_attribute(attribute.NAS_IDENTIFIER, b"bras-1.isp.example"),
        frame_attribute(attribute.CALLING_STATION_ID, b"00:1b:21:3c:9d:f8"),
        frame_attribute(attribute.ACCT_SESSION_ID, b"0123456789abcdef"),
    )
)
"""What a NAS tells beside the name and the password."""

Made = Callable[[bytes, bytes], bytes]
"""The attributes of a login: user name, Request Authenticator."""


def pap(name: bytes, authenticator: bytes, *, password: bytes = PASSWORD) -> bytes:
    hidden = encrypt_pap(password, secret=KEY, authenticator=authenticator)
    return frame_attribute(attribute.USER_PASSWORD, hidden)


def wrong(name: bytes, authenticator: bytes) -> bytes:
    return pap(name, authenticator, password=b"wrong horse")


def chap(name: bytes, authenticator: bytes) -> bytes:
    value = chap_password(PASSWORD, identifier=3, challenge=authenticator)
    return frame_attribute(attribute.CHAP_PASSWORD, value)


def mschapv2(name: bytes, authenticator: bytes) -> bytes:
    peer_challenge, challenge = os.urandom(16), os.urandom(16)
    answer = generate_nt_response(
        challenge=challenge,
        peer_challenge=peer_challenge,
        user_name=name,
        password_hash=nt_hash(PASSWORD),
    )
    response = b"\x09\x00" + peer_challenge + bytes(8) + answer
    return frame_vendor_attribute(
        attribute.MICROSOFT, attribute.MS_CHAP_CHALLENGE, challenge
    ) + frame_vendor_attribute(attribute.MICROSOFT, attribute.MS_CHAP2_RESPONSE, response)


def datagram(name: bytes, number: int, made: Made) -> bytes:
    """A signed Access-Request."""
    authenticator = os.urandom(16)
    body = frame_attribute(attribute.USER_NAME, name) + CONTEXT + made(name, authenticator)
    return encode_request(Code.ACCESS_REQUEST, number % 256, body, KEY, authenticator=authenticator)


@dataclass
class Replies:
    """Stands where a listener does: keeps what is sent."""

    sent: list[tuple[bytes, Peer]] = field(default_factory=list)

    def send(self, replies: Sequence[tuple[bytes, Peer]]) -> None:
        self.sent += replies


@dataclass(frozen=True)
class Port:
    """An authentication port with all behind it, but no socket."""

    world: World
    handler: AccessHandler

    async def round_us(self, names: Sequence[bytes], made: Made, code: Code) -> float:
        """CPU microseconds a login, over one login of each name."""
        peers = [Peer("127.0.0.1", 20_000 + n) for n in range(BATCH)]
        datagrams = [datagram(name, n, made) for n, name in enumerate(names)]
        batches = [
            list(zip(datagrams[at : at + BATCH], peers, strict=False))
            for at in range(0, len(datagrams), BATCH)
        ]
        replies = Replies()
        gc.collect()
        begun = time.process_time_ns()
        for batch in batches:
            self.handler.handle(replies, batch)  # type: ignore[arg-type]
        spent = time.process_time_ns() - begun
        while len(replies.sent) < len(names):  # those that waited for the store
            await asyncio.sleep(0)
            spent = time.process_time_ns() - begun
        codes = {reply[0] for reply, _ in replies.sent}
        assert codes == {code}, f"codes {codes} instead of {code!r}"
        return spent / len(names) / 1000


async def open_port(world: World, folder: Path) -> Port:
    """The handler as the daemon builds it."""
    journal = open_journal(folder)
    journal.start(asyncio.get_running_loop(), lambda lsn: None, lambda error: None)
    dictionary = load_dictionary()
    handler = AccessHandler(
        gate=gate_of(world, CODES),
        journal=journal,
        applier=world.applier,
        directory=world.directory,
        sessions=world.sessions,
        encode=lambda: reply_encoder(dictionary, world.log),
        clock=world.clock,
        monotonic=monotonic,
        reject_delay_s=0,
        password_threads=1,
        limiter=RateLimiter(),
        metrics=world.metrics,
        log=world.log,
    )
    return Port(world, handler)


async def register_users(world: World, kind: str, count: int) -> list[bytes]:
    """Customers of one service each; their names."""
    names = [b"%s%06d@isp.example" % (kind.encode(), n) for n in range(count)]
    async with world.store.transaction() as tx:
        for name in names:
            service = NewService(login=name, offer="limited" if kind == "limited" else "metered")
            account = new_account(
                name.decode(),
                with_password(service),
                credit_limit_micros=5_000_000_000 if kind == "prepaid" else None,
            )
            await register_account(tx, account, rules=rules(), by=BY)
    return names


async def load(world: World, names: Sequence[bytes]) -> None:
    """Into memory."""
    await world.directory.load([("default", name.decode()) for name in names])


async def start_sessions(world: World, names: Sequence[bytes]) -> None:
    """One running session each."""
    starts = [
        report(n + 1, Status.START, f"s{n}", at=T0 - 60, login=name.decode())
        for n, name in enumerate(names)
    ]
    await world.apply(*applicable(starts))


METHODS: dict[str, tuple[str, Made, Code]] = {
    "PAP": ("plain", pap, Code.ACCESS_ACCEPT),
    "PAP rejected": ("plain", wrong, Code.ACCESS_REJECT),
    "CHAP": ("plain", chap, Code.ACCESS_ACCEPT),
    "MS-CHAPv2": ("plain", mschapv2, Code.ACCESS_ACCEPT),
    "PAP limited": ("limited", pap, Code.ACCESS_ACCEPT),
    "PAP prepaid": ("prepaid", pap, Code.ACCESS_ACCEPT),
}


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Where the time goes, by function of Python."""
    if not wanted:
        yield
        return
    with cProfile.Profile() as profile:
        yield
    pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(30)


def pyrad_us(count: int) -> float:
    """The same PAP login by pyrad: decode, verify, decrypt, reply with two attributes, sign."""
    datagrams = [datagram(b"plain@isp.example", n, pap) for n in range(count)]
    begun = time.process_time_ns()
    for data in datagrams:
        request = AuthPacket(packet=data, secret=SECRET, dict=ASKED)
        assert request.verify_message_authenticator()
        assert request.PwDecrypt(request[2][0]) == PASSWORD.decode()
        reply = request.CreateReply()
        reply.code = Code.ACCESS_ACCEPT
        reply.AddAttribute("Service-Type", "Framed-User")
        reply.AddAttribute("Acct-Interim-Interval", 600)
        reply.ReplyPacket()
    return (time.process_time_ns() - begun) / count / 1000


async def run(*, users: int, logins: int, profile: str) -> None:
    """Print the table."""
    configure_logs(clock=Clock(), level=LogLevel.INFO, stream=io.BytesIO())
    with tempfile.TemporaryDirectory() as folder:
        async with new_world(Path(folder), subscribers_max=4 * users) as world:
            port = await open_port(world, Path(folder))
            names = {
                kind: await register_users(world, kind, max(1, users // share))
                for kind, share in KINDS.items()
            }
            for of_kind in names.values():
                await load(world, of_kind)
            await start_sessions(world, names["prepaid"])
            for label, (kind, made, code) in METHODS.items():
                step = max(1, len(names[kind]) // logins)
                asked = names[kind][::step][:logins]
                if profile in {"", label}:
                    with profiled(bool(profile)):
                        figures = [await port.round_us(asked, made, code) for _ in range(ROUNDS)]
                    sys.stdout.write(f"{label:14} {statistics.median(figures):8.2f} us CPU\n")
            if not profile:
                theirs = statistics.median(pyrad_us(500) for _ in range(ROUNDS))
                sys.stdout.write(f"{'pyrad, PAP':14} {theirs:8.2f} us CPU\n")
            await port.handler.close()


KINDS = {"plain": 1, "limited": 10, "prepaid": 10}
"""Kinds of users, and by how much fewer there are of them."""


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000, help="in memory")
    parser.add_argument("--logins", type=int, default=6_400, help="in a round")
    parser.add_argument("--profile", default="", choices=["", *METHODS])
    arguments = parser.parse_args()
    asyncio.run(run(users=arguments.users, logins=arguments.logins, profile=arguments.profile))


if __name__ == "__main__":
    main()
