"""Fees are posted and bills made, once, from what is posted less what is billed; payments settle
them. On both stores, with figures worked out by hand.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billing_jobs import units  # noqa: F401 - walked by make_bills, which is under test here
from billing_jobs.make_bills import make_bills
from billing_jobs.runner import Options, Run
from ledger import bill_making, bill_units, fee_posting  # noqa: F401 - what make_bills does
from ledger.account_checks import AccountError
from ledger.accounts import AccountRules, change_offer, find_account, register_account
from ledger.bill_reads import fetch_bill_lines, fetch_bills
from ledger.books import check_books
from ledger.changes import Authorship
from ledger.clock import Clock
from ledger.credits import NewPayment, record_payment, reverse_payment
from ledger.logs import get_logger
from ledger.model import Event, Impact
from ledger.posting import ItemKind, ItemRef, post_event
from ledger.pricelists import store_version
from ledger.settings import load_settings
from ledger.store import Store
from ledger.subscribers import fetch_account_states, fetch_subscribers_by_account
from tests.daemon_folder import write_folder
from tests.store.builders import BRAND, SEALER, canonical, new_account, new_service

ZONE = "America/New_York"
PRICES = """
[pricelist]
name = "Small"
currency = "USD"
zone = "account"
prices = "net"
gl = "usage"
tax_code = "access"

[tariffs.hours]
[[tariffs.hours.bands]]
name = "all day"
prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]

[offers.standard]
tariff = "hours"
[[offers.standard.fees]]
kind = "purchase"
amount = "10.00"
gl = "purchase-fee"
[[offers.standard.fees]]
kind = "cycle"
amount = "6.95"
gl = "subscription"

