"""Instants written and read in a zone, by the zone's offsets alone. Pure.

The offsets are those that rating splits by (`ratingcore.calendar`), so what is shown here is what
was charged. Local times carry their offset, because in the night the clocks go back an hour has
its name twice; a local time without one is read only if it means exactly one instant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ratingcore.calendar import load_zone

_DAY_S = 86_400
WEEK_S = 7 * _DAY_S


class UnclearInstant(ValueError):
    """A text that names no instant, or two; the message says which and what to write."""


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


def parse_instant(text: str, *, zone: str | None = None) -> int:
    """Epoch seconds of an ISO 8601 text: with its offset, or local time of `zone`.

    Raises `UnclearInstant` for text that is none, has a fraction of a second, lacks an offset where
    no zone is given, or is a local time that a change of the clock skips or repeats.
    """
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise UnclearInstant(
            f"{text!r} is no ISO 8601 date and time; write it as 2026-03-06T22:00:00-05:00"
        ) from None
    if written.microsecond:
        raise UnclearInstant(f"{text!r} has a fraction of a second; write whole seconds")
    if written.tzinfo is not None:
        return _seconds(written.astimezone(UTC).replace(tzinfo=None))
    if zone is None:
        raise UnclearInstant(f"{text!r} has no offset; write {text}Z for UTC, or {text}+01:00")
    return _local_instant(text, written, zone)


def _local_instant(text: str, written: datetime, zone: str) -> int:
    """The one instant at which the clock of `zone` shows `written`."""
    shown_s = _seconds(written)
    load = load_zone(zone)
    offsets = {load.offset_at(shown_s - _DAY_S), load.offset_at(shown_s + _DAY_S)}
    found = sorted(o for o in offsets if load.offset_at(shown_s - o) == o)
    if len(found) == 1:
        return shown_s - found[0]
    if found:
        choices = " or ".join(f"{text}{offset_text(one)}" for one in reversed(found))
        raise UnclearInstant(f"{text!r} is twice in {zone}, as the clocks go back; write {choices}")
    raise UnclearInstant(
        f"{text!r} does not exist in {zone}, as the clocks go forward; write another time, "
        f"or one with its offset"
    )


def _clock(shown: datetime) -> str:
    return f"{shown:%H:%M:%S}" if shown.second else f"{shown:%H:%M}"


def _naive(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _seconds(naive: datetime) -> int:
    return (naive - datetime.fromtimestamp(0, UTC).replace(tzinfo=None)) // timedelta(seconds=1)
