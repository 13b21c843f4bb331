"""An exchange sends, backs off, repeats the same octets, and believes authentic answers only."""

import pytest

from aaad.radius import attribute_types as types
from aaad.radius.codes import Code, ErrorCause
from aaad.radius.dynauth import TRIES_MAX, Ack, Exchange, IdentifierPool, Nak, NoAnswer
from aaad.radius.framing import frame_attribute
from aaad.radius.packet import Secret, decode, encode_reply, verify_request

SECRET = Secret(b"testing123")
SESSION = frame_attribute(types.ACCT_SESSION_ID, b"0001")


def exchange(*, code: Code = Code.DISCONNECT_REQUEST, jitter: float = 0.0) -> Exchange:
    return Exchange(
        code=code,
        attributes=SESSION,
        secret=SECRET,
        identifier=9,
        event_timestamp=1_767_323_045,
        now_s=100.0,
        jitter=jitter,
    )


def answer(to: Exchange, code: Code, attributes: bytes = b"", secret: Secret = SECRET) -> bytes:
    return encode_reply(decode(to.request), code, attributes, secret)


def test_the_request_is_signed_and_carries_its_time() -> None:
    packet = decode(exchange().request)
    verify_request(packet, SECRET, require_message_authenticator=True)
    assert packet.has(types.MESSAGE_AUTHENTICATOR)
    assert packet.get_int(types.EVENT_TIMESTAMP) == 1_767_323_045
    assert packet.get(types.ACCT_SESSION_ID) == b"0001"
    assert packet.identifier == 9


def test_it_repeats_the_same_octets_after_2_4_8_16_16_seconds_and_gives_up() -> None:
    disconnect = exchange()
    sent_at = []
    now_s = 100.0
    while disconnect.outcome is None:
        datagram = disconnect.poll(now_s=now_s)
        if datagram is not None:
            assert datagram == disconnect.request
            assert disconnect.poll(now_s=now_s) is None
            sent_at.append(now_s)
        now_s = disconnect.deadline_s
    assert sent_at == [100.0, 102.0, 106.0, 114.0, 130.0]
    assert now_s == 146.0
    assert disconnect.outcome == NoAnswer(TRIES_MAX)
    assert disconnect.poll(now_s=1000.0) is None


def test_jitter_moves_every_deadline() -> None:
    early = exchange(jitter=-0.1)
    early.poll(now_s=100.0)
    assert early.deadline_s == pytest.approx(101.8)


def test_an_acknowledgement_ends_it() -> None:
    disconnect = exchange()
    disconnect.poll(now_s=100.0)
    assert disconnect.feed(answer(disconnect, Code.DISCONNECT_ACK)) == Ack()
    assert disconnect.outcome == Ack()
    assert disconnect.poll(now_s=200.0) is None
    assert disconnect.feed(answer(disconnect, Code.DISCONNECT_NAK)) is None
    assert disconnect.outcome == Ack()


@pytest.mark.parametrize(
    ("attributes", "cause", "meaning"),
    [
        (frame_attribute(101, b"\0\0\1\xf7"), ErrorCause.SESSION_CONTEXT_NOT_FOUND, "not found"),
        (frame_attribute(101, b"\0\0\2\x58"), 600, "cause 600"),
        (frame_attribute(101, b"\1"), None, "no cause given"),
        (b"", None, "no cause given"),
    ],
)
def test_a_refusal_tells_its_cause(attributes: bytes, cause: int | None, meaning: str) -> None:
    coa = exchange(code=Code.COA_REQUEST)
    outcome = coa.feed(answer(coa, Code.COA_NAK, attributes))
    assert outcome == Nak(cause)
    assert isinstance(outcome, Nak)
    assert meaning in outcome.meaning


def test_what_is_not_authentic_or_not_for_it_is_ignored() -> None:
    disconnect = exchange()
    other = exchange(code=Code.COA_REQUEST)
    forged = answer(disconnect, Code.DISCONNECT_ACK, secret=Secret(b"other"))
    for datagram in (b"", b"\x29", forged, answer(other, Code.COA_ACK), disconnect.request):
        assert disconnect.feed(datagram) is None
    assert disconnect.outcome is None


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="ACCESS_REQUEST"):
        exchange(code=Code.ACCESS_REQUEST)
    with pytest.raises(ValueError, match="jitter"):
        exchange(jitter=0.2)


def test_the_pool_gives_256_and_the_longest_free_first() -> None:
    pool = IdentifierPool()
    given = [pool.allocate() for _ in range(256)]
    assert sorted(each for each in given if each is not None) == list(range(256))
    assert pool.allocate() is None
    assert len(pool) == 0
    pool.release(7)
    pool.release(3)
    assert pool.allocate() == 7
    assert pool.allocate() == 3


def test_the_pool_takes_back_only_what_it_gave() -> None:
    pool = IdentifierPool()
    with pytest.raises(KeyError):
        pool.release(0)
