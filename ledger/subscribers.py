"""What the daemon reads of customers, in bulk: all facts of many logins or accounts in one page.

A reader is one state of the books, so what these functions join belongs together. Every answer is
bounded by the keys asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Final

import orjson

from ledger.model import (
    Account,
    AccountStatus,
    Balance,
    Credential,
    CredentialScheme,
    Limit,
    LimitCrossing,
    OwnLimit,
    Purchase,
    Service,
    ServiceStatus,
    StatusReason,
    Subscriber,
    TaxStatus,
    Threshold,
    UsageCounter,
    UsageMetric,
)
from ledger.store.contract import Reader, Row, json_list
from ledger.store.text import escape_text, unescape_text

CHANGES_PAGE = 1_000
"""Changed accounts one answer names; who gets a full page asks again."""

PRICE_LIST_CHANGED = 0
"""The account id that stands for a new price list among changed accounts."""

_ACCOUNT_COLUMNS = 13

# A million subscribers say the same few words: one object for each keeps them small, and a member
# of an enumeration is found by its value at once.
_ACCOUNT_STATUS: Final = {member.value: member for member in AccountStatus}
_SERVICE_STATUS: Final = {member.value: member for member in ServiceStatus}
_STATUS_REASON: Final = {member.value: member for member in StatusReason}
_TAX_STATUS: Final = {member.value: member for member in TaxStatus}
_SCHEME: Final = {member.value: member for member in CredentialScheme}
_EMPTY: Final[Mapping[str, str]] = {}
_EMPTY_TEXT: Final = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What an account owes and has used in the periods asked for."""

    balances: tuple[Balance, ...] = ()
    counters: tuple[UsageCounter, ...] = ()
    crossings: tuple[LimitCrossing, ...] = ()


async def fetch_subscribers(
    reader: Reader, *, brand: str, logins: Collection[str]
) -> dict[str, Subscriber]:
    """The subscribers of canonical logins; a login that nobody has is missing."""
    keys = json_list(escape_text(login) for login in logins)
    subscribers = await _subscribers(
        reader, await reader.fetch("fetch_services_by_login", (brand, keys))
    )
    return {subscriber.service.login: subscriber for subscriber in subscribers}


async def fetch_subscribers_by_account(
    reader: Reader, account_ids: Collection[int]
) -> list[Subscriber]:
    """One subscriber for each service of the accounts."""
    rows = await reader.fetch("fetch_services_by_account", (json_list(account_ids),))
    return await _subscribers(reader, rows)


async def fetch_account(reader: Reader, account_id: int) -> Account | None:
    """An account, or None."""
    rows = await reader.fetch("fetch_account", (account_id,))
    return account_of_row(rows[0]) if rows else None


async def fetch_account_states(
    reader: Reader, periods: Mapping[int, Collection[int]]
) -> dict[int, AccountState]:
    """Balances of accounts, with usage and crossings of the periods that begin so."""
    pairs = json_list(
        (account_id, start) for account_id, starts in periods.items() for start in starts
    )
    balances: dict[int, list[Balance]] = defaultdict(list)
    for row in await reader.fetch("fetch_balances", (json_list(periods),)):
        balances[row[0]].append(_balance(row))
    counters: dict[int, list[UsageCounter]] = defaultdict(list)
    for row in await reader.fetch("fetch_usage_counters", (pairs,)):
        counters[row[0]].append(_usage_counter(row))
    crossings: dict[int, list[LimitCrossing]] = defaultdict(list)
    for row in await reader.fetch("fetch_limit_crossings", (pairs,)):
        crossings[row[0]].append(_limit_crossing(row))
    return {
        account_id: AccountState(
            balances=tuple(balances[account_id]),
            counters=tuple(counters[account_id]),
            crossings=tuple(crossings[account_id]),
        )
        for account_id in periods
    }


async def fetch_changes(reader: Reader, *, after: int) -> tuple[int, tuple[int, ...]]:
    """The accounts changed since the counter was `after`, and the counter to ask with next.

    A page at most: ask again until it is empty. PRICE_LIST_CHANGED stands for a new price list.
    """
    rows = await reader.fetch("fetch_changed_accounts", (after, CHANGES_PAGE))
    if not rows:
        return after, ()
    return rows[-1][0], tuple(account_id for _, account_id in rows)


async def fetch_change_counter(reader: Reader) -> int:
    """The counter now: what a start reads before it fills its memory."""
    ((counter,),) = await reader.fetch("fetch_change_counter")
    return int(counter)


