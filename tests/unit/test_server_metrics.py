"""Proves that everything counted can be read again, by name and by reason."""

from aaad.radius.errors import DiscardReason
from aaad.server.metrics import Metrics


def test_counters_begin_at_nothing_and_add_up() -> None:
    metrics = Metrics()
    metrics.count("postings", 3)
    metrics.count("postings")
    assert metrics.counters == {"postings": 4}
    assert metrics.counters["never"] == 0


def test_discards_are_kept_by_client_and_summed_by_reason() -> None:
    metrics = Metrics()
    for client in ("a", "a", "b", ""):
        metrics.discard(client, DiscardReason.TOO_SHORT)
    metrics.discard("a", DiscardReason.OVERLOAD)
    assert metrics.discards["a", DiscardReason.TOO_SHORT] == 2
    assert metrics.discards_by_reason() == {
        DiscardReason.TOO_SHORT: 4,
        DiscardReason.OVERLOAD: 1,
    }
