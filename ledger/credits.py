"""What settles bills: payments, and bills that owe the customer; allocated oldest first, undone by
rows of the opposite sign.

A payment is an event with an impact (the customer owes less) and a credit of which bills take their
part. The same reference of the same method is posted once, whatever account it was meant for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.account_checks import AccountError, Mistake
from ledger.bill_reads import fetch_credit
from ledger.changes import Authorship
from ledger.model import Account, Event, Impact
from ledger.posting import ItemKind, ItemRef, post_event
from ledger.posting_rows import ACCOUNTS_RECEIVABLE
from ledger.rules.allocation import Allocation, Credit, OpenBill, allocate, taken_back
from ledger.rules.bills import micros_of
from ledger.rules.cycles import cycle_at
from ledger.store.contract import Reader, Transaction

PAYMENT_EVENT = "payment"
REVERSAL_EVENT = "payment_reversal"
PAYMENT_SOURCE = "payment"
CASH = "cash"
"""G/L account of money received; the method's own account follows it: cash/card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """Money received for an account. `bill_id`: for this bill alone; None: oldest first."""

    account_id: int
    method: str
    reference: str
    amount_minor: int
    received_on: date
    bill_id: int | None = None


Settlement = Allocation
"""An allocation that was written."""


async def record_payment(
    tx: Transaction, account: Account, payment: NewPayment, *, by: Authorship
) -> tuple[int, tuple[Settlement, ...]]:
    """Post a payment and settle bills with it: the credit's id and what it settled.

    Raises AccountError when its reference was posted before, or its amount is not positive.
    """
    if payment.amount_minor <= 0:
        remedy = "give what was received; a refund is not a payment"
        raise AccountError(Mistake("amount", str(payment.amount_minor), remedy))
    event_id = tx.ids.make(by.at * 1000)
    claim = (payment.method, payment.reference, account.account_id, event_id)
    if not await tx.execute("claim_reference", claim):
        ((holder, _),) = await tx.fetch("fetch_reference", claim[:2])
        what = f"{payment.method} {payment.reference}"
        raise AccountError(
            Mistake("reference", what, f"it was posted already, to account {holder}")
        )
    amount_micros = -micros_of(payment.amount_minor, account.currency)
    await _post(tx, account, payment, event_id, amount_micros, by=by)
    await insert_credit(
        tx,
        account_id=account.account_id,
        event_id=event_id,
        kind=PAYMENT_EVENT,
        method=payment.method,
        reference=payment.reference,
        currency=account.currency,
        received_on=payment.received_on,
        amount_minor=payment.amount_minor,
        by=by,
    )
    settled = await settle_open_bills(
        tx, account.account_id, account.currency, only_bill=payment.bill_id, by=by
    )
    return event_id, settled


async def reverse_payment(
    tx: Transaction, account: Account, credit_id: int, *, reason: str, by: Authorship
) -> tuple[Settlement, ...]:
    """Take a payment back, once: what it had settled is open again (B86).

    Raises AccountError when there is no such payment, or it was reversed before.
    """
    credit = await fetch_credit(tx, account.account_id, credit_id)
    if credit is None or credit.kind != PAYMENT_EVENT:
        raise AccountError(Mistake("payment", str(credit_id), "name a payment of this account"))
    if credit.reversed_at is not None:
        raise AccountError(Mistake("payment", str(credit_id), "it was reversed already"))
    rows = await tx.fetch("fetch_allocations", (account.account_id, credit_id))
    allocations = [
        Allocation(credit_id=credit_id, bill_id=bill_id, amount_minor=amount)
        for bill_id, amount in rows
    ]
    undone = taken_back(allocations, credit_id, sum(a.amount_minor for a in allocations))
    await _write_allocations(tx, account.account_id, undone, by=by)
    await tx.execute("mark_credit_reversed", (account.account_id, credit_id, by.at))
    event_id = tx.ids.make(by.at * 1000)
    event = Event(
        event_id=event_id,
        event_key=f"payment/{credit_id}/reversed",
        account_id=account.account_id,
        service_id=0,
        event_type=REVERSAL_EVENT,
        service_at=by.at,
        posted_at=by.at,
        actor=by.actor,
        data={"payment": credit_id, "reason": reason},
        impacts=(
            _impact(
                account, event_id, credit.method, micros_of(credit.amount_minor, credit.currency)
            ),
        ),
    )
    await post_event(tx, event, items=(_item(account, by.at),))
    return undone


