"""Commands about accounts: register, show, list, set, suspend, reopen, close."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from aaad.control.command import After, Call, Instant, Name, PageSize, Text
from aaad.control.commands.customers import (
    AccountChoice,
    Login,
    account_of,
    account_rules,
    authorship,
)
from aaad.control.commands.shapes import account_map, service_map, suspension_map
from aaad.control.protocol import PAGE_SIZE_DEFAULT
from ledger.account_status import Remedy, close, reopen, suspend
from ledger.accounts import (
    DUE_DAYS_DEFAULT,
    KEEP,
    AccountChanges,
    NewAccount,
    NewService,
    find_account,
    register_account,
    set_account,
)
from ledger.clients import BRAND_DEFAULT
from ledger.credentials import PASSWORD_OCTETS_MAX, PreparedPassword, prepare_password
from ledger.listings import fetch_accounts, fetch_standing_suspensions
from ledger.model import CredentialScheme, StatusReason, TaxStatus
from ledger.subscribers import fetch_subscribers_by_account

Password = Annotated[bytes, msgspec.Meta(min_length=1, max_length=PASSWORD_OCTETS_MAX)]
Fields = Annotated[dict[Name, Text], msgspec.Meta(max_length=100)]
Micros = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRegistration:
    """A login to be registered, with its account or later."""

    login: Login
    offer: Name
    password: Password | None = field(default=None, repr=False)
    scheme: CredentialScheme = CredentialScheme.SEALED
    activated_at: Instant | None = None
    reply: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A customer to be registered, with one service or none yet."""

    name: Text
    currency: Name
    zone: Name
    bill_day: int | None = None
    brand: Name = BRAND_DEFAULT
    due_days: int = DUE_DAYS_DEFAULT
    credit_limit_micros: Micros | None = None
    tax_status: TaxStatus = TaxStatus.TAXABLE
    email: Text = ""
    profile: Fields = field(default_factory=dict)
    service: ServiceRegistration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """New values of an account; what is left out stays."""

    account: AccountChoice
    name: Text | None = None
    zone: Name | None = None
    credit_limit_micros: Micros | None = None
    no_credit_limit: bool = False
    tax_status: TaxStatus | None = None
    email: Text | None = None
    profile: Fields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSuspension:
    """A suspension of an account."""

    account: AccountChoice
    reason: StatusReason = StatusReason.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReopening:
    """What was done about a suspension."""

    account: AccountChoice
    remedy: Remedy = Remedy.OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSearch:
    """Which accounts: with a text in name or mail address; by pages."""

    text: Text = ""
    after: After = 0
    limit: PageSize = PAGE_SIZE_DEFAULT


async def register(call: Call, arguments: Registration) -> Mapping[str, object]:
    """Registers a customer, its service with it."""
    by = authorship(call)
    services: tuple[NewService, ...] = ()
    if arguments.service is not None:
        services = (await new_service(arguments.service),)
    new = NewAccount(
        brand=arguments.brand,
        name=arguments.name,
        currency=arguments.currency,
        zone=arguments.zone,
        bill_day=arguments.bill_day,
        due_days=arguments.due_days,
        credit_limit_micros=arguments.credit_limit_micros,
        tax_status=arguments.tax_status,
        email=arguments.email,
        profile=arguments.profile,
        services=services,
    )
    rules = account_rules(call, arguments.brand, at=by.at)
    async with call.daemon.store.transaction() as tx:
        account_id = await register_account(tx, new, rules=rules, by=by)
    return await _changed(call, account_id)


async def show(call: Call, arguments: AccountChoice) -> Mapping[str, object]:
    """An account, its services and its standing suspensions."""
    async with call.daemon.store.read() as reader:
        account_id = await account_of(call, reader, arguments)
        account = await find_account(reader, account_id)
        subscribers = await fetch_subscribers_by_account(reader, (account_id,))
        suspensions = await fetch_standing_suspensions(reader, account_id)
    return {
        "account": account_map(account),
        "services": [service_map(one) for one in subscribers],
        "suspensions": [suspension_map(one) for one in suspensions],
    }


async def list_accounts(call: Call, arguments: AccountSearch) -> Mapping[str, object]:
    """One page of accounts."""
    async with call.daemon.store.read() as reader:
        accounts = await fetch_accounts(
            reader, after=arguments.after, text=arguments.text, page_size=arguments.limit
        )
    return {"accounts": [account_map(one) for one in accounts]}


async def change(call: Call, arguments: AccountSettings) -> Mapping[str, object]:
    """Changes values of an account."""
    credit_limit = KEEP if arguments.credit_limit_micros is None else arguments.credit_limit_micros
    changes = AccountChanges(
        name=KEEP if arguments.name is None else arguments.name,
        zone=KEEP if arguments.zone is None else arguments.zone,
        credit_limit_micros=None if arguments.no_credit_limit else credit_limit,
        tax_status=KEEP if arguments.tax_status is None else arguments.tax_status,
        email=KEEP if arguments.email is None else arguments.email,
        profile=KEEP if arguments.profile is None else arguments.profile,
    )
    async with call.daemon.store.transaction() as tx:
        account_id = await account_of(call, tx, arguments.account)
        await set_account(tx, account_id, changes, by=authorship(call))
    return await _changed(call, account_id)


async def suspend_account(call: Call, arguments: AccountSuspension) -> Mapping[str, object]:
    """Suspends an account for a reason."""
    async with call.daemon.store.transaction() as tx:
        account_id = await account_of(call, tx, arguments.account)
        await suspend(tx, account_id=account_id, reason=arguments.reason, by=authorship(call))
    return await _changed(call, account_id)


async def reopen_account(call: Call, arguments: AccountReopening) -> Mapping[str, object]:
    """Lifts of an account's suspensions what the remedy lifts."""
    async with call.daemon.store.transaction() as tx:
        account_id = await account_of(call, tx, arguments.account)
        await reopen(tx, account_id=account_id, remedy=arguments.remedy, by=authorship(call))
    return await _changed(call, account_id)


async def close_account(call: Call, arguments: AccountChoice) -> Mapping[str, object]:
    """Closes an account with its services; the books stay."""
    async with call.daemon.store.transaction() as tx:
        account_id = await account_of(call, tx, arguments)
        await close(tx, account_id=account_id, by=authorship(call))
    return await _changed(call, account_id)


async def new_service(registration: ServiceRegistration) -> NewService:
    """A service to be registered, its password prepared off the event loop."""
    password = None
    if registration.password is not None:
        password = await prepared(registration.scheme, registration.password)
    return NewService(
        login=registration.login,
        offer=registration.offer,
        password=password,
        activated_at=registration.activated_at,
        reply=registration.reply,
    )


async def prepared(scheme: CredentialScheme, password: bytes) -> PreparedPassword:
    """A password in the form of its scheme; argon2 takes tens of milliseconds, in a thread."""
    return await asyncio.to_thread(prepare_password, scheme, password)


async def _changed(call: Call, account_id: int) -> Mapping[str, object]:
    """Refreshes the daemon's memory, then shows what the account is now."""
    await call.daemon.accounts_changed((account_id,))
    return await show(call, AccountChoice(account_id=account_id))
