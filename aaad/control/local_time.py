"""Instants read in a zone, by the zone's offsets alone. Pure. `ratingcore.words` writes them.

The offsets are those that rating splits by (`ratingcore.calendar`), so what is shown here is what
was charged. Local times carry their offset, because in the night the clocks go back an hour has
its name twice; a local time without one is read only if it means exactly one instant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ratingcore.calendar import load_zone
from ratingcore.tariff import DAY_S
from ratingcore.words import offset_text


class UnclearInstant(ValueError):
    """A text that names no instant, or two; the message says which and what to write."""


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
    offsets = {load.offset_at(shown_s - DAY_S), load.offset_at(shown_s + DAY_S)}
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


def _seconds(naive: datetime) -> int:
    return (naive - datetime.fromtimestamp(0, UTC).replace(tzinfo=None)) // timedelta(seconds=1)
