"""Charges and limits in words: what support staff reads to a customer on the telephone. Pure.

The words of a charge are `ratingcore.words`'. Every figure in a sentence is exact. Segments add up
to the charge to the last micro, so the total below them needs no explanation.
"""

from __future__ import annotations

from collections.abc import Iterable

from aaad.control.contract import ImpactLine, LimitLine, SegmentLine
from aaad.control.text import money, percent
from ratingcore.tariff import Metric
from ratingcore.words import bonus_text, instant, quantity_text, segment_text


def charge_sentences(
    segments: Iterable[SegmentLine],
    *,
    currency: str,
    zone: str,
    total_micros: int,
    impacts: Iterable[ImpactLine] = (),
) -> list[str]:
    """A sentence for each segment, the total, and one for each bonus."""
    sentences = [segment_text(one, currency=currency, zone=zone) for one in segments]
    return [*sentences, f"total: {money(total_micros, currency)}", *map(bonus_text, impacts)]


def quantity(amount: int, metric: str, currency: str = "") -> str:
    """A used or allowed quantity in its metric's unit."""
    if metric == "money":
        return money(amount, currency)
    return quantity_text(Metric(metric), amount)


def limit_sentence(limit: LimitLine, *, currency: str, zone: str) -> str:
    """`hours (service): 12 h 0 min used; soft 80 h 0 min (15 %); hard ...; begins anew ...`."""
    metric = limit["metric"]
    parts = [f"{quantity(limit['used'], metric, currency)} used"]
    for threshold, value in (("soft", limit["soft"]), ("hard", limit["hard"])):
        if value is not None:
            share = percent(limit["used"], value)
            parts.append(f"{threshold} {quantity(value, metric, currency)} ({share})")
    if limit["period_end_at"] is not None:
        parts.append(f"begins anew {instant(limit['period_end_at'], zone)}")
    return f"{limit['limit']} ({limit['scope']}): {'; '.join(parts)}"
