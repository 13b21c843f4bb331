"""Quantities as people write them ("150 h", "10 GB") to exact integers: seconds and octets.

kB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024 (DESIGN.md, Money and usage). A number
may have decimals as long as the quantity is whole: "1.5 h" is 5400 s, "0.1 B" is refused. No float
is involved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

QUANTITY_MAX: Final = 2**63 - 1
"""Quantities are int64 everywhere."""

DURATION_UNITS: Final[Mapping[str, int]] = {"s": 1, "min": 60, "h": 3600, "d": 86400}
"""Seconds of each unit. A day is 24 hours, whatever the clocks do."""

OCTET_UNITS: Final[Mapping[str, int]] = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate(("k", "M", "G", "T"), start=1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate(("K", "M", "G", "T"), start=1)},
}
"""Octets of each unit."""

DURATION_REMEDY: Final = 'write a duration as "90 s", "5 min", "150 h" or "30 d"'
OCTETS_REMEDY: Final = 'write octets as "500 MB" or "10 GiB"'

_QUANTITY = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?) ?([A-Za-z]+)", re.ASCII)


class UnitError(ValueError):
    """A quantity that cannot be read; the message says why."""


def parse_duration(text: str) -> int:
    """Seconds in a text such as "90 s", "5 min", "150 h" or "1 d". Raises UnitError."""
    return _parse(text, DURATION_UNITS)


def parse_octets(text: str) -> int:
    """Octets in a text such as "500 MB" or "10 GiB". Raises UnitError."""
    return _parse(text, OCTET_UNITS)


def _parse(text: str, units: Mapping[str, int]) -> int:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UnitError("is not a number and a unit")
    number, unit = match.groups()
    if unit not in units:
        raise UnitError(f"has the unknown unit {unit}")
    quantity = Fraction(number) * units[unit]
    if quantity.denominator != 1:
        raise UnitError("is not a whole quantity")
    if quantity > QUANTITY_MAX:
        raise UnitError("is too large")
    return quantity.numerator
