"""Accounting-Requests: into the journal, and only when it is on disk answered and applied, in that order.

The first of the three rules stands in `_durable`: it is the only place that sends an Accounting-Response to an
Accounting-Request.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from aaad.radius.codes import Code
from aaad.radius.errors import DiscardReason
from aaad.radius.packet import encode_reply
from aaad.server.applier import Accounting, Applier
from aaad.server.datagrams import Peer
from aaad.server.gate import Gate, Request
from aaad.server.journal import Journal, JournalFull, JournalUnavailable
from aaad.server.listener import Listener
from aaad.server.metrics import Metrics
from aaad.server.records import ACCOUNTING, accounting_of, pack_accounting
from ledger.clock import Clock

CODES = frozenset({Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER})


@dataclass(frozen=True, slots=True)
class Appended:
    """A request in the journal, not yet known to be on disk."""

    lsn: int
    request: Request
    record: Accounting


class AccountingHandler:
    """Handles what arrives at the accounting ports."""

    def __init__(
        self, *, gate: Gate, journal: Journal, applier: Applier, clock: Clock, metrics: Metrics
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._applier = applier
        self._clock = clock
        self._metrics = metrics
        self._appended: deque[Appended] = deque()

    @property
    def outstanding(self) -> int:
        """Requests in the journal that are not yet answered."""
        return len(self._appended)

    def handle(self, listener: Listener, received: list[tuple[bytes, Peer]]) -> None:
        """A batch of datagrams."""
        replies = []
        for request in self._gate.admit(listener, received):
            if request.packet.code == Code.STATUS_SERVER:
                if self._journal.writable:  # RFC 5997: "I would answer accounting now"
                    replies.append(self._reply(request))
                else:
                    self._gate.give_up(request, DiscardReason.JOURNAL_UNAVAILABLE)
            else:
                self._append(request)
        listener.send(replies)

    def durable(self, lsn: int) -> None:
        """Every record up to here is on disk: answer, then apply."""
        replies: dict[Listener, list[tuple[bytes, Peer]]] = defaultdict(list)
        records = []
        while self._appended and self._appended[0].lsn <= lsn:
            appended = self._appended.popleft()
            replies[appended.request.listener].append(self._reply(appended.request))
            records.append(appended.record)
        for listener, of_listener in replies.items():
            listener.send(of_listener)
        self._applier.offer(records)

    def _append(self, request: Request) -> None:
        client = request.client.settings.name
        source = request.peer.host
        body = pack_accounting(
            client=client,
            brand=request.client.brand.name,
            source=source,
            data=request.packet.data,
        )
        received_us = max(self._clock.now_us(), self._journal.last_received_us)
        try:
            lsn = self._journal.append(received_us, ACCOUNTING, body)
        except (JournalFull, JournalUnavailable):
            self._gate.give_up(request, DiscardReason.JOURNAL_UNAVAILABLE)
            return
        record = accounting_of(
            request.packet,
            lsn=lsn,
            received_us=received_us,
            client=client,
            brand=request.client.brand,
            source=source,
            body=body,
        )
        self._appended.append(Appended(lsn, request, record))
        self._metrics.count("accounting_requests")

    def _reply(self, request: Request) -> tuple[bytes, Peer]:
        reply = encode_reply(
            request.packet, Code.ACCOUNTING_RESPONSE, b"", request.client.secret
        )
        self._gate.complete(request, reply)
        return reply, request.peer
