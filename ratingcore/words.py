"""Charges in words that a customer understands: quantities, prices, times, segments. Exact.

The one place for these words: `ratingcore.explain`, aaactl and the daemon's refusals say them. A
quantity is never rounded, an amount shows every decimal it has, and times are those of a zone's
clock by the offsets that rating splits by, so what is shown is what was charged.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ratingcore.calendar import load_zone
from ratingcore.money import format_amount
from ratingcore.tariff import (
    CAP,
    CONNECTION,
    DAY_S,
    DISCOUNT,
    MAXIMUM,
    MINIMUM,
    MONEY,
    WAIVED,
    Metric,
)

WEEK_S = 7 * DAY_S

_METRIC_WORDS = {
    Metric.OCTETS: " both ways",
    Metric.INPUT_OCTETS: " sent by the user",
    Metric.OUTPUT_OCTETS: " received by the user",
}
_TIME_PERS = {DAY_S: "day", 3600: "hour", 60: "minute", 1: "second"}
# powers of 1000 and of 1024, largest first, so that the first that divides a quantity is its unit
_OCTET_UNITS = tuple(
    sorted(
        [(1000**power, name) for power, name in enumerate(("kB", "MB", "GB", "TB", "PB"), 1)]
        + [(1024**power, name) for power, name in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)],
        reverse=True,
    )
)


def segment_text(segment: Mapping[str, Any], *, currency: str, zone: str) -> str:
    """Return a segment, as `piece_as_data` writes it, in a line.

    `Friday 22:00-24:00 weekday: 2 h 0 min at 1.00 USD per hour = 2.00 USD`.
    """
    amount = f"{format_amount(segment['amount_micros'])} {currency}"
    words = _no_usage_text(segment, currency)
    if words is None:
        words = _usage_text(segment, currency, zone)
    return f"{words} = {amount}"


def bonus_text(impact: Mapping[str, Any]) -> str:
    """Return an impact of a bonus, as `piece_as_data` writes it, in words: `bonus: 3 points`."""
    return f"bonus: {format_amount(-impact['amount_micros'], 0)} {impact['resource']}"


def quantity_text(metric: Metric, quantity: int) -> str:
    """Return a quantity in words, exact: "2 h 5 min", "1.5 GB", "512 octets", "3 times"."""
    if metric is Metric.SECONDS:
        return duration_text(quantity)
    if metric is Metric.OCCURRENCES:
        return "1 time" if quantity == 1 else f"{quantity} times"
    for size, name in _OCTET_UNITS:
        # decimal units with two decimals at most where those are exact, binary ones only when whole
        step = size // 100 if size % 1000 == 0 else size
        if quantity >= size and quantity % step == 0:
            whole, rest = divmod(quantity * 100 // size, 100)
            return f"{whole}.{rest:02}".rstrip("0").rstrip(".") + f" {name}"
    return f"{quantity} octets"


def duration_text(seconds: int) -> str:
    """`7200` -> `2 h 0 min`, `61` -> `1 min 1 s`: elapsed time, in hours however long.

    Prices are by the hour: `50 h 0 min` says more about a weekend than days would.
    """
    if seconds < 0:
        return f"-{duration_text(-seconds)}"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{hours} h"] if hours else []
    if hours or minutes:
        parts.append(f"{minutes} min")
    if rest or not parts:
        parts.append(f"{rest} s")
    return " ".join(parts)


def price_text(price_micros: int, *, per: int, metric: str, currency: str) -> str:
    """Return a unit price in words: `at 1.00 USD per hour`, or `free`."""
    if price_micros == 0:
        return "free"
    amount = f"at {format_amount(price_micros)} {currency}"
    if metric == Metric.OCCURRENCES:
        return f"{amount} each" if per == 1 else f"{amount} per {per}"
    if metric == Metric.SECONDS:
        return f"{amount} per {_TIME_PERS.get(per) or f'{per} s'}"
    unit = "octet" if per == 1 else quantity_text(Metric(metric), per).removeprefix("1 ")
    return f"{amount} per {unit}"


def instant(at: int, zone: str = "UTC") -> str:
    """`2026-03-06 22:00:00 -05:00`, or `2026-03-07 03:00:00 UTC`."""
    offset = "UTC" if zone == "UTC" else offset_text(load_zone(zone).offset_at(at))
    return f"{local(at, zone):%Y-%m-%d %H:%M:%S} {offset}"


def local(at: int, zone: str) -> datetime:
    """What clock and calendar of a zone show at an instant (naive)."""
    return _naive(at + load_zone(zone).offset_at(at))


def offset_text(offset_s: int) -> str:
    """`-18000` -> `-05:00`."""
    sign = "-" if offset_s < 0 else "+"
    hours, rest = divmod(abs(offset_s), 3600)
    return f"{sign}{hours:02}:{rest // 60:02}"


def clock_span(from_at: int, to_at: int, zone: str) -> str:
    """`Friday 22:00-24:00`, `Saturday 00:00 to Monday 00:00`: a span in a zone.

    Seconds are shown if there are any, dates if the span is a week or longer, and offsets if the
    clock changes within.
    """
    load = load_zone(zone)
    start, end, last = (
        local(from_at, zone),
        local(to_at, zone),
        local(max(from_at, to_at - 1), zone),
    )
    changed = load.offset_at(from_at) != load.offset_at(to_at)
    start_offset = f" {offset_text(load.offset_at(from_at))}" if changed else ""
    end_offset = f" {offset_text(load.offset_at(to_at))}" if changed else ""
    if start.date() == last.date() and to_at - from_at < WEEK_S:
        end_clock = "24:00" if end.date() != start.date() else _clock(end)
        return f"{start:%A} {_clock(start)}{start_offset}-{end_clock}{end_offset}"
    day = "%A" if to_at - from_at < WEEK_S else "%A %Y-%m-%d"
    start_text = f"{start.strftime(day)} {_clock(start)}{start_offset}"
    return f"{start_text} to {end.strftime(day)} {_clock(end)}{end_offset}"


def _no_usage_text(segment: Mapping[str, Any], currency: str) -> str | None:
    """A fee, a bound, or what took something off, in words; None for usage."""
    price = f"{format_amount(segment['price_micros'])} {currency}"
    band = segment["band"]
    taken = f"{price} off" if segment["per"] == 1 else _percent_text(segment["price_micros"])
    return {
        CONNECTION: f"{band}: connection fee of {price}",
        DISCOUNT: f"discount {band}: {taken}",
        MINIMUM: f"minimum charge of {price} for the session",
        MAXIMUM: f"maximum charge of {price} for the session",
        WAIVED: "the session ends within its free time",
        CAP: f"{band}: at most {price}",
        MONEY: "paid from an allowance",
    }.get(segment["metric"])


def _percent_text(percent_micros: int) -> str:
    return f"{format_amount(percent_micros, 0)} % off"


def _usage_text(segment: Mapping[str, Any], currency: str, zone: str) -> str:
    metric = Metric(segment["metric"])
    span = clock_span(segment["started_at"], segment["ended_at"], zone)
    used = f"{quantity_text(metric, segment['quantity'])}{_METRIC_WORDS.get(metric, '')}"
    tier = ""
    if segment["tier_from"]:
        tier = f" (above {quantity_text(metric, segment['tier_from'])})"
    price = "from an allowance"
    if not segment.get("allowance_id"):
        price = price_text(
            segment["price_micros"], per=segment["per"], metric=metric, currency=currency
        )
    return f"{span} {segment['band']}: {used}{tier} {price}"


def _clock(shown: datetime) -> str:
    return f"{shown:%H:%M:%S}" if shown.second else f"{shown:%H:%M}"


def _naive(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
