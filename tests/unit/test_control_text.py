"""Proves what people read: escapes, durations, octets and shares."""

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
