"""A priced piece in words that a customer understands, and back from the plain data of stores.

The words are `ratingcore.words`', which says them of data, so that they are the same on both sides
of a socket.
"""

from collections.abc import Mapping, Set

from ratingcore.errors import RatingError
from ratingcore.money import exact_int, format_amount
from ratingcore.piece import BalanceImpact, Piece, Segment, piece_as_data
from ratingcore.tariff import CAP, CONNECTION, DISCOUNT, MAXIMUM, MINIMUM, MONEY, WAIVED, Metric
from ratingcore.words import bonus_text, clock_span, instant, quantity_text, segment_text

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

SEGMENT_KINDS = (*Metric, CONNECTION, DISCOUNT, MINIMUM, MAXIMUM, WAIVED, CAP, MONEY)
"""What a segment's metric may be: a measure of usage, a fee, or what else changed the charge."""
IMPACT_KEYS = ("resource", "amount_micros", "gl_code", "tax_code")


def explain(piece: Piece, *, currency: str, zone: str) -> list[str]:
    """Return the piece in words: one line for the whole, one for each segment, one for each bonus.

    `zone` is the IANA name whose clock is shown, usually the tariff's or the account's. Raises
    TariffError if it does not exist.
    """
    data = piece_as_data(piece)
    head = f"{clock_span(piece.started_at, piece.ended_at, zone)} from "
    head += f"{instant(piece.started_at, zone)}, "
    head += quantity_text(Metric.SECONDS, piece.ended_at - piece.started_at)
    if piece.input_octets or piece.output_octets:
        sent = quantity_text(Metric.OCTETS, piece.input_octets)
        received = quantity_text(Metric.OCTETS, piece.output_octets)
        head += f", {sent} sent, {received} received"
    total = f"{head} = {format_amount(piece.charge_micros)} {currency}"
    segments: list[dict[str, object]] = data["segments"]  # type: ignore[assignment]
    lines = [segment_text(one, currency=currency, zone=zone) for one in segments]
    bonuses: list[dict[str, object]] = data.get("impacts", [])  # type: ignore[assignment]
    return [total, *lines, *(bonus_text(one) for one in bonuses)]


def piece_from_data(data: Mapping[str, object]) -> Piece:
    """Return the piece that `piece_as_data` wrote.

    Raises RatingError if a key is missing, unknown or of the wrong type, or if the segments do not
    sum to the charge: then it is not what was rated.
    """
    _require_keys(data, {*PIECE_KEYS, "segments"}, "piece", optional={"counted", "impacts"})
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
    return Piece(
        **numbers,
        segments=segments,
        counted=_counted_from_data(data.get("counted", ())),
        impacts=_impacts_from_data(data.get("impacts", ())),
    )


def _impacts_from_data(rows: object) -> tuple[BalanceImpact, ...]:
    if not isinstance(rows, list | tuple):
        raise RatingError(f"piece.impacts is a {type(rows).__name__}: give a list")
    impacts = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise RatingError(f"impact is a {type(row).__name__}: give a mapping")
        _require_keys(row, set(IMPACT_KEYS), "impact")
        texts = {key: row[key] for key in IMPACT_KEYS if key != "amount_micros"}
        for key, text in texts.items():
            if not isinstance(text, str):
                raise RatingError(f"impact.{key} is {text!r}: give a text")
        amount_micros = exact_int(row["amount_micros"], "impact.amount_micros")
        impacts.append(BalanceImpact(amount_micros=amount_micros, **texts))
    return tuple(impacts)


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
    _require_keys(row, {*SEGMENT_KEYS, "band", "metric"}, "segment", optional={"allowance_id"})
    band, metric = row["band"], row["metric"]
    if not isinstance(band, str):
        raise RatingError(f"segment.band is {band!r}: give its name")
    if metric not in frozenset(SEGMENT_KINDS):
        raise RatingError(f"segment.metric is {metric!r}: use {', '.join(SEGMENT_KINDS)}")
    numbers = {key: exact_int(row[key], f"segment.{key}") for key in SEGMENT_KEYS}
    allowance_id = exact_int(row.get("allowance_id", 0), "segment.allowance_id")
    return Segment(band=band, metric=str(metric), **numbers, allowance_id=allowance_id)


def _require_keys(
    data: Mapping[str, object], keys: set[str], name: str, *, optional: Set[str] = frozenset()
) -> None:
    given = set(data) - optional
    if given != keys:
        missing = ", ".join(sorted(keys - given)) or "none"
        unknown = ", ".join(sorted(map(repr, given - keys))) or "none"
        raise RatingError(f"{name} has not its keys: missing {missing}; unknown {unknown}")
