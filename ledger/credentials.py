"""Passwords at rest: how each scheme keeps one, and how it is checked.

CHAP needs the cleartext, MS-CHAP the NT hash (RFC 2759, 8.3), PAP a verifier. Hashing with argon2
takes tens of milliseconds: `prepare_password` and `verify_argon2` belong in a thread pool, never
inside a transaction or on the event loop. Sealing takes microseconds.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ledger.md4 import md4
from ledger.model import Credential, CredentialScheme
from ledger.seal import Sealer

PASSWORD_OCTETS_MAX = 128
"""What User-Password can carry (RFC 2865, 5.2)."""

# OWASP's second choice: 19 MiB, 2 passes; 34 ms here. Every verifier names its own parameters.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class PasswordError(ValueError):
    """A password that no service can have; the message says why."""


@dataclass(frozen=True, slots=True)
class PreparedPassword:
    """A password in the form of its scheme, not sealed yet. Never log it."""

    scheme: CredentialScheme
    material: bytes = field(repr=False)


def nt_hash(password: bytes) -> bytes:
    """NtPasswordHash (RFC 2759, 8.3). Raises PasswordError when the password is not UTF-8."""
    try:
        text = password.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PasswordError(
            "the password is not UTF-8, which MS-CHAP needs: choose another, or the sealed scheme"
        ) from error
    return md4(text.encode("utf-16-le"))


def prepare_password(scheme: CredentialScheme, password: bytes) -> PreparedPassword:
    """Turn a password into what its scheme keeps. Takes tens of milliseconds for argon2."""
    if not 1 <= len(password) <= PASSWORD_OCTETS_MAX:
        raise PasswordError(
            f"the password has {len(password)} octets: choose one of 1 to {PASSWORD_OCTETS_MAX}"
        )
    if scheme is CredentialScheme.NT_HASH:
        return PreparedPassword(scheme, nt_hash(password))
    if scheme is CredentialScheme.ARGON2:
        return PreparedPassword(scheme, _HASHER.hash(password).encode())
    return PreparedPassword(scheme, password)


def seal_password(sealer: Sealer, *, service_id: int, prepared: PreparedPassword) -> Credential:
    """The credential of a service: sealed, or the verifier that needs no seal."""
    secret = prepared.material
    if prepared.scheme is not CredentialScheme.ARGON2:
        secret = sealer.seal(secret, context=_context(service_id, prepared.scheme))
    return Credential(service_id=service_id, scheme=prepared.scheme, secret=secret)


def make_credential(
    sealer: Sealer, *, service_id: int, scheme: CredentialScheme, password: bytes
) -> Credential:
    """A credential from a password at once."""
    prepared = prepare_password(scheme, password)
    return seal_password(sealer, service_id=service_id, prepared=prepared)


def open_secret(sealer: Sealer, credential: Credential) -> bytes:
    """The cleartext, the NT hash or the argon2 verifier. Raises SealError."""
    if credential.scheme is CredentialScheme.ARGON2:
        return credential.secret
    return sealer.open(
        credential.secret, context=_context(credential.service_id, credential.scheme)
    )


def verify_argon2(verifier: bytes, password: bytes) -> bool:
    """Whether a password is the one of an argon2 verifier. Takes tens of milliseconds."""
    try:
        return _HASHER.verify(verifier.decode("ascii"), password)
    except (VerificationError, InvalidHashError, UnicodeDecodeError):
        return False


def verify_pap(scheme: CredentialScheme, secret: bytes, password: bytes) -> bool:
    """Whether a PAP password fits an opened secret of any scheme."""
    if scheme is CredentialScheme.ARGON2:
        return verify_argon2(secret, password)
    if scheme is CredentialScheme.SEALED:
        return hmac.compare_digest(secret, password)
    try:
        return hmac.compare_digest(secret, nt_hash(password))
    except PasswordError:
        return False


def _context(service_id: int, scheme: CredentialScheme) -> bytes:
    return f"credential/{service_id}/{scheme}".encode()
