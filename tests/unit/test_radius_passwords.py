"""Passwords in packets: right ones pass, wrong and malformed ones fail, replies carry keys."""

import struct

import pytest

from aaad.radius import attribute_types as types
from aaad.radius.digests import md4
from aaad.radius.framing import frame_attribute, frame_vendor_attribute
from aaad.radius.packet import Packet, Secret, decode, encode_request
from aaad.radius.passwords import (
    MsChapV2Success,
    chap_password,
    decrypt_pap,
    distinct_salts,
    encode_mppe_keys_v1,
    encode_mppe_keys_v2,
    encode_mschap2_success,
    encode_mschap_error,
    encrypt_pap,
    nt_hash,
    random_salt,
    salt_decrypt,
    salt_encrypt,
    verify_chap,
    verify_mschapv1,
    verify_mschapv2,
)
from aaad.radius.secret import reveal

SECRET = Secret(b"xyzzy5461")
AUTHENTICATOR = bytes(range(16))
# RFC 2759 section 9.2
CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
HASH = nt_hash(b"clientPass")


def access_request(*attributes: bytes) -> Packet:
    return decode(encode_request(1, 1, b"".join(attributes), SECRET, authenticator=AUTHENTICATOR))


def microsoft(number: int, value: bytes) -> bytes:
    return frame_vendor_attribute(types.MICROSOFT, number, value)


@pytest.mark.parametrize("password", [b"", b"a", b"x" * 16, b"x" * 17, b"\xff" * 128])
def test_pap_round_trip(password: bytes) -> None:
    hidden = encrypt_pap(password, secret=SECRET, authenticator=AUTHENTICATOR)
    packet = access_request(frame_attribute(types.USER_PASSWORD, hidden))
    assert decrypt_pap(packet, SECRET) == password
    assert decrypt_pap(packet, Secret(b"other")) != password


def test_pap_that_is_absent_or_of_a_wrong_size() -> None:
    assert decrypt_pap(access_request(), SECRET) is None
    for size in (0, 15, 17, 144):
        packet = access_request(frame_attribute(types.USER_PASSWORD, bytes(size)))
        assert decrypt_pap(packet, SECRET) is None
    with pytest.raises(ValueError, match="129 octets"):
        encrypt_pap(bytes(129), secret=SECRET, authenticator=AUTHENTICATOR)


def test_chap_with_the_challenge_in_an_attribute_or_in_the_header() -> None:
    for challenge, extra in ((b"c" * 20, frame_attribute(60, b"c" * 20)), (AUTHENTICATOR, b"")):
        value = chap_password(b"secret", identifier=200, challenge=challenge)
        packet = access_request(frame_attribute(types.CHAP_PASSWORD, value), extra)
        assert verify_chap(packet, b"secret")
        assert not verify_chap(packet, b"Secret")


def test_chap_that_is_absent_or_of_a_wrong_size() -> None:
    assert not verify_chap(access_request(), b"")
    assert not verify_chap(access_request(frame_attribute(3, bytes(16))), b"")


def mschapv1(*, flags: int = 1, challenge: bytes = b"", response_size: int = 24) -> Packet:
    answer = bytes.fromhex("4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61")[:response_size]
    return access_request(
        microsoft(11, challenge or bytes.fromhex("102DB5DF085D3041")),
        microsoft(1, bytes((9, flags)) + bytes(24) + answer),
    )


def test_mschapv1_of_rfc_2433() -> None:
    assert verify_mschapv1(mschapv1(), nt_hash(b"MyPw"))
    assert not verify_mschapv1(mschapv1(), nt_hash(b"mypw"))


def test_mschapv1_that_is_malformed_or_of_lan_manager_only() -> None:
    assert not verify_mschapv1(mschapv1(flags=0), nt_hash(b"MyPw"))
    assert not verify_mschapv1(mschapv1(challenge=bytes(16)), nt_hash(b"MyPw"))
    assert not verify_mschapv1(mschapv1(response_size=23), nt_hash(b"MyPw"))
    assert not verify_mschapv1(access_request(), nt_hash(b"MyPw"))


def mschapv2(*, challenge: bytes = CHALLENGE, response: bytes = NT_RESPONSE) -> Packet:
    return access_request(
        microsoft(11, challenge),
        microsoft(25, b"\x2a\0" + PEER_CHALLENGE + bytes(8) + response),
    )


