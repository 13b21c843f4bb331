"""The password of an Access-Request: is it right, and what does the reply say about it.

PAP (RFC 2865 section 5.2), CHAP (RFC 1994, RFC 2865 section 5.3), MS-CHAP versions 1 and 2 with
the keys for MPPE (RFC 2548). A check that cannot be made because an attribute is missing or of a
wrong size is a check that fails. Every comparison takes the same time wherever the values differ.
"""

import hmac
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aaad.radius import attribute_types as types
from aaad.radius.decoder import Packet
from aaad.radius.digests import md4, md5
from aaad.radius.framing import frame_vendor_attribute
from aaad.radius.mschap import (
    CHALLENGE_V1_SIZE,
    CHALLENGE_V2_SIZE,
    NT_HASH_SIZE,
    NT_RESPONSE_SIZE,
    challenge_hash,
    challenge_response,
    generate_authenticator_response,
    get_session_keys,
    nt_hash,
)
from aaad.radius.secret import Secret, hide, reveal

__all__ = [
    "MsChapV2Success",
    "chap_password",
    "decrypt_pap",
    "distinct_salts",
    "encode_mppe_keys_v1",
    "encode_mppe_keys_v2",
    "encode_mschap2_success",
    "encode_mschap_error",
    "encrypt_pap",
    "nt_hash",
    "random_salt",
    "salt_decrypt",
    "salt_encrypt",
    "verify_chap",
    "verify_mschapv1",
    "verify_mschapv2",
]

PAP_PASSWORD_SIZE_MAX: Final = 128  # RFC 2865 section 5.2
CHAP_PASSWORD_SIZE: Final = 17  # identifier and MD5
MSCHAP_RESPONSE_SIZE: Final = 50  # both versions: RFC 2548 sections 2.1.3 and 2.3.2
MSCHAP_USES_NT: Final = 0x01  # flag of version 1: the NT response is the one to check
MSCHAP_AUTHENTICATION_FAILURE: Final = 691  # RFC 2433 section 6.1, RFC 2759 section 6
# RFC 2548 sections 2.4.4 and 2.4.5: encryption allowed, not demanded; 128-bit and 40-bit RC4
MPPE_ENCRYPTION_ALLOWED: Final = 1
MPPE_ENCRYPTION_TYPES: Final = 6
SALT_SIZE: Final = 2
SALT_MARK: Final = 0x80  # RFC 2868 section 3.5: the leftmost bit of a salt is set

_MPPE_SETTINGS: Final = frame_vendor_attribute(
    types.MICROSOFT, types.MS_MPPE_ENCRYPTION_POLICY, struct.pack("!I", MPPE_ENCRYPTION_ALLOWED)
) + frame_vendor_attribute(
    types.MICROSOFT, types.MS_MPPE_ENCRYPTION_TYPES, struct.pack("!I", MPPE_ENCRYPTION_TYPES)
)

SaltSource = Callable[[], bytes]


@dataclass(frozen=True)
class MsChapV2Success:
    """A login by MS-CHAPv2 that is right: what the reply must prove and hand over.

    `identifier` is the response's first octet, `authenticator_response` the `S=...` of RFC 2759;
    the keys are 16 octets, named from the NAS: it sends with `send_key`.
    """

    identifier: int
    authenticator_response: bytes
    send_key: bytes = field(repr=False)
    recv_key: bytes = field(repr=False)


def decrypt_pap(packet: Packet, secret: Secret) -> bytes | None:
    """The User-Password in clear, without its padding; None if absent or of a wrong size."""
    hidden = packet.get(types.USER_PASSWORD)
    if not hidden or len(hidden) % 16 or len(hidden) > PAP_PASSWORD_SIZE_MAX:
        return None
    return reveal(hidden, secret=secret, vector=packet.authenticator).rstrip(b"\0")


def encrypt_pap(password: bytes, *, secret: Secret, authenticator: bytes) -> bytes:
    """The value of a User-Password. Raises ValueError beyond 128 octets (RFC 2865 section 5.2)."""
    if len(password) > PAP_PASSWORD_SIZE_MAX:
        raise ValueError(
            f"a User-Password of {len(password)} octets: PAP carries {PAP_PASSWORD_SIZE_MAX}"
        )
    return hide(password or b"\0", secret=secret, vector=authenticator)


