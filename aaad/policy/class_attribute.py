"""The Class that we send in an Access-Accept and the NAS returns in accounting (RFC 2865 s.5.25).

It names the service, signed, so that a report whose User-Name was changed on the way still finds
it. Accounting works without it: a Class that is missing, foreign or forged says nothing.
"""

from __future__ import annotations

import hmac

MAGIC = b"aaad\x01"
SIGNATURE_SIZE = 12
"""96 bits: a Class cannot be guessed, and it stays short in every accounting packet."""

SIZE = len(MAGIC) + 16 + SIGNATURE_SIZE


def make_class(key: bytes, *, account_id: int, service_id: int) -> bytes:
    """The value of a Class attribute for a service."""
    named = MAGIC + account_id.to_bytes(8, "big") + service_id.to_bytes(8, "big")
    return named + _signature(key, named)


def read_class(key: bytes, value: bytes) -> tuple[int, int] | None:
    """The (account id, service id) that a Class of ours names; None if it is not ours."""
    if len(value) != SIZE or not value.startswith(MAGIC):
        return None
    named = value[:-SIGNATURE_SIZE]
    if not hmac.compare_digest(_signature(key, named), value[-SIGNATURE_SIZE:]):
        return None
    account_id, service_id = named[len(MAGIC) : -8], named[-8:]
    return int.from_bytes(account_id, "big"), int.from_bytes(service_id, "big")


def _signature(key: bytes, named: bytes) -> bytes:
    return hmac.digest(key, named, "sha256")[:SIGNATURE_SIZE]
