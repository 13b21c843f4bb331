"""Who gets in: a datagram becomes a verified request of a known client, a repeated answer, or a
counted discard.

The order is DESIGN's: client, decoding, authenticators, duplicates. A discard is silent on the wire
(RFC 2865 s.3), counted by client and reason, and logged at most once per client, reason and minute.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from aaad.radius.codes import Code
from aaad.radius.decoder import Packet, decode
from aaad.radius.duplicates import NEW, PENDING, DuplicateTable
from aaad.radius.errors import REMEDY, Discard, DiscardReason
from aaad.radius.secret import Secret
from aaad.radius.signing import verify_request
from aaad.server.histogram import Histogram
from aaad.server.metrics import Metrics, Port
from aaad.server.peers import Peer
from ledger.clients import ClientSettings, ClientTable
from ledger.clock import Clock
from ledger.logs import RateLimiter
from ledger.rules.logins import BrandSettings

if TYPE_CHECKING:
    from aaad.server.listener import Listener

US = 1_000_000

UNKNOWN = -1.0
"""A time that the caller has not read: monotonic time is never negative."""

ADDRESSES_MAX = 65_536
"""Source addresses of clients that are remembered with their client: all that speak in a while."""


class Client:
    """A client with its prepared secret and what it has sent."""

    def __init__(self, settings: ClientSettings, brand: BrandSettings) -> None:
        self.settings = settings
        self.name = settings.name
        self.secret = Secret(settings.secret)
        self.brand = brand
        self.require_message_authenticator = settings.require_message_authenticator
        self.requests = 0
        self.heard_at: int | None = None


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
        self._by_address: dict[bytes, Client] = {}
        self.by_name = {
            settings.name: Client(settings, brands[settings.brand]) for settings in table.clients
        }
        for name, client in (former.by_name if former else {}).items():
            if name in self.by_name:
                self.by_name[name].requests = client.requests
                self.by_name[name].heard_at = client.heard_at

    def lookup(self, address: bytes) -> Client | None:
        """The client of a source address."""
        client = self._by_address.get(address)
        if client is None:
            settings = self._table.lookup(address)
            if settings is None:
                return None
            if len(self._by_address) >= ADDRESSES_MAX:
                self._by_address.clear()
            client = self._by_address[address] = self.by_name[settings.name]
        return client


@dataclass(frozen=True, eq=False)
class Request:
    """A verified request that is not a duplicate; it must be completed or given up.

    `received_s` is monotonic. Two requests are never equal.
    """

    packet: Packet
    client: Client
    peer: Peer
    listener: Listener
    received_s: float

    @property
    def key(self) -> Hashable:
        """What tells it from every other request that is outstanding."""
        return self


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
        self._latency_us: Histogram = metrics.latency_us[
            Port.ACCOUNTING if Code.ACCOUNTING_REQUEST in codes else Port.AUTHENTICATION
        ]
        self._log = log

    @property
    def duplicates_evicted(self) -> int:
        """Requests whose repetition would not be known any more, for want of room."""
        return self._duplicates.evictions

    def admit(self, listener: Listener, received: list[tuple[bytes, Peer]]) -> list[Request]:
        """The new requests among what was received; repeated ones are answered again at once."""
        now_s, now = self._monotonic(), self._clock.now()
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
            client.heard_at = now
            known = self._duplicates.lookup(peer.source, packet, now_s)
            if known is NEW:
                requests.append(Request(packet, client, peer, listener, now_s))
            elif known is PENDING:
                self._metrics.discard(client.name, DiscardReason.DUPLICATE_PENDING)
            else:
                again.append((known, peer))
        if again:
            self._metrics.count("duplicates_answered", len(again))
            listener.send(again)
        return requests

    def complete(self, request: Request, reply: bytes, now_s: float = UNKNOWN) -> None:
        """A reply is sent now: keep it for repetitions of its request. `now_s` is monotonic."""
        if now_s == UNKNOWN:
            now_s = self._monotonic()
        self._duplicates.complete(request.peer.source, request.packet, reply, now_s)
        self._latency_us.observe(int((now_s - request.received_s) * US))

    def give_up(self, request: Request, reason: DiscardReason) -> None:
        """Not answered now: a repetition is to be tried like a new one."""
        self._duplicates.forget(request.peer.source, request.packet)
        self.discard(request.client, request.peer, reason)

    def discard(self, client: Client | None, peer: Peer, reason: DiscardReason) -> None:
        """Count, and say it now and then."""
        name = client.name if client else ""
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
        verify_request(packet, client.secret, client.require_message_authenticator)
        return packet
