"""Lists of customers and of waiting messages for people at a terminal: pages, each bounded."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from ledger.model import Account, OutboxMessage, StatusReason
from ledger.sessions import PAGE_MAX
from ledger.store.contract import Reader
from ledger.subscribers import account_of_row


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMessage:
    """A message of the outbox that is not carried out yet, and how often that was tried."""

    message: OutboxMessage
    attempts: int
    last_error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """One reason for which an account (service_id 0) or a service is suspended now."""

    service_id: int
    reason: StatusReason
    since_at: int


async def fetch_accounts(
    reader: Reader, *, after: int = 0, text: str = "", page_size: int = PAGE_MAX
) -> list[Account]:
    """A page of accounts beyond `after`, by id; `text` is looked for in name and mail address."""
    pattern = f"%{_escape_like(text.lower())}%" if text else ""
    rows = await reader.fetch("fetch_accounts", (after, pattern, min(page_size, PAGE_MAX)))
    return [account_of_row(row) for row in rows]


async def fetch_waiting_messages(
    reader: Reader, *, after: tuple[int, int, str] = (-1, 0, ""), page_size: int = PAGE_MAX
) -> list[WaitingMessage]:
    """A page of the outbox, oldest first, beyond (created_at, account_id, outbox_key)."""
    rows = await reader.fetch("fetch_waiting_messages", (*after, min(page_size, PAGE_MAX)))
    return [
        WaitingMessage(
            message=OutboxMessage(
                account_id=account_id,
                outbox_key=key,
                kind=kind,
                name=name,
                data=orjson.loads(data),
                created_at=created_at,
            ),
            attempts=attempts,
            last_error=last_error,
        )
        for account_id, key, kind, name, data, created_at, attempts, last_error in rows
    ]


async def fetch_standing_suspensions(reader: Reader, account_id: int) -> list[Suspension]:
    """Why an account and its services are suspended now; empty when nothing is."""
    rows = await reader.fetch("fetch_standing_suspensions", (account_id,))
    return [
        Suspension(service_id=service_id, reason=StatusReason(reason), since_at=since_at)
        for service_id, reason, since_at in rows
    ]


def _escape_like(text: str) -> str:
    """A text that LIKE takes literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
