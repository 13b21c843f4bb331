"""Prices, segments and limits in words: what support staff reads to a customer on the telephone.
Pure.

Every figure in a sentence is exact. Segments add up to the charge to the last micro, so the total
below them needs no explanation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aaad.control.contract import LimitLine, SegmentLine
from aaad.control.local_time import clock_span, instant
from aaad.control.text import duration, money, percent
from ratingcore.explain import no_usage_text, quantity_text
from ratingcore.tariff import Metric

_PER_SECONDS: Mapping[int, str] = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
_PER_OCTETS: Mapping[int, str] = {
    1: "octet",
    10**3: "kB",
    10**6: "MB",
    10**9: "GB",
    10**12: "TB",
    1 << 10: "KiB",
    1 << 20: "MiB",
    1 << 30: "GiB",
    1 << 40: "TiB",
}
_METRIC_WORDS: Mapping[str, str] = {
    "seconds": "",
    "octets": "both ways",
    "input_octets": "sent by the user",
    "output_octets": "received by the user",
    "occurrences": "",
}


def segment_sentence(segment: SegmentLine, *, currency: str, zone: str) -> str:
    """`Friday 22:00-24:00 weekday: 2 h 0 min at 1.00 USD per hour = 2.00 USD`."""
    span = clock_span(segment["started_at"], segment["ended_at"], zone)
    amount = money(segment["amount_micros"], currency)
    other = no_usage_text(segment["metric"], money(segment["price_micros"], currency))
    if other:
        band = f"{segment['band']}: " if segment["band"] else ""
        return f"{band}{other} = {amount}"
    used = quantity(segment["quantity"], segment["metric"])
    direction = _METRIC_WORDS[segment["metric"]]
    words = f"{used} {direction}" if direction else used
    tier = ""
    if segment["tier_from"]:
        tier = f" (above {quantity(segment['tier_from'], segment['metric'])})"
    price = "from an allowance"
    if not segment.get("allowance_id"):
        price = price_words(
            segment["price_micros"],
            per=segment["per"],
            metric=segment["metric"],
            currency=currency,
        )
    return f"{span} {segment['band']}: {words}{tier} {price} = {amount}"


def charge_sentences(
    segments: Iterable[SegmentLine], *, currency: str, zone: str, total_micros: int
) -> list[str]:
    """A sentence for each segment and the total."""
    sentences = [segment_sentence(one, currency=currency, zone=zone) for one in segments]
    return [*sentences, f"total: {money(total_micros, currency)}"]


def price_words(price_micros: int, *, per: int, metric: str, currency: str) -> str:
    """`at 1.00 USD per hour`, or `free`."""
    if price_micros == 0:
        return "free"
    if metric == "occurrences":
        return f"at {money(price_micros, currency)} {'each' if per == 1 else f'per {per}'}"
    names = _PER_SECONDS if metric == "seconds" else _PER_OCTETS
    unit = names.get(per) or (f"{per} s" if metric == "seconds" else f"{per} octets")
    return f"at {money(price_micros, currency)} per {unit}"


def quantity(amount: int, metric: str, currency: str = "") -> str:
    """A used or allowed quantity in its metric's unit."""
    if metric == "seconds":
        return duration(amount)
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
