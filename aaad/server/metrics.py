"""What the daemon counts: named counters, discards by reason and client, and how long its answers
took. Plain dictionaries and lists, read by status and by the Prometheus page.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from aaad.radius.errors import DiscardReason
from aaad.server.histogram import LATENCY_US_BOUNDS, Histogram


class Port(StrEnum):
    """What a socket serves; the value is the label of its figures."""

    AUTHENTICATION = "authentication"
    ACCOUNTING = "accounting"


class Metrics:
    """Counters since the start of the process."""

    __slots__ = ("counters", "discards", "latency_us")

    def __init__(self) -> None:
        self.latency_us = {port: Histogram(LATENCY_US_BOUNDS) for port in Port}
        self.counters: Counter[str] = Counter()
        self.discards: Counter[tuple[str, DiscardReason]] = Counter()

    def count(self, name: str, by: int = 1) -> None:
        """One more of something."""
        self.counters[name] += by

    def discard(self, client: str, reason: DiscardReason) -> None:
        """A datagram that is not answered; `client` is empty if nobody knows the source."""
        self.discards[client, reason] += 1

    def discards_by_reason(self) -> dict[DiscardReason, int]:
        """All clients together."""
        totals: Counter[DiscardReason] = Counter()
        for (_, reason), number in self.discards.items():
            totals[reason] += number
        return dict(totals)
