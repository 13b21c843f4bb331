"""radclient's notation: what is written is encoded in its order, and all mistakes are told."""

import pytest

from aaad.radius.dictionary import load_dictionary
from aaad.radius.framing import frame_attribute, frame_vendor_attribute
from aaad.radius.packet import Secret, decode, encode_request
from aaad.radius.pairs import parse_pairs
from aaad.radius.passwords import decrypt_pap, verify_chap
from aaad.radius.values import Hiding

DICTIONARY = load_dictionary()
SECRET = Secret(b"testing123")
HIDING = Hiding(SECRET, bytes(range(16)))


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("User-Name = bob", frame_attribute(1, b"bob")),
        ('User-Name="bob, the # 1"  # comment', frame_attribute(1, b"bob, the # 1")),
        (r'User-Name = "a\"b\\\n\x00\xff"', frame_attribute(1, b'a"b\\\n\0\xff')),
        ("User-Name := a b , NAS-Port += 5", frame_attribute(1, b"a b") + b"\5\6\0\0\0\5"),
        ('Cisco-AVPair = "ip:a=b"', frame_vendor_attribute(9, 1, b"ip:a=b")),
        ("Cisco-AVPair = ip:a=b", frame_vendor_attribute(9, 1, b"ip:a=b")),
        ("Tunnel-Type:2 = VLAN", b"\x40\x06\2\0\0\x0d"),
        ('NAS-Port = "5"', b"\5\6\0\0\0\5"),
        ("Attr-26.9999.1 = 0x00ff", frame_vendor_attribute(9999, 1, b"\0\xff")),
        ("Message-Authenticator = 0x00", b""),
        ("# nothing\n\n  \n,", b""),
        ("User-Name = ", frame_attribute(1, b"")),
        ("CHAP-Password = 0x0102", frame_attribute(3, b"\1\2")),
    ],
)
def test_what_is_written_is_encoded(text: str, encoded: bytes) -> None:
    assert parse_pairs(text, DICTIONARY) == encoded


def test_passwords_are_hidden_or_computed() -> None:
    encoded = parse_pairs("User-Password = a b\nCHAP-Password = geheim", DICTIONARY, hiding=HIDING)
    request = encode_request(1, 1, encoded, SECRET, authenticator=HIDING.authenticator)
    assert decrypt_pap(decode(request), SECRET) == b"a b"
    assert verify_chap(decode(request), b"geheim")


def test_all_mistakes_are_told_with_their_lines() -> None:
    text = 'User-Nam = x\nUser-Name = "open\nbare\nNAS-Port = many\nCHAP-Password = geheim'
    with pytest.raises(ValueError, match="User-Name") as caught:
        parse_pairs(text, DICTIONARY)
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"line {each}" for each in range(1, 6)]
    assert "geheim" not in str(caught.value)
