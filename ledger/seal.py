"""Sealing of secrets at rest: AES-256-GCM under a key read from a file (DESIGN.md, Security).

A sealed blob is version, key id, nonce, ciphertext and tag. The context (which secret this is, of
whom) is authenticated with it, so that one row's blob is of no use in another row. The key id is a
digest of the key: a blob says which key opens it without saying anything about that key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_OCTETS = 32
KEY_ID_OCTETS = 4
NONCE_OCTETS = 12
"""96 bits, random: NIST SP 800-38D allows 2^32 seals a key with them."""

_VERSION = b"\x01"
_HEADER_OCTETS = len(_VERSION) + KEY_ID_OCTETS + NONCE_OCTETS
_TAG_OCTETS = 16


class SealError(ValueError):
    """A key file or a sealed blob cannot be used; the message says why, and what to do."""


class Sealer:
    """Seals and opens with one key."""

    __slots__ = ("_cipher", "_derivation", "_key_id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_OCTETS:
            raise SealError(f"a key has {KEY_OCTETS} octets, this {len(key)}: make a new key file")
        self._cipher = AESGCM(key)
        self._derivation = hashlib.sha256(b"aaad key derivation" + key).digest()
        self._key_id = hashlib.sha256(b"aaad key id" + key).digest()[:KEY_ID_OCTETS]

    @property
    def key_id(self) -> bytes:
        """Which key this is."""
        return self._key_id

    def derive_key(self, purpose: bytes) -> bytes:
        """A key of 32 octets for something else than sealing; the same one for the same purpose."""
        return hmac.digest(self._derivation, purpose, "sha256")

    def seal(self, secret: bytes, *, context: bytes) -> bytes:
        """A blob that only this key and the same context open."""
        nonce = secrets.token_bytes(NONCE_OCTETS)
        header = _VERSION + self._key_id
        return header + nonce + self._cipher.encrypt(nonce, secret, header + context)

    def open(self, blob: bytes, *, context: bytes) -> bytes:
        """The secret of a blob. Raises SealError for another key or context, or changed octets."""
        if len(blob) < _HEADER_OCTETS + _TAG_OCTETS or not blob.startswith(_VERSION):
            raise SealError("not a sealed blob of a known version: restore the row from a backup")
        key_id = blob[len(_VERSION) : len(_VERSION) + KEY_ID_OCTETS]
        if key_id != self._key_id:
            raise SealError(
                f"sealed with key {key_id.hex()}, the key file holds {self._key_id.hex()}: "
                "name the key file that sealed it"
            )
        header = blob[: len(_VERSION) + KEY_ID_OCTETS]
        nonce = blob[len(header) : _HEADER_OCTETS]
        try:
            return self._cipher.decrypt(nonce, blob[_HEADER_OCTETS:], header + context)
        except InvalidTag as error:
            raise SealError(
                "a sealed blob was changed, or belongs to another row: restore it from a backup, "
                "or set the secret anew"
            ) from error
