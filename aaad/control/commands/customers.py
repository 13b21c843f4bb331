"""What the commands about customers share: who is meant, by which rules, and by whose hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec

from aaad.control.command import Call, Id, Name
from aaad.control.protocol import CommandFailed, ErrorCode
from ledger.account_checks import LOGIN_OCTETS_MAX
from ledger.accounts import AccountRules
from ledger.changes import Authorship
from ledger.clients import BRAND_DEFAULT
from ledger.escape import printable
from ledger.model import Service, Subscriber
from ledger.rules.logins import BrandSettings, canonical_login
from ledger.seal import Sealer
from ledger.store import Reader
from ledger.subscribers import fetch_subscribers

Login = Annotated[bytes, msgspec.Meta(min_length=1, max_length=LOGIN_OCTETS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChoice:
    """Which account: by its id, or by a login of it."""

    account_id: Id | None = None
    login: Login | None = None
    brand: Name = BRAND_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChoice:
    """Which service: by its login."""

    login: Login
    brand: Name = BRAND_DEFAULT


def authorship(call: Call) -> Authorship:
    """Who changes something, and when."""
    return Authorship(at=call.daemon.clock.now(), actor=call.actor)


def brand_settings(call: Call, brand: str) -> BrandSettings:
    """A brand of the configuration; refused when there is none of that name."""
    settings = call.daemon.settings.brands.get(brand)
    if settings is None:
        known = ", ".join(call.daemon.settings.brands)
        raise CommandFailed(
            ErrorCode.NOT_FOUND,
            f"no brand {printable(brand)!r}",
            f"add [brands.{printable(brand)}] to the configuration, or name one of: {known}",
        )
    return settings


def account_rules(call: Call, brand: str, *, at: int) -> AccountRules:
    """What may be registered under a brand at an instant."""
    settings = brand_settings(call, brand)
    pricelist = call.daemon.catalog(brand).pricelist_at(at)
    return AccountRules(
        canonical=lambda user_name: canonical_login(settings, user_name),
        offers=frozenset() if pricelist is None else frozenset(pricelist.offers),
        sealer=Sealer(call.daemon.settings.seal.key),
    )


async def account_of(call: Call, reader: Reader, choice: AccountChoice) -> int:
    """The id of the account that is meant."""
    if choice.login is not None:
        chosen = ServiceChoice(login=choice.login, brand=choice.brand)
        return (await subscriber_of(call, reader, chosen)).account.account_id
    if choice.account_id is None:
        raise CommandFailed(ErrorCode.BAD_REQUEST, "no account is named", "give its id or a login")
    return choice.account_id


async def subscriber_of(call: Call, reader: Reader, choice: ServiceChoice) -> Subscriber:
    """The service of a login with all facts about it."""
    login = canonical_login(brand_settings(call, choice.brand), choice.login)
    found = await fetch_subscribers(reader, brand=choice.brand, logins=(login,))
    if login not in found:
        raise CommandFailed(
            ErrorCode.NOT_FOUND,
            f"no service of brand {printable(choice.brand)} has the login {printable(login)}",
            "see `aaactl account list`, and the realm and case rules of the brand",
        )
    return found[login]


async def service_of(call: Call, reader: Reader, choice: ServiceChoice) -> Service:
    """The service of a login."""
    return (await subscriber_of(call, reader, choice)).service
