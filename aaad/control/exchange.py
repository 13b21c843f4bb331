"""One request to a RADIUS server or NAS and its answer: the small radclient of `aaactl packet
send`.

Requests are built by `aaad.radius`; this module owns the socket and the waiting. Resends are the
same octets. What arrives and is not an authentic answer is counted by its reason and passed over,
as a client has to (RFC 2865 section 3), so that a wrong secret shows as what it is.
"""

from __future__ import annotations

import secrets
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from aaad.radius.attributes import Hiding, parse_pairs
from aaad.radius.codes import Code
from aaad.radius.dictionary import Dictionary
from aaad.radius.errors import Discard
from aaad.radius.packet import Packet, Secret, encode_request, verify_response
from ledger.addresses import Endpoint
from ledger.clock import monotonic

DATAGRAM_OCTETS_MAX = 4096
"""RFC 2865 section 3: no RADIUS packet is longer."""

AUTHENTICATOR_OCTETS = 16


class PacketKind(StrEnum):
    """The requests that can be made, by radclient's names."""

    AUTH = "auth"
    ACCT = "acct"
    STATUS = "status"
    DISCONNECT = "disconnect"
    COA = "coa"


CODES: Mapping[PacketKind, Code] = {
    PacketKind.AUTH: Code.ACCESS_REQUEST,
    PacketKind.ACCT: Code.ACCOUNTING_REQUEST,
    PacketKind.STATUS: Code.STATUS_SERVER,
    PacketKind.DISCONNECT: Code.DISCONNECT_REQUEST,
    PacketKind.COA: Code.COA_REQUEST,
}

SIGNED = frozenset({PacketKind.AUTH, PacketKind.STATUS})
"""Kinds that carry a Message-Authenticator unless told otherwise; RFC 5997 demands it of Status."""

POSITIVE_CODES = frozenset(
    {Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE, Code.DISCONNECT_ACK, Code.COA_ACK}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a request. `packet` is None when nothing authentic arrived in time."""

    packet: Packet | None
    sent: int  # datagrams
    waited_ms: int
    discarded: Mapping[str, int]  # reason -> datagrams that were no answer


def make_request(
    kind: PacketKind,
    pairs: str,
    *,
    secret: Secret,
    dictionary: Dictionary,
    message_authenticator: bool,
) -> bytes:
    """A request with the attributes of `pairs`. Raises ValueError with all mistakes in them.

    Only a request with a random Authenticator can hide attributes and compute CHAP.
    """
    code = CODES[kind]
    authenticator = None
    if code in (Code.ACCESS_REQUEST, Code.STATUS_SERVER):
        authenticator = secrets.token_bytes(AUTHENTICATOR_OCTETS)
    hiding = Hiding(secret, authenticator) if authenticator else None
    return encode_request(
        code,
        secrets.randbelow(256),
        parse_pairs(pairs, dictionary, hiding=hiding),
        secret,
        authenticator=authenticator,
        message_authenticator=message_authenticator,
    )


def exchange(
    request: bytes, server: Endpoint, *, secret: Secret, timeout_s: float, tries: int
) -> Answer:
    """Sends a request up to `tries` times, `timeout_s` apart, and waits for an authentic answer."""
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    discarded: Counter[str] = Counter()
    began = monotonic()
    sent = 0
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.connect((server.address, server.port))
        packet = None
        while packet is None and sent < tries:
            _send(udp, request)
            sent += 1
            packet = _await_answer(udp, request, secret, timeout_s, discarded)
    waited_ms = int((monotonic() - began) * 1000)
    return Answer(packet=packet, sent=sent, waited_ms=waited_ms, discarded=dict(discarded))


def _send(udp: socket.socket, request: bytes) -> None:
    """Sends; an ICMP refusal of the datagram before is no reason not to try again."""
    try:
        udp.send(request)
    except ConnectionRefusedError:
        udp.send(request)


def _await_answer(
    udp: socket.socket,
    request: bytes,
    secret: Secret,
    timeout_s: float,
    discarded: Counter[str],
) -> Packet | None:
    deadline = monotonic() + timeout_s
    while (left := deadline - monotonic()) > 0:
        udp.settimeout(left)
        try:
            datagram = udp.recv(DATAGRAM_OCTETS_MAX + 1)
            return verify_response(datagram, request, secret, require_message_authenticator=False)
        except TimeoutError:
            return None
        except ConnectionRefusedError:
            discarded["port_unreachable"] += 1
            return None
        except Discard as discard:
            discarded[discard.reason.value] += 1
    return None
