"""Escaped text: every octet string is printable text in the books, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.store.text import escape_octets, escape_text, unescape_octets, unescape_text


@given(st.binary(max_size=300))
def test_any_octets_are_printable_text_and_come_back(octets: bytes) -> None:
    text = escape_octets(octets)
    assert text.isprintable()
    assert unescape_octets(text) == octets


@given(st.text(max_size=100))
def test_any_text_is_printable_and_comes_back(text: str) -> None:
    escaped = escape_text(text)
    assert escaped.isprintable()
    assert unescape_text(escaped) == text
    escaped.encode("utf-8")


@given(st.lists(st.binary(max_size=4), unique=True, max_size=20))
def test_different_octets_stay_different(all_octets: list[bytes]) -> None:
    assert len({escape_octets(octets) for octets in all_octets}) == len(all_octets)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"ann@isp.example", "ann@isp.example"),
        (b"O'Brien", "O'Brien"),
        ("zoë".encode(), "zoë"),
        (b"\x00\xff", "\\u{0}\\xff"),
        (b"a\\xff", "a\\\\xff"),
        ("\u202e".encode(), "\\u{202e}"),
        (b"", ""),
    ],
)
def test_printable_characters_stand_for_themselves(octets: bytes, text: str) -> None:
    assert escape_octets(octets) == text
    assert unescape_octets(text) == octets