@pytest.mark.parametrize("user_name", [b"User", b"DOMAIN\\User"])
def test_mschapv2_of_rfc_2759_and_the_keys_of_rfc_3079(user_name: bytes) -> None:
    success = verify_mschapv2(mschapv2(), HASH, user_name)
    assert success is not None
    assert success.identifier == 0x2A
    assert success.authenticator_response == b"S=407A5589115FD0D6209F510FE9C04566932CDA56"
    assert success.send_key.hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    assert "key" not in repr(success)


def test_mschapv2_that_is_wrong_or_malformed() -> None:
    assert verify_mschapv2(mschapv2(), nt_hash(b"other"), b"User") is None
    assert verify_mschapv2(mschapv2(), HASH, b"user") is None
    assert verify_mschapv2(mschapv2(challenge=CHALLENGE[:8]), HASH, b"User") is None
    assert verify_mschapv2(mschapv2(response=NT_RESPONSE[:-1]), HASH, b"User") is None
    assert verify_mschapv2(access_request(), HASH, b"User") is None
    with pytest.raises(ValueError, match="NT hash of 3 octets"):
        verify_mschapv2(mschapv2(), b"abc", b"User")


SUCCESS = MsChapV2Success(7, b"S=" + b"A" * 40, send_key=b"s" * 16, recv_key=b"r" * 16)


def test_the_success_for_the_reply() -> None:
    packet = access_request(encode_mschap2_success(SUCCESS))
    assert packet.get_vendor(types.MICROSOFT, types.MS_CHAP2_SUCCESS) == b"\7S=" + b"A" * 40


def test_two_salts_are_marked_and_differ() -> None:
    assert distinct_salts(b"\0\1\2\3") == (b"\x80\1", b"\x82\3")
    assert distinct_salts(b"\0\1\x80\1") == (b"\x80\1", b"\x80\0")
    assert random_salt()[0] & 0x80


def test_the_mppe_keys_come_out_again_and_their_salts_differ() -> None:
    encoded = encode_mppe_keys_v2(SUCCESS, secret=SECRET, request_authenticator=AUTHENTICATOR)
    packet = access_request(encoded)
    sent = packet.get_vendor(types.MICROSOFT, types.MS_MPPE_SEND_KEY)
    received = packet.get_vendor(types.MICROSOFT, types.MS_MPPE_RECV_KEY)
    assert sent is not None
    assert received is not None
    assert sent[:2] != received[:2]
    assert sent[0] & 0x80
    for value, key in ((sent, SUCCESS.send_key), (received, SUCCESS.recv_key)):
        plain = salt_decrypt(value, secret=SECRET, request_authenticator=AUTHENTICATOR)
        assert plain == key
    assert packet.get_vendor(types.MICROSOFT, 7) == struct.pack("!I", 1)
    assert packet.get_vendor(types.MICROSOFT, 8) == struct.pack("!I", 6)


def test_the_keys_of_version_1() -> None:
    encoded = encode_mppe_keys_v1(HASH, secret=SECRET, request_authenticator=AUTHENTICATOR)
    value = access_request(encoded).get_vendor(types.MICROSOFT, types.MS_CHAP_MPPE_KEYS)
    assert value is not None
    plain = reveal(value, secret=SECRET, vector=AUTHENTICATOR)
    assert plain == bytes(8) + md4(HASH) + bytes(8)


def test_the_error_of_a_reject() -> None:
    encoded = encode_mschap_error(identifier=7, challenge=CHALLENGE, version=3)
    value = access_request(encoded).get_vendor(types.MICROSOFT, types.MS_CHAP_ERROR)
    assert value == (b"\7E=691 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Authentication failed")
    short = encode_mschap_error(identifier=7, challenge=bytes(8), version=2)
    assert short.endswith(b"C=0000000000000000 V=2")


def test_salted_text_that_is_broken() -> None:
    keywords = {"secret": SECRET, "request_authenticator": AUTHENTICATOR}
    assert salt_decrypt(b"", **keywords) is None
    assert salt_decrypt(b"\x80\0", **keywords) is None
    assert salt_decrypt(b"\x80\0" + bytes(15), **keywords) is None
    hidden = salt_encrypt(bytes(239), salt=b"\x80\0", **keywords)
    assert salt_decrypt(hidden, **keywords) == bytes(239)
    with pytest.raises(ValueError, match="leftmost bit"):
        salt_encrypt(b"", salt=b"\0\0", **keywords)
    with pytest.raises(ValueError, match="240 octets"):
        salt_encrypt(bytes(240), salt=b"\x80\0", **keywords)
