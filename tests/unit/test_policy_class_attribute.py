"""Proves that a Class of ours names its service, and that nothing else does."""

from __future__ import annotations

import pytest

from aaad.policy.class_attribute import MAGIC, SIZE, make_class, read_class

KEY = b"k" * 32
NAMED = make_class(KEY, account_id=2**62, service_id=77)


def test_what_was_sent_is_read_back() -> None:
    assert len(NAMED) == SIZE <= 253
    assert NAMED.startswith(MAGIC)
    assert read_class(KEY, NAMED) == (2**62, 77)


@pytest.mark.parametrize("at", range(SIZE))
def test_no_octet_can_be_changed(at: int) -> None:
    forged = NAMED[:at] + bytes((NAMED[at] ^ 1,)) + NAMED[at + 1 :]
    assert read_class(KEY, forged) is None


@pytest.mark.parametrize(
    "value", [b"", MAGIC, b"some proxy's", NAMED[:-1], NAMED + b"\0", bytes(SIZE)]
)
def test_foreign_values_say_nothing(value: bytes) -> None:
    assert read_class(KEY, value) is None


def test_another_installations_class_says_nothing() -> None:
    assert read_class(b"other", NAMED) is None
