"""Accounting-Requests: into the journal, and only when it is on disk answered and applied, in that
order.

The first of the three rules stands in `_durable`: it is the only place that sends an
Accounting-Response to an Accounting-Request.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from aaad.radius.codes import Code
from aaad.radius.errors import DiscardReason
from aaad.radius.packet import encode_reply
from aaad.server.applier import Applicable, Applier, Silence
from aaad.server.datagrams import Peer
from aaad.server.gate import Gate, Request
from aaad.server.journal import Journal, JournalFull, JournalUnavailable
from aaad.server.listener import Listener
from aaad.server.metrics import Metrics
from aaad.server.records import ACCOUNTING, SILENCE, accounting_of, pack_accounting, pack_silence
from ledger.clock import Clock

CODES = frozenset({Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER})


@dataclass(frozen=True, slots=True)
class Appended:
    """A record in the journal, not yet known to be on disk; a request wants its answer then."""

    lsn: int
    request: Request | None
    record: Applicable


class AccountingHandler:
    """Handles what arrives at the accounting ports."""

    def __init__(
        self,
        *,
        gate: Gate,
        journal: Journal,
        applier: Applier,
        clock: Clock,
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._applier = applier
        self._clock = clock
        self._metrics = metrics
        self._log = log
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
                self._guarded(request)
        listener.send(replies)

    def durable(self, lsn: int) -> None:
        """Every record up to here is on disk: answer, then apply."""
        replies: dict[Listener, list[tuple[bytes, Peer]]] = defaultdict(list)
        records = []
        while self._appended and self._appended[0].lsn <= lsn:
            appended = self._appended.popleft()
            if (request := appended.request) is not None:
                replies[request.listener].append(self._reply(request))
            records.append(appended.record)
        for listener, of_listener in replies.items():
            listener.send(of_listener)
        self._applier.offer(records)

    def _guarded(self, request: Request) -> None:
        """A bug met by one request must not cost the others of its batch their answer."""
        try:
            self._append(request)
        except Exception:
            self._metrics.count("accounting_errors")
            self._log.exception("accounting_failed", client=request.client.settings.name)
            self._gate.give_up(request, DiscardReason.INTERNAL_ERROR)

    def append_silence(self, *, session_id: int, heard_at: int) -> None:
        """Journal the decision that a session has ended in silence. Raises JournalFull,
        JournalUnavailable.
        """
        received_us = self._received_us()
        body = pack_silence(session_id=session_id, heard_at=heard_at)
        lsn = self._journal.append(received_us, SILENCE, body)
        record = Silence(lsn, received_us, session_id, heard_at)
        self._appended.append(Appended(lsn, None, record))

    def _received_us(self) -> int:
        """Now, but never before the last record: a replay must see what was applied live."""
        return max(self._clock.now_us(), self._journal.last_received_us)

    def _append(self, request: Request) -> None:
        client = request.client.settings.name
        source = request.peer.host
        body = pack_accounting(
            client=client,
            brand=request.client.brand.name,
            source=source,
            data=request.packet.data,
        )
        received_us = self._received_us()
        record = accounting_of(
            request.packet,
            lsn=self._journal.next_lsn,
            received_us=received_us,
            client=client,
            brand=request.client.brand,
            source=source,
            body=body,
        )
        try:
            self._journal.append(received_us, ACCOUNTING, body)
        except (JournalFull, JournalUnavailable):
            self._gate.give_up(request, DiscardReason.JOURNAL_UNAVAILABLE)
            return
        self._appended.append(Appended(record.report.lsn, request, record))
        self._metrics.count("accounting_requests")

    def _reply(self, request: Request) -> tuple[bytes, Peer]:
        reply = encode_reply(request.packet, Code.ACCOUNTING_RESPONSE, b"", request.client.secret)
        self._gate.complete(request, reply)
        return reply, request.peer