[offers.premium]
tariff = "hours"
[[offers.premium.fees]]
kind = "cycle"
amount = "28.00"
gl = "premium"
"""
RULES = AccountRules(canonical=canonical, offers=("standard", "premium"), sealer=SEALER)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


OPENED = at("2026-01-15T14:00")
BY = Authorship(at=OPENED, actor="csr ann")


async def customer(store: Store, login: bytes = b"ann") -> int:
    """Ann signs up on January 15 at two in the afternoon; the 15th is her billing day (B56)."""
    service = new_service(login, offer="standard")
    new = new_account(bill_day=15, zone=ZONE, services=(service,))
    async with store.transaction() as tx:
        await store_version(tx, brand=BRAND, text=PRICES, effective_at=0, at=OPENED, actor="bob")
        return await register_account(tx, new, rules=RULES, by=BY)


def run(store: Store, tmp_path: Path, as_of: str, **options: Any) -> Run:
    return Run(
        name="make-bills",
        store=store,
        settings=load_settings(write_folder(tmp_path)),
        clock=Clock(None),
        log=get_logger(),
        as_of=date.fromisoformat(as_of),
        options=Options(config=tmp_path, **options),
    )


async def bills(store: Store, account_id: int) -> list[tuple[int, str, int, int, int]]:
    """(number, due on, total, due, open) of every bill."""
    async with store.read() as reader:
        found = await fetch_bills(reader, account_id)
    return [(b.number, b.due_on, b.total_minor, b.due_minor, b.open_minor) for b in found]


async def lines(store: Store, account_id: int) -> list[list[tuple[str, str, int]]]:
    """(kind, source, minor) of the lines of every bill."""
    async with store.read() as reader:
        return [
            [
                (line.item_kind, line.source, line.amount_minor)
                for line in await fetch_bill_lines(reader, account_id, bill.bill_id)
            ]
            for bill in await fetch_bills(reader, account_id)
        ]


async def use(store: Store, account_id: int, when: str, micros: int) -> None:
    """Usage of an instant, posted much later perhaps."""
    cycle_start_at = at("2026-01-15") if when < "2026-02-15" else at("2026-02-15")
    async with store.transaction() as tx:
        event_id = tx.ids.make(at(when) * 1000)
        impact = Impact(
            event_id=event_id,
            account_id=account_id,
            resource="USD",
            amount_micros=micros,
            from_gl="usage",
            to_gl="accounts-receivable",
            source="tariff/hours",
            tax_code="access",
        )
        event = Event(
            event_id=event_id,
            event_key=f"used/{event_id}",
            account_id=account_id,
            service_id=0,
            event_type="test_usage",
            service_at=at(when),
            posted_at=at(when),
            actor="test",
            data={},
            impacts=(impact,),
        )
        item = ItemRef(kind=ItemKind.USAGE, cycle_start_at=cycle_start_at)
        assert await post_event(tx, event, items=(item,))


async def owed(store: Store, account_id: int) -> int:
    async with store.read() as reader:
        state = (await fetch_account_states(reader, {account_id: []}))[account_id]
    return sum(balance.posted_micros for balance in state.balances)


async def test_the_first_night_bills_what_was_bought_that_day(store: Store, tmp_path: Path) -> None:
    """B118, B134: the run of the 16th: $10 to begin with and $6.95 in advance, due in 14 days."""
    account_id = await customer(store)
    assert await make_bills(run(store, tmp_path, "2026-01-15"))
    assert await bills(store, account_id) == []
    assert await make_bills(run(store, tmp_path, "2026-01-16"))
    assert await bills(store, account_id) == [(1, "2026-01-29", 1695, 1695, 1695)]
    assert await lines(store, account_id) == [
        [
            ("cycle_forward", "fee/standard/cycle", 695),
            ("purchase", "fee/standard/purchase", 1000),
        ]
    ]
    assert await owed(store, account_id) == 16_950_000
    assert await check_books(store) == []


async def test_running_twice_is_running_once(store: Store, tmp_path: Path) -> None:
    account_id = await customer(store)
    for _ in range(3):
        assert await make_bills(run(store, tmp_path, "2026-02-16"))
    assert [number for number, *_ in await bills(store, account_id)] == [1, 2]
    assert await owed(store, account_id) == 16_950_000 + 6_950_000


async def test_missed_nights_are_caught_up_with_a_bill_each(store: Store, tmp_path: Path) -> None:
    """C12: balance forward: each bill carries what is owed from those before."""
    account_id = await customer(store)
    await make_bills(run(store, tmp_path, "2026-04-01"))
    assert await bills(store, account_id) == [
        (1, "2026-01-29", 1695, 1695, 1695),
        (2, "2026-03-01", 695, 2390, 695),
        (3, "2026-03-29", 695, 3085, 695),
    ]


async def test_usage_is_billed_in_its_cycle_and_late_usage_in_the_next(
    store: Store, tmp_path: Path
) -> None:
    """$2.004 of January is billed as $2.00; $0.50 of January that came late is a line of March."""
    account_id = await customer(store)
    await use(store, account_id, "2026-01-20", 2_004_000)
    await make_bills(run(store, tmp_path, "2026-02-16"))
    assert (await lines(store, account_id))[1] == [
        ("cycle_forward", "fee/standard/cycle", 695),
        ("usage", "tariff/hours", 200),
    ]
    await use(store, account_id, "2026-02-10", 500_000)
    await use(store, account_id, "2026-03-01", 1_000_000)
    await make_bills(run(store, tmp_path, "2026-03-16"))
    assert sorted((await lines(store, account_id))[2]) == [
        ("cycle_forward", "fee/standard/cycle", 695),
        ("usage", "tariff/hours", 50),
        ("usage", "tariff/hours", 100),
    ]
    assert await owed(store, account_id) == (1695 + 895 + 845) * 10_000
    assert await check_books(store) == []


async def test_a_change_of_offer_gives_back_and_charges_by_the_day(
    store: Store, tmp_path: Path
) -> None:
    """February 15 to March 15 has 28 days, 10 of them Standard: 6.95 x 18/28 comes back, Premium
    costs 28 x 18/28 = $18.
    """
    account_id = await customer(store)
    await make_bills(run(store, tmp_path, "2026-02-16"))
    async with store.transaction() as tx:
        (one,) = await fetch_subscribers_by_account(tx, (account_id,))
        await change_offer(
            tx,
            one.service,
            offer="premium",
            effective_at=at("2026-02-25"),
            offers=RULES.offers,
            by=Authorship(at=at("2026-02-20"), actor="ann"),
        )
    await make_bills(run(store, tmp_path, "2026-03-16"))
    assert sorted((await lines(store, account_id))[2]) == [
        ("cycle_forward", "fee/premium/cycle", 1800 + 2800),
        ("cycle_forward", "fee/standard/cycle", -447),
    ]


async def test_a_dry_run_writes_nothing(store: Store, tmp_path: Path) -> None:
    account_id = await customer(store)
    assert await make_bills(run(store, tmp_path, "2026-02-16", dry_run=True))
    assert await bills(store, account_id) == []
    assert await owed(store, account_id) == 0


async def test_a_payment_settles_the_oldest_bill_and_what_is_over_the_next(
    store: Store, tmp_path: Path
) -> None:
    account_id = await customer(store)
    await make_bills(run(store, tmp_path, "2026-01-16"))
    payment = NewPayment(
        account_id=account_id,
        method="check",
        reference="1001",
        amount_minor=2000,
        received_on=date(2026, 1, 20),
    )
    async with store.transaction() as tx:
        account = await find_account(tx, account_id)
        credit_id, settled = await record_payment(tx, account, payment, by=BY)
    assert [allocation.amount_minor for allocation in settled] == [1695]
    await make_bills(run(store, tmp_path, "2026-02-16"))
    assert await bills(store, account_id) == [
        (1, "2026-01-29", 1695, 1695, 0),
        (2, "2026-03-01", 695, 390, 390),
    ]
    async with store.transaction() as tx:
        await reverse_payment(tx, account, credit_id, reason="check bounced", by=BY)
    assert [open_minor for *_, open_minor in await bills(store, account_id)] == [1695, 695]
    assert await owed(store, account_id) == 23_900_000
    assert await check_books(store) == []
    async with store.transaction() as tx:
        with pytest.raises(AccountError, match="reversed already"):
            await reverse_payment(tx, account, credit_id, reason="again", by=BY)


async def test_the_same_reference_is_never_posted_twice(store: Store) -> None:
    account_id = await customer(store)
    payment = NewPayment(
        account_id=account_id,
        method="check",
        reference="1001",
        amount_minor=500,
        received_on=date(2026, 1, 20),
    )
    async with store.transaction() as tx:
        account = await find_account(tx, account_id)
        await record_payment(tx, account, payment, by=BY)
    async with store.transaction() as tx:
        with pytest.raises(AccountError, match="posted already, to account"):
            await record_payment(tx, account, replace(payment, amount_minor=600), by=BY)
    assert await owed(store, account_id) == -5_000_000


async def test_a_bill_waits_for_usage_that_is_still_on_its_way(
    store: Store, tmp_path: Path
) -> None:
    """Exactness 10: the journal's watermark has not passed the cycle's end and twice 10 minutes."""
    account_id = await customer(store)
    border = at("2026-01-15")
    for watermark_at, made in ((border + 1199, 0), (border + 1200, 1)):
        async with store.transaction() as tx:
            await tx.execute("raise_journal_position", (1, 1, 1, watermark_at))
        await make_bills(run(store, tmp_path, "2026-01-16"))
        assert len(await bills(store, account_id)) == made
    await make_bills(run(store, tmp_path, "2026-02-16", force=True))
    assert len(await bills(store, account_id)) == 2
