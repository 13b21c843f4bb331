"""Commands about own limits: set one over the offers' limit of its name, and top one up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from aaad.control.command import Call, Name
from aaad.control.commands.customers import (
    AccountChoice,
    ServiceChoice,
    account_of,
    authorship,
    subscriber_of,
)
from aaad.control.protocol import CommandFailed, ErrorCode
from ledger.account_limits import set_limit, top_up_limit
from ledger.accounts import find_account
from ledger.escape import printable
from ledger.model import Account, Limit, OwnLimit, UsageMetric
from ledger.rules.cycles import cycle_at
from ledger.store import Reader
from ledger.subscribers import fetch_subscribers_by_account

Quantity = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSetting:
    """A limit of an account, or of one service when a login says which; no threshold: no limit."""

    account: AccountChoice
    name: Name
    metric: UsageMetric
    soft: Quantity | None = None
    hard: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """What was bought of a limit, in seconds, octets or micros, for the cycle that runs now."""

    account: AccountChoice
    name: Name
    metric: UsageMetric  # said again, so that hours are never taken for money
    quantity: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    """Whose limit it is (service_id 0: the whole account's), and what holds for it now."""

    account: Account
    service_id: int
    limits: Mapping[str, Limit]


async def set_own_limit(call: Call, arguments: LimitSetting) -> Mapping[str, object]:
    """Sets a limit for every cycle."""
    limit = Limit(
        name=arguments.name, metric=arguments.metric, soft=arguments.soft, hard=arguments.hard
    )
    async with call.daemon.store.transaction() as tx:
        owner = await _owner(call, tx, arguments.account)
        revised = await set_limit(
            tx,
            account_id=owner.account.account_id,
            service_id=owner.service_id,
            limit=limit,
            by=authorship(call),
        )
    return await _changed(call, owner, revised)


async def top_up(call: Call, arguments: TopUp) -> Mapping[str, object]:
    """Raises every threshold of a limit for the cycle that runs now."""
    by = authorship(call)
    async with call.daemon.store.transaction() as tx:
        owner = await _owner(call, tx, arguments.account)
        limit = owner.limits.get(arguments.name)
        if limit is None:
            known = ", ".join(map(printable, owner.limits)) or "none"
            raise CommandFailed(
                ErrorCode.NOT_FOUND,
                f"no limit {printable(arguments.name)!r} holds there",
                f"it has: {known}",
            )
        if limit.metric is not arguments.metric:
            raise CommandFailed(
                ErrorCode.REFUSED,
                f"the limit {printable(limit.name)} counts {limit.metric}, not {arguments.metric}",
                f"say --metric {limit.metric}",
            )
        cycle = cycle_at(by.at, bill_day=owner.account.bill_day, zone=owner.account.zone)
        raised = await top_up_limit(
            tx,
            account_id=owner.account.account_id,
            service_id=owner.service_id,
            limit=limit,
            quantity=arguments.quantity,
            period_start_at=cycle.start_at,
            by=by,
        )
    return await _changed(call, owner, raised)


async def _owner(call: Call, reader: Reader, choice: AccountChoice) -> _Owner:
    """Who the limit is of: a login means its service, an account's id the whole account."""
    at = call.daemon.clock.now()
    if choice.login is None:
        account = await find_account(reader, await account_of(call, reader, choice))
        subscribers = await fetch_subscribers_by_account(reader, (account.account_id,))
        own = subscribers[0].own_limits if subscribers else ()
        return _Owner(account=account, service_id=0, limits=_own_limits(own, account, 0, at))
    chosen = ServiceChoice(login=choice.login, brand=choice.brand)
    subscriber = await subscriber_of(call, reader, chosen)
    service_id, account = subscriber.service.service_id, subscriber.account
    offers = call.daemon.catalog(account.brand).offers_at(subscriber.purchases, at)
    offered = {limit.name: limit for limit in offers[0].limits} if offers else {}
    own_limits = _own_limits(subscriber.own_limits, account, service_id, at)
    return _Owner(account=account, service_id=service_id, limits={**offered, **own_limits})


def _own_limits(
    own_limits: tuple[OwnLimit, ...], account: Account, service_id: int, at: int
) -> dict[str, Limit]:
    """The own limits of one scope that hold in the cycle of an instant, by name."""
    start_at = cycle_at(at, bill_day=account.bill_day, zone=account.zone).start_at
    held = [
        own
        for own in own_limits
        if own.service_id == service_id and own.period_start_at in (None, start_at)
    ]
    held.sort(key=lambda own: own.limit.revision)
    return {own.limit.name: own.limit for own in held}


async def _changed(call: Call, owner: _Owner, limit: Limit) -> Mapping[str, object]:
    await call.daemon.accounts_changed((owner.account.account_id,))
    return {
        "account_id": owner.account.account_id,
        "service_id": owner.service_id,
        "limit": limit.name,
        "metric": limit.metric.value,
        "soft": limit.soft,
        "hard": limit.hard,
        "revision": limit.revision,
        "currency": owner.account.currency,
    }
