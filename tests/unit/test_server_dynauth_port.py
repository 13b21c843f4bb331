"""Proves that a source port carries 256 exchanges at once with a real NAS and tells their answers
apart: ACK, NAK, silence, a forged answer.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from aaad.policy.reply import octets
from aaad.radius import attribute_types as attribute
from aaad.radius.codes import Code
from aaad.radius.dynauth import Ack, Exchange, Nak, NoAnswer
from aaad.radius.packet import Secret
from aaad.server.dynauth_port import DynauthPort, Retries
from tests.e2e.nas import Behaviour, DynauthListener
from tests.e2e.ports import free_udp_port
from tests.e2e.wire import Attribute
from tests.server_ports import until
from tests.server_world import SECRET, T0

PATIENT = Retries(tries=4, first_timeout_s=5, timeout_max_s=5)
QUICK = Retries(tries=3, first_timeout_s=0.01, timeout_max_s=0.02)


@pytest.fixture
def nas() -> Iterator[DynauthListener]:
    with DynauthListener(SECRET).serving() as serving:
        yield serving


@pytest.fixture
async def port() -> AsyncIterator[DynauthPort]:
    opened = DynauthPort(socket.AF_INET, "127.0.0.1", retries=PATIENT)
    yield opened
    opened.close()


def send(port: DynauthPort, nas: DynauthListener, name: bytes = b"s1") -> asyncio.Future[Exchange]:
    outcome: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
    port.send(
        Code.DISCONNECT_REQUEST,
        octets(attribute.ACCT_SESSION_ID, name),
        secret=Secret(SECRET),
        target=("127.0.0.1", nas.port),
        event_timestamp=T0,
        on_outcome=outcome.set_result,
    )
    return outcome


async def test_an_ack_ends_the_exchange(port: DynauthPort, nas: DynauthListener) -> None:
    exchange = await send(port, nas)
    assert (exchange.outcome, exchange.tries, port.free) == (Ack(), 1, 256)
    (order,) = await asyncio.to_thread(nas.wait_for_orders, 1)
    assert order.text(Attribute.ACCT_SESSION_ID) == "s1"
    assert order.integer(Attribute.EVENT_TIMESTAMP) == T0


async def test_a_nak_says_why(port: DynauthPort, nas: DynauthListener) -> None:
    nas.behaviour = Behaviour.NAK
    assert (await send(port, nas)).outcome == Nak(503)


@pytest.mark.parametrize("behaviour", [Behaviour.SILENCE, Behaviour.FORGE])
async def test_silence_and_forgery_are_asked_again_and_given_up(
    nas: DynauthListener, behaviour: Behaviour
) -> None:
    nas.behaviour = behaviour
    port = DynauthPort(socket.AF_INET, "127.0.0.1", retries=QUICK)
    try:
        exchange = await send(port, nas)
        assert exchange.outcome == NoAnswer(3)
        assert port.free == 256
        orders = await asyncio.to_thread(nas.wait_for_orders, 3)
        assert len({order.authenticator for order in orders}) == 1, "the same bytes"
    finally:
        port.close()


async def test_256_exchanges_at_once(port: DynauthPort, nas: DynauthListener) -> None:
    outcomes = [send(port, nas, b"%d" % number) for number in range(256)]
    assert port.free == 0
    exchanges = await asyncio.gather(*outcomes)
    assert {exchange.outcome for exchange in exchanges} == {Ack()}
    assert len({exchange.identifier for exchange in exchanges}) == 256
    assert port.free == 256


async def test_rubbish_is_not_an_answer(port: DynauthPort, nas: DynauthListener) -> None:
    nas.behaviour = Behaviour.SILENCE
    outcome = send(port, nas)
    await asyncio.to_thread(nas.wait_for_orders, 1)
    source = port._socket.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in (b"", b"x", bytes(20), b"\x29\xff" + bytes(30)):
            stranger.sendto(datagram, source)
    nas.behaviour = Behaviour.ACK
    assert (await send(port, nas, b"s2")).outcome == Ack()
    assert not outcome.done()


async def test_a_closed_port_is_silent(nas: DynauthListener) -> None:
    nas.behaviour = Behaviour.SILENCE
    port = DynauthPort(socket.AF_INET, "127.0.0.1", retries=QUICK)
    outcome = send(port, nas)
    port.close()
    await asyncio.sleep(0.05)  # longer than the next try would have taken
    assert not outcome.done()


async def test_an_unreachable_nas_is_like_a_silent_one() -> None:
    port = DynauthPort(socket.AF_INET, "127.0.0.1", retries=QUICK)
    try:
        outcomes: list[Exchange] = []
        port.send(
            Code.DISCONNECT_REQUEST,
            b"",
            secret=Secret(SECRET),
            target=("127.0.0.1", free_udp_port("127.0.0.1")),
            event_timestamp=T0,
            on_outcome=outcomes.append,
        )
        await until(lambda: bool(outcomes))
        assert outcomes[0].outcome == NoAnswer(3)
    finally:
        port.close()
