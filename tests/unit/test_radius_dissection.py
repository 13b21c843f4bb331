"""Every octet of a packet stands in a row, and the last row says what the decoder would."""

from aaad.radius.dictionary import load_dictionary
from aaad.radius.dissection import Row, dissect
from aaad.radius.packet import Secret, encode_request
from aaad.radius.pairs import parse_pairs
from aaad.radius.values import Hiding

DICTIONARY = load_dictionary()
SECRET = Secret(b"testing123")
HIDING = Hiding(SECRET, bytes(range(16)))
ATTRIBUTES = parse_pairs(
    r"""
    User-Name = "bob\x1b[2J"
    User-Password = geheim
    Service-Type = Framed-User
    Mikrotik-Rate-Limit = 1M/2M
    Attr-26.9999.1 = 0xff
    Attr-200 = 0x01
    """,
    DICTIONARY,
    hiding=HIDING,
)
REQUEST = encode_request(1, 5, ATTRIBUTES, SECRET, authenticator=HIDING.authenticator)


def meanings(rows: list[Row]) -> dict[str, str]:
    return {row.name: row.meaning for row in rows}


def test_with_the_secret() -> None:
    shown = meanings(dissect(REQUEST, DICTIONARY, SECRET))
    assert shown["Code"] == "Access-Request (1)"
    assert shown["User-Name"] == '"bob\\x1b[2J"'
    assert shown["User-Password"] == '"geheim"'
    assert shown["Service-Type"] == "Framed-User (2)"
    assert shown["Mikrotik-Rate-Limit"] == '"1M/2M"'
    assert shown["Attr-26.9999.1"] == '"\\xff"'
    assert shown["Attr-200"] == '"\\x01"'
    assert shown["Verdict"] == "well-formed, signed with this secret"


def test_without_the_secret_no_password_is_shown() -> None:
    shown = meanings(dissect(REQUEST, DICTIONARY))
    assert shown["User-Password"] == "hidden, 16 octets"
    assert "give the secret" in shown["Verdict"]


def test_with_a_wrong_secret_the_verdict_is_the_decoders() -> None:
    shown = meanings(dissect(REQUEST, DICTIONARY, Secret(b"other")))
    assert shown["Verdict"].startswith("discarded: bad_message_authenticator; ")


def test_offsets_point_at_the_octets() -> None:
    for row in dissect(REQUEST, DICTIONARY):
        octets = bytes.fromhex(row.raw)
        assert octets in REQUEST[row.offset : row.offset + 8 + len(octets)]


def test_malformed_ends_and_padding_are_shown() -> None:
    header = b"\1\1\0\x19" + bytes(16)
    for tail, name, meaning in (
        (b"\1\x20abc", "Malformed", "length 32 where 5 octets are left"),
        (b"\1\1abc", "Malformed", "length 1: the least is 2"),
        (b"\1\4ab\1", "Malformed", "one octet is left"),
        (b"\1\5abcpad", "Padding", "ignored"),
        (b"\x1a\5\0\0\0", "Vendor-Specific", "0, not in sub-attributes"),
    ):
        shown = meanings(dissect(header + tail, DICTIONARY, SECRET))
        assert meaning in shown[name]
        assert shown["Verdict"]


def test_less_than_a_header() -> None:
    shown = meanings(dissect(b"\1\2", DICTIONARY))
    assert shown["Verdict"].startswith("discarded: too_short; ")


def test_a_response_and_an_unsigned_request() -> None:
    assert "response" in meanings(dissect(b"\2\1\0\x14" + bytes(16), DICTIONARY))["Verdict"]
    unsigned = meanings(dissect(b"\1\1\0\x14" + bytes(16), DICTIONARY, SECRET))
    assert "can be forged" in unsigned["Verdict"]
