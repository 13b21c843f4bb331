"""Proves the answers to Access-Requests on real sockets: who gets in, who does not and when that is
said, and who is not answered at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aaad.policy.class_attribute import read_class
from aaad.policy.standing import Standing
from aaad.radius.dictionary import load_dictionary
from aaad.radius.errors import DiscardReason
from aaad.server import access, facts
from aaad.server.access import CATCH_UP_MAX_S, CODES, AccessHandler, VerifiedPasswords
from aaad.server.catalogs import reply_encoder
from aaad.server.directory import Directory, Entry
from aaad.server.journal import Journal
from aaad.server.listener import Listener
from aaad.server.session_table import SessionTable
from ledger.accounts import NewService
from ledger.clock import monotonic
from ledger.logs import RateLimiter
from ledger.model import CredentialScheme
from ledger.store import Reader, StoreUnavailable
from tests.e2e.wire import Attribute, Code, Packet, Status
from tests.server_ports import (
    Asker,
    access_request,
    asking,
    gate_of,
    listening,
    open_journal,
    status_server,
    until,
)
from tests.server_world import (
    T0,
    World,
    applicable,
    new_account,
    new_world,
    register,
    report,
    with_password,
)

DELAY_S = 0.05
DICTIONARY = load_dictionary()


@dataclass
class Access:
    """An authentication port with all behind it."""

    world: World
    journal: Journal
    handler: AccessHandler
    listener: Listener
    asker: Asker

    def discards(self) -> dict[DiscardReason, int]:
        return self.world.metrics.discards_by_reason()

    async def log_in(self, login: str, password: bytes = b"correct horse") -> Packet:
        return await self.asker.ask(access_request(login, password))


@asynccontextmanager
async def access_port(folder: Path, *, reject_delay_s: float = 0) -> AsyncIterator[Access]:
    async with new_world(folder) as world:
        journal = open_journal(folder)
        loop = asyncio.get_running_loop()
        journal.start(loop, lambda lsn: None, lambda error: None)
        handler = AccessHandler(
            gate=gate_of(world, CODES),
            journal=journal,
            applier=world.applier,
            directory=world.directory,
            sessions=world.sessions,
            encode=lambda: reply_encoder(DICTIONARY, world.log),
            clock=world.clock,
            monotonic=monotonic,
            reject_delay_s=reject_delay_s,
            password_threads=1,
            limiter=RateLimiter(),
            metrics=world.metrics,
            log=world.log,
        )
        try:
            with listening(handler.handle, world.metrics) as listener, asking(listener) as asker:
                listener.start(loop)
                yield Access(world, journal, handler, listener, asker)
                listener.stop()
                await handler.close()
        finally:
            await journal.close()


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Access]:
    async with access_port(tmp_path) as made:
        yield made


async def test_who_may_gets_an_accept_with_the_reply_of_the_offer(port: Access) -> None:
    reply = await port.log_in("Ann")
    assert reply.code == Code.ACCESS_ACCEPT
    assert reply.integer(6) == 2, "Service-Type of the offer"
    assert reply.integer(Attribute.ACCT_INTERIM_INTERVAL) == 600
    (class_,) = reply.all(Attribute.CLASS)
    entry = port.world.directory.find("default", "ann")
    assert entry is not None
    service = entry.subscriber.service
    named = read_class(port.world.directory.class_key, class_)
    assert named == (service.account_id, service.service_id)
    assert port.world.metrics.counters["access_accepts"] == 1


@pytest.mark.parametrize(
    ("login", "password", "reason"),
    [("ann", b"wrong", "bad_password"), ("nobody", b"correct horse", "unknown_user")],
)
async def test_a_wrong_name_or_password_is_rejected(
    port: Access, login: str, password: bytes, reason: str
) -> None:
    reply = await port.log_in(login, password)
    assert reply.code == Code.ACCESS_REJECT
    assert port.world.metrics.counters[f"access_rejects_{reason}"] == 1


async def test_who_has_used_up_a_hard_limit_is_rejected_with_the_reason(port: Access) -> None:
    await port.world.apply(
        *applicable([report(1, Status.STOP, login="bob", at=T0, session_time=7_200)])
    )
    reply = await port.log_in("bob")
    assert reply.code == Code.ACCESS_REJECT
    assert reply.text(Attribute.REPLY_MESSAGE)


async def test_session_timeout_is_what_the_limit_leaves(port: Access) -> None:
    await port.world.apply(
        *applicable([report(1, Status.STOP, login="bob", at=T0, session_time=7_000)])
    )
    reply = await port.log_in("bob")
    assert (reply.code, reply.integer(Attribute.SESSION_TIMEOUT)) == (Code.ACCESS_ACCEPT, 200)


async def test_a_reject_is_delayed_and_an_accept_is_not(tmp_path: Path) -> None:
    async with access_port(tmp_path, reject_delay_s=DELAY_S) as port:
        begun = monotonic()
        wrong, right = access_request("ann", b"wrong"), access_request("ann", identifier=2)
        port.asker.send(wrong)
        await until(lambda: port.handler.outstanding == 1)
        assert (await port.asker.ask(right)).code == Code.ACCESS_ACCEPT
        assert (await port.asker.answer(wrong)).code == Code.ACCESS_REJECT
        assert monotonic() - begun >= DELAY_S
        assert port.handler.outstanding == 0


async def test_an_orderly_end_answers_what_was_delayed(tmp_path: Path) -> None:
    async with access_port(tmp_path, reject_delay_s=3_600) as port:
        requests = [access_request("ann", b"wrong", identifier=i) for i in range(3)]
        for request in requests:
            port.asker.send(request)
        await until(lambda: len(port.handler._rejects_delayed) == 3)
        await port.handler.close()
        for request in requests:
            assert (await port.asker.answer(request)).code == Code.ACCESS_REJECT


async def test_rejects_beyond_the_bound_are_not_delayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "REJECTS_DELAYED_MAX", 1)
    async with access_port(tmp_path, reject_delay_s=3_600) as port:
        port.asker.send(access_request("ann", b"wrong"))
        await until(lambda: len(port.handler._rejects_delayed) == 1)
        second = access_request("ann", b"wrong", identifier=2)
        assert (await port.asker.ask(second)).code == Code.ACCESS_REJECT
        assert port.handler.outstanding == 1


class CountingStore:
    """The real store; counts its reading transactions, and is away if one says so."""

    def __init__(self, world: World) -> None:
        self._store = world.store
        self.reads = 0
        self.away = False

    def read(self) -> AbstractAsyncContextManager[Reader]:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("is away")
        return self._store.read()


def watch(port: Access) -> CountingStore:
    store = CountingStore(port.world)
    port.world.directory._store = store  # type: ignore[assignment]
    return store


async def test_the_misses_of_a_drain_are_read_at_once(port: Access) -> None:
    """The datagrams are there before the listener reads: one drain, one reading transaction."""
    store = watch(port)
    port.listener.stop()
    requests = [
        access_request(login, identifier=i)
        for i, login in enumerate(("ann", "sam", "bob", "nobody"))
    ]
    for request in requests:
        port.asker.send(request)
    port.listener.start(asyncio.get_running_loop())
    codes = {}
    for _ in requests:
        async with asyncio.timeout(20):
            data = await asyncio.get_running_loop().sock_recv(port.asker.socket, 4096)
        codes[data[1]] = data[0]
    assert codes == {0: 2, 1: 2, 2: 2, 3: 3}
    assert store.reads == 1
    assert (await port.log_in("nobody")).code == Code.ACCESS_REJECT
    assert store.reads == 1, "a name that nobody has is remembered"


async def test_while_the_store_is_away_only_the_known_are_answered(port: Access) -> None:
    assert (await port.log_in("ann")).code == Code.ACCESS_ACCEPT
    watch(port).away = True
    stranger = access_request("bob", identifier=5)
    port.asker.send(stranger)
    await until(lambda: DiscardReason.STORE_UNAVAILABLE in port.discards())
    assert (await port.log_in("ann")).code == Code.ACCESS_ACCEPT
    assert port.asker.heard_nothing()
    watch(port)
    assert (await port.asker.ask(stranger)).code == Code.ACCESS_ACCEPT, "the same bytes, later"


async def test_nothing_is_answered_while_the_journal_cannot_write(port: Access) -> None:
    await port.journal.close()
    port.asker.send(access_request("ann"))
    await until(lambda: DiscardReason.JOURNAL_UNAVAILABLE in port.discards())
    assert port.asker.heard_nothing()


async def test_status_server_is_answered_with_an_accept(port: Access) -> None:
    assert (await port.asker.ask(status_server())).code == Code.ACCESS_ACCEPT


async def test_argon2_is_paid_once(port: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = NewService(login=b"eve", offer="metered")
    await register(
        port.world.store,
        new_account("Eve", with_password(eve, scheme=CredentialScheme.ARGON2)),
    )
    checked = []
    real = access.verify_argon2

    def verify(verifier: bytes, password: bytes) -> bool:
        checked.append(password)
        return real(verifier, password)

    monkeypatch.setattr(access, "verify_argon2", verify)
    assert (await port.log_in("eve", b"wrong")).code == Code.ACCESS_REJECT
    assert (await port.log_in("eve")).code == Code.ACCESS_ACCEPT
    assert (await port.log_in("eve")).code == Code.ACCESS_ACCEPT
    assert checked == [b"wrong", b"correct horse"]
    port.handler.forget_passwords()
    assert (await port.log_in("eve")).code == Code.ACCESS_ACCEPT
    assert len(checked) == 3


async def test_more_waiting_logins_than_the_bound_are_not_answered(
    port: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "WAITING_MAX", 2)
    port.world.applier.offer(applicable([report(1, Status.START, login="stranger", at=T0)]))
    port.listener.stop()
    for identifier in range(3):
        port.asker.send(access_request("ann", identifier=identifier))
    port.listener.start(asyncio.get_running_loop())
    await until(lambda: port.discards().get(DiscardReason.OVERLOAD) == 3)
    port.listener.stop()
    assert port.handler.outstanding == 0
    port.listener.start(asyncio.get_running_loop())
    assert (await port.log_in("ann")).code == Code.ACCESS_ACCEPT


async def test_a_login_waits_for_what_its_user_was_acknowledged_for(port: Access) -> None:
    """Bob's two hours are in the journal, not applied yet: he is not let in on the old total."""
    assert (await port.log_in("bob")).code == Code.ACCESS_ACCEPT
    port.world.applier.offer(
        applicable([report(1, Status.STOP, login="bob", at=T0, session_time=7_200)])
    )
    assert port.world.applier.backlog == 1
    assert (await port.log_in("bob")).code == Code.ACCESS_REJECT


