"""What the demonstration shows, as data: the customers, the packets, the decisions, the checks.

The story changes it, a screen draws it. Both screens of screen.py draw the same scene.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ratingcore.money import format_amount

LINES_KEPT = 40
"""Packets and decisions kept: more than any terminal shows."""


@dataclass(slots=True, kw_only=True)
class Customer:
    """One row: who, on which offer, what runs now and what it costs so far."""

    login: str
    offer: str
    lines: int = 0  # sessions that run now
    time: str = ""
    price: str = ""
    cost: str = ""
    used_s: int = 0
    soft_s: int = 0  # 0: no limit
    hard_s: int = 0
    barred: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was proved, or was not."""

    name: str
    passed: bool
    found: str


@dataclass(slots=True)
class Scene:
    """The whole picture."""

    chapters: int
    chapter: int = 0
    title: str = ""
    clock: str = ""
    alive: bool = False
    customers: list[Customer] = field(default_factory=list)
    wire: deque[tuple[str, bool, str]] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    decisions: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    story: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    checks: list[Check] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return not all(check.passed for check in self.checks)


def clock_text(seconds: int) -> str:
    """`12600` -> `3:30`: hours and minutes, as an online clock shows them."""
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}"


def dollars(amount_micros: int) -> str:
    """`1666667` -> `$1.666667`: exact."""
    return f"${format_amount(amount_micros)}"
