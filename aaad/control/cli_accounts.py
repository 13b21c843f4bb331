"""`aaactl account, balance, events, suspense, outbox`: customers and their books."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aaad.control.cli_choices import account_choice, account_options, read_amount, read_fields
from aaad.control.cli_output import call, facts, json_option, line, show, table
from aaad.control.cli_services import (
    offer_option,
    password_file_option,
    print_service,
    registration,
    scheme_option,
)
from aaad.control.protocol import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from aaad.control.sentences import limit_sentence
from aaad.control.text import money
from ratingcore.words import instant

TAX_STATUSES = ("taxable", "exempt", "reverse_charge")
REASONS = ("manual", "usage", "overdue", "expired")
REMEDIES = ("operator", "top_up", "payment", "promise", "renewal")

limit_option = click.option(
    "--limit",
    type=click.IntRange(1, PAGE_SIZE_MAX),
    default=PAGE_SIZE_DEFAULT,
    show_default=True,
    help="Rows at most.",
)


@click.group()
def account() -> None:
    """Customers."""


@account.command("register")
@click.option("--name", required=True, help="Name of the customer.")
@click.option("--currency", required=True, help="ISO 4217 code, as USD.")
@click.option("--zone", required=True, help="IANA time zone, as America/New_York.")
@click.option(
    "--bill-day", type=click.IntRange(1, 31), help="Day of the month; the day of today if left out."
)
@click.option("--due-days", type=int, help="Days from a bill to its due date.")
@click.option("--credit-limit", help="Amount that may be owed; none when left out.")
@click.option("--tax-status", type=click.Choice(TAX_STATUSES))
@click.option("--email", help="Where bills and warnings go.")
@click.option("--profile", multiple=True, metavar="KEY=VALUE", help="Free field; repeatable.")
@click.option("--brand", help="Brand of the customer (default: `default`).")
@click.option("--login", help="A first service with this login; its password is asked for.")
@offer_option
@scheme_option
@password_file_option
@json_option
def register_account(
    *,
    name: str,
    currency: str,
    zone: str,
    bill_day: int | None,
    due_days: int | None,
    credit_limit: str | None,
    tax_status: str | None,
    email: str | None,
    profile: tuple[str, ...],
    brand: str | None,
    login: str | None,
    offer: str | None,
    scheme: str | None,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Register a customer, with a first service if --login is given."""
    service = None
    if login is not None:
        service = registration(login, offer, scheme, password_file)
    answer = call(
        "account.register",
        name=name,
        currency=currency,
        zone=zone,
        bill_day=bill_day,
        due_days=due_days,
        credit_limit_micros=read_amount(credit_limit),
        tax_status=tax_status,
        email=email,
        profile=read_fields(profile),
        brand=brand,
        service=service,
    )
    show(answer, as_json=as_json, human=_print_account)


@account.command("show")
@account_options
@json_option
def show_account(
    *, account_id: int | None, login: str | None, brand: str | None, as_json: bool
) -> None:
    """An account, its services, and why anything is suspended."""
    answer = call("account.show", **account_choice(account_id, login, brand))
    show(answer, as_json=as_json, human=_print_account)


@account.command("list")
@click.argument("text", required=False, default="")
@click.option("--after", type=int, default=0, help="Continue after this account.")
@limit_option
@json_option
def list_accounts(*, text: str, after: int, limit: int, as_json: bool) -> None:
    """Accounts, those with TEXT in their name or mail address if it is given."""
    answer = call("account.list", text=text, after=after, limit=limit)
    show(answer["accounts"], as_json=as_json, human=_print_accounts)


