"""Proves for any bytes and any text that what is shown is printable, and that no two look the
same.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.escape import printable

names = st.one_of(
    st.binary(max_size=253),
    st.text(st.characters(codec=None), max_size=100),
    st.text(alphabet="\\xu0fF\x1b\x00\u00ff\udcff", max_size=12),
)


@given(names)
def test_only_printable_characters_are_shown(name: bytes | str) -> None:
    assert printable(name).isprintable()


def as_text(name: bytes | str) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


@given(names, names)
def test_two_names_never_look_the_same(one: bytes | str, other: bytes | str) -> None:
    assert (printable(one) == printable(other)) == (as_text(one) == as_text(other))
