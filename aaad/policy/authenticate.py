"""Whether a login proves its password: PAP, CHAP, MS-CHAP and MS-CHAPv2 (RFC 2865, 1994, 2433,
2759).

Pure. An argon2 verifier takes milliseconds and is checked in a thread beforehand; its outcome is a
fact here. What was tried is told, so that a refusal can be explained, and a rejected MS-CHAP gets
its MS-CHAP-Error.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aaad.policy.authorize import RejectReason
from aaad.radius import attribute_types as attribute
from aaad.radius.decoder import Packet
from aaad.radius.passwords import (
    decrypt_pap,
    encode_mppe_keys_v1,
    encode_mppe_keys_v2,
    encode_mschap2_success,
    encode_mschap_error,
    nt_hash,
    verify_chap,
    verify_mschapv1,
    verify_mschapv2,
)
from aaad.radius.secret import Secret

MSCHAP_V1 = 2
MSCHAP_V2 = 3
"""The V= of MS-CHAP-Error (RFC 2548 s.2.1.5, RFC 2759 s.6)."""


class Method(StrEnum):
    """How a login offers its password."""

    PAP = "PAP"
    CHAP = "CHAP"
    MSCHAP_V1 = "MS-CHAPv1"
    MSCHAP_V2 = "MS-CHAPv2"
    NONE = "none"


# A member of an enumeration costs a lookup through its class each time: looked up once.
_PAP: Final = Method.PAP
_CHAP: Final = Method.CHAP
_MSCHAP_V1: Final = Method.MSCHAP_V1
_MSCHAP_V2: Final = Method.MSCHAP_V2
_NONE: Final = Method.NONE


@dataclass(frozen=True, kw_only=True)
class Password:
    """What is known of a service's password: clear text, NT hash, or only a slow verifier."""

    clear: bytes | None = field(default=None, repr=False)
    nt_hash: bytes | None = field(default=None, repr=False)
    verifier: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Proof:
    """The verdict on a password. `reply` holds attributes that the Access-Accept or -Reject must
    carry.
    """

    method: Method
    refusal: RejectReason | None
    reply: bytes = b""


def method_of(packet: Packet) -> Method:
    """The method that a request uses; the strongest offered decides."""
    if packet.get_vendor(attribute.MICROSOFT, attribute.MS_CHAP2_RESPONSE) is not None:
        return _MSCHAP_V2
    if packet.get_vendor(attribute.MICROSOFT, attribute.MS_CHAP_RESPONSE) is not None:
        return _MSCHAP_V1
    if packet.has(attribute.CHAP_PASSWORD):
        return _CHAP
    if packet.has(attribute.USER_PASSWORD):
        return _PAP
    return _NONE


def needs_verifier(packet: Packet, password: Password | None) -> bool:
    """Whether this login has to be checked against a slow verifier first."""
    return password is not None and password.verifier is not None and method_of(packet) is _PAP


def authenticate(
    packet: Packet,
    secret: Secret,
    password: Password | None,
    *,
    user_name: bytes,
    allow_mschapv1: bool,
    verified: bool | None = None,
) -> Proof:
    """The proof of a login. `password` None: nobody has this name. `verified`: the verifier's
    outcome.
    """
    method = method_of(packet)
    if method is _NONE:
        return Proof(method, RejectReason.NO_PASSWORD)
    if method is _MSCHAP_V1 and not allow_mschapv1:
        return Proof(method, RejectReason.METHOD_NOT_ALLOWED, _error(packet, method))
    if password is None:
        return Proof(method, RejectReason.UNKNOWN_USER, _error(packet, method))
    if method is _PAP:
        return _pap(packet, secret, password, verified)
    if method is _CHAP:
        return _chap(packet, password)
    if method is _MSCHAP_V1:
        return _mschapv1(packet, secret, password)
    return _mschapv2(packet, secret, password, user_name)


def _pap(packet: Packet, secret: Secret, password: Password, verified: bool | None) -> Proof:
    if verified is not None:
        right = verified
    else:
        offered = decrypt_pap(packet, secret)
        right = offered is not None and _fits(offered, password)
    return Proof(_PAP, None if right else RejectReason.BAD_PASSWORD)


def _fits(offered: bytes, password: Password) -> bool:
    if password.clear is not None:
        return hmac.compare_digest(offered, password.clear)
    if password.nt_hash is not None:
        hashed = _nt_hash(offered)
        return hashed is not None and hmac.compare_digest(hashed, password.nt_hash)
    return False


def _chap(packet: Packet, password: Password) -> Proof:
    if password.clear is None:
        return Proof(_CHAP, RejectReason.METHOD_NOT_POSSIBLE)
    right = verify_chap(packet, password.clear)
    return Proof(_CHAP, None if right else RejectReason.BAD_PASSWORD)


def _mschapv1(packet: Packet, secret: Secret, password: Password) -> Proof:
    hashed = _hash_of(password)
    if hashed is None:
        return _refused(packet, _MSCHAP_V1, RejectReason.METHOD_NOT_POSSIBLE)
    if not verify_mschapv1(packet, hashed):
        return _refused(packet, _MSCHAP_V1, RejectReason.BAD_PASSWORD)
    keys = encode_mppe_keys_v1(hashed, secret=secret, request_authenticator=packet.authenticator)
    return Proof(_MSCHAP_V1, None, keys)


def _mschapv2(packet: Packet, secret: Secret, password: Password, user_name: bytes) -> Proof:
    hashed = _hash_of(password)
    if hashed is None:
        return _refused(packet, _MSCHAP_V2, RejectReason.METHOD_NOT_POSSIBLE)
    success = verify_mschapv2(packet, hashed, user_name)
    if success is None:
        return _refused(packet, _MSCHAP_V2, RejectReason.BAD_PASSWORD)
    keys = encode_mppe_keys_v2(success, secret=secret, request_authenticator=packet.authenticator)
    return Proof(_MSCHAP_V2, None, encode_mschap2_success(success) + keys)


def _hash_of(password: Password) -> bytes | None:
    if password.nt_hash is not None:
        return password.nt_hash
    return _nt_hash(password.clear) if password.clear is not None else None


def _nt_hash(password: bytes) -> bytes | None:
    """The NT hash; None for a password that is not UTF-8, which has none."""
    try:
        return nt_hash(password)
    except ValueError:
        return None


def _refused(packet: Packet, method: Method, reason: RejectReason) -> Proof:
    return Proof(method, reason, _error(packet, method))


def _error(packet: Packet, method: Method) -> bytes:
    """MS-CHAP-Error for a method that wants one."""
    if method is not _MSCHAP_V1 and method is not _MSCHAP_V2:
        return b""
    kind = attribute.MS_CHAP2_RESPONSE if method is _MSCHAP_V2 else attribute.MS_CHAP_RESPONSE
    response = packet.get_vendor(attribute.MICROSOFT, kind) or b"\0"
    challenge = packet.get_vendor(attribute.MICROSOFT, attribute.MS_CHAP_CHALLENGE) or b""
    return encode_mschap_error(
        identifier=response[0] if response else 0,
        challenge=challenge,
        version=MSCHAP_V2 if method is _MSCHAP_V2 else MSCHAP_V1,
    )
