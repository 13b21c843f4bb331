"""MS-CHAP versions 1 and 2 and the keys of MPPE, as functions of octets (RFC 2433, 2759, 3079).

The names are the RFCs' in our case, so that a reader can hold the text beside the code. Nothing
here knows packets: passwords.py finds the octets in them and builds the attributes of the reply.
An NT hash is as good as the password, and is treated as such.
"""

from hashlib import sha1
from typing import Final

from aaad.radius.des import des_encrypt
from aaad.radius.digests import md4

NT_HASH_SIZE: Final = 16
CHALLENGE_V1_SIZE: Final = 8
CHALLENGE_V2_SIZE: Final = 16
NT_RESPONSE_SIZE: Final = 24
SESSION_KEY_SIZE: Final = 16  # 128-bit MPPE; 40 and 56 bits are broken and not offered

# RFC 2759 section 8.7
_SIGNING_MAGIC: Final = b"Magic server to client signing constant"
_ITERATION_MAGIC: Final = b"Pad to make it do more than one iteration"
# RFC 3079 section 3.4
_MASTER_KEY_MAGIC: Final = b"This is the MPPE Master Key"
_CLIENT_SENDS_MAGIC: Final = (
    b"On the client side, this is the send key; on the server side, it is the receive key."
)
_SERVER_SENDS_MAGIC: Final = (
    b"On the client side, this is the receive key; on the server side, it is the send key."
)
_SHA_PAD_1: Final = bytes(40)
_SHA_PAD_2: Final = b"\xf2" * 40


def nt_hash(password: bytes) -> bytes:
    """MD4 of the password in UTF-16-LE: NtPasswordHash (RFC 2433 A.4, RFC 2759 8.3), 16 octets.

    Raises ValueError for a password that is not UTF-8: it is no text, so it has no NT hash, as
    where it is set (ledger.credentials).
    """
    return md4(password.decode("utf-8").encode("utf-16-le"))


def challenge_response(*, challenge: bytes, password_hash: bytes) -> bytes:
    """ChallengeResponse (RFC 2433 A.5, RFC 2759 8.5): 8 octets in, 24 octets out."""
    padded = password_hash.ljust(21, b"\0")
    return (
        des_encrypt(challenge, padded[:7])
        + des_encrypt(challenge, padded[7:14])
        + des_encrypt(challenge, padded[14:])
    )


def challenge_hash(*, peer_challenge: bytes, challenge: bytes, user_name: bytes) -> bytes:
    """ChallengeHash (RFC 2759 8.2): the 8 octets that version 2 encrypts."""
    return sha1(peer_challenge + challenge + user_name).digest()[:8]


def generate_nt_response(
    *, challenge: bytes, peer_challenge: bytes, user_name: bytes, password_hash: bytes
) -> bytes:
    """GenerateNTResponse (RFC 2759 8.1) from the NT hash: 24 octets."""
    hashed = challenge_hash(peer_challenge=peer_challenge, challenge=challenge, user_name=user_name)
    return challenge_response(challenge=hashed, password_hash=password_hash)


def generate_authenticator_response(
    *, password_hash_hash: bytes, nt_response: bytes, hashed_challenge: bytes
) -> bytes:
    """GenerateAuthenticatorResponse (RFC 2759 8.7): `S=` and 40 hexadecimal digits.

    From the hash of the NT hash and the ChallengeHash, which the caller has already.
    """
    digest = sha1(password_hash_hash + nt_response + _SIGNING_MAGIC).digest()
    proof = sha1(digest + hashed_challenge + _ITERATION_MAGIC).hexdigest()
    return b"S=" + proof.upper().encode("ascii")


def get_master_key(*, password_hash_hash: bytes, nt_response: bytes) -> bytes:
    """GetMasterKey (RFC 3079 section 3.4): 16 octets."""
    return sha1(password_hash_hash + nt_response + _MASTER_KEY_MAGIC).digest()[:16]


def get_asymmetric_start_key(master_key: bytes, *, size: int, server_sends: bool) -> bytes:
    """GetAsymmetricStartKey (RFC 3079 section 3.4): `size` octets, 8 or 16.

    `server_sends` tells the direction: True is the key that the NAS sends with.
    """
    magic = _SERVER_SENDS_MAGIC if server_sends else _CLIENT_SENDS_MAGIC
    return sha1(master_key + _SHA_PAD_1 + magic + _SHA_PAD_2).digest()[:size]