def verify_chap(packet: Packet, password: bytes) -> bool:
    """Whether CHAP-Password fits; the challenge is CHAP-Challenge, else the Authenticator."""
    response = packet.get(types.CHAP_PASSWORD)
    if response is None or len(response) != CHAP_PASSWORD_SIZE:
        return False
    challenge = packet.get(types.CHAP_CHALLENGE) or packet.authenticator
    expected = chap_password(password, identifier=response[0], challenge=challenge)
    return hmac.compare_digest(response, expected)


def chap_password(password: bytes, *, identifier: int, challenge: bytes) -> bytes:
    """The value of a CHAP-Password: the identifier and MD5 over all three (RFC 1994)."""
    octet = bytes((identifier,))
    return octet + md5(octet + password + challenge)


def verify_mschapv1(packet: Packet, password_hash: bytes) -> bool:
    """Whether the NT response of MS-CHAP-Response fits; the LM response is never accepted."""
    challenge = packet.get_vendor(types.MICROSOFT, types.MS_CHAP_CHALLENGE)
    response = packet.get_vendor(types.MICROSOFT, types.MS_CHAP_RESPONSE)
    _check_hash(password_hash)
    if challenge is None or len(challenge) != CHALLENGE_V1_SIZE:
        return False
    if response is None or len(response) != MSCHAP_RESPONSE_SIZE:
        return False
    if not response[1] & MSCHAP_USES_NT:
        return False
    expected = challenge_response(challenge=challenge, password_hash=password_hash)
    return hmac.compare_digest(response[-NT_RESPONSE_SIZE:], expected)


def verify_mschapv2(
    packet: Packet, password_hash: bytes, user_name: bytes
) -> MsChapV2Success | None:
    """The proof and keys for the reply if MS-CHAP2-Response fits, else None.

    `user_name` as in the packet. The name without its `DOMAIN\\` is hashed (RFC 2759 section 4);
    some clients hash it as typed, so that is tried as well.
    """
    challenge = packet.get_vendor(types.MICROSOFT, types.MS_CHAP_CHALLENGE)
    response = packet.get_vendor(types.MICROSOFT, types.MS_CHAP2_RESPONSE)
    _check_hash(password_hash)
    if challenge is None or len(challenge) != CHALLENGE_V2_SIZE:
        return None
    if response is None or len(response) != MSCHAP_RESPONSE_SIZE:
        return None
    nt_response = response[-NT_RESPONSE_SIZE:]
    for name in _hashed_names(user_name):
        hashed = challenge_hash(peer_challenge=response[2:18], challenge=challenge, user_name=name)
        expected = challenge_response(challenge=hashed, password_hash=password_hash)
        if hmac.compare_digest(nt_response, expected):
            return _success(response[0], nt_response, hashed, password_hash)
    return None


def encode_mschap2_success(success: MsChapV2Success) -> bytes:
    """MS-CHAP2-Success (RFC 2548 section 2.3.3), for the Access-Accept."""
    value = bytes((success.identifier,)) + success.authenticator_response
    return frame_vendor_attribute(types.MICROSOFT, types.MS_CHAP2_SUCCESS, value)


def encode_mppe_keys_v2(
    success: MsChapV2Success, *, secret: Secret, request_authenticator: bytes
) -> bytes:
    """The four attributes of MPPE after MS-CHAPv2: policy, types and both keys (RFC 2548 2.4)."""
    first, second = distinct_salts(os.urandom(2 * SALT_SIZE))
    send_key = salt_encrypt(
        success.send_key, secret=secret, request_authenticator=request_authenticator, salt=first
    )
    recv_key = salt_encrypt(
        success.recv_key, secret=secret, request_authenticator=request_authenticator, salt=second
    )
    return (
        _MPPE_SETTINGS
        + frame_vendor_attribute(types.MICROSOFT, types.MS_MPPE_SEND_KEY, send_key)
        + frame_vendor_attribute(types.MICROSOFT, types.MS_MPPE_RECV_KEY, recv_key)
    )


