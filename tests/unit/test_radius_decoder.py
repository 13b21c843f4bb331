"""The getters of a Packet: first and all, numbers, vendors, and nothing raised by broken ones."""

import pytest

from aaad.radius.codes import Code
from aaad.radius.decoder import Packet, decode
from aaad.radius.errors import Discard, DiscardReason
from aaad.radius.framing import frame_attribute, frame_vendor_attribute

AUTHENTICATOR = bytes(range(16))


def datagram(*attributes: bytes, code: int = 1, padding: bytes = b"") -> bytes:
    body = b"".join(attributes)
    header = bytes((code, 7)) + (20 + len(body)).to_bytes(2, "big") + AUTHENTICATOR
    return header + body + padding


def test_the_header_and_the_data() -> None:
    octets = datagram(frame_attribute(1, b"bob"), padding=b"padding")
    packet = decode(octets)
    assert (packet.code, packet.identifier, packet.length) == (1, 7, 25)
    assert packet.authenticator == AUTHENTICATOR
    assert packet.data == octets[:25]


def test_bytes_without_padding_are_kept_not_copied() -> None:
    octets = datagram(frame_attribute(1, b"bob"))
    assert decode(octets).data is octets


def test_a_buffer_is_copied_and_may_change_afterwards() -> None:
    buffer = bytearray(datagram(frame_attribute(1, b"bob")))
    packet = decode(memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert packet.get(1) == b"bob"


def test_first_all_and_absent() -> None:
    packet = decode(
        datagram(frame_attribute(33, b"a"), frame_attribute(1, b""), frame_attribute(33, b"b"))
    )
    assert packet.get(33) == b"a"
    assert packet.get_all(33) == [b"a", b"b"]
    assert packet.get(1) == b""
    assert packet.has(1)
    assert not packet.has(2)
    assert packet.get(2) is None
    assert packet.get_all(2) == []
    assert packet.attributes() == [(33, b"a"), (1, b""), (33, b"b")]


def test_a_number_has_four_octets() -> None:
    packet = decode(datagram(frame_attribute(5, b"\xff\0\0\1"), frame_attribute(6, b"\0\0\1")))
    assert packet.get_int(5) == 0xFF000001
    assert packet.get_int(6) is None
    assert packet.get_int(7) is None


def test_sub_attributes_of_a_vendor_in_one_and_in_several_attributes() -> None:
    together = frame_attribute(26, b"\0\0\0\x09" + b"\1\3a" + b"\2\3b" + b"\1\3c")
    packet = decode(
        datagram(together, frame_vendor_attribute(9, 1, b"d"), frame_vendor_attribute(311, 1, b"e"))
    )
    assert packet.get_vendor(9, 1) == b"a"
    assert packet.get_all_vendor(9, 1) == [b"a", b"c", b"d"]
    assert packet.get_all_vendor(9, 2) == [b"b"]
    assert packet.get_vendor(311, 1) == b"e"
    assert packet.get_vendor(311, 2) is None


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\0\0\x09", b"\0\0\0\x09\1", b"\0\0\0\x09\1\1"])
def test_a_malformed_vendor_attribute_stays_raw(content: bytes) -> None:
    packet = decode(datagram(frame_attribute(26, content)))
    assert packet.get_vendor(9, 1) is None
    assert packet.get_all_vendor(9, 1) == []
    assert packet.get(26) == content


def test_one_bad_end_makes_the_whole_vendor_attribute_raw() -> None:
    packet = decode(datagram(frame_attribute(26, b"\0\0\0\x09" + b"\1\3a" + b"\2\x09b")))
    assert packet.get_vendor(9, 1) is None


def test_the_known_codes_are_those_of_the_enum() -> None:
    accepted = set()
    for code in range(256):
        try:
            accepted.add(decode(datagram(code=code)).code)
        except Discard as discard:
            assert discard.reason is DiscardReason.UNKNOWN_CODE  # noqa: PT017
    assert accepted == {int(code) for code in Code}


def test_a_packet_is_made_by_decode_only() -> None:
    with pytest.raises(TypeError, match="decode"):
        Packet()


def test_repr_shows_no_content() -> None:
    assert repr(decode(datagram(frame_attribute(1, b"bob")))) == (
        "<Packet code=1 identifier=7 length=25>"
    )
