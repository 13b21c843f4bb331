"""The codec and pyrad 2.6, which shares no line with it, read and write the same octets.

Where they differ on purpose, we are the stricter ones, and each difference is a test here:

* an attribute that overruns the packet: pyrad takes what is left (RFC 2865 section 5 says discard)
* a length field over 4096: pyrad takes up to 8192 (RFC 2865 section 3)
* an unknown code: pyrad decodes it (RFC 2865 section 3 says discard)
"""

import hashlib
import hmac
import logging
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad import packet as pyrad_packet
from pyrad.dictionary import Dictionary as PyradDictionary

from aaad.radius.codes import Code
from aaad.radius.decoder import decode
from aaad.radius.dictionary import OWN_FOLDER, load_dictionary
from aaad.radius.digests import hmac_md5, md5
from aaad.radius.errors import Discard, DiscardReason
from aaad.radius.packet import (
    Secret,
    encode_reply,
    encode_request,
    verify_request,
    verify_response,
)
from aaad.radius.passwords import decrypt_pap, encrypt_pap, salt_decrypt
from aaad.radius.secret import hide, reveal
from aaad.radius.values import Hiding, encode_attribute

KEY = b"testing123"
SECRET = Secret(KEY)
DICTIONARY = load_dictionary()
# FreeRADIUS calls them strings; their RFC 5580 says octets
TYPED_OTHERWISE = frozenset({"Extended-Location-Policy-Rules"})
FREERADIUS_FOLDER = Path("/usr/share/freeradius")


def pyrad_dictionary() -> PyradDictionary:
    return PyradDictionary(*sorted(str(path) for path in OWN_FOLDER.iterdir()))


THEIRS = pyrad_dictionary()

# no Vendor-Specific, and no Message-Authenticator, which signing adds
numbers = st.integers(1, 255).filter(lambda number: number not in (26, 80))
values = st.binary(max_size=60)
attribute_lists = st.lists(st.tuples(numbers, values), max_size=10)
# a reply's Proxy-State comes from the request
replies = attribute_lists.map(lambda each: [(n, v) for n, v in each if n != 33])
authenticators = st.binary(min_size=16, max_size=16)


