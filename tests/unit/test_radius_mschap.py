"""The vectors that RFC 2433 (B), RFC 2759 (9.2), RFC 3079 (3.5) and NIST print, and what other
implementations of DES and SHA-1 compute."""

import hashlib

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from hypothesis import example, given
from hypothesis import strategies as st

from aaad.radius.digests import md4
from aaad.radius.mschap import (
    challenge_hash,
    challenge_response,
    des_encrypt,
    generate_authenticator_response,
    generate_nt_response,
    get_session_keys,
    nt_hash,
)
from ledger import credentials

CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
HASH = nt_hash(b"clientPass")


def test_rfc_2433_appendix_b() -> None:
    assert nt_hash(b"MyPw").hex().upper() == "FC156AF7EDCD6C0EDDE3337D427F4EAC"
    response = challenge_response(
        challenge=bytes.fromhex("102DB5DF085D3041"), password_hash=nt_hash(b"MyPw")
    )
    assert response.hex().upper() == "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61"


def test_rfc_2759_section_9_2() -> None:
    assert HASH.hex().upper() == "44EBBA8D5312B8D611474411F56989AE"
    assert md4(HASH).hex().upper() == "41C00C584BD2D91C4017A2A12FA59F3F"
    hashed = challenge_hash(peer_challenge=PEER_CHALLENGE, challenge=CHALLENGE, user_name=b"User")
    assert hashed.hex().upper() == "D02E4386BCE91226"
    response = generate_nt_response(
        challenge=CHALLENGE,
        peer_challenge=PEER_CHALLENGE,
        user_name=b"User",
        password_hash=HASH,
    )
    assert response == NT_RESPONSE
    proof = generate_authenticator_response(
        password_hash=HASH, nt_response=NT_RESPONSE, hashed_challenge=hashed
    )
    assert proof == b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def test_rfc_3079_section_3_5_start_keys() -> None:
    send_key, recv_key = get_session_keys(password_hash=HASH, nt_response=NT_RESPONSE)
    assert send_key.hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    master = bytes.fromhex("FDECE3717A8C838CB388E527AE3CDD31")
    magic = b"On the client side, this is the send key; on the server side, it is the receive key."
    told = hashlib.sha1(master + bytes(40) + magic + b"\xf2" * 40).digest()
    assert recv_key == told[:16]


def test_octets_of_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="15 octets: give 16"):
        challenge_response(challenge=bytes(8), password_hash=bytes(15))
    with pytest.raises(ValueError, match="23 octets: give 24"):
        get_session_keys(password_hash=HASH, nt_response=bytes(23))


@given(user_name=st.binary(max_size=253))
def test_the_challenge_hash_is_sha_1_at_every_length(user_name: bytes) -> None:
    hashed = challenge_hash(peer_challenge=PEER_CHALLENGE, challenge=CHALLENGE, user_name=user_name)
    assert hashed == hashlib.sha1(PEER_CHALLENGE + CHALLENGE + user_name).digest()[:8]


def test_a_password_that_is_no_text_has_no_nt_hash() -> None:
    assert nt_hash("Grüße".encode()) == md4("Grüße".encode("utf-16-le"))
    with pytest.raises(ValueError, match="utf-8"):
        nt_hash(b"Gr\xfc\xdfe")


@given(password=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_a_password_has_the_same_nt_hash_where_it_is_set_and_where_it_is_checked(
    password: bytes,
) -> None:
    try:
        kept = credentials.nt_hash(password)
    except credentials.PasswordError:
        with pytest.raises(ValueError, match="utf-8"):
            nt_hash(password)
    else:
        assert nt_hash(password) == kept


def without_parity(key: bytes) -> bytes:
    """The 56 bits of a key of 8 octets: the lowest bit of each is parity."""
    bits = 0
    for octet in key:
        bits = bits << 7 | octet >> 1
    return bits.to_bytes(7, "big")


def with_parity(key: bytes) -> bytes:
    """The reverse; DES ignores the parity."""
    bits = int.from_bytes(key, "big")
    return bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))


@pytest.mark.parametrize(
    ("key", "block", "encrypted"),
    [  # NIST SP 800-17, appendices A and B: each tests another table
        ("0101010101010101", "8000000000000000", "95F8A5E5DD31D900"),  # initial permutation
        ("0101010101010101", "0000000000000001", "166B40B44ABA4BD6"),
        ("8001010101010101", "0000000000000000", "95A8D72813DAA94D"),  # permuted choice 1
        ("0101010101010102", "0000000000000000", "869EFD7F9F265A09"),
        ("1046913489980131", "0000000000000000", "88D55E54F54C97B4"),  # permutation P
        ("7CA110454A1A6E57", "01A1D6D039776742", "690F5B0D9A26939B"),  # S-boxes
        ("0131D9619DC1376E", "5CD54CA83DEF57DA", "7A389D10354BD271"),
        ("1C587F1C13924FEF", "305532286D6F295A", "63FAC0D034D9F793"),
    ],
)
def test_known_answers_of_nist(key: str, block: str, encrypted: str) -> None:
    found = des_encrypt(bytes.fromhex(block), without_parity(bytes.fromhex(key)))
    assert found.hex().upper() == encrypted


@given(block=st.binary(min_size=8, max_size=8), key=st.binary(min_size=7, max_size=7))
@example(block=bytes(8), key=b"\xff" * 7)
def test_it_agrees_with_the_library(block: bytes, key: bytes) -> None:
    """Triple DES with three equal keys is DES."""
    encryptor = Cipher(TripleDES(with_parity(key) * 3), modes.ECB()).encryptor()
    assert des_encrypt(block, key) == encryptor.update(block) + encryptor.finalize()


@pytest.mark.parametrize(("block", "key"), [(bytes(7), bytes(7)), (bytes(8), bytes(8))])
def test_other_sizes_are_refused(block: bytes, key: bytes) -> None:
    with pytest.raises(ValueError, match="octets: give"):
        des_encrypt(block, key)
