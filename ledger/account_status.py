"""Suspending, reopening and closing accounts and services (F15, F16, F31, F62).

A suspension has a reason, and only the right remedy lifts it; somebody can be suspended for
several at once, then the gravest is shown, and he is active again when the last is lifted.
service_id 0 is the whole account. Closing deletes nothing (rule of exactness 4).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ledger.account_checks import AccountError, Mistake
from ledger.accounts import find_account, find_service
from ledger.changes import Authorship, already_done, record_change
from ledger.model import Account, AccountStatus, ServiceStatus, StatusReason
from ledger.rules.cycles import cycle_at
from ledger.store.contract import Transaction


class Remedy(StrEnum):
    """What somebody does about a suspension."""

    OPERATOR = "operator"
    TOP_UP = "top_up"
    PAYMENT = "payment"
    PROMISE = "promise"
    RENEWAL = "renewal"


REMEDIES: Final = {
    StatusReason.MANUAL: frozenset({Remedy.OPERATOR}),
    StatusReason.USAGE: frozenset({Remedy.TOP_UP}),
    StatusReason.OVERDUE: frozenset({Remedy.PAYMENT, Remedy.PROMISE}),
    StatusReason.EXPIRED: frozenset({Remedy.RENEWAL}),
}

# The gravest reason is the one shown.
_GRAVEST_FIRST = (
    StatusReason.MANUAL,
    StatusReason.OVERDUE,
    StatusReason.EXPIRED,
    StatusReason.USAGE,
)

_ADVICE: Final = {
    StatusReason.MANUAL: "an operator reopens it",
    StatusReason.USAGE: "top up the limit, then reopen (C6); a new cycle lifts it, too",
    StatusReason.OVERDUE: "a payment or a promise reopens it",
    StatusReason.EXPIRED: "a renewal reopens it",
}


async def suspend(
    tx: Transaction,
    *,
    account_id: int,
    service_id: int = 0,
    reason: StatusReason,
    by: Authorship,
) -> None:
    """Suspend an account or a service for a reason; for one that holds already, nothing changes.

    Raises AccountError when it is closed, or without a reason.
    """
    await _require_not_closed(tx, account_id, service_id)
    if reason not in REMEDIES:
        raise AccountError(Mistake("reason", repr(str(reason)), "name one of " + _names(REMEDIES)))
    if await already_done(tx, account_id=account_id, by=by):
        return
    if not await tx.execute("insert_suspension", (account_id, service_id, reason, by.at)):
        return
    await _show_status(tx, account_id, service_id)
    await record_change(
        tx,
        account_id=account_id,
        service_id=service_id,
        event_type="suspended",
        data={"reason": reason},
        by=by,
    )


async def reopen(
    tx: Transaction,
    *,
    account_id: int,
    service_id: int = 0,
    remedy: Remedy,
    by: Authorship,
) -> bool:
    """Lift what the remedy lifts; True when nothing is left and the account or service is active.

    Raises AccountError with the reasons that stand when the remedy lifts none of them (C6).
    """
    account = await _require_not_closed(tx, account_id, service_id)
    if await already_done(tx, account_id=account_id, by=by):
        return not await tx.fetch("fetch_suspensions", (account_id, service_id))
    standing: dict[str, int] = dict(await tx.fetch("fetch_suspensions", (account_id, service_id)))
    lifted = [reason for reason in standing if remedy in REMEDIES[StatusReason(reason)]]
    if "usage" in standing and await _usage_lifted(tx, account, service_id, standing["usage"], by):
        lifted = sorted({*lifted, "usage"})
    elif "usage" in lifted:
        lifted.remove("usage")
    if standing and not lifted:
        raise AccountError(*(_still_suspended(reason, remedy) for reason in sorted(standing)))
    if not standing:
        return True
    for reason in lifted:
        await tx.execute("lift_suspension", (account_id, service_id, reason))
    await _show_status(tx, account_id, service_id)
    await record_change(
        tx,
        account_id=account_id,
        service_id=service_id,
        event_type="reopened",
        data={"remedy": remedy, "lifted": lifted},
        by=by,
    )
    return len(lifted) == len(standing)


async def close(tx: Transaction, *, account_id: int, service_id: int = 0, by: Authorship) -> None:
    """Close an account with all its services, or one service; the books stay."""
    account = await find_account(tx, account_id)
    if service_id:
        await _close_service(tx, account_id, service_id, by)
        return
    if account.status in (AccountStatus.CLOSED, AccountStatus.COLLECTIONS):
        return
    await tx.execute("end_account_purchases", (account_id, by.at))
    await tx.execute("close_services", (account_id,))
    closed = (account_id, AccountStatus.CLOSED, StatusReason.NONE)
    await tx.execute("update_account_status", closed)
    await record_change(tx, account_id=account_id, event_type="account_closed", data={}, by=by)


async def begin_collections(tx: Transaction, *, account_id: int, by: Authorship) -> None:
    """A closed account owes enough for the agency (F43)."""
    await _change_status(tx, account_id, AccountStatus.COLLECTIONS, "collections_begun", by)


async def end_collections(tx: Transaction, *, account_id: int, by: Authorship) -> None:
    """It has paid: closed, and no more (F45)."""
    await _change_status(tx, account_id, AccountStatus.CLOSED, "collections_ended", by)


async def _change_status(
    tx: Transaction, account_id: int, status: AccountStatus, event_type: str, by: Authorship
) -> None:
    await tx.execute("update_account_status", (account_id, status, StatusReason.NONE))
    await record_change(tx, account_id=account_id, event_type=event_type, data={}, by=by)


async def _close_service(tx: Transaction, account_id: int, service_id: int, by: Authorship) -> None:
    subscriber = await find_service(tx, account_id=account_id, service_id=service_id)
    if subscriber.service.status is ServiceStatus.CLOSED:
        return
    await tx.execute("end_purchases", (account_id, service_id, by.at))
    closed = (account_id, service_id, ServiceStatus.CLOSED, StatusReason.NONE)
    await tx.execute("update_service_status", closed)
    await record_change(
        tx,
        account_id=account_id,
        service_id=service_id,
        event_type="service_closed",
        data={},
        by=by,
    )


async def _require_not_closed(tx: Transaction, account_id: int, service_id: int) -> Account:
    account = await find_account(tx, account_id)
    closed = account.status in (AccountStatus.CLOSED, AccountStatus.COLLECTIONS)
    what = f"account {account_id}"
    if service_id:
        subscriber = await find_service(tx, account_id=account_id, service_id=service_id)
        closed = closed or subscriber.service.status is ServiceStatus.CLOSED
        what = f"service {service_id} of account {account_id}"
    if closed:
        raise AccountError(Mistake("status", f"{what}, closed", "register anew"))
    return account


async def _usage_lifted(
    tx: Transaction, account: Account, service_id: int, since_at: int, by: Authorship
) -> bool:
    """Whether a top-up followed the suspension, or its billing cycle is over (C6)."""
    cycle = cycle_at(since_at, bill_day=account.bill_day, zone=account.zone)
    if by.at >= cycle.end_at:
        return True
    key = (account.account_id, service_id, since_at)
    return bool(await tx.fetch("find_top_up_since", key))


async def _show_status(tx: Transaction, account_id: int, service_id: int) -> None:
    """Show the gravest reason that stands, or active."""
    standing = {
        reason for reason, _ in await tx.fetch("fetch_suspensions", (account_id, service_id))
    }
    shown = next((reason for reason in _GRAVEST_FIRST if reason in standing), StatusReason.NONE)
    status = AccountStatus.SUSPENDED if standing else AccountStatus.ACTIVE
    if service_id:
        await tx.execute("update_service_status", (account_id, service_id, status, shown))
    else:
        await tx.execute("update_account_status", (account_id, status, shown))


def _still_suspended(reason: str, remedy: Remedy) -> Mistake:
    advice = _ADVICE[StatusReason(reason)]
    return Mistake("remedy", f"{remedy} for a suspension by {reason}", advice)


def _names(reasons: dict[StatusReason, frozenset[Remedy]]) -> str:
    return ", ".join(reasons)
