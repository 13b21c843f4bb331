"""Gathers what dunning asks of an account, and carries out the step that was decided.

The decision itself is `ledger.rules.dunning`. Every step is an event of the account with its
reason; mails and the orders to the network wait in the outbox, written with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ledger.account_checks import AccountError, Mistake
from ledger.account_status import Remedy, begin_collections, close, end_collections, reopen, suspend
from ledger.changes import Authorship, already_done, record_change
from ledger.model import Account, AccountStatus, OutboxMessage, StatusReason
from ledger.outbox import insert_message
from ledger.rules.bills import micros_of
from ledger.rules.cycles import local_date
from ledger.rules.dunning import DunningAction, DunningFacts, DunningStep
from ledger.store.contract import Reader, Transaction

ACCOUNTS_PAGE = 200
"""Accounts one answer names; who gets a full page asks again."""

_STATE_EVENTS = {
    AccountStatus.CLOSED: "account_closed",
    AccountStatus.COLLECTIONS: "collections_begun",
}


@dataclass(frozen=True, slots=True)
class Overdue:
    """The bills of an account that are overdue: their oldest due date and what is open of them."""

    due_on: date | None
    open_minor: int


async def fetch_accounts_to_dun(reader: Reader, *, today: date, after: int) -> list[int]:
    """A page of the accounts that owe something overdue, or are in collections."""
    rows = await reader.fetch("fetch_accounts_to_dun", (today.isoformat(), after, ACCOUNTS_PAGE))
    return [account_id for (account_id,) in rows]


async def fetch_dunning_facts(reader: Reader, account: Account, *, today: date) -> DunningFacts:
    """What the books know of an account on a day of its zone."""
    overdue = await fetch_overdue(reader, account.account_id, today=today)
    since = None if overdue.due_on is None else overdue.due_on + timedelta(days=1)
    reminders = await _reminders(reader, account.account_id, since)
    suspended: dict[str, int] = dict(
        await reader.fetch("fetch_suspensions", (account.account_id, 0))
    )
    return DunningFacts(
        today=today,
        state=account.status,
        state_since=await _state_since(reader, account, suspended),
        overdue_micros=micros_of(overdue.open_minor, account.currency),
        overdue_since=since,
        suspended_for_overdue=StatusReason.OVERDUE in suspended,
        promise_on=await fetch_promise(reader, account.account_id),
        first_reminded_on=min((first for first, _ in reminders.values()), default=None),
        reminded_on={step: last for step, (_, last) in reminders.items()},
    )


async def fetch_overdue(reader: Reader, account_id: int, *, today: date) -> Overdue:
    """What of an account's bills was due before a day."""
    ((due_on, open_minor),) = await reader.fetch("fetch_overdue", (account_id, today.isoformat()))
    return Overdue(date.fromisoformat(due_on) if due_on else None, open_minor)


async def fetch_promise(reader: Reader, account_id: int) -> date | None:
    """The grace date of an account, past or future, if there is one."""
    rows = await reader.fetch("fetch_promise", (account_id,))
    return date.fromisoformat(rows[0][0]) if rows else None


async def promise(
    tx: Transaction, account: Account, *, until: date, note: str, by: Authorship
) -> None:
    """Note a customer's word to pay until the end of a day, and reopen what being overdue closed.

    Raises AccountError for a day that is past, or an account that is closed.
    """
    if await already_done(tx, account_id=account.account_id, by=by):
        return
    if until < local_date(account.zone, by.at):
        raise AccountError(Mistake("until", str(until), "choose today or a later day"))
    if account.status in {AccountStatus.CLOSED, AccountStatus.COLLECTIONS}:
        raise AccountError(Mistake("account", f"{account.account_id}, closed", "register anew"))
    await tx.execute("set_promise", (account.account_id, until.isoformat(), by.at))
    await record_change(
        tx,
        account_id=account.account_id,
        event_type="promise_made",
        data={"until": until.isoformat(), "note": note},
        by=by,
    )
    await reopen_overdue(tx, account.account_id, remedy=Remedy.PROMISE, by=by)


async def paid_up(tx: Transaction, account: Account, *, by: Authorship) -> bool:
    """After a payment: reopen what was suspended for being overdue, if nothing is any more (F47).

    Whether something was reopened.
    """
    today = local_date(account.zone, by.at)
    overdue = await fetch_overdue(tx, account.account_id, today=today)
    if overdue.open_minor:
        return False
    await tx.execute("end_promise", (account.account_id,))
    if account.status is not AccountStatus.SUSPENDED:
        return False
    return await reopen_overdue(tx, account.account_id, remedy=Remedy.PAYMENT, by=by)


async def reopen_overdue(
    tx: Transaction, account_id: int, *, remedy: Remedy, by: Authorship
) -> bool:
    """Lift a suspension for being overdue, and no other; whether there was one."""
    reasons = {reason for reason, _ in await tx.fetch("fetch_suspensions", (account_id, 0))}
    if StatusReason.OVERDUE not in reasons:
        return False
    await reopen(tx, account_id=account_id, remedy=remedy, by=Authorship(at=by.at, actor=by.actor))
    return True


async def carry_out(
    tx: Transaction, account: Account, step: DunningStep, facts: DunningFacts, *, by: Authorship
) -> None:
    """Do what a step says; the mail to the customer goes with it."""
    match step.action:
        case DunningAction.REMIND:
            since = (facts.overdue_since or facts.today).isoformat()
            row = (account.account_id, since, step.name, facts.today.isoformat())
            await tx.execute("insert_reminder", row)
        case DunningAction.SUSPEND:
            await suspend(tx, account_id=account.account_id, reason=StatusReason.OVERDUE, by=by)
        case DunningAction.CLOSE:
            await close(tx, account_id=account.account_id, by=by)
        case DunningAction.COLLECT:
            await begin_collections(tx, account_id=account.account_id, by=by)
        case DunningAction.SETTLE:
            await end_collections(tx, account_id=account.account_id, by=by)
    await insert_message(tx, _mail(account, step, facts, by))


def _mail(
    account: Account, step: DunningStep, facts: DunningFacts, by: Authorship
) -> OutboxMessage:
    data = {
        "step": step.name,
        "overdue_micros": facts.overdue_micros,
        "overdue_since": str(facts.overdue_since or ""),
        "promised_on": str(facts.promise_on or ""),
    }
    return OutboxMessage(
        outbox_key=f"dunning/{step.name}/{facts.today}",
        account_id=account.account_id,
        kind="mail",
        name=f"dunning_{step.action}",
        data=data,
        created_at=by.at,
    )


async def _reminders(
    reader: Reader, account_id: int, since: date | None
) -> dict[str, tuple[date, date]]:
    """By step, when it was first and last sent since the account became overdue."""
    if since is None:
        return {}
    rows = await reader.fetch("fetch_reminders", (account_id, since.isoformat()))
    return {
        step: (date.fromisoformat(first), date.fromisoformat(last)) for step, first, last in rows
    }


async def _state_since(reader: Reader, account: Account, suspended: dict[str, int]) -> date:
    """The day on which an account came into its state; for dunning, by being overdue."""
    at: int | None = account.created_at
    if account.status is AccountStatus.SUSPENDED:
        at = suspended.get(StatusReason.OVERDUE, max(suspended.values(), default=at or 0))
    elif (event_type := _STATE_EVENTS.get(account.status)) is not None:
        key = (account.account_id, event_type)
        ((at,),) = await reader.fetch("fetch_last_event_at", key)
    return local_date(account.zone, at or account.created_at)
