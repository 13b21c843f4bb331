"""Credentials: each scheme keeps what its protocols need, and gives nothing away."""

from __future__ import annotations

import pytest

from ledger.credentials import (
    PASSWORD_OCTETS_MAX,
    PasswordError,
    make_credential,
    nt_hash,
    open_secret,
    prepare_password,
    verify_argon2,
    verify_pap,
)
from ledger.model import CredentialScheme
from ledger.seal import Sealer, SealError

SEALER = Sealer(bytes(32))
PASSWORD = "pässword".encode()


def test_the_nt_hash_is_that_of_rfc_2759() -> None:
    assert nt_hash(b"clientPass").hex() == "44ebba8d5312b8d611474411f56989ae"  # 9.2


def test_the_nt_hash_needs_utf_8() -> None:
    with pytest.raises(PasswordError, match="not UTF-8"):
        nt_hash(b"\xff")


@pytest.mark.parametrize("scheme", CredentialScheme)
def test_a_password_is_verified_in_every_scheme(scheme: CredentialScheme) -> None:
    credential = make_credential(SEALER, service_id=7, scheme=scheme, password=PASSWORD)
    secret = open_secret(SEALER, credential)
    assert PASSWORD not in credential.secret
    assert nt_hash(PASSWORD) not in credential.secret
    assert verify_pap(scheme, secret, PASSWORD)
    assert not verify_pap(scheme, secret, PASSWORD + b"x")
    assert not verify_pap(scheme, secret, b"\xff")
    assert not verify_pap(scheme, secret, b"")


def test_chap_finds_the_cleartext_and_ms_chap_the_hash() -> None:
    sealed = make_credential(
        SEALER, service_id=7, scheme=CredentialScheme.SEALED, password=b"\xff\x00"
    )
    hashed = make_credential(
        SEALER, service_id=7, scheme=CredentialScheme.NT_HASH, password=b"clientPass"
    )
    assert open_secret(SEALER, sealed) == b"\xff\x00"
    assert open_secret(SEALER, hashed) == nt_hash(b"clientPass")


@pytest.mark.parametrize("scheme", [CredentialScheme.SEALED, CredentialScheme.NT_HASH])
def test_a_credential_copied_to_another_service_does_not_open(scheme: CredentialScheme) -> None:
    from dataclasses import replace

    credential = make_credential(SEALER, service_id=7, scheme=scheme, password=b"secret")
    with pytest.raises(SealError, match="another row"):
        open_secret(SEALER, replace(credential, service_id=8))


@pytest.mark.parametrize("scheme", CredentialScheme)
@pytest.mark.parametrize("password", [b"", b"x" * (PASSWORD_OCTETS_MAX + 1)])
def test_a_password_that_no_packet_can_carry_is_refused(
    scheme: CredentialScheme, password: bytes
) -> None:
    with pytest.raises(PasswordError, match=f"{len(password)} octets"):
        prepare_password(scheme, password)


@pytest.mark.parametrize("verifier", [b"", b"$argon2id$broken", b"\xff"])
def test_a_verifier_that_is_none_fits_nothing(verifier: bytes) -> None:
    assert not verify_argon2(verifier, b"secret")


@pytest.mark.parametrize("scheme", CredentialScheme)
def test_no_secret_is_shown(scheme: CredentialScheme) -> None:
    prepared = prepare_password(scheme, b"topsecret")
    credential = make_credential(SEALER, service_id=7, scheme=scheme, password=b"topsecret")
    shown = repr(prepared) + repr(credential)
    assert "topsecret" not in shown
    assert "$argon2" not in shown
    assert repr(credential.secret) not in shown
