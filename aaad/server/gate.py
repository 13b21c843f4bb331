"""Who gets in: a datagram becomes a verified request of a known client, a repeated answer, or a
counted discard.

The order is DESIGN's: client, decoding, authenticators, duplicates. A discard is silent on the wire
(RFC 2865 s.3), counted by client and reason, and logged at most once per client, reason and minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from aaad.radius.codes import Code
from aaad.radius.duplicates import NEW, PENDING, DuplicateTable
from aaad.radius.errors import REMEDY, Discard, DiscardReason
from aaad.radius.packet import Packet, Secret, decode, verify_request
from aaad.server.datagrams import Peer
from aaad.server.metrics import Metrics
from ledger.clients import ClientSettings, ClientTable
from ledger.clock import Clock
from ledger.logs import RateLimiter
from ledger.rules.logins import BrandSettings

if TYPE_CHECKING:
    from aaad.radius.duplicates import DuplicateKey
    from aaad.server.listener import Listener


@dataclass(slots=True)
class Client:
    """A client with its prepared secret and what it has sent."""

    settings: ClientSettings
    secret: Secret
    brand: BrandSettings
    requests: int = 0
    heard_at: int | None = None


class Clients:
    """All clients of one configuration. A reload makes a new one that goes on counting."""

    def __init__(
        self,
        table: ClientTable,
        brands: Mapping[str, BrandSettings],
        *,
        former: Clients | None = None,
    ) -> None:
        self._table = table
        self.by_name = {
            settings.name: Client(settings, Secret(settings.secret), brands[settings.brand])
            for settings in table.clients
        }
        for name, client in (former.by_name if former else {}).items():
            if name in self.by_name:
                self.by_name[name].requests = client.requests
                self.by_name[name].heard_at = client.heard_at

    def lookup(self, address: bytes) -> Client | None:
        """The client of a source address."""
        settings = self._table.lookup(address)
        return None if settings is None else self.by_name[settings.name]


@dataclass(frozen=True, slots=True)
class Request:
    """A verified request that is not a duplicate; it must be completed or given up."""

    packet: Packet
    client: Client
    peer: Peer
    listener: Listener
    key: DuplicateKey


class Gate:
    """Admits requests of the codes that a port serves."""

    def __init__(
        self,
        *,
        codes: frozenset[Code],
        clients: Callable[[], Clients],
        duplicates: DuplicateTable,
        clock: Clock,
        monotonic: Callable[[], float],
        limiter: RateLimiter,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._codes = codes
        self._clients = clients
        self._duplicates = duplicates
        self._clock = clock
        self._monotonic = monotonic
        self._limiter = limiter
        self._metrics = metrics
        self._log = log

    def admit(self, listener: Listener, received: list[tuple[bytes, Peer]]) -> list[Request]:
        """The new requests among what was received; repeated ones are answered again at once."""
        now_s = self._monotonic()
        clients = self._clients()
        requests = []
        again = []
        for datagram, peer in received:
            client = clients.lookup(peer.address)
            if client is None:
                self.discard(None, peer, DiscardReason.UNKNOWN_CLIENT)
                continue
            try:
                packet = self._verified(datagram, client)
            except Discard as discard:
                self.discard(client, peer, discard.reason)
                continue
            client.requests += 1
            client.heard_at = self._clock.now()
            key = DuplicateTable.key(peer, packet)
            known = self._duplicates.lookup(key, now_s=now_s)
            if known is NEW:
                requests.append(Request(packet, client, peer, listener, key))
            elif known is PENDING:
                self._metrics.discard(client.settings.name, DiscardReason.DUPLICATE_PENDING)
            else:
                self._metrics.count("duplicates_answered")
                again.append((known, peer))
        listener.send(again)
        return requests

    def complete(self, request: Request, reply: bytes) -> None:
        """Keep a reply for repetitions of its request."""
        self._duplicates.complete(request.key, reply, now_s=self._monotonic())

    def give_up(self, request: Request, reason: DiscardReason) -> None:
        """Not answered now: a repetition is to be tried like a new one."""
        self._duplicates.forget(request.key)
        self.discard(request.client, request.peer, reason)

    def discard(self, client: Client | None, peer: Peer, reason: DiscardReason) -> None:
        """Count, and say it now and then."""
        name = client.settings.name if client else ""
        self._metrics.discard(name, reason)
        source = name or peer.host
        suppressed = self._limiter.admit(reason.value, source, now_s=self._monotonic())
        if suppressed is not None:
            self._log.warning(
                "datagram_discarded",
                client=name,
                source=peer.host,
                reason=reason.value,
                more=suppressed,
                remedy=REMEDY[reason],
            )

    def _verified(self, datagram: bytes, client: Client) -> Packet:
        packet = decode(datagram)
        if packet.code not in self._codes:
            raise Discard(DiscardReason.WRONG_PORT)
        verify_request(
            packet,
            client.secret,
            require_message_authenticator=client.settings.require_message_authenticator,
        )
        return packet
