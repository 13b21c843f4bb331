"""No octets make the decoder, its getters or the tools for people raise anything but Discard.

Arbitrary octets seldom pass the header, so most cases are packets whose octets were changed. Every
getter, the verification, the reply and the dissection run on whatever was decoded.
"""

import struct
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aaad.radius import attribute_types as types
from aaad.radius.attributes import decode_attribute, dissect, parse_pairs, printable
from aaad.radius.dictionary import AttributeDefinition, DictionaryError, load_dictionary
from aaad.radius.errors import Discard
from aaad.radius.packet import (
    Packet,
    Secret,
    decode,
    encode_reply,
    encode_request,
    verify_request,
    verify_response,
)
from aaad.radius.passwords import (
    decrypt_pap,
    nt_hash,
    salt_decrypt,
    verify_chap,
    verify_mschapv1,
    verify_mschapv2,
)

SECRET = Secret(b"testing123")
DICTIONARY = load_dictionary()
DEFINITIONS = list(DICTIONARY)
HASH = nt_hash(b"password")

octet_strings = st.binary(max_size=80)
codes = st.sampled_from([1, 2, 3, 4, 5, 11, 12, 40, 41, 42, 43, 44, 45])
# vendors' attributes and the types that verification looks at come up often
numbers = st.sampled_from([1, 2, 3, 26, 26, 26, 33, 79, 80, 80]) | st.integers(0, 255)
tlvs = st.builds(
    lambda number, value: bytes((number, len(value) + 2)) + value, numbers, octet_strings
)
vendor_tlvs = st.builds(
    lambda vendor, rest: b"\x1a" + bytes((len(rest) + 6,)) + struct.pack("!I", vendor) + rest,
    st.sampled_from([9, 311, 529]),
    st.lists(tlvs, max_size=2).map(b"".join) | octet_strings,
)


@st.composite
def well_formed(draw: st.DrawFn) -> bytes:
    body = b"".join(draw(st.lists(tlvs | vendor_tlvs, max_size=8)))
    header = bytes((draw(codes), draw(st.integers(0, 255)))) + struct.pack("!H", 20 + len(body))
    return header + draw(st.binary(min_size=16, max_size=16)) + body


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    octets = bytearray(draw(well_formed()))
    for _ in range(draw(st.integers(0, 4))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    end = draw(st.integers(0, len(octets)) | st.just(len(octets)))
    return bytes(octets[:end]) + draw(st.binary(max_size=4))


def use_every_getter(packet: Packet) -> None:
    for number in range(256):
        first, all_ = packet.get(number), packet.get_all(number)
        assert (first is not None) == packet.has(number) == bool(all_)
        assert first is None or first == all_[0]
        packet.get_int(number)
    for vendor in (0, 9, 311, 529, 2**32 - 1):
        for number in (0, 1, 11, 25, 255):
            values = packet.get_all_vendor(vendor, number)
            assert packet.get_vendor(vendor, number) == (values[0] if values else None)
    rebuilt = b"".join(bytes((n, len(v) + 2)) + v for n, v in packet.attributes())
    assert packet.data[20:] == rebuilt


def use_every_check(packet: Packet) -> None:
    decrypt_pap(packet, SECRET)
    verify_chap(packet, b"password")
    verify_mschapv1(packet, HASH)
    verify_mschapv2(packet, HASH, packet.get(types.USER_NAME) or b"")
    for value in packet.get_all(types.USER_NAME):
        salt_decrypt(value, secret=SECRET, request_authenticator=packet.authenticator)
    try:
        reply = encode_reply(packet, 2, b"", SECRET)
    except ValueError as error:
        assert "octets" in str(error)  # noqa: PT017
    else:
        assert decode(reply).get_all(types.PROXY_STATE) == packet.get_all(types.PROXY_STATE)
    for required in (True, False):
        try:
            verify_request(packet, SECRET, require_message_authenticator=required)
        except Discard:
            continue


def run_all(octets: bytes) -> None:
    rows = dissect(octets, DICTIONARY, SECRET)
    assert all(row.meaning.isprintable() and row.name.isprintable() for row in rows)
    try:
        verify_response(octets, bytes(20), SECRET)
    except Discard as discard:
        assert discard.reason  # noqa: PT017
    try:
        packet = decode(octets)
    except Discard:
        return
    use_every_getter(packet)
    use_every_check(packet)


@given(st.binary(max_size=200))
def test_arbitrary_octets(octets: bytes) -> None:
    run_all(octets)


@given(mutated())
def test_changed_packets(octets: bytes) -> None:
    run_all(octets)


@given(well_formed())
def test_well_formed_packets_are_decoded(octets: bytes) -> None:
    use_every_getter(decode(octets))


@given(codes.filter(lambda code: code in (1, 4, 12, 40, 43)), st.lists(tlvs, max_size=8))
def test_whatever_is_encoded_verifies(code: int, attributes: list[bytes]) -> None:
    body = b"".join(each for each in attributes if each[0] != types.MESSAGE_AUTHENTICATOR)
    packet = decode(encode_request(code, 1, body, SECRET))
    verify_request(packet, SECRET, require_message_authenticator=True)
    assert packet.data.endswith(body)


@given(st.sampled_from(DEFINITIONS), octet_strings)
def test_any_value_has_printable_words(definition: AttributeDefinition, value: bytes) -> None:
    assert decode_attribute(definition, value).isprintable()
    assert printable(value).isprintable()


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]+-[A-Z][a-z]+ ?[:=]= ?.{0,20}"))
def test_any_text_is_pairs_or_a_value_error(text: str) -> None:
    try:
        encoded = parse_pairs(text, DICTIONARY)
    except ValueError as error:
        assert str(error).startswith("line ")  # noqa: PT017
    else:
        decode(b"\1\1" + struct.pack("!H", 20 + len(encoded)) + bytes(16) + encoded)


dictionary_words = st.sampled_from(
    [
        "ATTRIBUTE",
        "VALUE",
        "VENDOR",
        "BEGIN-VENDOR",
        "END-VENDOR",
        "$INCLUDE-",
        "A",
        "B",
        "House",
        "1",
        "2.1",
        "0x1f",
        "999",
        "65000",
        "-1",
        "string",
        "Integer",
        "tlv",
        "octets[16]",
        "date",
        "has_tag",
        "encrypt=2",
        "encrypt=9",
        "format=1,1",
        "format=x",
        "array",
        "#",
        "ü",
        "..",
        "=",
    ]
)
dictionary_lines = st.lists(dictionary_words, max_size=6).map(" ".join) | st.text(max_size=20)


@given(st.lists(dictionary_lines, max_size=8))
def test_any_dictionary_is_read_or_a_dictionary_error(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        extra = Path(folder) / "house"
        extra.write_text("\n".join(lines), encoding="utf-8", errors="replace")
        try:
            dictionary = load_dictionary([extra])
        except DictionaryError as error:
            assert "house" in str(error)  # noqa: PT017
        else:
            assert dictionary.by_name("User-Name") is not None
