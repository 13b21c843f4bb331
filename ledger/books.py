"""The invariants of the books, checked: every cached sum against what it sums (rule of exactness
5).

Each invariant is one statement over all accounts, and one state of the books: a million sessions
take seconds. Nothing is repaired here: a fault is a bug or a damaged disk, and an operator decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ledger.store.contract import Row, Store
from ledger.store.named_queries import Dialect

FAULTS_MAX = 1_000
"""Faults reported at most: whoever has more needs the backup, not the list."""

_CHECKS: Final[tuple[tuple[str, Callable[[Row], str]], ...]] = (
    (
        "check_journal_positions",
        lambda r: f"journal {r[0]}: position {r[1]}, watermark {r[2]} do not fit its sessions",
    ),
    ("check_lost_logins", lambda r: f"login {r[1]} of brand {r[0]} leads to no service"),
    ("check_change_counter", lambda r: f"account {r[0]}: its change {r[1]} is still to come"),
    (
        "check_balances",
        lambda r: f"account {r[0]} {r[1]}: posted is {r[2]:+d} micros off",
    ),
    (
        "check_items",
        lambda r: f"account {r[0]}: item {r[1]} of {r[2]} is {r[4]:+d} micros of {r[3]} off",
    ),
    (
        "check_usage_counters",
        lambda r: (
            f"account {r[0]} service {r[1]} period {r[2]}: counters are {r[3]:+d} s, {r[4]:+d} and "
            f"{r[5]:+d} octets, {r[6]:+d} micros off"
        ),
    ),
    (
        "check_ended_sessions",
        lambda r: f"account {r[0]}: session {r[1]} has ended and still accrues",
    ),
    (
        "check_pieces",
        lambda r: f"account {r[0]}: session {r[1]} made {r[2]} pieces, {r[3]} events are posted",
    ),
    (
        "check_impact_events",
        lambda r: f"account {r[0]}: an impact of event {r[1]} moves nothing, or has no such event",
    ),
    (
        "check_crossings",
        lambda r: f"account {r[0]}: the {r[2]} threshold of {r[1]} fired below it, or for nobody",
    ),
    ("check_logins", lambda r: f"account {r[0]}: the login of service {r[1]} leads elsewhere"),
    ("check_owners", lambda r: f"account {r[0]} has rows and is not registered"),
)
_POSTGRESQL_CHECKS: Final[tuple[tuple[str, Callable[[Row], str]], ...]] = (
    ("check_event_keys", lambda r: f"account {r[0]}: event {r[1]} and its key do not fit"),
)


async def check_books(store: Store) -> list[str]:
    """Every invariant that does not hold, in words; empty when the books are right."""
    checks = _CHECKS
    if store.dialect is Dialect.POSTGRESQL:
        checks += _POSTGRESQL_CHECKS
    faults: list[str] = []
    for query, describe in checks:
        async with store.read() as reader:
            rows = await reader.fetch(query, (FAULTS_MAX - len(faults),))
        faults += map(describe, rows)
    return faults
