"""Values of every type, into octets and back into words; mistakes name attribute and remedy."""

import pytest

from aaad.radius.dictionary import AttributeDefinition, load_dictionary
from aaad.radius.packet import Secret
from aaad.radius.passwords import salt_decrypt
from aaad.radius.secret import reveal
from aaad.radius.values import Hiding, decode_attribute, encode_attribute, printable

DICTIONARY = load_dictionary()
SECRET = Secret(b"testing123")
AUTHENTICATOR = bytes(range(16))
HIDING = Hiding(SECRET, AUTHENTICATOR)


def typed(type_name: str, **keywords: bool) -> AttributeDefinition:
    return AttributeDefinition("Test", 0, 200, type_name, **keywords)


@pytest.mark.parametrize(
    ("name", "value", "octets", "text"),
    [
        ("User-Name", "bob", b"bob", '"bob"'),
        ("User-Name", b"\xff\0", b"\xff\0", '"\\xff\\x00"'),
        ("Session-Timeout", 3600, b"\0\0\x0e\x10", "3600"),
        ("Session-Timeout", "0x10", b"\0\0\0\x10", "16"),
        ("Session-Timeout", b"\0\0\0\1", b"\0\0\0\1", "1"),
        ("Service-Type", "framed-user", b"\0\0\0\2", "Framed-User (2)"),
        ("Framed-IP-Address", "192.0.2.1", b"\xc0\0\2\1", "192.0.2.1"),
        ("Framed-IP-Address", b"\xc0\0\2\1", b"\xc0\0\2\1", "192.0.2.1"),
        ("Event-Timestamp", 1767323045, b"\x69\x57\x35\xa5", "2026-01-02T03:04:05Z (1767323045)"),
        ("Event-Timestamp", "2026-01-02T04:04:05+01:00", b"\x69\x57\x35\xa5", None),
        ("NAS-IPv6-Address", "2001:db8::1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", "2001:db8::1"),
        (
            "Framed-IPv6-Prefix",
            "2001:db8::/32",
            b"\0\x20\x20\x01\x0d\xb8" + bytes(12),
            "2001:db8::/32",
        ),
        ("Framed-IPv6-Prefix", b"\0\x20\x20\x01\x0d\xb8", b"\0\x20\x20\x01\x0d\xb8", None),
        ("Framed-Interface-Id", "0:1:ab:FFFF", b"\0\0\0\1\0\xab\xff\xff", "0:1:ab:ffff"),
        ("Class", "0x0102", b"\1\2", "0x0102"),
        ("Class", "text", b"text", "0x74657874"),
        ("3GPP-RAT-Type", 6, b"\6", "6"),
        ("Acct-Input-Octets-64", 2**40, b"\0\0\1\0\0\0\0\0", str(2**40)),
    ],
)
def test_values_and_words(
    name: str, value: str | int | bytes, octets: bytes, text: str | None
) -> None:
    definition = DICTIONARY.require(name)
    encoded = encode_attribute(definition, value)
    assert encoded[-len(octets) :] == octets
    assert len(encoded) == len(octets) + (8 if definition.vendor else 2)
    if text is not None:
        assert decode_attribute(definition, octets) == text


