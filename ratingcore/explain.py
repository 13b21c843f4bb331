"""A priced piece in words that a customer understands, and back from the plain data of stores.

Words are exact: a quantity is never rounded, an amount shows every decimal it has. Times are those
of the clock of the zone that is given, with its distance from UTC, so the night on which an hour
comes twice reads unambiguously.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ratingcore.calendar import load_zone
from ratingcore.errors import RatingError
from ratingcore.money import exact_int, format_amount
from ratingcore.piece import Piece, Segment
from ratingcore.tariff import CONNECTION, DAY_S, MAXIMUM, MINIMUM, WAIVED, WEEKDAY_NAMES, Metric

PIECE_KEYS = ("started_at", "ended_at", "input_octets", "output_octets", "charge_micros")
SEGMENT_KEYS = (
    "tier_from",
    "quantity",
    "price_micros",
    "per",
    "amount_micros",
    "started_at",
    "ended_at",
)

_METRIC_WORDS = {
    Metric.SECONDS: "time",
    Metric.OCTETS: "traffic",
    Metric.INPUT_OCTETS: "upload",
    Metric.OUTPUT_OCTETS: "download",
}
SEGMENT_KINDS = (*Metric, CONNECTION, MINIMUM, MAXIMUM, WAIVED)
"""What a segment's metric may be: a measure of usage, a fee, or a bound that acted."""
# hours, however many: prices and limits are by the hour
_TIME_UNITS = ((3600, "h"), (60, "min"), (1, "s"))
_TIME_PERS = {DAY_S: "day", 3600: "hour", 60: "minute", 1: "second"}
# powers of 1000 and of 1024, largest first, so that the first that divides a quantity is its unit
_OCTET_UNITS = tuple(
    sorted(
        [(1000**power, name) for power, name in enumerate(("kB", "MB", "GB", "TB", "PB"), 1)]
        + [(1024**power, name) for power, name in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)],
        reverse=True,
    )
)


def explain(piece: Piece, *, currency: str, zone: str) -> list[str]:
    """Return the piece in words: one line for the whole, then one for each segment.

    `zone` is the IANA name whose clock is shown, usually the tariff's or the account's. Raises
    TariffError if it does not exist.
    """
    length = quantity_text(Metric.SECONDS, piece.ended_at - piece.started_at)
    head = f"{_spell(piece.started_at, piece.ended_at, zone)} ({length})"
    if piece.input_octets or piece.output_octets:
        sent = quantity_text(Metric.OCTETS, piece.input_octets)
        received = quantity_text(Metric.OCTETS, piece.output_octets)
        head += f", {sent} sent, {received} received"
    total = f"{head}: {format_amount(piece.charge_micros)} {currency}"
    return [total, *(_segment_line(segment, currency, zone) for segment in piece.segments)]


def piece_from_data(data: Mapping[str, object]) -> Piece:
    """Return the piece that `piece_as_data` wrote.

    Raises RatingError if a key is missing, unknown or of the wrong type, or if the segments do not
    sum to the charge: then it is not what was rated.
    """
    _require_keys(data, {*PIECE_KEYS, "segments"}, "piece", optional="counted")
    rows = data["segments"]
    if not isinstance(rows, list | tuple):
        raise RatingError(f"piece.segments is a {type(rows).__name__}: give a list")
    segments = tuple(_segment_from_data(row) for row in rows)
    numbers = {key: exact_int(data[key], f"piece.{key}") for key in PIECE_KEYS}
    total = sum(segment.amount_micros for segment in segments)
    if total != numbers["charge_micros"]:
        raise RatingError(
            f"piece.charge_micros is {numbers['charge_micros']}, its segments sum to {total}: "
            "take the piece from the store again"
        )
    return Piece(**numbers, segments=segments, counted=_counted_from_data(data.get("counted", ())))