async def test_a_login_waits_no_longer_than_its_time(
    port: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CATCH_UP_MAX_S == 2.0
    monkeypatch.setattr(access, "CATCH_UP_MAX_S", 0.01)
    assert (await port.log_in("ann")).code == Code.ACCESS_ACCEPT
    watch(port).away = True
    port.world.applier.offer(applicable([report(1, Status.START, login="bob", at=T0)]))
    assert (await port.log_in("ann")).code == Code.ACCESS_ACCEPT
    assert port.world.metrics.counters["access_before_accounting"] == 1


async def test_a_bug_met_by_one_login_costs_no_other_its_answer(
    port: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await port.log_in("ann")).code == Code.ACCESS_ACCEPT
    break_standing_of("sam", monkeypatch)
    await port.world.directory.load([("default", "sam")])
    port.asker.send(access_request("sam", identifier=1))
    assert (await port.asker.ask(access_request("ann", identifier=2))).identifier == 2
    assert port.discards()[DiscardReason.INTERNAL_ERROR] == 1


def break_standing_of(login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that one login meets."""
    real = access.standing_at

    def broken(directory: Directory, sessions: SessionTable, entry: Entry, *rest: Any) -> Standing:
        if entry.login[1] == login:
            raise RuntimeError("a bug")
        return real(directory, sessions, entry, *rest)

    monkeypatch.setattr(access, "standing_at", broken)


async def test_a_bug_met_by_a_login_that_waited_costs_no_other_its_answer(
    port: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_standing_of("sam", monkeypatch)
    port.listener.stop()
    for identifier, login in enumerate(("sam", "bob")):
        port.asker.send(access_request(login, identifier=identifier))
    port.listener.start(asyncio.get_running_loop())
    async with asyncio.timeout(20):
        data = await asyncio.get_running_loop().sock_recv(port.asker.socket, 4096)
    assert data[1] == 1
    assert port.discards()[DiscardReason.INTERNAL_ERROR] == 1


async def test_a_reply_that_no_packet_holds_is_not_sent(
    port: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "encode_profile", lambda *_: (b"\x12\xff" + bytes(253)) * 17)
    port.asker.send(access_request("ann"))
    await until(lambda: DiscardReason.REPLY_TOO_LONG in port.discards())
    assert port.asker.heard_nothing()


def test_verified_passwords_are_bounded_and_kept_as_digests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "VERIFIED_MAX", 2)
    verified = VerifiedPasswords()
    for password in (b"one", b"two", b"three"):
        verified.add(b"verifier", password)
    assert [verified.knows(b"verifier", p) for p in (b"one", b"two", b"three")] == [
        False,
        True,
        True,
    ]
    assert not verified.knows(b"another", b"two")
    assert not any(b"two" in digest for digest in verified._digests)
    verified.clear()
    assert not verified.knows(b"verifier", b"two")
