"""The vectors that RFC 2433 (B), RFC 2759 (9.2) and RFC 3079 (3.5) print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaad.radius.digests import md4
from aaad.radius.mschap import (
    challenge_hash,
    challenge_response,
    generate_authenticator_response,
    generate_nt_response,
    get_asymmetric_start_key,
    get_master_key,
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
        password_hash_hash=md4(HASH), nt_response=NT_RESPONSE, hashed_challenge=hashed
    )
    assert proof == b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def test_rfc_3079_section_3_5_start_keys() -> None:
    master = get_master_key(password_hash_hash=md4(HASH), nt_response=NT_RESPONSE)
    assert master.hex().upper() == "FDECE3717A8C838CB388E527AE3CDD31"
    short = get_asymmetric_start_key(master, size=8, server_sends=True)
    assert short.hex().upper() == "8B7CDC149B993A1B"
    whole = get_asymmetric_start_key(master, size=16, server_sends=True)
    assert whole.hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    assert get_asymmetric_start_key(master, size=16, server_sends=False) != whole


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