def test_types_that_our_tables_do_not_use() -> None:
    assert encode_attribute(typed("signed"), -1)[2:] == b"\xff\xff\xff\xff"
    assert decode_attribute(typed("signed"), b"\xff\xff\xff\xff") == "-1"
    assert encode_attribute(typed("short"), 258)[2:] == b"\1\2"
    assert encode_attribute(typed("ether"), "00:1B:21:3c:9d:f8")[2:].hex() == "001b213c9df8"
    assert decode_attribute(typed("ether"), b"\0\x1b\x21\x3c\x9d\xf8") == "00:1b:21:3c:9d:f8"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("User-Name", "x" * 254, "User-Name = 'x+': 254 octets, 253 fit"),
        ("Mikrotik-Rate-Limit", "x" * 248, "248 octets, 247 fit"),
        ("User-Name", 7, "int: give text"),
        ("Session-Timeout", 2**32, "4294967296 does not fit 4 octets"),
        ("Session-Timeout", -1, "does not fit"),
        ("Session-Timeout", True, "bool: give a number"),
        ("Session-Timeout", "soon", "not a number; give one"),
        ("Session-Timeout", b"\1", "1 octets: integer has 4"),
        ("Prompt", "Maybe", "or a name of: No-Echo, Echo"),
        ("Framed-IP-Address", "1.2.3", "Expected 4 octets"),
        ("Framed-IP-Address", b"\1", "1 octets: give 4"),
        ("Framed-IPv6-Prefix", "2001:db8::1/32", "host bits set"),
        ("Framed-IPv6-Prefix", b"\0", "a prefix has 2 to 18"),
        ("Framed-Interface-Id", "1:2:3", "four groups"),
        ("Framed-Interface-Id", "1:2:3:-4", "four groups"),
        ("Event-Timestamp", "2026-01-02T03:04:05", "add Z or an offset"),
        ("Class", "0x1", "even number of digits"),
        ("User-Password", "geheim", "a hidden value: .*cannot stand in a fixed list"),
    ],
)
def test_a_mistake_names_attribute_value_and_remedy(
    name: str, value: str | int | bytes, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        encode_attribute(DICTIONARY.require(name), value)
    assert str(caught.value).startswith(name)
    assert "geheim" not in str(caught.value)


def test_tags() -> None:
    number = DICTIONARY.require("Tunnel-Type")
    assert encode_attribute(number, "L2TP") == b"\x40\x06\0\0\0\3"
    assert encode_attribute(number, "L2TP", tag=1) == b"\x40\x06\1\0\0\3"
    assert decode_attribute(number, b"\1\0\0\3") == "tag 1: L2TP (3)"
    assert decode_attribute(number, b"\0\0\0\3") == "L2TP (3)"
    text = DICTIONARY.require("Tunnel-Private-Group-Id")
    assert encode_attribute(text, "13", tag=0) == b"\x51\x0413"
    assert encode_attribute(text, "13", tag=2) == b"\x51\x05\x0213"
    assert encode_attribute(text, b"\1x") == b"\x51\x05\0\1x"
    assert decode_attribute(text, b"\x0213") == 'tag 2: "13"'
    assert decode_attribute(text, b"13") == '"13"'
    with pytest.raises(ValueError, match="tag 32"):
        encode_attribute(text, "13", tag=32)
    with pytest.raises(ValueError, match="takes no tag"):
        encode_attribute(DICTIONARY.require("User-Name"), "bob", tag=1)
    with pytest.raises(ValueError, match="does not fit 3 octets"):
        encode_attribute(number, 2**24)


def test_hidden_values() -> None:
    password = encode_attribute(DICTIONARY.require("User-Password"), "geheim", hiding=HIDING)
    clear = reveal(password[2:], secret=SECRET, vector=AUTHENTICATOR)
    assert clear.rstrip(b"\0") == b"geheim"
    definition = DICTIONARY.require("Tunnel-Password")
    tunnel = encode_attribute(definition, "geheim", tag=3, hiding=HIDING)
    assert tunnel[2] == 3
    plain = salt_decrypt(tunnel[3:], secret=SECRET, request_authenticator=AUTHENTICATOR)
    assert plain == b"geheim"
    assert decode_attribute(definition, tunnel[2:]) == "hidden, 19 octets"
    ascend = AttributeDefinition("Ascend-Send-Secret", 529, 214, "string", encrypt=3)
    with pytest.raises(ValueError, match="encryption 3"):
        encode_attribute(ascend, "x", hiding=HIDING)


@pytest.mark.parametrize("name", ["Session-Timeout", "Framed-IP-Address", "NAS-IPv6-Address"])
def test_a_value_of_a_wrong_size_is_shown_as_malformed(name: str) -> None:
    shown = decode_attribute(DICTIONARY.require(name), b"\1\2\3")
    assert "malformed" in shown
    assert "0x010203" in shown


def test_nothing_that_moves_a_cursor_gets_through() -> None:
    assert printable(b'\x1b[2J\r\n\t\\"') == '\\x1b[2J\\r\\n\\t\\\\\\"'
    assert printable("ü\u202e".encode() + b"\xff") == "ü\\u202e\\xff"
