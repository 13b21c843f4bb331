"""The dunning table as an operator writes it: steps, worst first, and days without suspensions.

conf/dunning.toml explains every key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from ledger.document import Document, Finding, Table
from ledger.model import AccountStatus
from ledger.price_values import read_amount
from ledger.rules.dunning import DunningAction, DunningStep, QuietDays

DAYS_MAX: Final = 3650
STEPS_MAX: Final = 100

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

STATES_OF: Final = {
    DunningAction.REMIND: (AccountStatus.ACTIVE, AccountStatus.SUSPENDED),
    DunningAction.SUSPEND: (AccountStatus.ACTIVE,),
    DunningAction.CLOSE: (AccountStatus.SUSPENDED,),
    DunningAction.COLLECT: (AccountStatus.CLOSED,),
    DunningAction.SETTLE: (AccountStatus.COLLECTIONS,),
}
"""In which states a step of each action makes sense."""


class DunningTableError(Exception):
    """The file has mistakes: all of them, each with key and remedy."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningTable:
    """What the operator decided about who does not pay."""

    steps: tuple[DunningStep, ...]
    quiet: QuietDays
    suspensions_max: int  # in one night; more wait for --confirm


def load_dunning_table(path: Path) -> DunningTable:
    """The table in a file. Raises DunningTableError with every mistake of it."""
    document = Document.load(path)
    root = document.root
    table = DunningTable(
        steps=_read_steps(root.tables("steps")),
        quiet=QuietDays(
            weekdays=frozenset(_weekdays(root)),
            dates=frozenset(
                root.parsed_each(
                    "quiet_dates", date.fromisoformat, remedy='write dates as "2026-12-24"'
                )
            ),
        ),
        suspensions_max=root.integer("suspensions_max", low=1, high=10_000_000, default=100),
    )
    findings = document.finish()
    if findings:
        raise DunningTableError(findings)
    return table


def _read_steps(tables: tuple[Table, ...]) -> tuple[DunningStep, ...]:
    steps = tuple(_read_step(table) for table in tables[:STEPS_MAX])
    names = [step.name for step in steps]
    for table, name in zip(tables, names, strict=False):
        if names.count(name) > 1:
            table.find("name", "is used twice", "name each step differently: reminders are by step")
    return steps


def _read_step(table: Table) -> DunningStep:
    action = table.choice("action", DunningAction)
    state = table.choice("state", AccountStatus)
    if state not in STATES_OF[action]:
        states = " or ".join(STATES_OF[action])
        table.find("state", f"is no state to {action} in", f"use {states}")

    def days(name: str, *, low: int = 1) -> int | None:
        return table.optional_integer(name, low=low, high=DAYS_MAX)

    return DunningStep(
        name=table.text("name"),
        state=state,
        action=action,
        overdue_days=days("overdue_days"),
        state_days=days("state_days"),
        owed_above_micros=read_amount(table, "owed_above") if "owed_above" in table else None,
        promise_within_days=days("promise_within_days", low=0),
        every_days=days("every_days"),
        warned_days=days("warned_days", low=0),
    )


def _weekdays(root: Table) -> tuple[int, ...]:
    return root.parsed_each("quiet_weekdays", _weekday, remedy=f"use {', '.join(WEEKDAYS)}")


def _weekday(text: str) -> int:
    return WEEKDAYS.index(text)
