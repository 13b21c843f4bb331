"""Bill units: who is billed when, which of them have something due, and what belongs to one."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.model import AccountStatus, Purchase
from ledger.rules.fees import BillingDay
from ledger.store.contract import Reader, Transaction
from ledger.subscribers import fetch_subscribers_by_account

UNITS_PAGE = 200
"""Units one answer names; who gets a full page asks again, after its last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillUnit:
    """A bill unit with what its account says of billing."""

    account_id: int
    bill_unit_id: int
    brand: str
    name: str
    currency: str
    zone: str
    opened_at: int
    status: AccountStatus
    bill_day: int
    due_days: int
    cycles_per_bill: int
    balance_forward: bool
    billed_until_at: int | None
    look_at: int

    @property
    def billing(self) -> BillingDay:
        """Its billing day, where its account lives."""
        return BillingDay(self.bill_day, self.zone)


@dataclass(frozen=True, slots=True)
class UnitPosition:
    """A unit among those that have something to do: where a page ends, and the next one begins."""

    look_at: int
    account_id: int
    bill_unit_id: int


FIRST = UnitPosition(-1, 0, 0)


async def fetch_units_to_look_at(
    reader: Reader, *, before_at: int, after: UnitPosition = FIRST
) -> list[UnitPosition]:
    """A page of the units that have something to do before an instant."""
    rows = await reader.fetch(
        "fetch_units_to_look_at", (before_at, after.look_at, after.account_id, UNITS_PAGE)
    )
    return [UnitPosition(*row) for row in rows]


async def fetch_bill_unit(reader: Reader, *, account_id: int, bill_unit_id: int) -> BillUnit | None:
    """A bill unit, or None."""
    rows = await reader.fetch("fetch_bill_unit", (account_id, bill_unit_id))
    if not rows:
        return None
    row = rows[0]
    return BillUnit(
        account_id=row[0],
        bill_unit_id=row[1],
        brand=row[2],
        name=row[3],
        currency=row[4],
        zone=row[5],
        opened_at=row[6],
        status=AccountStatus(row[7]),
        bill_day=row[8],
        due_days=row[9],
        cycles_per_bill=row[10],
        balance_forward=bool(row[11]),
        billed_until_at=row[12],
        look_at=row[13],
    )


async def fetch_account_purchases(reader: Reader, account_id: int) -> list[Purchase]:
    """All purchases of an account, ended ones too."""
    subscribers = await fetch_subscribers_by_account(reader, (account_id,))
    return [purchase for one in subscribers for purchase in one.purchases]


async def set_look_at(tx: Transaction, unit: BillUnit, at: int) -> None:
    """Nothing is due of a unit before an instant."""
    await tx.execute("set_look_at", (unit.account_id, unit.bill_unit_id, at))
