"""Decisions read from a string of octets: hypothesis draws the string, plain functions the rest.

A random tariff takes some 200 decisions. Drawn one by one from hypothesis they cost 20 times what
the engine costs that they test; read from one string, next to nothing. A zero octet, and one beyond
the end, is the simplest decision: hypothesis shrinks a case by writing zeros.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

Option = TypeVar("Option")
Drawn = TypeVar("Drawn")

OCTETS = 800
"""More than 99 of 100 cases read; hypothesis draws them one by one."""

OCTET_STRINGS = st.binary(min_size=OCTETS, max_size=OCTETS)

EXTREME, SMALL = 16, 96
"""Below them, of 256: a range's end is drawn, or a number of few bits."""


class Choices:
    """The octets of one case, read from front to back."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def _number(self, size: int) -> int:
        self._at += size
        return int.from_bytes(self._octets[self._at - size : self._at], "big")

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases; the simplest is False."""
        return self._number(1) >= 256 * (100 - percent) // 100

    def one_of(self, options: Sequence[Option]) -> Option:
        """One of them, each as likely; the simplest is the first."""
        return options[self._number(1 if len(options) < 32 else 2) % len(options)]

    def some_of(self, options: Sequence[Option], most: int) -> list[Option]:
        """One to `most` of them in their order, none twice."""
        chosen = {self._number(1) % len(options) for _ in range(1 + self._number(1) % most)}
        return [options[index] for index in sorted(chosen)]

    def whole(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, its ends and small ones more often; simplest: `low`."""
        kind, number = self._number(1), self._number(5)
        if kind < EXTREME:
            return high if kind % 2 else low
        if kind < SMALL:
            number >>= kind % 40
        return low + number % (high - low + 1)

    def instant(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, each as likely."""
        return low + self._number(5) % (high - low + 1)


@st.composite
def drawn(draw: st.DrawFn, make: Callable[[Choices], Drawn]) -> Drawn:
    """What a function makes of random choices."""
    return make(Choices(draw(OCTET_STRINGS)))