def joined(attributes: list[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes((number, len(value) + 2)) + value for number, value in attributes)


def grouped(attributes: list[tuple[int, bytes]]) -> dict[int, list[bytes]]:
    groups: dict[int, list[bytes]] = {}
    for number, value in attributes:
        groups.setdefault(number, []).append(value)
    return groups


@given(attribute_lists, st.sampled_from(list(Code)), st.integers(0, 255), authenticators)
def test_both_decode_the_same(
    attributes: list[tuple[int, bytes]], code: Code, identifier: int, authenticator: bytes
) -> None:
    body = joined(attributes)
    octets = struct.pack("!BBH", code, identifier, 20 + len(body)) + authenticator + body
    ours = decode(octets)
    theirs = pyrad_packet.Packet(packet=octets)
    assert (ours.code, ours.identifier, ours.authenticator) == (
        theirs.code,
        theirs.id,
        theirs.authenticator,
    )
    assert grouped(ours.attributes()) == {k: list(theirs[k]) for k in theirs}
    assert ours.attributes() == attributes


@given(
    st.integers(1, 2**32 - 1),
    st.lists(st.tuples(st.integers(0, 255), values), min_size=1, max_size=4),
)
def test_both_decode_the_same_vendor_attributes(
    vendor: int, attributes: list[tuple[int, bytes]]
) -> None:
    content = struct.pack("!I", vendor) + joined(attributes)
    if len(content) > 253:
        content = content[:4] + joined(attributes[:1])
        attributes = attributes[:1]
    body = bytes((26, len(content) + 2)) + content
    octets = struct.pack("!BBH", 1, 1, 20 + len(body)) + bytes(16) + body
    ours = decode(octets)
    theirs = pyrad_packet.Packet(packet=octets, dict=THEIRS)
    for number, expected in grouped(attributes).items():
        assert ours.get_all_vendor(vendor, number) == expected == list(theirs[vendor, number])
        assert ours.get_vendor(vendor, number) == expected[0]


@given(attribute_lists, authenticators)
def test_pyrad_accepts_our_access_request_and_we_its_reply(
    attributes: list[tuple[int, bytes]], authenticator: bytes
) -> None:
    request = encode_request(
        Code.ACCESS_REQUEST, 7, joined(attributes), SECRET, authenticator=authenticator
    )
    theirs = pyrad_packet.AuthPacket(packet=request, secret=KEY, dict=THEIRS)
    assert theirs.verify_message_authenticator()
    reply = theirs.CreateReply()
    answer = verify_response(reply.ReplyPacket(), request, SECRET)
    assert answer.get_all(33) == decode(request).get_all(33)


@given(attribute_lists, replies, st.booleans())
def test_pyrad_accepts_our_replies(
    attributes: list[tuple[int, bytes]], given_back: list[tuple[int, bytes]], accounting: bool
) -> None:
    code, answer_code = (4, 5) if accounting else (1, 2)
    kind = pyrad_packet.AcctPacket if accounting else pyrad_packet.AuthPacket
    request = encode_request(code, 7, joined(attributes), SECRET)
    theirs = kind(packet=request, secret=KEY, dict=THEIRS)
    reply = encode_reply(decode(request), answer_code, joined(given_back), SECRET)
    answer = theirs.CreateReply(packet=reply)
    assert theirs.VerifyReply(answer, reply)
    assert theirs.VerifyReply(answer, reply, enforce_ma=True)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (pyrad_packet.AcctPacket, Code.ACCOUNTING_REQUEST),
        (pyrad_packet.CoAPacket, Code.DISCONNECT_REQUEST),
        (pyrad_packet.CoAPacket, Code.COA_REQUEST),
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_each_verifies_the_others_requests(kind: type, code: Code, signed: bool) -> None:
    theirs = kind(code=code, id=9, secret=KEY, dict=THEIRS)
    theirs["User-Name"] = "bob"
    theirs["Acct-Session-Id"] = "0001"
    if signed:
        theirs.add_message_authenticator()
    verify_request(decode(theirs.RequestPacket()), SECRET, require_message_authenticator=False)
    ours = encode_request(code, 9, b"\1\5bob", SECRET, message_authenticator=signed)
    decoded = kind(packet=ours, secret=KEY, dict=THEIRS)
    check = "VerifyAcctRequest" if code == Code.ACCOUNTING_REQUEST else "VerifyCoARequest"
    assert getattr(decoded, check)()
    assert not signed or decoded.verify_message_authenticator()


@given(st.binary(max_size=128).map(lambda text: text.rstrip(b"\0")), authenticators)
def test_both_hide_a_password_alike(password: bytes, authenticator: bytes) -> None:
    theirs = pyrad_packet.AuthPacket(secret=KEY, authenticator=authenticator, dict=THEIRS)
    hidden = encrypt_pap(password, secret=SECRET, authenticator=authenticator)
    assert theirs.PwCrypt(password) == hidden
    octets = struct.pack("!BBH", 1, 1, 22 + len(hidden)) + authenticator + joined([(2, hidden)])
    assert decrypt_pap(decode(octets), SECRET) == password


@given(st.binary(max_size=200), authenticators)
def test_pyrad_decrypts_our_salted_text(plain: bytes, authenticator: bytes) -> None:
    definition = DICTIONARY.require("MS-MPPE-Send-Key")
    encoded = encode_attribute(definition, plain, hiding=Hiding(SECRET, authenticator))
    theirs = pyrad_packet.AuthPacket(secret=KEY, authenticator=authenticator, dict=THEIRS)
    assert theirs.SaltDecrypt(encoded[8:]) == plain
    again = salt_decrypt(
        theirs.SaltCrypt(plain), secret=SECRET, request_authenticator=authenticator
    )
    assert again == plain


SAMPLES: dict[str, list[str | int]] = {
    "string": ["bob", "ünï"],
    "octets": ["0x00ff"],
    "integer": [0, 2**32 - 1],
    "byte": [255],
    "integer64": [2**64 - 1],
    "date": [1_767_323_045],
    "ipaddr": ["192.0.2.1"],
    "ipv6addr": ["2001:db8::1"],
    "ifid": ["0:1:ab:ffff"],
}


@pytest.mark.parametrize(
    "name", [each.name for each in DICTIONARY if not each.encrypt and not each.has_tag]
)
def test_both_encode_every_attribute_alike(name: str) -> None:
    definition = DICTIONARY.require(name)
    named = list(definition.values)[:2]
    for sample in [*SAMPLES.get(definition.type, []), *named]:
        theirs = pyrad_packet.AuthPacket(secret=KEY, dict=THEIRS, authenticator=bytes(16))
        theirs.AddAttribute(name, sample)
        assert encode_attribute(definition, sample) == theirs._PktEncodeAttributes()


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=100))
def test_the_digests_have_their_twins(text: bytes, key: bytes) -> None:
    assert md5(text) == hashlib.md5(text).digest()
    assert hmac_md5(key, text) == hmac.digest(key, text, "md5")


