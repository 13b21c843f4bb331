"""Proves that the control socket's framing is exact, bounded, and raises nothing but what it
says.
"""

import struct

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaad.control import protocol
from aaad.control.protocol import BadFrame, CommandFailed, ErrorCode, Request


def body_of(frame: bytes) -> bytes:
    """The body of a whole frame, its announced length checked."""
    length = protocol.body_octets(frame[: protocol.LENGTH_OCTETS], octets_max=1 << 20)
    body = frame[protocol.LENGTH_OCTETS :]
    assert len(body) == length
    return body


def test_request_survives_the_way() -> None:
    request = Request("account.show", {"account": 7, "note": "größer", "raw": b"\xff\x00"})
    assert protocol.parse_request(body_of(protocol.encode_request(request))) == request


def test_result_and_failure_survive_the_way() -> None:
    assert protocol.parse_reply(body_of(protocol.encode_result([1, None]))) == [1, None]
    failure = CommandFailed(ErrorCode.NOT_FOUND, "no account 7", "see `aaactl account list`")
    with pytest.raises(CommandFailed) as caught:
        protocol.parse_reply(body_of(protocol.encode_failure(failure)))
    assert (caught.value.code, caught.value.message) == (ErrorCode.NOT_FOUND, "no account 7")
    assert caught.value.remedy == "see `aaactl account list`"


def test_a_length_above_the_bound_is_refused_before_the_body() -> None:
    assert protocol.body_octets(struct.pack(">I", 8), octets_max=8) == 8
    with pytest.raises(BadFrame, match="9 octets"):
        protocol.body_octets(struct.pack(">I", 9), octets_max=8)


def test_a_request_above_the_bound_is_not_sent() -> None:
    with pytest.raises(BadFrame, match="ask for less"):
        protocol.encode_request(Request("x", {"text": "a" * protocol.REQUEST_OCTETS_MAX}))


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {},
        {"command": 1},
        {"command": b"status"},
        {"command": "status", "arguments": []},
        {"command": "status", "arguments": {b"a": 1}},
    ],
)
def test_what_is_no_request_is_a_bad_frame(message: object) -> None:
    with pytest.raises(BadFrame):
        protocol.parse_request(msgpack.packb(message))


@pytest.mark.parametrize("message", [{}, {"error": 1}, {"error": {"code": "nonsense"}}])
def test_what_is_no_reply_is_a_bad_frame(message: object) -> None:
    with pytest.raises(BadFrame):
        protocol.parse_reply(msgpack.packb(message))


def test_deep_nesting_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame):
        protocol.parse_request(b"\x91" * 100_000 + b"\x00")


@given(st.binary(max_size=200))
def test_any_octets_are_a_request_or_a_bad_frame(octets: bytes) -> None:
    try:
        request = protocol.parse_request(octets)
    except BadFrame:
        return
    assert protocol.parse_request(body_of(protocol.encode_request(request))) == request
