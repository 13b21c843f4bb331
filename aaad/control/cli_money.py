"""`aaactl bill, payment`: what was billed, and what was paid."""

from __future__ import annotations

from typing import Any

import click

from aaad.control.cli_choices import account_choice, account_options, read_amount
from aaad.control.cli_output import call, json_option, line, show, table
from aaad.control.text import money
from ledger.rules.bills import micros_of

after_option = click.option("--after", type=int, help="Continue with what comes after this id.")


@click.group()
def bill() -> None:
    """Bills of a customer."""


@bill.command("list")
@account_options
@after_option
@json_option
def list_bills(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    after: int | None,
    as_json: bool,
) -> None:
    """The bills of an account with their lines, oldest first."""
    choice = account_choice(account_id, login, brand)
    show(call("bill.list", account=choice, after=after), as_json=as_json, human=_print_bills)


@click.group()
def payment() -> None:
    """Payments: add, list, reverse."""


@payment.command("add")
@account_options
@click.option("--amount", required=True, help="What was received, as 19.95.")
@click.option("--method", required=True, help="cash, check, card, transfer ...")
@click.option("--reference", required=True, help="Number of the check, of the transfer ...")
@click.option("--received-on", help="The day it was received, as 2026-03-31.  [default: today]")
@click.option("--bill", "bill_id", type=int, help="For this bill alone, not the oldest first.")
@json_option
def add_payment(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    amount: str,
    method: str,
    reference: str,
    received_on: str | None,
    bill_id: int | None,
    as_json: bool,
) -> None:
    """Post a payment: it settles the oldest bills, and reopens who was suspended for them."""
    answer = call(
        "payment.add",
        account=account_choice(account_id, login, brand),
        amount_micros=read_amount(amount),
        method=method,
        reference=reference,
        received_on=received_on,
        bill_id=bill_id,
    )
    show(answer, as_json=as_json, human=_print_payment)


@payment.command("list")
@account_options
@after_option
@json_option
def list_payments(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    after: int | None,
    as_json: bool,
) -> None:
    """What was received from an account, oldest first."""
    choice = account_choice(account_id, login, brand)
    answer = call("payment.list", account=choice, after=after)
    show(answer["payments"], as_json=as_json, human=_print_payments)


@payment.command("reverse")
@account_options
@click.option("--payment", "payment_id", type=int, required=True, help="Its number.")
@click.option("--reason", required=True, help="Why, for the account's events.")
@json_option
def reverse_payment(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    payment_id: int,
    reason: str,
    as_json: bool,
) -> None:
    """Take a payment back, once: what it had settled is open again."""
    choice = account_choice(account_id, login, brand)
    answer = call("payment.reverse", account=choice, payment=payment_id, reason=reason)
    show(answer, as_json=as_json, human=_print_reversal)


def _print_bills(answer: Any) -> None:
    for one in answer["bills"]:
        currency = one["currency"]

        def shown(minor: int, currency: str = currency) -> str:
            return money(micros_of(minor, currency), currency)

        line(f"bill {one['number']} of {one['legal_entity']}, due on {one['due_on']}")
        rows = [
            (row["item_kind"], row["source"], shown(row["amount_minor"])) for row in one["lines"]
        ]
        rows.append(("", "total", shown(one["total_minor"])))
        rows.append(("", "with earlier bills", shown(one["due_minor"])))
        rows.append(("", "open", shown(one["open_minor"])))
        table(("kind", "what", "amount"), rows, right="amount")
    if not answer["bills"]:
        line("no bill yet")


def _print_payment(answer: Any) -> None:
    line(f"payment {answer['payment_id']}: {len(answer['settled'])} bills take part of it")
    if answer["reopened"]:
        line("suspended for being overdue: reopened")


def _print_reversal(answer: Any) -> None:
    line(f"payment {answer['payment_id']} reversed: {len(answer['undone'])} bills are open again")


def _print_payments(payments: Any) -> None:
    rows = [
        (
            one["credit_id"],
            one["received_on"],
            one["method"],
            one["reference"],
            money(micros_of(one["amount_minor"], one["currency"]), one["currency"]),
            money(micros_of(one["free_minor"], one["currency"]), one["currency"]),
            "reversed" if one["reversed_at"] else "",
        )
        for one in payments
    ]
    columns = ("payment", "received", "method", "reference", "amount", "not used", "")
    table(columns, rows, right="payment, amount, not used")
