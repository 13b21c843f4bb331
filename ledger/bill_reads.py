"""Bills and credits as the books hold them, in pages, for people at a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.sessions import PAGE_MAX
from ledger.store.contract import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBill:
    """A bill. Amounts in minor units; `open_minor` is what nothing has settled yet."""

    bill_id: int
    bill_unit_id: int
    legal_entity: str
    number: int
    currency: str
    cycle_start_at: int
    cycle_end_at: int
    finalized_at: int
    due_on: str
    total_minor: int
    previous_minor: int
    due_minor: int
    open_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """A line of a bill: exact, and as it is billed."""

    line: int
    item_kind: str
    cycle_start_at: int
    source: str
    tax_code: str
    amount_micros: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredit:
    """A payment, or a bill that owes the customer; `free_minor` is not allocated."""

    credit_id: int
    event_id: int
    kind: str
    method: str
    reference: str
    currency: str
    received_on: str
    amount_minor: int
    free_minor: int
    reversed_at: int | None


async def fetch_bills(reader: Reader, account_id: int, *, after: int = 0) -> list[StoredBill]:
    """A page of an account's bills beyond `after`, oldest first."""
    rows = await reader.fetch("fetch_bills", (account_id, after, PAGE_MAX))
    return [StoredBill(**dict(zip(StoredBill.__slots__, row, strict=True))) for row in rows]


async def fetch_bill_lines(reader: Reader, account_id: int, bill_id: int) -> list[StoredLine]:
    """The lines of a bill."""
    rows = await reader.fetch("fetch_bill_lines", (account_id, bill_id))
    return [StoredLine(**dict(zip(StoredLine.__slots__, row, strict=True))) for row in rows]


async def fetch_credits(reader: Reader, account_id: int, *, after: int = 0) -> list[StoredCredit]:
    """A page of an account's credits beyond `after`, oldest first."""
    rows = await reader.fetch("fetch_credits", (account_id, after, PAGE_MAX))
    return [StoredCredit(**dict(zip(StoredCredit.__slots__, row, strict=True))) for row in rows]


async def fetch_credit(reader: Reader, account_id: int, credit_id: int) -> StoredCredit | None:
    """A credit, or None."""
    rows = await reader.fetch("fetch_credit", (account_id, credit_id))
    names = StoredCredit.__slots__
    return StoredCredit(**dict(zip(names, rows[0], strict=True))) if rows else None
