"""Commands about services: add, show, set, offer, password, suspend, reopen, close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aaad.control.command import Call, Instant, Name
from aaad.control.commands.accounts import (
    Fields,
    Password,
    ServiceRegistration,
    new_service,
    prepared,
)
from aaad.control.commands.customers import (
    AccountChoice,
    Login,
    ServiceChoice,
    account_of,
    account_rules,
    authorship,
    service_of,
    subscriber_of,
)
from aaad.control.commands.shapes import service_map
from ledger.account_status import Remedy, close, reopen, suspend
from ledger.accounts import (
    KEEP,
    ServiceChanges,
    add_service,
    change_offer,
    find_account,
    set_password,
    set_service,
)
from ledger.model import CredentialScheme, Service, StatusReason
from ledger.seal import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddition:
    """A service for an account that is registered already."""

    account: AccountChoice
    service: ServiceRegistration


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """New values of a service; what is left out stays."""

    service: ServiceChoice
    new_login: Login | None = None
    activated_at: Instant | None = None
    reply: Fields | None = None
    profile: Fields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferChange:
    """Another offer for a service, from an instant on; now when it is left out."""

    service: ServiceChoice
    offer: Name
    effective_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChange:
    """A new password of a service."""

    service: ServiceChoice
    password: Password = field(repr=False)
    scheme: CredentialScheme = CredentialScheme.SEALED


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSuspension:
    """A suspension of one service."""

    service: ServiceChoice
    reason: StatusReason = StatusReason.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReopening:
    """What was done about a service's suspension."""

    service: ServiceChoice
    remedy: Remedy = Remedy.OPERATOR


async def show(call: Call, arguments: ServiceChoice) -> Mapping[str, object]:
    """A service with its purchases."""
    async with call.daemon.store.read() as reader:
        return {"service": service_map(await subscriber_of(call, reader, arguments))}


async def add(call: Call, arguments: ServiceAddition) -> Mapping[str, object]:
    """Adds a service to an account."""
    by = authorship(call)
    new = await new_service(arguments.service)
    async with call.daemon.store.transaction() as tx:
        account_id = await account_of(call, tx, arguments.account)
        brand = (await find_account(tx, account_id)).brand
        rules = account_rules(call, brand, at=by.at)
        await add_service(tx, account_id, new, rules=rules, by=by)
    choice = ServiceChoice(login=arguments.service.login, brand=brand)
    return await _changed(call, account_id, choice)


async def change(call: Call, arguments: ServiceSettings) -> Mapping[str, object]:
    """Changes values of a service."""
    by = authorship(call)
    choice = arguments.service
    changes = ServiceChanges(
        login=KEEP if arguments.new_login is None else arguments.new_login,
        activated_at=KEEP if arguments.activated_at is None else arguments.activated_at,
        reply=KEEP if arguments.reply is None else arguments.reply,
        profile=KEEP if arguments.profile is None else arguments.profile,
    )
    rules = account_rules(call, choice.brand, at=by.at)
    async with call.daemon.store.transaction() as tx:
        service = await service_of(call, tx, choice)
        await set_service(tx, service, changes, rules=rules, by=by)
    shown = choice
    if arguments.new_login is not None:
        shown = ServiceChoice(login=arguments.new_login, brand=choice.brand)
    return await _changed(call, service.account_id, shown)


async def change_to_offer(call: Call, arguments: OfferChange) -> Mapping[str, object]:
    """Lets a service own another offer from an instant on."""
    by = authorship(call)
    effective_at = by.at if arguments.effective_at is None else arguments.effective_at
    rules = account_rules(call, arguments.service.brand, at=effective_at)
    async with call.daemon.store.transaction() as tx:
        service = await service_of(call, tx, arguments.service)
        await change_offer(
            tx,
            service,
            offer=arguments.offer,
            effective_at=effective_at,
            offers=rules.offers,
            by=by,
        )
    return await _changed(call, service.account_id, arguments.service)


async def change_password(call: Call, arguments: PasswordChange) -> Mapping[str, object]:
    """Gives a service a new password."""
    password = await prepared(arguments.scheme, arguments.password)
    sealer = Sealer(call.daemon.settings.seal.key)
    async with call.daemon.store.transaction() as tx:
        service = await service_of(call, tx, arguments.service)
        await set_password(tx, service, password, sealer=sealer, by=authorship(call))
    return await _changed(call, service.account_id, arguments.service)


async def suspend_service(call: Call, arguments: ServiceSuspension) -> Mapping[str, object]:
    """Suspends a service for a reason."""
    async with call.daemon.store.transaction() as tx:
        service = await service_of(call, tx, arguments.service)
        await suspend(tx, **_key(service), reason=arguments.reason, by=authorship(call))
    return await _changed(call, service.account_id, arguments.service)


async def reopen_service(call: Call, arguments: ServiceReopening) -> Mapping[str, object]:
    """Lifts of a service's suspensions what the remedy lifts."""
    async with call.daemon.store.transaction() as tx:
        service = await service_of(call, tx, arguments.service)
        await reopen(tx, **_key(service), remedy=arguments.remedy, by=authorship(call))
    return await _changed(call, service.account_id, arguments.service)


async def close_service(call: Call, arguments: ServiceChoice) -> Mapping[str, object]:
    """Closes a service; its login stays taken."""
    async with call.daemon.store.transaction() as tx:
        service = await service_of(call, tx, arguments)
        await close(tx, **_key(service), by=authorship(call))
    return await _changed(call, service.account_id, arguments)


def _key(service: Service) -> dict[str, int]:
    return {"account_id": service.account_id, "service_id": service.service_id}


async def _changed(call: Call, account_id: int, choice: ServiceChoice) -> Mapping[str, object]:
    """Refreshes the daemon's memory, then shows what the service is now."""
    await call.daemon.accounts_changed((account_id,))
    return await show(call, choice)
