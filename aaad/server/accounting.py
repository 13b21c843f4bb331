"""Accounting-Requests: into the journal, and only when it is on disk answered and applied, in that
order.

The first of the three rules stands in `_durable`: it is the only place that sends an
Accounting-Response to an Accounting-Request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from aaad.radius.codes import Code
from aaad.radius.errors import DiscardReason
from aaad.radius.signing import encode_reply
from aaad.server.applicable import Applicable, Silence
from aaad.server.applier import Applier
from aaad.server.gate import Gate, Request
from aaad.server.journal import Journal, JournalFull, JournalUnavailable
from aaad.server.listener import Listener
from aaad.server.metrics import Metrics
from aaad.server.peers import Peer
from aaad.server.records import ACCOUNTING, SILENCE, accounting_of, pack_accounting, pack_silence
from ledger.clock import Clock, monotonic

CODES = frozenset({Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER})

STATUS_SERVER = Code.STATUS_SERVER.value
ACCOUNTING_RESPONSE = Code.ACCOUNTING_RESPONSE.value


Appended = tuple[int, Request | None, Applicable]
"""A record in the journal by its LSN, not yet known to be on disk; a request wants its answer then.
"""


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
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._applier = applier
        self._clock = clock
        self._monotonic = monotonic
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
        received_us = self._received_us()
        before = len(self._appended)
        for request in self._gate.admit(listener, received):
            if request.packet.code != STATUS_SERVER:
                self._guarded(request, received_us)
            elif self._journal.writable:  # RFC 5997: "I would answer accounting now"
                replies.append(self._reply(request, request.received_s))
            else:
                self._gate.give_up(request, DiscardReason.JOURNAL_UNAVAILABLE)
        self._metrics.count("accounting_requests", len(self._appended) - before)
        listener.send(replies)

    def durable(self, lsn: int) -> None:
        """Every record up to here is on disk: answer, then apply."""
        now_s = self._monotonic()
        replies: list[tuple[bytes, Peer]] = []
        listener = None
        records = []
        while self._appended:
            appended_lsn, request, record = self._appended[0]
            if appended_lsn > lsn:
                break
            self._appended.popleft()
            records.append(record)
            if request is None:
                continue
            if request.listener is not listener:
                self._send(listener, replies)
                listener, replies = request.listener, []
            replies.append(self._reply(request, now_s))
        self._send(listener, replies)
        self._applier.offer(records)

    def _send(self, listener: Listener | None, replies: list[tuple[bytes, Peer]]) -> None:
        if listener is not None:
            listener.send(replies)

    def _guarded(self, request: Request, received_us: int) -> None:
        """A bug met by one request must not cost the others of its batch their answer."""
        try:
            self._append(request, received_us)
        except Exception:
            self._metrics.count("accounting_errors")
            self._log.exception("accounting_failed", client=request.client.name)
            self._gate.give_up(request, DiscardReason.INTERNAL_ERROR)

    def append_silence(self, *, session_id: int, heard_at: int) -> None:
        """Journal the decision that a session has ended in silence. Raises JournalFull,
        JournalUnavailable.
        """
        received_us = self._received_us()
        body = pack_silence(session_id=session_id, heard_at=heard_at)
        lsn = self._journal.append(received_us, SILENCE, body)
        record = Silence(lsn, received_us, session_id, heard_at)
        self._appended.append((lsn, None, record))

    def _received_us(self) -> int:
        """Now, but never before the last record: a replay must see what was applied live."""
        return max(self._clock.now_us(), self._journal.last_received_us)

    def _append(self, request: Request, received_us: int) -> None:
        client = request.client
        source = request.peer.host
        body = pack_accounting(
            client=client.name, brand=client.brand.name, source=source, data=request.packet.data
        )
        record = accounting_of(
            request.packet,
            lsn=self._journal.next_lsn,
            received_us=received_us,
            client=client.name,
            brand=client.brand,
            source=source,
            body=body,
        )
        try:
            lsn = self._journal.append(received_us, ACCOUNTING, body)
        except (JournalFull, JournalUnavailable):
            self._gate.give_up(request, DiscardReason.JOURNAL_UNAVAILABLE)
            return
        self._appended.append((lsn, request, record))

    def _reply(self, request: Request, now_s: float) -> tuple[bytes, Peer]:
        reply = encode_reply(request.packet, ACCOUNTING_RESPONSE, b"", request.client.secret)
        self._gate.complete(request, reply, now_s)
        return reply, request.peer
