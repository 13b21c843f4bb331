"""What the NAS is told: the attributes of an Access-Accept and of an Access-Reject.

An offer's attributes are encoded once (the profile); per login only what depends on the moment is
added. A service's own attribute replaces the offer's of the same name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from aaad.radius import attribute_types as attribute
from ledger.model import Offer, Service

REPLY_MESSAGE_MAX = 253
"""Octets of text that one attribute holds (RFC 2865 s.5)."""

SESSION_TIMEOUT = "session-timeout"

EncodeNamed = Callable[[str, str], bytes]
"""Encodes a value for an attribute's dictionary name; raises ValueError naming both."""


def encode_profile(offer: Offer, service: Service, encode: EncodeNamed) -> bytes:
    """The attributes that every login of this service under this offer gets, encoded."""
    named = dict(_by_lower(offer.reply))
    named.update(_by_lower(service.reply))
    named.pop(SESSION_TIMEOUT, None)
    encoded = b"".join(encode(name, value) for name, value in named.values())
    if offer.idle_timeout_s and "idle-timeout" not in named:
        encoded += integer(attribute.IDLE_TIMEOUT, offer.idle_timeout_s)
    if offer.interim_interval_s and "acct-interim-interval" not in named:
        encoded += integer(attribute.ACCT_INTERIM_INTERVAL, offer.interim_interval_s)
    return encoded


def own_session_timeout_s(offer: Offer | None, service: Service) -> int | None:
    """A Session-Timeout among the reply attributes: a bound like the others, not sent as it is."""
    for reply in (service.reply, offer.reply if offer else {}):
        name_and_value = _by_lower(reply).get(SESSION_TIMEOUT)
        if name_and_value is not None and name_and_value[1].isdecimal():
            return int(name_and_value[1])
    return None


def timeout_attribute(session_timeout_s: int | None) -> bytes:
    """Session-Timeout (RFC 2865 s.5.27) for an Access-Accept; nothing where nothing bounds it."""
    return integer(attribute.SESSION_TIMEOUT, session_timeout_s) if session_timeout_s else b""


def reject_attributes(detail: str, proof: bytes) -> bytes:
    """All attributes of an Access-Reject; `detail` is told only to who has proved the password."""
    if not detail:
        return proof
    message = detail.encode()[:REPLY_MESSAGE_MAX].decode(errors="ignore")  # no half character
    return proof + octets(attribute.REPLY_MESSAGE, message.encode())


def integer(kind: int, value: int) -> bytes:
    """An integer attribute (RFC 2865 s.5)."""
    return struct.pack("!BBI", kind, 6, min(value, 0xFFFFFFFF))


def octets(kind: int, value: bytes) -> bytes:
    """An attribute of octets (RFC 2865 s.5)."""
    return bytes((kind, len(value) + 2)) + value


def _by_lower(reply: Mapping[str, str]) -> Mapping[str, tuple[str, str]]:
    return {name.lower(): (name, value) for name, value in reply.items()}
