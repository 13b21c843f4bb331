"""The customers that aaad is measured with: one account and one service for each user.

They are registered by the ledger's own API, many in a transaction. The tariff has two bands, by day
and by night of New York's clock; `benchmarks/judge.py` computes its prices by itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice

from ledger.accounts import AccountRules, NewAccount, NewService, register_account
from ledger.changes import Authorship
from ledger.credentials import prepare_password
from ledger.model import CredentialScheme
from ledger.pricelists import store_version
from ledger.seal import Sealer
from ledger.store import open_store

BRAND = "default"
OFFER = "day-and-night"
ZONE = "America/New_York"
EFFECTIVE_AT = 1_577_836_800  # 2020-01-01: before every session of a load
ACCOUNTS_A_TRANSACTION = 500

PRICE_LIST = f"""
[pricelist]
name = "Day and night"
currency = "USD"
zone = "{ZONE}"
prices = "net"
gl = "usage"
tax_code = "internet-access"

[tariffs.{OFFER}]
[[tariffs.{OFFER}.bands]]
name = "day"
from = "08:00"
to = "20:00"
prices = [{{ metric = "seconds", amount = "1.20", per = "1 h" }}]
[[tariffs.{OFFER}.bands]]
name = "night"
prices = [{{ metric = "seconds", amount = "0.36", per = "1 h" }}]

[offers.{OFFER}]
tariff = "{OFFER}"
service = "broadband"
session_timeout = "24 h"
idle_timeout = "30 min"
interim_interval = "5 min"

[offers.{OFFER}.reply]
Service-Type = "Framed-User"
Framed-Protocol = "PPP"
"""
"""Each price is a whole number of micros times 3 a second, so that rounding is exercised only by
the judge's own arithmetic when a session crosses a band."""


async def fill(url: str, people: Sequence[tuple[bytes, bytes]], *, key: bytes) -> None:
    """Register everybody in an empty store."""
    store = await open_store(url, checkpoints=True)
    by = Authorship(at=int(time.time()), actor="benchmark")
    rules = AccountRules(
        canonical=lambda name: name.decode(), offers=frozenset({OFFER}), sealer=Sealer(key)
    )
    try:
        await store.make_room(at=by.at)
        async with store.transaction() as tx:
            await store_version(
                tx,
                brand=BRAND,
                text=PRICE_LIST,
                effective_at=EFFECTIVE_AT,
                at=by.at,
                actor="benchmark",
            )
        rest = iter(people)
        while page := list(islice(rest, ACCOUNTS_A_TRANSACTION)):
            async with store.transaction() as tx:
                for name, password in page:
                    await register_account(tx, account(name, password), rules=rules, by=by)
    finally:
        await store.close()


def account(name: bytes, password: bytes) -> NewAccount:
    """One customer. The service is active since long: its sessions began hours ago."""
    service = NewService(
        login=name,
        offer=OFFER,
        password=prepare_password(CredentialScheme.SEALED, password),
        activated_at=EFFECTIVE_AT,
    )
    return NewAccount(
        brand=BRAND,
        name=name.decode(),
        currency="USD",
        zone=ZONE,
        bill_day=1,
        services=(service,),
    )
