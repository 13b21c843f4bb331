"""Encoding: what is signed verifies, what cannot be encoded is named, Proxy-State comes back."""

import pytest

from aaad.radius.attribute_types import MESSAGE_AUTHENTICATOR, PROXY_STATE
from aaad.radius.codes import Code
from aaad.radius.errors import Discard, DiscardReason
from aaad.radius.framing import frame_attribute
from aaad.radius.packet import (
    Secret,
    decode,
    encode_reply,
    encode_request,
    verify_request,
    verify_response,
)

SECRET = Secret(b"a secret that is longer than one block of MD5, which has sixty-four octets")
OTHER = Secret(b"other")
USER_NAME = frame_attribute(1, b"bob")
REQUESTS = [
    Code.ACCESS_REQUEST,
    Code.ACCOUNTING_REQUEST,
    Code.STATUS_SERVER,
    Code.DISCONNECT_REQUEST,
    Code.COA_REQUEST,
]
REPLIES = [
    (Code.ACCESS_REQUEST, Code.ACCESS_ACCEPT),
    (Code.ACCESS_REQUEST, Code.ACCESS_REJECT),
    (Code.ACCESS_REQUEST, Code.ACCESS_CHALLENGE),
    (Code.STATUS_SERVER, Code.ACCESS_ACCEPT),
    (Code.STATUS_SERVER, Code.ACCOUNTING_RESPONSE),
    (Code.ACCOUNTING_REQUEST, Code.ACCOUNTING_RESPONSE),
    (Code.DISCONNECT_REQUEST, Code.DISCONNECT_NAK),
    (Code.COA_REQUEST, Code.COA_ACK),
]


@pytest.mark.parametrize(
    ("code", "signed"),
    [(code, True) for code in REQUESTS]
    + [(code, False) for code in REQUESTS if code != Code.STATUS_SERVER],
)
def test_a_request_verifies_with_its_secret_only(code: Code, signed: bool) -> None:
    octets = encode_request(code, 255, USER_NAME, SECRET, message_authenticator=signed)
    packet = decode(octets)
    assert packet.attributes()[0][0] == (MESSAGE_AUTHENTICATOR if signed else 1)
    verify_request(packet, SECRET, require_message_authenticator=False)
    if signed or code != Code.ACCESS_REQUEST:
        with pytest.raises(Discard):
            verify_request(packet, OTHER, require_message_authenticator=False)


@pytest.mark.parametrize("code", REQUESTS)
def test_any_changed_octet_is_noticed(code: Code) -> None:
    octets = bytearray(encode_request(code, 1, USER_NAME, SECRET))
    for at in (1, 4, 19, 22, 37, len(octets) - 1):
        octets[at] ^= 1
        with pytest.raises(Discard) as caught:
            verify_request(decode(bytes(octets)), SECRET, require_message_authenticator=False)
        assert caught.value.reason in (
            DiscardReason.BAD_AUTHENTICATOR,
            DiscardReason.BAD_MESSAGE_AUTHENTICATOR,
        )
        octets[at] ^= 1


@pytest.mark.parametrize(("asked", "answered"), REPLIES)
def test_a_reply_verifies_and_returns_proxy_state_in_order(asked: Code, answered: Code) -> None:
    states = [b"first", b"", b"first", b"x" * 253]
    attributes = USER_NAME + b"".join(frame_attribute(PROXY_STATE, each) for each in states)
    request = encode_request(asked, 3, attributes, SECRET)
    octets = encode_reply(decode(request), answered, USER_NAME, SECRET)
    reply = verify_response(octets, request, SECRET)
    assert reply.code == answered
    assert reply.attributes()[0][0] == MESSAGE_AUTHENTICATOR
    assert reply.get_all(PROXY_STATE) == states
    assert reply.get(1) == b"bob"
    with pytest.raises(Discard):
        verify_response(octets, request, OTHER)


def test_an_accounting_response_is_signed_only_if_the_request_was() -> None:
    request = encode_request(
        Code.ACCOUNTING_REQUEST, 3, USER_NAME, SECRET, message_authenticator=False
    )
    reply = encode_reply(decode(request), Code.ACCOUNTING_RESPONSE, b"", SECRET)
    assert len(reply) == 20
    assert verify_response(reply, request, SECRET).attributes() == []


def test_an_unsigned_access_request_gets_a_signed_reply() -> None:
    request = encode_request(Code.ACCESS_REQUEST, 3, USER_NAME, SECRET, message_authenticator=False)
    reply = decode(encode_reply(decode(request), Code.ACCESS_REJECT, b"", SECRET))
    assert reply.has(MESSAGE_AUTHENTICATOR)


def test_a_chosen_authenticator_is_used_and_a_random_one_is_fresh() -> None:
    chosen = decode(
        encode_request(Code.ACCESS_REQUEST, 3, b"", SECRET, authenticator=bytes(range(16)))
    )
    assert chosen.authenticator == bytes(range(16))
    fresh = {decode(encode_request(Code.ACCESS_REQUEST, 3, b"", SECRET)).authenticator}
    fresh.add(decode(encode_request(Code.ACCESS_REQUEST, 3, b"", SECRET)).authenticator)
    assert len(fresh) == 2


def test_the_longest_reply_and_one_octet_more() -> None:
    request = decode(encode_request(Code.ACCESS_REQUEST, 3, b"", SECRET))
    room = 4096 - 20 - 18
    full = frame_attribute(18, b"x" * 253) * 15
    last = frame_attribute(18, b"x" * (room - len(full) - 2))
    assert len(encode_reply(request, Code.ACCESS_ACCEPT, full + last, SECRET)) == 4096
    with pytest.raises(ValueError, match="4097 octets"):
        encode_reply(
            request,
            Code.ACCESS_ACCEPT,
            full + frame_attribute(18, b"x" * (room - len(full) - 1)),
            SECRET,
        )


@pytest.mark.parametrize("attributes", [b"\1", b"\1\1", b"\1\4a", b"\1\3a\2"])
def test_malformed_attributes_are_never_sent(attributes: bytes) -> None:
    with pytest.raises(ValueError, match="malformed attributes"):
        encode_request(Code.ACCESS_REQUEST, 3, attributes, SECRET)


def test_a_message_authenticator_among_the_attributes_is_refused() -> None:
    with pytest.raises(ValueError, match="leave it out"):
        encode_request(Code.ACCESS_REQUEST, 3, frame_attribute(80, bytes(16)), SECRET)


def test_a_reply_takes_its_proxy_state_from_the_request_only() -> None:
    request = decode(encode_request(Code.ACCESS_REQUEST, 3, b"", SECRET))
    with pytest.raises(ValueError, match="type 33"):
        encode_reply(request, Code.ACCESS_ACCEPT, frame_attribute(PROXY_STATE, b"a"), SECRET)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="not a request"):
        encode_request(Code.ACCESS_ACCEPT, 3, b"", SECRET)
    with pytest.raises(ValueError, match="identifier 256"):
        encode_request(Code.ACCESS_REQUEST, 256, b"", SECRET)
    with pytest.raises(ValueError, match="do not give one"):
        encode_request(Code.COA_REQUEST, 1, b"", SECRET, authenticator=bytes(16))
    with pytest.raises(ValueError, match="15 octets"):
        encode_request(Code.ACCESS_REQUEST, 1, b"", SECRET, authenticator=bytes(15))
    with pytest.raises(ValueError, match="as it was sent"):
        verify_response(b"\2\0\0\x14" + bytes(16), b"short", SECRET)