def quantity_text(metric: Metric, quantity: int) -> str:
    """Return a quantity in words, exact: "2 h 5 min", "1.5 GB", "512 octets", "3 times"."""
    if metric is Metric.SECONDS:
        return _duration_text(quantity)
    if metric is Metric.OCCURRENCES:
        return "1 time" if quantity == 1 else f"{quantity} times"
    for size, name in _OCTET_UNITS:
        # decimal units with two decimals at most where those are exact, binary ones only when whole
        step = size // 100 if size % 1000 == 0 else size
        if quantity >= size and quantity % step == 0:
            whole, rest = divmod(quantity * 100 // size, 100)
            return f"{whole}.{rest:02}".rstrip("0").rstrip(".") + f" {name}"
    return f"{quantity} octets"


def no_usage_text(segment_kind: str, price: str) -> str | None:
    """Return a fee or a bound in words, `price` being its amount; None for usage."""
    words = {
        CONNECTION: f"connection fee of {price}",
        MINIMUM: f"minimum charge of {price} for the session",
        MAXIMUM: f"maximum charge of {price} for the session",
        WAIVED: "the session ends within its free time",
    }
    return words.get(segment_kind)


def _segment_line(segment: Segment, currency: str, zone: str) -> str:
    amount = f"{format_amount(segment.amount_micros)} {currency}"
    words = no_usage_text(segment.metric, f"{format_amount(segment.price_micros)} {currency}")
    if words:
        return f"{segment.band}, {words}: {amount}" if segment.band else f"{words}: {amount}"
    metric = Metric(segment.metric)
    tier = f", from {quantity_text(metric, segment.tier_from)} on" if segment.tier_from else ""
    price = "paid by an allowance" if segment.allowance_id else "free"
    if segment.price_micros:
        price = f"{format_amount(segment.price_micros)} {currency} {_per_text(metric, segment.per)}"
    return (
        f"{segment.band}, {_spell(segment.started_at, segment.ended_at, zone)}{tier}: "
        f"{_used_text(metric, segment.quantity)}, {price}: {amount}"
    )


def _used_text(metric: Metric, quantity: int) -> str:
    if metric is Metric.OCCURRENCES:
        return quantity_text(metric, quantity)
    return f"{quantity_text(metric, quantity)} of {_METRIC_WORDS[metric]}"


def _duration_text(seconds: int) -> str:
    parts = []
    for size, name in _TIME_UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts) or "0 s"


def _per_text(metric: Metric, per: int) -> str:
    if metric is Metric.SECONDS:
        return f"per {_TIME_PERS.get(per) or quantity_text(metric, per)}"
    if metric is Metric.OCCURRENCES:
        return "each" if per == 1 else f"per {per}"
    return "per octet" if per == 1 else f"per {quantity_text(metric, per).removeprefix('1 ')}"


def _spell(started_at: int, ended_at: int, zone: str) -> str:
    return f"{_clock_text(started_at, zone)} to {_clock_text(ended_at, zone)}"


def _clock_text(at: int, zone: str) -> str:
    """Return an instant as "Fri 2026-03-06 22:00:00 -05:00"."""
    offset_s = load_zone(zone).offset_at(at)
    local = datetime.fromtimestamp(at, UTC) + timedelta(seconds=offset_s)
    sign = "-" if offset_s < 0 else "+"
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    weekday = WEEKDAY_NAMES[local.weekday()][:3]
    return f"{weekday} {local:%Y-%m-%d %H:%M:%S} {sign}{hours:02}:{minutes:02}"


def _counted_from_data(rows: object) -> tuple[tuple[int, int], ...]:
    if not isinstance(rows, list | tuple):
        raise RatingError(f"piece.counted is a {type(rows).__name__}: give a list")
    counted = []
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) != 2:
            raise RatingError(f"piece.counted has {row!r}: give pairs of counter and quantity")
        counted.append((exact_int(row[0], "piece.counted"), exact_int(row[1], "piece.counted")))
    return tuple(counted)


def _segment_from_data(row: object) -> Segment:
    if not isinstance(row, Mapping):
        raise RatingError(f"segment is a {type(row).__name__}: give a mapping")
    _require_keys(row, {*SEGMENT_KEYS, "band", "metric"}, "segment", optional="allowance_id")
    band, metric = row["band"], row["metric"]
    if not isinstance(band, str):
        raise RatingError(f"segment.band is {band!r}: give its name")
    if metric not in frozenset(SEGMENT_KINDS):
        raise RatingError(f"segment.metric is {metric!r}: use {', '.join(SEGMENT_KINDS)}")
    numbers = {key: exact_int(row[key], f"segment.{key}") for key in SEGMENT_KEYS}
    allowance_id = exact_int(row.get("allowance_id", 0), "segment.allowance_id")
    return Segment(band=band, metric=str(metric), **numbers, allowance_id=allowance_id)


def _require_keys(data: Mapping[str, object], keys: set[str], name: str, *, optional: str) -> None:
    given = set(data) - {optional}
    if given != keys:
        missing = ", ".join(sorted(keys - given)) or "none"
        unknown = ", ".join(sorted(map(repr, given - keys))) or "none"
        raise RatingError(f"{name} has not its keys: missing {missing}; unknown {unknown}")
