"""What the daemon counts: named counters, and discards by reason and client. Plain dictionaries,
read by status.
"""

from __future__ import annotations

from collections import Counter

from aaad.radius.errors import DiscardReason


class Metrics:
    """Counters since the start of the process."""

    __slots__ = ("counters", "discards")

    def __init__(self) -> None:
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
