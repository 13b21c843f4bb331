"""Commands that read the books: balance, events, suspense, outbox, and a charge explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from aaad.control.command import Call, Id, Name, NoArguments, PageSize
from aaad.control.commands.customers import AccountChoice, Login, account_of
from aaad.control.commands.shapes import (
    account_map,
    balance_map,
    event_map,
    message_map,
    suspense_map,
)
from aaad.control.protocol import PAGE_SIZE_DEFAULT, CommandFailed, ErrorCode
from ledger.accounts import find_account
from ledger.books import check_books
from ledger.clients import BRAND_DEFAULT
from ledger.listings import fetch_waiting_messages
from ledger.model import Account, Event
from ledger.posting_rows import USAGE_EVENT
from ledger.price_tariffs import ACCOUNT_ZONE
from ledger.rules.cycles import cycle_at
from ledger.sessions import NEWEST, fetch_events, fetch_suspense
from ledger.subscribers import fetch_account_states

Position = Annotated[int, msgspec.Meta(ge=-1, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events of an account, the newest first, older than `before`."""

    account: AccountChoice
    before: Id = NEWEST
    limit: PageSize = PAGE_SIZE_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class EventChoice:
    """One event of an account, by its id."""

    account: AccountChoice
    event_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensePage:
    """Records in suspense beyond (journal_number, lsn)."""

    after_journal: Position = -1
    after_lsn: Position = -1
    limit: PageSize = PAGE_SIZE_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxPage:
    """Messages that wait, the oldest first."""

    limit: PageSize = PAGE_SIZE_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginName:
    """A login as it would be sent, and the brand of the client that sends it."""

    login: Login
    brand: Name = BRAND_DEFAULT


async def show_balance(call: Call, arguments: AccountChoice) -> Mapping[str, object]:
    """What an account owes, and its usage against its limits."""
    async with call.daemon.store.read() as reader:
        account_id = await account_of(call, reader, arguments)
        account = await find_account(reader, account_id)
        states = await fetch_account_states(reader, {account_id: ()})
    cycle = cycle_at(call.daemon.clock.now(), bill_day=account.bill_day, zone=account.zone)
    return {
        "account": account_map(account),
        "balances": [balance_map(one) for one in states[account_id].balances],
        "cycle_start_at": cycle.start_at,
        "cycle_end_at": cycle.end_at,
        "limits": list(await call.daemon.limit_usage(account_id)),
    }


async def check_store(call: Call, _: NoArguments) -> Mapping[str, object]:
    """Every invariant of the books that does not hold; none when they are right."""
    return {"faults": await check_books(call.daemon.store)}


async def list_events(call: Call, arguments: EventPage) -> Mapping[str, object]:
    """A page of an account's events."""
    async with call.daemon.store.read() as reader:
        account_id = await account_of(call, reader, arguments.account)
        account = await find_account(reader, account_id)
        events = await fetch_events(
            reader, account_id, before=arguments.before, page_size=arguments.limit
        )
    return {"zone": account.zone, "events": [event_map(one) for one in events]}


async def explain_charge(call: Call, arguments: EventChoice) -> Mapping[str, object]:
    """A usage event with its segments, and the zone whose clock decided its price."""
    async with call.daemon.store.read() as reader:
        account_id = await account_of(call, reader, arguments.account)
        account = await find_account(reader, account_id)
        found = await fetch_events(reader, account_id, before=arguments.event_id + 1, page_size=1)
    if not found or found[0].event_id != arguments.event_id:
        raise CommandFailed(
            ErrorCode.NOT_FOUND,
            f"account {account_id} has no event {arguments.event_id}",
            f"see `aaactl events {account_id}`",
        )
    event = found[0]
    if event.event_type != USAGE_EVENT:
        raise CommandFailed(
            ErrorCode.REFUSED,
            f"event {event.event_id} is no usage but {event.event_type}",
            f"see it in `aaactl events {account_id} --json`",
        )
    return {
        "event": event_map(event),
        "piece": event.data["piece"],
        "tariff": event.data["tariff"],
        "currency": account.currency,
        "zone": _tariff_zone(call, account, event),
    }


async def list_suspense(call: Call, arguments: SuspensePage) -> Mapping[str, object]:
    """A page of suspense."""
    after = (arguments.after_journal, arguments.after_lsn)
    async with call.daemon.store.read() as reader:
        records = await fetch_suspense(reader, after=after, page_size=arguments.limit)
    return {"suspense": [suspense_map(one) for one in records]}


async def list_outbox(call: Call, arguments: OutboxPage) -> Mapping[str, object]:
    """The messages that wait longest."""
    async with call.daemon.store.read() as reader:
        waiting = await fetch_waiting_messages(reader, page_size=arguments.limit)
    return {"messages": [message_map(one) for one in waiting]}


async def explain_login(call: Call, arguments: LoginName) -> Mapping[str, object]:
    """Every check that a login would go through now."""
    checks = await call.daemon.explain_login(arguments.login, brand=arguments.brand)
    return {"checks": list(checks)}


def _tariff_zone(call: Call, account: Account, event: Event) -> str:
    """The zone of the tariff as it was; that of the account where the tariff goes by it."""
    pricelist = call.daemon.catalog(account.brand).pricelist_at(event.service_at - 1)
    tariff = None if pricelist is None else pricelist.tariffs.get(str(event.data["tariff"]))
    if tariff is None or tariff.zone == ACCOUNT_ZONE:
        return account.zone
    return tariff.zone