async def _subscribers(reader: Reader, rows: list[Row]) -> list[Subscriber]:
    account_ids = json_list({row[0] for row in rows})
    purchases = await _purchases(reader, account_ids)
    own_limits = await _own_limits(reader, account_ids)
    subscribers = []
    for row in rows:
        service = _service(row)
        key = (service.account_id, service.service_id)
        limits = own_limits[service.account_id, 0] + own_limits[key]
        subscribers.append(
            Subscriber(
                account=account_of_row(row),
                service=service,
                credential=_credential(row),
                purchases=tuple(purchases[key]),
                own_limits=tuple(limits),
            )
        )
    return subscribers


async def _purchases(reader: Reader, account_ids: str) -> dict[tuple[int, int], list[Purchase]]:
    purchases: dict[tuple[int, int], list[Purchase]] = defaultdict(list)
    for row in await reader.fetch("fetch_purchases", (account_ids,)):
        purchase_id, account_id, service_id, offer, from_at, to_at, quantity = row
        purchases[account_id, service_id].append(
            Purchase(
                purchase_id=purchase_id,
                account_id=account_id,
                service_id=service_id,
                offer=intern(offer),
                from_at=from_at,
                to_at=to_at,
                quantity=quantity,
            )
        )
    return purchases


async def _own_limits(reader: Reader, account_ids: str) -> dict[tuple[int, int], list[OwnLimit]]:
    own_limits: dict[tuple[int, int], list[OwnLimit]] = defaultdict(list)
    for row in await reader.fetch("fetch_own_limits", (account_ids,)):
        own_limit = own_limit_of_row(row)
        own_limits[own_limit.account_id, own_limit.service_id].append(own_limit)
    return own_limits


def own_limit_of_row(row: Row) -> OwnLimit:
    """An own limit from a row of fetch_own_limits."""
    account_id, service_id, name, metric, soft, hard, period_start_at, revision = row
    return OwnLimit(
        account_id=account_id,
        service_id=service_id,
        limit=Limit(name=name, metric=UsageMetric(metric), soft=soft, hard=hard, revision=revision),
        period_start_at=period_start_at or None,
    )


def account_of_row(row: Row) -> Account:
    """An account from a row that begins with the columns of fetch_account."""
    return Account(
        account_id=row[0],
        brand=intern(row[1]),
        name=row[2],
        currency=intern(row[3]),
        zone=intern(row[4]),
        bill_day=row[5],
        status=_ACCOUNT_STATUS[row[6]],
        status_reason=_STATUS_REASON[row[7]],
        credit_limit_micros=row[8],
        tax_status=_TAX_STATUS[row[9]],
        email=row[10],
        created_at=row[11],
        profile=_text_map(row[12]),
    )


def _service(row: Row) -> Service:
    service_id, login, status, reason, activated_at, reply, profile = row[
        _ACCOUNT_COLUMNS : _ACCOUNT_COLUMNS + 7
    ]
    return Service(
        service_id=service_id,
        account_id=row[0],
        brand=intern(row[1]),
        login=unescape_text(login),
        status=_SERVICE_STATUS[status],
        status_reason=_STATUS_REASON[reason],
        activated_at=activated_at,
        reply=_text_map(reply),
        profile=_text_map(profile),
    )


def _credential(row: Row) -> Credential | None:
    scheme, secret = row[-2:]
    if scheme is None:
        return None
    return Credential(service_id=row[_ACCOUNT_COLUMNS], scheme=_SCHEME[scheme], secret=secret)


def _text_map(text: str) -> Mapping[str, str]:
    if text == _EMPTY_TEXT:
        return _EMPTY
    parsed: dict[str, str] = orjson.loads(text)
    return parsed


def _balance(row: Row) -> Balance:
    account_id, resource, posted, accrued, leased = row
    return Balance(
        account_id=account_id,
        resource=resource,
        posted_micros=posted,
        accrued_micros=accrued,
        leased_micros=leased,
    )


def _usage_counter(row: Row) -> UsageCounter:
    account_id, service_id, period_start_at, seconds, inputs, outputs, charge = row
    return UsageCounter(
        account_id=account_id,
        service_id=service_id,
        period_start_at=period_start_at,
        seconds=seconds,
        input_octets=inputs,
        output_octets=outputs,
        charge_micros=charge,
    )


def _limit_crossing(row: Row) -> LimitCrossing:
    return LimitCrossing(
        account_id=row[0],
        service_id=row[1],
        limit=row[2],
        period_start_at=row[3],
        threshold=Threshold(row[4]),
        revision=row[5],
        metric=UsageMetric(row[6]),
        threshold_quantity=row[7],
        used_quantity=row[8],
        crossed_at=row[9],
    )