def encode_mppe_keys_v1(
    password_hash: bytes, *, secret: Secret, request_authenticator: bytes
) -> bytes:
    """Policy, types and MS-CHAP-MPPE-Keys after MS-CHAPv1 (RFC 2548 section 2.4.1).

    The LM key is zeros: it is of use only for 40-bit keys, and an NT hash does not tell it.
    """
    _check_hash(password_hash)
    keys = bytes(8) + md4(password_hash)
    hidden = hide(keys, secret=secret, vector=request_authenticator)
    return _MPPE_SETTINGS + frame_vendor_attribute(types.MICROSOFT, types.MS_CHAP_MPPE_KEYS, hidden)


def encode_mschap_error(
    *, identifier: int, challenge: bytes, version: int, message: str = "Authentication failed"
) -> bytes:
    """MS-CHAP-Error 691 for the Access-Reject: no retry (RFC 2548 2.1.5, RFC 2759 section 6).

    `version` is 3 for MS-CHAPv2, which adds the message, and 2 for version 1.
    """
    text = f"E={MSCHAP_AUTHENTICATION_FAILURE} R=0 C={challenge.hex().upper()} V={version}"
    if version >= 3:
        text += f" M={message}"
    value = bytes((identifier,)) + text.encode("utf-8")
    return frame_vendor_attribute(types.MICROSOFT, types.MS_CHAP_ERROR, value)


def salt_encrypt(
    plain: bytes, *, secret: Secret, request_authenticator: bytes, salt: bytes
) -> bytes:
    """Salt and hidden text: encrypt=2 of the dictionaries (RFC 2868 section 3.5).

    Raises ValueError unless the salt is 2 octets, its leftmost bit set, and `plain` fits a length
    octet.
    """
    if len(salt) != SALT_SIZE or not salt[0] & SALT_MARK:
        raise ValueError(f"salt {salt.hex()}: give 2 octets with the leftmost bit set")
    if len(plain) > 239:
        raise ValueError(f"{len(plain)} octets to hide: an attribute holds 239")
    text = bytes((len(plain),)) + plain
    return salt + hide(text, secret=secret, vector=request_authenticator + salt)


def salt_decrypt(value: bytes, *, secret: Secret, request_authenticator: bytes) -> bytes | None:
    """What salt_encrypt hid; None if the sizes contradict each other (another secret, likely)."""
    salt, hidden = value[:SALT_SIZE], value[SALT_SIZE:]
    if not hidden or len(hidden) % 16:
        return None
    text = reveal(hidden, secret=secret, vector=request_authenticator + salt)
    return text[1 : 1 + text[0]] if text[0] < len(text) else None


def _check_hash(password_hash: bytes) -> None:
    if len(password_hash) != NT_HASH_SIZE:
        raise ValueError(f"an NT hash of {len(password_hash)} octets: it has {NT_HASH_SIZE}")


def _hashed_names(user_name: bytes) -> tuple[bytes, ...]:
    account = user_name.rpartition(b"\\")[2]
    return (account,) if account == user_name else (account, user_name)


def _success(
    identifier: int, nt_response: bytes, hashed_challenge: bytes, password_hash: bytes
) -> MsChapV2Success:
    proof = generate_authenticator_response(
        password_hash=password_hash, nt_response=nt_response, hashed_challenge=hashed_challenge
    )
    send_key, recv_key = get_session_keys(password_hash=password_hash, nt_response=nt_response)
    return MsChapV2Success(identifier, proof, send_key, recv_key)


def random_salt() -> bytes:
    """Two octets from the system's random source, the leftmost bit set."""
    salt = os.urandom(SALT_SIZE)
    return bytes((salt[0] | SALT_MARK, salt[1]))


def distinct_salts(octets: bytes) -> tuple[bytes, bytes]:
    """Two salts of 4 random octets: RFC 2548 section 2.4.2 wants each unique within its packet."""
    first = bytes((octets[0] | SALT_MARK, octets[1]))
    second = bytes((octets[2] | SALT_MARK, octets[3]))
    if first == second:
        second = bytes((second[0], second[1] ^ 1))
    return first, second
