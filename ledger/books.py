"""The invariants of the books, checked: every cached sum against what it sums (rule of exactness
5).

Accounts are read a page at a time, each page one state of the books, so that the check can run
beside the daemon without holding its WAL; the pages reach over all ids, so rows of no account
show. Nothing is repaired here: a fault is a bug or a damaged
disk, and an operator decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ledger.store.contract import Row, Store
from ledger.store.named_queries import Dialect

ACCOUNTS_PAGE = 500
"""Accounts checked in one read transaction."""

ID_MIN, ID_MAX = -(2**62), 2**63 - 1
"""Ranges of accounts checked reach from one to the other, so that no row lies between them."""

FAULTS_MAX = 1_000
"""Faults reported at most: whoever has more needs the backup, not the list."""

_CHECKS: Final[tuple[tuple[str, Callable[[Row], str]], ...]] = (
    (
        "check_balances",
        lambda r: f"account {r[0]} {r[1]}: posted is {r[2]:+d}, accrued {r[3]:+d} micros off",
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
_WHOLE_CHECKS: Final[tuple[tuple[str, Callable[[Row], str]], ...]] = (
    (
        "check_journal_positions",
        lambda r: f"journal {r[0]}: position {r[1]}, watermark {r[2]} do not fit its sessions",
    ),
    ("check_lost_logins", lambda r: f"login {r[1]} of brand {r[0]} leads to no service"),
    ("check_change_counter", lambda r: f"account {r[0]}: its change {r[1]} is still to come"),
)


async def check_books(
    store: Store, *, on_accounts: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Every invariant that does not hold, in words; empty when the books are right.

    `on_accounts` hears how many accounts more are checked.
    """
    checks = _CHECKS
    if store.dialect is Dialect.POSTGRESQL:
        checks += _POSTGRESQL_CHECKS
    faults = []
    async with store.read() as reader:
        for query, describe in _WHOLE_CHECKS:
            faults += [describe(row) for row in await reader.fetch(query)]
    first = ID_MIN
    while first <= ID_MAX and len(faults) < FAULTS_MAX:
        async with store.read() as reader:
            page = await reader.fetch("fetch_account_page", (first - 1, ACCOUNTS_PAGE))
            last = page[-1][0] if page else ID_MAX  # what lies beyond belongs to nobody
            for query, describe in checks:
                faults += [describe(row) for row in await reader.fetch(query, (first, last))]
        on_accounts(len(page))
        first = last + 1
    return faults[:FAULTS_MAX]
