"""Proves who gets in, and that everything else is a counted discard with a remedy in the log."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aaad.radius.codes import Code
from aaad.radius.errors import DiscardReason
from aaad.server.gate import Clients, Gate, Request
from aaad.server.listener import Listener
from aaad.server.peers import Peer
from ledger.clients import ClientTable
from tests.e2e.wire import Attribute, Status, attribute, header, sign_request
from tests.e2e.wire import Code as WireCode
from tests.server_ports import (
    access_request,
    accounting_request,
    asking,
    clients,
    gate_of,
    listening,
)
from tests.server_world import BRAND, CLIENT, SECRET, World, new_world

HERE = Peer("127.0.0.1", 4_711)
CODES = frozenset({Code.ACCESS_REQUEST, Code.STATUS_SERVER})


@dataclass
class Door:
    """A gate with a listener that answers for it."""

    world: World
    gate: Gate
    listener: Listener

    def admit(self, *datagrams: bytes, peer: Peer = HERE) -> list[Request]:
        return self.gate.admit(self.listener, [(datagram, peer) for datagram in datagrams])

    def discards(self) -> dict[DiscardReason, int]:
        return self.world.metrics.discards_by_reason()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with new_world(tmp_path) as world:
        with listening(lambda listener, received: None, world.metrics) as listener:
            yield Door(world, gate_of(world, CODES), listener)


def test_a_verified_request_gets_in(door: Door) -> None:
    (request,) = door.admit(access_request("ann"))
    assert request.client.settings.name == CLIENT
    assert request.packet.get(Attribute.USER_NAME) == b"ann"
    assert (request.peer, request.listener) == (HERE, door.listener)
    assert request.client.requests == 1
    assert request.client.heard_at is not None
    assert door.discards() == {}


UNSIGNED = header(WireCode.ACCESS_REQUEST, 1, os.urandom(16), attribute(1, "ann"))


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", DiscardReason.TOO_SHORT),
        (b"\x01\x01\x13\x88" + bytes(4_996), DiscardReason.TOO_LONG),
        (b"\x01\x01\x00\x13" + bytes(16), DiscardReason.BAD_LENGTH_FIELD),
        (accounting_request(Status.START), DiscardReason.WRONG_PORT),
        (access_request("ann", secret=b"another"), DiscardReason.BAD_MESSAGE_AUTHENTICATOR),
        (UNSIGNED, DiscardReason.MESSAGE_AUTHENTICATOR_MISSING),
    ],
    ids=lambda value: value.name if isinstance(value, DiscardReason) else "datagram",
)
def test_what_is_wrong_is_discarded_by_reason_and_the_rest_gets_in(
    door: Door, datagram: bytes, reason: DiscardReason
) -> None:
    requests = door.admit(datagram, access_request("ann", identifier=2))
    assert [request.packet.identifier for request in requests] == [2]
    assert door.world.metrics.discards == {(CLIENT, reason): 1}


def test_who_is_no_client_is_discarded_unread(door: Door) -> None:
    assert door.admit(access_request("ann"), peer=Peer("192.0.2.1", 9)) == []
    assert door.world.metrics.discards == {("", DiscardReason.UNKNOWN_CLIENT): 1}


def test_a_discard_is_logged_once_a_minute_with_its_remedy(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.admit(*[UNSIGNED] * 5)
    printed = capsys.readouterr().out
    assert printed.count("datagram_discarded") == 1
    assert "CVE-2024-3596" in printed
    assert door.discards() == {DiscardReason.MESSAGE_AUTHENTICATOR_MISSING: 5}


def test_an_excused_client_may_omit_its_signature_but_not_behind_a_proxy(door: Door) -> None:
    excused = clients(require_message_authenticator=False)
    gate = gate_of(door.world, CODES, excused)
    proxied = header(
        WireCode.ACCESS_REQUEST,
        2,
        os.urandom(16),
        attribute(1, "ann") + attribute(Attribute.PROXY_STATE, "x"),
    )
    requests = gate.admit(door.listener, [(UNSIGNED, HERE), (proxied, HERE)])
    assert [request.packet.identifier for request in requests] == [1]
    assert door.discards() == {DiscardReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR: 1}


async def test_a_repeated_request_is_answered_from_memory(door: Door) -> None:
    """Dropped while it is pending; once it is answered, the same bytes go out again."""
    datagram = access_request("ann")
    with asking(door.listener) as asker:
        peer = Peer("127.0.0.1", asker.socket.getsockname()[1], local_host="127.0.0.1")
        (request,) = door.admit(datagram, datagram, peer=peer)
        assert door.discards() == {DiscardReason.DUPLICATE_PENDING: 1}
        reply = bytes(20)
        door.gate.complete(request, reply)
        assert door.admit(datagram, peer=peer) == []
        assert asker.socket.recv(100) == reply
    assert door.world.metrics.counters["duplicates_answered"] == 1


def test_what_was_given_up_is_tried_again_like_new(door: Door) -> None:
    datagram = access_request("ann")
    (request,) = door.admit(datagram)
    door.gate.give_up(request, DiscardReason.OVERLOAD)
    assert len(door.admit(datagram)) == 1
    assert door.discards() == {DiscardReason.OVERLOAD: 1}


def test_the_same_bytes_from_another_port_are_another_request(door: Door) -> None:
    datagram = access_request("ann")
    assert len(door.admit(datagram)) == 1
    assert len(door.admit(datagram, peer=Peer("127.0.0.1", 4_712))) == 1


def test_status_server_needs_its_signature_whoever_asks(door: Door) -> None:
    gate = gate_of(door.world, CODES, clients(require_message_authenticator=False))
    bare = header(WireCode.STATUS_SERVER, 1, os.urandom(16), b"")
    assert gate.admit(door.listener, [(bare, HERE)]) == []
    signed = sign_request(WireCode.STATUS_SERVER, 2, os.urandom(16), b"", SECRET)
    assert len(gate.admit(door.listener, [(signed, HERE)])) == 1


def test_a_reload_goes_on_counting(door: Door) -> None:
    before = clients()
    before.by_name[CLIENT].requests = 7
    before.by_name[CLIENT].heard_at = 9
    after = Clients(
        ClientTable([before.by_name[CLIENT].settings]), {BRAND.name: BRAND}, former=before
    )
    assert (after.by_name[CLIENT].requests, after.by_name[CLIENT].heard_at) == (7, 9)
    assert after.lookup(bytes((127, 0, 0, 9))) is after.by_name[CLIENT]
    assert after.lookup(bytes((192, 0, 2, 1))) is None
