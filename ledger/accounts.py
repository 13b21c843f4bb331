"""The API that registers customers and changes them (B06, B07, B111): nobody writes these rows by
SQL.

Every change is an event with who did it (B15). Input is checked whole and refused with every
mistake; what is already so changes nothing and leaves no event. Suspending and closing stand in
account_status, limits in account_limits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Final, TypeVar

import orjson

from ledger.account_checks import (
    AccountError,
    Mistake,
    check_bill_day,
    check_brand,
    check_credit_limit,
    check_currency,
    check_due_days,
    check_email,
    check_fields,
    check_instant,
    check_login,
    check_name,
    check_offer,
    check_zone,
    refuse,
)
from ledger.changes import Authorship, already_done, record_change
from ledger.credentials import PreparedPassword, seal_password
from ledger.model import (
    Account,
    AccountStatus,
    Credential,
    Service,
    ServiceStatus,
    StatusReason,
    Subscriber,
    TaxStatus,
)
from ledger.rules.cycles import cycle_at, local_date
from ledger.seal import Sealer
from ledger.store.contract import Reader, Transaction
from ledger.store.text import escape_text
from ledger.subscribers import fetch_account, fetch_subscribers_by_account

DUE_DAYS_DEFAULT = 14
"""Days from bill to due date unless the account says otherwise."""

SERVICES_MAX = 1_000
"""Services registered at once: one transaction of a few milliseconds."""


class Keep(Enum):
    """As the value of a change: leave it as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRules:
    """What the configuration says about customers of a brand."""

    canonical: Callable[[bytes], str]  # case and realm rules: user name -> login
    offers: Collection[str]  # names in the price list
    sealer: Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewService:
    """A login to be registered. activated_at None: now."""

    login: bytes
    offer: str
    password: PreparedPassword | None = None
    activated_at: int | None = None
    reply: Mapping[str, str] = field(default_factory=dict)
    profile: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """A customer to be registered."""

    brand: str
    name: str
    currency: str
    zone: str
    bill_day: int | None = None  # None: the day on which the account is registered (B56)
    due_days: int = DUE_DAYS_DEFAULT
    credit_limit_micros: int | None = None
    tax_status: TaxStatus = TaxStatus.TAXABLE
    email: str = ""
    profile: Mapping[str, str] = field(default_factory=dict)
    services: tuple[NewService, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanges:
    """New values of an account. Of the profile, fields given replace or, if empty, remove."""

    name: str | Keep = KEEP
    zone: str | Keep = KEEP
    credit_limit_micros: int | Keep | None = KEEP
    tax_status: TaxStatus | Keep = KEEP
    email: str | Keep = KEEP
    profile: Mapping[str, str] | Keep = KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChanges:
    """New values of a service. Of reply and profile, fields given replace or, if empty, remove."""

    login: bytes | Keep = KEEP
    activated_at: int | Keep = KEEP
    reply: Mapping[str, str] | Keep = KEEP
    profile: Mapping[str, str] | Keep = KEEP


async def register_account(
    tx: Transaction, new: NewAccount, *, rules: AccountRules, by: Authorship
) -> int:
    """Register a customer with its services; the account's id. Raises AccountError."""
    mistakes = [*_account_mistakes(new)]
    for number, service in enumerate(new.services):
        found = await _service_mistakes(tx, new.brand, service, rules)
        mistakes += [Mistake(f"services[{number}].{m.field}", m.value, m.remedy) for m in found]
    mistakes += _repeated_logins(new, rules)
    refuse(mistakes)
    account_id = tx.ids.make(by.at * 1000)
    await tx.execute("insert_brand", (new.brand, by.at))
    await tx.execute("insert_account", _account_row(account_id, new, by))
    bill_day = new.bill_day or local_date(new.zone, by.at).day
    await tx.execute("insert_bill_unit", (account_id, account_id, bill_day, new.due_days))
    await tx.execute("insert_balance", (account_id, new.currency))
    data = {"name": new.name, "brand": new.brand, "currency": new.currency, "zone": new.zone}
    await record_change(
        tx, account_id=account_id, event_type="account_registered", data=data, by=by
    )
    for service in new.services:
        await _insert_service(tx, account_id, new.brand, service, rules=rules, by=by)
    return account_id


async def add_service(
    tx: Transaction, account_id: int, new: NewService, *, rules: AccountRules, by: Authorship
) -> int:
    """Add a service to an account; its id. Raises AccountError."""
    account = await find_account(tx, account_id)
    mistakes = await _service_mistakes(tx, account.brand, new, rules)
    if account.status is AccountStatus.CLOSED:
        mistakes.append(Mistake("account", f"{account_id}, closed", "register a new account"))
    refuse(mistakes)
    return await _insert_service(tx, account_id, account.brand, new, rules=rules, by=by)


async def set_account(
    tx: Transaction, account_id: int, changes: AccountChanges, *, by: Authorship
) -> Account:
    """Change an account; what it is now. Raises AccountError."""
    account = await find_account(tx, account_id)
    if await already_done(tx, account_id=account_id, by=by):
        return account
    wanted = replace(
        account,
        name=_kept(changes.name, account.name),
        zone=_kept(changes.zone, account.zone),
        credit_limit_micros=_kept(changes.credit_limit_micros, account.credit_limit_micros),
        tax_status=_kept(changes.tax_status, account.tax_status),
        email=_kept(changes.email, account.email),
        profile=_merged(changes.profile, account.profile),
    )
    if wanted == account:
        return account
    refuse(await _change_mistakes(tx, account, wanted, by))
    row = (
        wanted.name,
        wanted.zone,
        wanted.credit_limit_micros,
        wanted.tax_status,
        wanted.email,
        _json(wanted.profile),
    )
    await tx.execute("update_account", (account_id, *row))
    data = _differences(account, wanted)
    await record_change(tx, account_id=account_id, event_type="account_changed", data=data, by=by)
    return wanted


async def set_service(
    tx: Transaction,
    service: Service,
    changes: ServiceChanges,
    *,
    rules: AccountRules,
    by: Authorship,
) -> None:
    """Change a service: its login, its reply attributes, its profile. Raises AccountError."""
    if await already_done(tx, account_id=service.account_id, by=by):
        return
    login = service.login if isinstance(changes.login, Keep) else rules.canonical(changes.login)
    wanted = replace(
        service,
        login=login,
        activated_at=_kept(changes.activated_at, service.activated_at),
        reply=_merged(changes.reply, service.reply),
        profile=_merged(changes.profile, service.profile),
    )
    if wanted == service:
        return
    mistakes = [
        *check_login(login),
        *check_instant("activated_at", wanted.activated_at),
        *check_fields("reply", wanted.reply),
        *check_fields("profile", wanted.profile),
    ]
    if login != service.login:
        mistakes += await _taken_login(tx, service.brand, login)
    refuse(mistakes)
    key = (service.account_id, service.service_id)
    text = escape_text(login)
    row = (text, wanted.activated_at, _json(wanted.reply), _json(wanted.profile))
    await tx.execute("rename_login", (service.brand, escape_text(service.login), text))
    await tx.execute("update_service", (*key, *row))
    await record_change(
        tx,
        account_id=service.account_id,
        service_id=service.service_id,
        event_type="service_changed",
        data=_differences(service, wanted),
        by=by,
    )


async def set_password(
    tx: Transaction,
    service: Service,
    prepared: PreparedPassword,
    *,
    sealer: Sealer,
    by: Authorship,
) -> None:
    """Give a service a new password; the event says who did it and how it is kept, never which."""
    if await already_done(tx, account_id=service.account_id, by=by):
        return
    credential = seal_password(sealer, service_id=service.service_id, prepared=prepared)
    await _set_credential(tx, service.account_id, credential, at=by.at)
    await record_change(
        tx,
        account_id=service.account_id,
        service_id=service.service_id,
        event_type="password_changed",
        data={"scheme": prepared.scheme},
        by=by,
    )


async def change_offer(
    tx: Transaction,
    service: Service,
    *,
    offer: str,
    effective_at: int,
    offers: Collection[str],
    by: Authorship,
) -> None:
    """Let a service own another offer from an instant on; what was planned after it never begins.

    Raises AccountError for an unknown offer, and for an instant in the past: what was rated stays
    rated (rule of exactness 4).
    """
    if await already_done(tx, account_id=service.account_id, by=by):
        return
    mistakes = [*check_offer(offer, offers), *check_instant("effective_at", effective_at)]
    if effective_at < by.at:
        remedy = f"choose an instant from {by.at} on; changing the past needs rerating"
        mistakes.append(Mistake("effective_at", str(effective_at), remedy))
    refuse(mistakes)
    owned = await _offer_at(tx, service, effective_at)
    if owned == offer:
        return
    key = (service.account_id, service.service_id)
    await tx.execute("end_purchases", (*key, effective_at))
    purchase_id = tx.ids.make(by.at * 1000)
    row = (service.account_id, purchase_id, service.service_id, offer, effective_at, 1)
    await tx.execute("insert_purchase", row)
    await tx.execute("look_at_account", (service.account_id,))
    await record_change(
        tx,
        account_id=service.account_id,
        service_id=service.service_id,
        event_type="offer_changed",
        data={"from": owned, "to": offer, "effective_at": effective_at},
        by=by,
    )


async def find_account(reader: Reader, account_id: int) -> Account:
    """An account. Raises AccountError when there is none."""
    account = await fetch_account(reader, account_id)
    if account is None:
        raise AccountError(
            Mistake("account", str(account_id), "name an account that is registered")
        )
    return account


async def find_service(reader: Reader, *, account_id: int, service_id: int) -> Subscriber:
    """A service with all facts about it. Raises AccountError when there is none."""
    for subscriber in await fetch_subscribers_by_account(reader, (account_id,)):
        if subscriber.service.service_id == service_id:
            return subscriber
    what = f"{service_id} of account {account_id}"
    raise AccountError(Mistake("service", what, "name a service that is registered"))


def _account_mistakes(new: NewAccount) -> list[Mistake]:
    mistakes = [
        *check_brand(new.brand),
        *check_name(new.name),
        *check_currency(new.currency),
        *check_zone(new.zone),
        *(() if new.bill_day is None else check_bill_day(new.bill_day)),
        *check_due_days(new.due_days),
        *check_credit_limit(new.credit_limit_micros),
        *check_email(new.email),
        *check_fields("profile", new.profile),
    ]
    if len(new.services) > SERVICES_MAX:
        remedy = f"register {SERVICES_MAX} at most at once, add the others"
        mistakes.append(Mistake("services", f"{len(new.services)} services", remedy))
    return mistakes


async def _service_mistakes(
    reader: Reader, brand: str, new: NewService, rules: AccountRules
) -> list[Mistake]:
    login = rules.canonical(new.login)
    mistakes = [
        *check_login(login),
        *check_offer(new.offer, rules.offers),
        *check_fields("reply", new.reply),
        *check_fields("profile", new.profile),
        *(() if new.activated_at is None else check_instant("activated_at", new.activated_at)),
    ]
    return mistakes + await _taken_login(reader, brand, login)


async def _taken_login(reader: Reader, brand: str, login: str) -> list[Mistake]:
    """A login belongs to one service of its brand for ever, closed ones included."""
    rows = await reader.fetch("find_login", (brand, escape_text(login)))
    remedy = "choose another: account {0} has it (service {1})"
    return [Mistake("login", repr(login), remedy.format(*row)) for row in rows]


def _repeated_logins(new: NewAccount, rules: AccountRules) -> list[Mistake]:
    logins = [rules.canonical(service.login) for service in new.services]
    repeated = sorted({login for login in logins if logins.count(login) > 1})
    return [Mistake("login", repr(login), "name each service differently") for login in repeated]


def _account_row(account_id: int, new: NewAccount, by: Authorship) -> tuple[int | str | None, ...]:
    return (
        account_id,
        new.brand,
        new.name,
        new.currency,
        new.zone,
        AccountStatus.ACTIVE,
        StatusReason.NONE,
        new.credit_limit_micros,
        new.tax_status,
        new.email,
        by.at,
        _json(new.profile),
    )


async def _insert_service(
    tx: Transaction,
    account_id: int,
    brand: str,
    new: NewService,
    *,
    rules: AccountRules,
    by: Authorship,
) -> int:
    service_id = tx.ids.make(by.at * 1000)
    login = escape_text(rules.canonical(new.login))
    activated_at = by.at if new.activated_at is None else new.activated_at
    row = (
        ServiceStatus.ACTIVE,
        StatusReason.NONE,
        activated_at,
        _json(new.reply),
        _json(new.profile),
    )
    await tx.execute("insert_service", (account_id, service_id, brand, login, *row))
    await tx.execute("insert_login", (brand, login, account_id, service_id))
    purchase = (account_id, tx.ids.make(by.at * 1000), service_id, new.offer, activated_at, 1)
    await tx.execute("insert_purchase", purchase)
    await tx.execute("look_at_account", (account_id,))
    if new.password is not None:
        credential = seal_password(rules.sealer, service_id=service_id, prepared=new.password)
        await _set_credential(tx, account_id, credential, at=by.at)
    await record_change(
        tx,
        account_id=account_id,
        service_id=service_id,
        event_type="service_added",
        data={"login": login, "offer": new.offer, "activated_at": activated_at},
        by=Authorship(at=by.at, actor=by.actor),
    )
    return service_id


async def _set_credential(
    tx: Transaction, account_id: int, credential: Credential, *, at: int
) -> None:
    row = (account_id, credential.service_id, credential.scheme, credential.secret, at)
    await tx.execute("set_credential", row)


async def _change_mistakes(
    tx: Transaction, account: Account, wanted: Account, by: Authorship
) -> list[Mistake]:
    mistakes = [
        *check_name(wanted.name),
        *check_email(wanted.email),
        *check_credit_limit(wanted.credit_limit_micros),
        *check_fields("profile", wanted.profile),
    ]
    if wanted.zone != account.zone:
        mistakes += check_zone(wanted.zone)
        mistakes += await _zone_in_use(tx, account, wanted.zone, by)
    return mistakes


async def _zone_in_use(
    tx: Transaction, account: Account, zone: str, by: Authorship
) -> list[Mistake]:
    """Another zone moves the borders of the cycle: refused once the cycle holds usage."""
    cycle = cycle_at(by.at, bill_day=account.bill_day, zone=account.zone)
    if not await tx.fetch("find_usage_since", (account.account_id, cycle.start_at)):
        return []
    remedy = f"wait until a session-free instant after the cycle's end at {cycle.end_at}"
    return [Mistake("zone", f"{zone!r} while the cycle holds usage", remedy)]


async def _offer_at(reader: Reader, service: Service, at: int) -> str | None:
    """The offer that a service would own at an instant, if it goes on owning it from then on."""
    subscriber = await find_service(
        reader, account_id=service.account_id, service_id=service.service_id
    )
    for purchase in subscriber.purchases:
        if purchase.from_at <= at and purchase.to_at is None:
            return purchase.offer
    return None


def _kept(value: _Value | Keep, present: _Value) -> _Value:
    return present if isinstance(value, Keep) else value


def _merged(given: Mapping[str, str] | Keep, present: Mapping[str, str]) -> dict[str, str]:
    """Fields given replace those present; an empty one removes it."""
    new = {} if isinstance(given, Keep) else given
    return {key: value for key, value in {**present, **new}.items() if value}


def _differences(old: Account | Service, new: Account | Service) -> dict[str, object]:
    """The fields that change, for the event: old and new value."""
    changed = [one.name for one in fields(old) if getattr(old, one.name) != getattr(new, one.name)]
    return {
        name: {"from": _printable(getattr(old, name)), "to": _printable(getattr(new, name))}
        for name in changed
    }


def _printable(value: object) -> object:
    return escape_text(value) if isinstance(value, str) else value


def _json(texts: Mapping[str, str]) -> str:
    return orjson.dumps(dict(texts)).decode()