@account.command("set")
@account_options
@click.option("--name", help="New name.")
@click.option("--zone", help="New time zone.")
@click.option("--credit-limit", help="New credit limit.")
@click.option("--no-credit-limit", is_flag=True, help="No credit limit any more.")
@click.option("--tax-status", type=click.Choice(TAX_STATUSES))
@click.option("--email", help="New mail address.")
@click.option("--profile", multiple=True, metavar="KEY=VALUE", help="Empty value: remove.")
@json_option
def set_account(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    name: str | None,
    zone: str | None,
    credit_limit: str | None,
    no_credit_limit: bool,
    tax_status: str | None,
    email: str | None,
    profile: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change values of an account; what is left out stays."""
    if credit_limit is not None and no_credit_limit:
        raise click.UsageError("give --credit-limit or --no-credit-limit, not both")
    answer = call(
        "account.set",
        account=account_choice(account_id, login, brand),
        name=name,
        zone=zone,
        credit_limit_micros=read_amount(credit_limit),
        no_credit_limit=no_credit_limit,
        tax_status=tax_status,
        email=email,
        profile=read_fields(profile),
    )
    show(answer, as_json=as_json, human=_print_account)


@account.command("suspend")
@account_options
@click.option("--reason", type=click.Choice(REASONS), default="manual", show_default=True)
@json_option
def suspend_account(
    *, account_id: int | None, login: str | None, brand: str | None, reason: str, as_json: bool
) -> None:
    """Suspend an account with all its services."""
    choice = account_choice(account_id, login, brand)
    show(
        call("account.suspend", account=choice, reason=reason),
        as_json=as_json,
        human=_print_account,
    )


@account.command("reopen")
@account_options
@click.option("--remedy", type=click.Choice(REMEDIES), default="operator", show_default=True)
@json_option
def reopen_account(
    *, account_id: int | None, login: str | None, brand: str | None, remedy: str, as_json: bool
) -> None:
    """Lift of an account's suspensions what the remedy lifts."""
    choice = account_choice(account_id, login, brand)
    show(
        call("account.reopen", account=choice, remedy=remedy),
        as_json=as_json,
        human=_print_account,
    )


@account.command("promise")
@account_options
@click.option("--until", required=True, help="The day through which his word holds: 2026-03-31.")
@click.option("--note", help="What was arranged, for the account's events.")
@json_option
def promise(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    until: str,
    note: str | None,
    as_json: bool,
) -> None:
    """Note a grace date: nothing is suspended for being overdue while it lasts."""
    choice = account_choice(account_id, login, brand)
    show(
        call("account.promise", account=choice, until=until, note=note),
        as_json=as_json,
        human=lambda answer: line(f"promised to pay until {answer['until']}"),
    )


@account.command("close")
@account_options
@json_option
def close_account(
    *, account_id: int | None, login: str | None, brand: str | None, as_json: bool
) -> None:
    """Close an account with all its services; its books stay."""
    answer = call("account.close", **account_choice(account_id, login, brand))
    show(answer, as_json=as_json, human=_print_account)


@click.command()
@account_options
@json_option
def balance(*, account_id: int | None, login: str | None, brand: str | None, as_json: bool) -> None:
    """What an account owes, posted and running, and its usage against its limits."""
    answer = call("balance", **account_choice(account_id, login, brand))
    show(answer, as_json=as_json, human=_print_balance)


@click.command()
@account_options
@click.option("--before", type=int, help="Continue with what is older than this event.")
@limit_option
@json_option
def events(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """What happened to an account and who did it, the newest first."""
    choice = account_choice(account_id, login, brand)
    answer = call("event.list", account=choice, before=before, limit=limit)
    show(answer, as_json=as_json, human=_print_events)


@click.group()
def suspense() -> None:
    """Accounting records that fit nothing: kept, and visible here."""


@suspense.command("list")
@click.option("--after-journal", type=int, help="Continue after this journal's ...")
@click.option("--after-lsn", type=int, help="... record of this LSN.")
@limit_option
@json_option
def list_suspense(
    *, after_journal: int | None, after_lsn: int | None, limit: int, as_json: bool
) -> None:
    """Records in suspense with their reasons."""
    answer = call("suspense.list", after_journal=after_journal, after_lsn=after_lsn, limit=limit)
    show(answer["suspense"], as_json=as_json, human=_print_suspense)


@click.group()
def outbox() -> None:
    """Mails, hooks and network orders that wait to be carried out."""


@outbox.command("list")
@limit_option
@json_option
def list_outbox(*, limit: int, as_json: bool) -> None:
    """The messages that wait, the oldest first."""
    answer = call("outbox.list", limit=limit)
    show(answer["messages"], as_json=as_json, human=_print_outbox)


def _print_account(answer: Any) -> None:
    one = answer["account"]
    credit = one["credit_limit_micros"]
    facts(
        {
            "account": one["account_id"],
            "name": one["name"],
            "brand": one["brand"],
            "status": _status(one),
            "currency": one["currency"],
            "zone": one["zone"],
            "bill day": one["bill_day"],
            "credit limit": "none" if credit is None else money(credit, one["currency"]),
            "tax": one["tax_status"],
            "mail": one["email"],
            "since": instant(one["created_at"], one["zone"]),
            **{f"profile {key}": value for key, value in one["profile"].items()},
        }
    )
    for suspension in answer["suspensions"]:
        whom = f"service {suspension['service_id']}" if suspension["service_id"] else "account"
        since = instant(suspension["since_at"], one["zone"])
        line(f"{whom} suspended by {suspension['reason']} since {since}")
    for service in answer["services"]:
        line()
        print_service(service, one["zone"])


def _status(one: Any) -> str:
    reason = f" ({one['status_reason']})" if one["status_reason"] else ""
    return f"{one['status']}{reason}"


def _print_accounts(accounts: Any) -> None:
    rows = [
        (one["account_id"], one["name"], one["email"], one["brand"], _status(one), one["zone"])
        for one in accounts
    ]
    table(("account", "name", "mail", "brand", "status", "zone"), rows, right="account")


def _print_balance(answer: Any) -> None:
    one = answer["account"]
    zone, currency = one["zone"], one["currency"]
    line(f"account {one['account_id']} ({one['name']}), {_status(one)}")
    line(f"cycle until {instant(answer['cycle_end_at'], zone)}")
    for held in answer["balances"]:
        resource = held["resource"]
        facts(
            {
                "posted": money(held["posted_micros"], resource),
                "running sessions": money(held["accrued_micros"], resource),
                "owed in total": money(held["total_micros"], resource),
            }
        )
    for limit in answer["limits"]:
        line(limit_sentence(limit, currency=currency, zone=zone))


def _print_events(answer: Any) -> None:
    zone = answer["zone"]
    rows = [
        (
            one["event_id"],
            instant(one["service_at"], zone),
            one["event_type"],
            one["service_id"] or "",
            " ".join(money(i["amount_micros"], i["resource"]) for i in one["impacts"]),
            one["actor"],
        )
        for one in answer["events"]
    ]
    table(("event", "when", "what", "service", "amount", "by"), rows, right="amount")


def _print_suspense(records: Any) -> None:
    rows = [
        (
            one["journal_number"],
            one["lsn"],
            instant(one["received_at"]),
            one["reason"],
            one["nas"],
            one["user_name"],
        )
        for one in records
    ]
    table(("journal", "LSN", "received", "reason", "NAS", "user name"), rows, right="journal, LSN")


def _print_outbox(messages: Any) -> None:
    rows = [
        (
            instant(one["created_at"]),
            one["account_id"],
            one["kind"],
            one["name"],
            one["attempts"],
            one["last_error"],
        )
        for one in messages
    ]
    table(("since", "account", "kind", "name", "attempts", "last error"), rows, right="attempts")
