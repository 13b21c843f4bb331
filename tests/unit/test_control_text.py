"""Proves what people read: escapes, durations, octets, and spans of local time on both nights of
the clock.
"""

from datetime import UTC, datetime

import pytest

from aaad.control import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain Ünïcode", "plain Ünïcode"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        (b"alice\x00", "alice\\x00"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("back\\slash", "back\\slash"),
        (42, "42"),
        ("[bold]", "[bold]"),
    ],
)
def test_terminal_safe_shows_and_never_obeys(value: object, shown: str) -> None:
    assert text.terminal_safe(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min 59 s"),
        (7200, "2 h 0 min"),
        (90_061, "25 h 1 min 1 s"),
        (-60, "-1 min"),
    ],
)
def test_duration(seconds: int, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 octets"),
        (999, "999 octets"),
        (1_000, "1.00 kB"),
        (1_999_999, "1.99 MB"),
        (5 * 10**9, "5.00 GB"),
    ],
)
def test_octets(count: int, shown: str) -> None:
    assert text.octets(count) == shown


def test_percent_reaches_100_only_when_all_is_used() -> None:
    assert text.percent(999, 1000) == "99 %"
    assert text.percent(1000, 1000) == "100 %"
    assert text.percent(5, 0) == "-"


def utc(*parts: int) -> int:
    """Epoch seconds of a UTC date and time."""
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (utc(2026, 3, 7, 3), utc(2026, 3, 7, 5), "Friday 22:00-24:00"),
        (utc(2026, 3, 7, 5), utc(2026, 3, 7, 6), "Saturday 00:00-01:00"),
        (utc(2026, 3, 7, 5, 0, 5), utc(2026, 3, 7, 6), "Saturday 00:00:05-01:00"),
        (utc(2026, 3, 7, 5), utc(2026, 3, 9, 4), "Saturday 00:00 EST - Monday 00:00 EDT"),
        (utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 6, 30), "Sunday 01:30 EDT-01:30 EST"),
    ],
)
def test_clock_span(start: int, end: int, shown: str) -> None:
    assert text.clock_span(start, end, "America/New_York") == shown


def test_instant_names_its_zone() -> None:
    assert text.instant(0) == "1970-01-01 00:00:00 UTC"
    assert text.instant(utc(2026, 7, 1), "America/New_York") == "2026-06-30 20:00:00 EDT"
