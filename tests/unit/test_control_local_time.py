"""Proves that local times are shown and read without doubt, on both nights of the clock too."""

from datetime import UTC, datetime

import pytest

from aaad.control.local_time import UnclearInstant, parse_instant
from ratingcore.words import clock_span, instant

NEW_YORK = "America/New_York"


def utc(text: str) -> int:
    """Epoch seconds of a UTC date and time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("2026-03-07T03:00", "2026-03-07T05:00", "Friday 22:00-24:00"),
        ("2026-03-07T05:00", "2026-03-07T06:00", "Saturday 00:00-01:00"),
        ("2026-03-07T05:00:05", "2026-03-07T06:00", "Saturday 00:00:05-01:00"),
        ("2026-03-07T03:00", "2026-03-07T06:00", "Friday 22:00 to Saturday 01:00"),
        ("2026-03-07T05:00", "2026-03-09T04:00", "Saturday 00:00 -05:00 to Monday 00:00 -04:00"),
        ("2026-11-01T05:30", "2026-11-01T06:30", "Sunday 01:30 -04:00-01:30 -05:00"),
        (
            "2026-01-05T05:00",
            "2026-01-12T05:00",
            "Monday 2026-01-05 00:00 to Monday 2026-01-12 00:00",
        ),
        ("2026-03-07T05:00", "2026-03-07T05:00", "Saturday 00:00-00:00"),
    ],
)
def test_clock_span(start: str, end: str, shown: str) -> None:
    assert clock_span(utc(start), utc(end), NEW_YORK) == shown


def test_instant_names_its_offset() -> None:
    assert instant(0) == "1970-01-01 00:00:00 UTC"
    assert instant(utc("2026-07-01T00:00"), NEW_YORK) == "2026-06-30 20:00:00 -04:00"
    assert instant(utc("2026-01-01T00:00"), "Asia/Kolkata") == "2026-01-01 05:30:00 +05:30"


@pytest.mark.parametrize(
    ("text", "zone", "at"),
    [
        ("2026-03-06T22:00:00-05:00", None, "2026-03-07T03:00"),
        ("2026-03-06T22:00:00Z", NEW_YORK, "2026-03-06T22:00"),
        ("2026-03-06T22:00", NEW_YORK, "2026-03-07T03:00"),
        ("2026-03-08T01:59:59", NEW_YORK, "2026-03-08T06:59:59"),
        ("2026-03-08T03:00:00", NEW_YORK, "2026-03-08T07:00"),
        ("2026-11-01T00:59:59", NEW_YORK, "2026-11-01T04:59:59"),
        ("2026-11-01T02:00:00", NEW_YORK, "2026-11-01T07:00"),
        ("2026-11-01T01:30:00-05:00", NEW_YORK, "2026-11-01T06:30"),
        ("2026-01-01T00:00", "Pacific/Tongatapu", "2025-12-31T11:00"),
    ],
)
def test_parse_instant(text: str, zone: str | None, at: str) -> None:
    assert parse_instant(text, zone=zone) == utc(at)


@pytest.mark.parametrize(
    ("text", "zone", "why"),
    [
        ("next friday", NEW_YORK, "no ISO 8601"),
        ("2026-03-06T22:00:00", None, "no offset"),
        ("2026-03-06T22:00:00.5Z", None, "fraction"),
        ("2026-03-08T02:30:00", NEW_YORK, "does not exist"),
        (
            "2026-11-01T01:30:00",
            NEW_YORK,
            r"twice.*write 2026-11-01T01:30:00-04:00 or 2026-11-01T01:30:00-05:00",
        ),
        ("2011-12-30T12:00:00", "Pacific/Apia", "does not exist"),
    ],
)
def test_an_unclear_instant_is_refused_with_the_remedy(
    text: str, zone: str | None, why: str
) -> None:
    with pytest.raises(UnclearInstant, match=why):
        parse_instant(text, zone=zone)
