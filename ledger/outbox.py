"""Mail, hooks and network orders to be carried out: at least once, each with a stable id.

Whoever carries messages claims some by a lease; one that dies leaves them to the next when the
lease ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from ledger.model import OutboxMessage
from ledger.store.contract import Transaction

CLAIM_MAX = 100
"""Messages one claim takes: what a carrier can deliver within one lease."""

LEASE_S = 300
"""How long a claim holds: longer than a mail server takes to answer."""

ERROR_LENGTH_MAX = 500
"""Characters kept of what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A message under lease. `attempts` counts this one."""

    message: OutboxMessage
    attempts: int
    lease_until_at: int


async def insert_message(
    tx: Transaction, message: OutboxMessage, *, done_at: int | None = None
) -> bool:
    """Queue a message; False when its key is queued already. done_at: kept for the audit only."""
    row = (
        message.account_id,
        message.outbox_key,
        message.kind,
        message.name,
        orjson.dumps(dict(message.data)).decode(),
        message.created_at,
        done_at,
    )
    return await tx.execute("insert_outbox", row) == 1


async def claim_messages(
    tx: Transaction, *, kind: str, owner: str, at: int, count_max: int = CLAIM_MAX
) -> list[ClaimedMessage]:
    """Take the oldest free messages of a kind for LEASE_S seconds."""
    lease_until_at = at + LEASE_S
    count = min(count_max, CLAIM_MAX)
    rows = await tx.fetch("claim_outbox", (kind, owner, at, lease_until_at, count))
    claimed = [
        ClaimedMessage(
            message=OutboxMessage(
                account_id=account_id,
                outbox_key=key,
                kind=kind,
                name=name,
                data=_parsed(data),
                created_at=created_at,
            ),
            attempts=attempts,
            lease_until_at=lease_until_at,
        )
        for account_id, key, name, data, created_at, attempts in rows
    ]
    return sorted(claimed, key=lambda one: (one.message.created_at, one.message.outbox_key))


async def finish_message(tx: Transaction, message: OutboxMessage, *, owner: str, at: int) -> bool:
    """Mark a claimed message as carried out; False when its lease went to another owner."""
    row = (message.account_id, message.outbox_key, owner, at)
    return await tx.execute("finish_outbox", row) == 1


async def return_message(
    tx: Transaction, message: OutboxMessage, *, owner: str, retry_at: int, error: str
) -> bool:
    """Give a message back that could not be delivered, not to be claimed before `retry_at`."""
    row = (message.account_id, message.outbox_key, owner, retry_at, error[:ERROR_LENGTH_MAX])
    return await tx.execute("return_outbox", row) == 1


def _parsed(data: str) -> Mapping[str, object]:
    parsed: dict[str, object] = orjson.loads(data)
    return parsed
