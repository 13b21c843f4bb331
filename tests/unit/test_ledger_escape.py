"""Proves that nothing from the network reaches a terminal or a log line as anything but visible
text.
"""

from __future__ import annotations

import pytest

from ledger.escape import SHOWN_MAX, printable


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"anna@example.net", "anna@example.net"),
        ("J\u00fcrgen \u65e5\u672c", "J\u00fcrgen \u65e5\u672c"),
        (b"J\xc3\xbcrgen", "J\u00fcrgen"),
        (b"DOM\\anna", "DOM\\\\anna"),
        (b"a\nb\r\0c\td", "a\\x0ab\\x0d\\x00c\\x09d"),
        (b"\x1b]0;owned\x07\x7f", "\\x1b]0;owned\\x07\\x7f"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\udcff\ud800", "\\xff\\ud800"),
        ("\u202egnp.exe\u2066\u200b\ufeff", "\\u202egnp.exe\\u2066\\u200b\\ufeff"),
        ("\x85\x9b", "\\u0085\\u009b"),
        ("\u2028\u00a0", "\\u2028\\u00a0"),
        ("\U000e0001", "\\U000e0001"),
        ("", ""),
    ],
)
def test_each_kind_of_character(value: bytes | str, shown: str) -> None:
    assert printable(value) == shown
    assert printable(value).isprintable()


def test_long_values_are_cut_and_say_so() -> None:
    assert printable("x" * SHOWN_MAX) == "x" * SHOWN_MAX
    assert printable("x" * (SHOWN_MAX + 7)) == "x" * SHOWN_MAX + "... (7 more)"