@given(st.binary(max_size=80), st.binary(min_size=1, max_size=80), authenticators)
def test_hiding_has_its_twin(plain: bytes, key: bytes, vector: bytes) -> None:
    padded = plain + bytes(-len(plain) % 16)
    expected, last = b"", vector
    for at in range(0, len(padded), 16):
        mask = hashlib.md5(key + last).digest()
        last = bytes(a ^ b for a, b in zip(padded[at : at + 16], mask, strict=True))
        expected += last
    hidden = hide(plain, secret=Secret(key), vector=vector)
    assert hidden == expected
    assert reveal(hidden, secret=Secret(key), vector=vector) == padded


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\1\1\0\x19" + bytes(16) + b"\1\x20abc", DiscardReason.ATTRIBUTE_OVERRUN),
        (b"\1\1\x10\x01" + bytes(16) + (b"\1\xff" + bytes(253)) * 15 + b"\1\xfc" + bytes(250),
         DiscardReason.TOO_LONG),
        (b"\xc8\1\0\x14" + bytes(16), DiscardReason.UNKNOWN_CODE),
    ],
)  # fmt: skip
def test_where_we_are_stricter(octets: bytes, reason: DiscardReason) -> None:
    assert pyrad_packet.Packet(packet=octets).code == octets[0]
    with pytest.raises(Discard) as caught:
        decode(octets)
    assert caught.value.reason is reason


@given(st.binary(max_size=40))
def test_both_keep_a_broken_vendor_attribute_raw(content: bytes) -> None:
    octets = struct.pack("!BBH", 1, 1, 22 + len(content)) + bytes(16) + joined([(26, content)])
    ours = decode(octets)
    theirs = pyrad_packet.Packet(packet=octets, dict=THEIRS)
    assert ours.get(26) == content
    for key in set(theirs.keys()) - {26}:
        vendor, number = THEIRS.attrindex.forward.get(key, key)
        assert ours.get_all_vendor(vendor, number)
    if 26 in theirs:
        assert not any(ours.get_all_vendor(9, number) for number in range(256))


@pytest.mark.skipif(
    not FREERADIUS_FOLDER.is_dir(), reason="needs the dictionaries of freeradius-common"
)
def test_our_tables_agree_with_those_of_freeradius(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="pyrad")
    everything = load_dictionary([FREERADIUS_FOLDER])
    for ours in DICTIONARY:
        theirs = everything.require(ours.name)
        assert (theirs.vendor, theirs.number) == (ours.vendor, ours.number), ours.name
        assert (theirs.encrypt, theirs.has_tag) == (ours.encrypt, ours.has_tag), ours.name
        if ours.name not in TYPED_OTHERWISE:
            assert theirs.type == ours.type, ours.name
