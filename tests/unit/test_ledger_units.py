"""Proves that quantities are read exactly or refused by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.units import QUANTITY_MAX, UnitError, parse_duration, parse_octets


@pytest.mark.parametrize(
    ("parse", "text", "quantity"),
    [
        (parse_duration, "0 s", 0),
        (parse_duration, "90 s", 90),
        (parse_duration, "5 min", 300),
        (parse_duration, "150 h", 540_000),
        (parse_duration, "30d", 2_592_000),
        (parse_duration, "1.5 h", 5400),
        (parse_octets, "1 B", 1),
        (parse_octets, "1 kB", 1000),
        (parse_octets, "1 KiB", 1024),
        (parse_octets, "10 GB", 10**10),
        (parse_octets, "10 GiB", 10 * 2**30),
        (parse_octets, "1 TB", 10**12),
        (parse_octets, "8388607 TiB", 8388607 * 2**40),
        (parse_octets, "9223372036854775807 B", QUANTITY_MAX),
        (parse_octets, "0.000000001 GB", 1),
    ],
)
def test_each_unit(parse: Callable[[str], int], text: str, quantity: int) -> None:
    assert parse(text) == quantity


@pytest.mark.parametrize(
    ("parse", "text", "problem"),
    [
        (parse_duration, "", "is not a number and a unit"),
        (parse_duration, "h", "is not a number and a unit"),
        (parse_duration, "5", "is not a number and a unit"),
        (parse_duration, "-5 h", "is not a number and a unit"),
        (parse_duration, "1e3 s", "is not a number and a unit"),
        (parse_duration, "1,5 h", "is not a number and a unit"),
        (parse_duration, "5  h", "is not a number and a unit"),
        (parse_duration, "5 h\n", "is not a number and a unit"),
        (parse_duration, "\u0665 h", "is not a number and a unit"),
        (parse_duration, "5 H", "has the unknown unit H"),
        (parse_duration, "5 GB", "has the unknown unit GB"),
        (parse_octets, "5 mb", "has the unknown unit mb"),
        (parse_duration, "0.0003 h", "is not a whole quantity"),
        (parse_octets, "0.5 B", "is not a whole quantity"),
        (parse_octets, "8388608 TiB", "is too large"),
        (parse_octets, "9223372036854775808 B", "is too large"),
        (parse_octets, "1" * 20 + " B", "is not a number and a unit"),
    ],
)
def test_each_refusal(parse: Callable[[str], int], text: str, problem: str) -> None:
    with pytest.raises(UnitError, match=problem):
        parse(text)