async def insert_credit(
    tx: Transaction,
    *,
    account_id: int,
    event_id: int,
    kind: str,
    method: str,
    reference: str,
    currency: str,
    received_on: date,
    amount_minor: int,
    by: Authorship,
) -> None:
    """Something that settles bills; its id is that of the event it comes from."""
    row = (account_id, event_id, event_id, kind, method, reference, currency)
    await tx.execute("insert_credit", (*row, received_on.isoformat(), amount_minor, amount_minor))


async def settle_open_bills(
    tx: Transaction,
    account_id: int,
    currency: str,
    *,
    by: Authorship,
    only_bill: int | None = None,
) -> tuple[Settlement, ...]:
    """Allocate what is free of an account's credits to what is open of its bills."""
    credits_ = await _free_credits(tx, account_id, currency)
    if not credits_:
        return ()
    bills = await fetch_open_bills(tx, account_id, currency)
    allocations = allocate(credits_, bills, only_bill=only_bill)
    await _write_allocations(tx, account_id, allocations, by=by)
    return allocations


async def unsettled_minor(reader: Reader, account_id: int, currency: str) -> int:
    """What is owed from bills so far, less what is free of credits."""
    bills = await fetch_open_bills(reader, account_id, currency)
    credits_ = await _free_credits(reader, account_id, currency)
    return sum(b.open_minor for b in bills) - sum(c.free_minor for c in credits_)


async def fetch_open_bills(reader: Reader, account_id: int, currency: str) -> list[OpenBill]:
    """The bills of which something is open, oldest due date first."""
    return [
        OpenBill(
            bill_id=bill_id,
            due_on=date.fromisoformat(due_on),
            number=number,
            total_minor=total,
            open_minor=open_minor,
        )
        for bill_id, due_on, number, total, open_minor in await reader.fetch(
            "fetch_open_bills", (account_id, currency)
        )
    ]


async def _free_credits(reader: Reader, account_id: int, currency: str) -> list[Credit]:
    return [
        Credit(
            credit_id=credit_id, received_on=date.fromisoformat(received_on), free_minor=free_minor
        )
        for credit_id, received_on, free_minor in await reader.fetch(
            "fetch_free_credits", (account_id, currency)
        )
    ]


async def _write_allocations(
    tx: Transaction, account_id: int, allocations: tuple[Allocation, ...], *, by: Authorship
) -> None:
    for allocation in allocations:
        allocation_id = tx.ids.make(by.at * 1000)
        of = (allocation.credit_id, allocation.bill_id, allocation.amount_minor)
        await tx.execute("insert_allocation", (account_id, allocation_id, *of, by.at))
        await tx.execute("settle_bill", (account_id, allocation.bill_id, allocation.amount_minor))
        await tx.execute("use_credit", (account_id, allocation.credit_id, allocation.amount_minor))


async def _post(
    tx: Transaction,
    account: Account,
    payment: NewPayment,
    event_id: int,
    amount_micros: int,
    *,
    by: Authorship,
) -> None:
    event = Event(
        event_id=event_id,
        event_key=f"payment/{payment.method}/{payment.reference}",
        account_id=account.account_id,
        service_id=0,
        event_type=PAYMENT_EVENT,
        service_at=by.at,
        posted_at=by.at,
        actor=by.actor,
        data={
            "method": payment.method,
            "reference": payment.reference,
            "received_on": payment.received_on.isoformat(),
        },
        impacts=(_impact(account, event_id, payment.method, amount_micros),),
    )
    written = await post_event(tx, event, items=(_item(account, by.at),))
    assert written, f"payment {event.event_key} stands in the books, but its reference was free"


def _impact(account: Account, event_id: int, method: str, amount_micros: int) -> Impact:
    return Impact(
        event_id=event_id,
        account_id=account.account_id,
        resource=account.currency,
        amount_micros=amount_micros,
        from_gl=f"{CASH}/{method}",
        to_gl=ACCOUNTS_RECEIVABLE,
        source=PAYMENT_SOURCE,
    )


def _item(account: Account, at: int) -> ItemRef:
    cycle = cycle_at(at, bill_day=account.bill_day, zone=account.zone)
    return ItemRef(kind=ItemKind.PAYMENT, cycle_start_at=cycle.start_at)
