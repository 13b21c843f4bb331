"""Commands about money: bills, payments, promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

from aaad.control.command import After, Call, Id, Name, Text
from aaad.control.commands.customers import AccountChoice, account_of, authorship
from aaad.control.protocol import CommandFailed, ErrorCode
from ledger.accounts import find_account
from ledger.bill_reads import fetch_bill_lines, fetch_bills, fetch_credits
from ledger.credits import NewPayment, record_payment, reverse_payment
from ledger.dunning import paid_up, promise
from ledger.rules.bills import minor_of
from ledger.rules.cycles import local_date


@dataclass(frozen=True, slots=True, kw_only=True)
class BillPage:
    """The bills of an account beyond one of them."""

    account: AccountChoice
    after: After = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that was received. `received_on`: an ISO 8601 date; today if left out."""

    account: AccountChoice
    method: Name
    reference: Name
    amount_micros: Id
    received_on: str | None = None
    bill_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A payment that is taken back, and why."""

    account: AccountChoice
    payment: Id
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A customer's word to pay until the end of a day (ISO 8601)."""

    account: AccountChoice
    until: str
    note: Text = ""


async def list_bills(call: Call, arguments: BillPage) -> Mapping[str, object]:
    """One page of an account's bills, each with its lines."""
    async with call.daemon.store.read() as reader:
        account = await find_account(reader, await account_of(call, reader, arguments.account))
        bills = await fetch_bills(reader, account.account_id, after=arguments.after)
        lines = {
            bill.bill_id: await fetch_bill_lines(reader, account.account_id, bill.bill_id)
            for bill in bills
        }
    return {
        "account_id": account.account_id,
        "zone": account.zone,
        "bills": [
            {**asdict(bill), "lines": [asdict(line) for line in lines[bill.bill_id]]}
            for bill in bills
        ],
    }


async def list_payments(call: Call, arguments: BillPage) -> Mapping[str, object]:
    """One page of what was received from an account."""
    async with call.daemon.store.read() as reader:
        account_id = await account_of(call, reader, arguments.account)
        found = await fetch_credits(reader, account_id, after=arguments.after)
    return {"account_id": account_id, "payments": [asdict(one) for one in found]}


async def add_payment(call: Call, arguments: Payment) -> Mapping[str, object]:
    """Posts a payment, settles bills, and reopens what being overdue had suspended (F47)."""
    by = authorship(call)
    async with call.daemon.store.transaction() as tx:
        account = await find_account(tx, await account_of(call, tx, arguments.account))
        received_on = arguments.received_on
        day = local_date(account.zone, by.at) if received_on is None else _date(received_on)
        new = NewPayment(
            account_id=account.account_id,
            method=arguments.method,
            reference=arguments.reference,
            amount_minor=minor_of(arguments.amount_micros, account.currency),
            received_on=day,
            bill_id=arguments.bill_id,
        )
        payment_id, settled = await record_payment(tx, account, new, by=by)
        reopened = await paid_up(tx, account, by=by)
    await call.daemon.accounts_changed((account.account_id,))
    return {
        "payment_id": payment_id,
        "settled": [asdict(one) for one in settled],
        "reopened": reopened,
    }


async def take_back_payment(call: Call, arguments: Reversal) -> Mapping[str, object]:
    """Reverses a payment: what it had settled is open again."""
    async with call.daemon.store.transaction() as tx:
        account = await find_account(tx, await account_of(call, tx, arguments.account))
        undone = await reverse_payment(
            tx, account, arguments.payment, reason=arguments.reason, by=authorship(call)
        )
    await call.daemon.accounts_changed((account.account_id,))
    return {"payment_id": arguments.payment, "undone": [asdict(one) for one in undone]}


async def note_promise(call: Call, arguments: Promise) -> Mapping[str, object]:
    """Notes a grace date, and reopens what being overdue had suspended."""
    until = _date(arguments.until)
    async with call.daemon.store.transaction() as tx:
        account = await find_account(tx, await account_of(call, tx, arguments.account))
        await promise(tx, account, until=until, note=arguments.note, by=authorship(call))
    await call.daemon.accounts_changed((account.account_id,))
    return {"account_id": account.account_id, "until": until.isoformat()}


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(
            ErrorCode.BAD_REQUEST, f"{text!r} is no date", "write it as 2026-03-31"
        ) from error
