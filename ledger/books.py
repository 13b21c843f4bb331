"""The invariants of the books, checked: every cached sum against what it sums (rule of exactness
5).

Accounts are read a page at a time, each page one state of the books, so that the check can run
beside the daemon without holding its WAL. Nothing is repaired here: a fault is a bug or a damaged
disk, and an operator decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ledger.store.contract import Reader, Row, Store

ACCOUNTS_PAGE = 500
"""Accounts checked in one read transaction."""

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
    ("check_impact_events", lambda r: f"account {r[0]}: impact of missing event {r[1]}"),
    ("check_logins", lambda r: f"account {r[0]}: the login of service {r[1]} leads elsewhere"),
)


async def check_books(store: Store) -> list[str]:
    """Every invariant that does not hold, in words; empty when the books are right."""
    async with store.read() as reader:
        faults = await _check_whole(reader)
    last = 0
    while len(faults) < FAULTS_MAX:
        async with store.read() as reader:
            page = await reader.fetch("fetch_account_page", (last, ACCOUNTS_PAGE))
            if not page:
                break
            first, last = page[0][0], page[-1][0]
            faults += await _check_page(reader, first, last)
    return faults[:FAULTS_MAX]


async def _check_page(reader: Reader, first: int, last: int) -> list[str]:
    return [
        describe(row)
        for query, describe in _CHECKS
        for row in await reader.fetch(query, (first, last))
    ]


async def _check_whole(reader: Reader) -> list[str]:
    owners = await reader.fetch("check_owners")
    positions = await reader.fetch("check_journal_positions")
    return [f"account {row[0]} has rows and is not registered" for row in owners] + [
        f"journal {row[0]}: position {row[1]}, watermark {row[2]} do not fit its sessions"
        for row in positions
    ]
