"""The FLAMS path on real books: reminded, suspended, promised, reopened by a payment, closed,
handed to collections, settled.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from billing_jobs.dunning import dun
from billing_jobs.make_bills import make_bills
from billing_jobs.runner import Run
from ledger.account_checks import AccountError
from ledger.account_status import suspend
from ledger.accounts import find_account
from ledger.books import check_books
from ledger.changes import Authorship
from ledger.clock import Clock
from ledger.credits import NewPayment, record_payment
from ledger.dunning import paid_up, promise
from ledger.listings import fetch_waiting_messages
from ledger.model import AccountStatus, StatusReason
from ledger.store import Store
from tests.store.test_billing_make_bills import at, customer, run

CONF = Path(__file__).parents[2] / "conf" / "dunning.toml"


def night(store: Store, tmp_path: Path, day: str, **options: Any) -> Run:
    """The run of a day, at four in the morning, with the table of conf/."""
    of = run(store, tmp_path, day, **options)
    copyfile(CONF, tmp_path / "dunning.toml")
    file = of.settings.clock.file
    assert file is not None
    clock = Clock(file)
    clock.set(at(f"{day}T04:00"))
    return replace(of, name="dunning", clock=clock)


async def nights(store: Store, tmp_path: Path, first: str, count: int) -> list[tuple[str, str]]:
    """(day, step) of the mails that each night of dunning sent."""
    for n in range(count):
        day = date.fromisoformat(first) + timedelta(days=n)
        await dun(night(store, tmp_path, day.isoformat()))
    async with store.read() as reader:
        waiting = await fetch_waiting_messages(reader)
    keys = [one.message.outbox_key.split("/") for one in waiting]
    return [(key[2], key[1]) for key in keys if key[0] == "dunning" and key[2] >= first]


async def status(store: Store, account_id: int) -> AccountStatus:
    async with store.read() as reader:
        return (await find_account(reader, account_id)).status


async def billed(store: Store, tmp_path: Path) -> int:
    """Ann owes $16.95, due on January 29, a Thursday."""
    account_id = await customer(store)
    await make_bills(run(store, tmp_path, "2026-01-16"))
    return account_id


async def pay(store: Store, account_id: int, minor: int, day: str) -> bool:
    by = Authorship(at=at(f"{day}T12:00"), actor="payments")
    async with store.transaction() as tx:
        account = await find_account(tx, account_id)
        new = NewPayment(
            account_id=account_id,
            method="cash",
            reference=day,
            amount_minor=minor,
            received_on=date.fromisoformat(day),
        )
        await record_payment(tx, account, new, by=by)
        return await paid_up(tx, account, by=by)


async def test_every_other_night_then_suspended_then_closed(store: Store, tmp_path: Path) -> None:
    """F36, F37, F42: overdue from January 30; the 11th day is Monday, February 9."""
    account_id = await billed(store, tmp_path)
    assert await nights(store, tmp_path, "2026-01-29", 27) == [
        ("2026-01-30", "overdue"),
        ("2026-02-01", "overdue"),
        ("2026-02-03", "overdue"),
        ("2026-02-05", "overdue"),
        ("2026-02-07", "overdue"),
        ("2026-02-09", "suspension"),
        ("2026-02-24", "closing"),
    ]
    assert await status(store, account_id) is AccountStatus.CLOSED
    assert await check_books(store) == []


async def test_a_payment_reopens_at_once(store: Store, tmp_path: Path) -> None:
    """F47; a part of it does not."""
    account_id = await billed(store, tmp_path)
    await nights(store, tmp_path, "2026-01-30", 11)
    assert await status(store, account_id) is AccountStatus.SUSPENDED
    assert not await pay(store, account_id, 1000, "2026-02-10")
    assert await status(store, account_id) is AccountStatus.SUSPENDED
    assert await pay(store, account_id, 695, "2026-02-11")
    assert await status(store, account_id) is AccountStatus.ACTIVE


async def test_a_payment_lifts_no_other_suspension(store: Store, tmp_path: Path) -> None:
    account_id = await billed(store, tmp_path)
    await nights(store, tmp_path, "2026-01-30", 11)
    by = Authorship(at=at("2026-02-10"), actor="ann")
    async with store.transaction() as tx:
        await suspend(tx, account_id=account_id, reason=StatusReason.MANUAL, by=by)
    assert await pay(store, account_id, 1695, "2026-02-11")
    assert await status(store, account_id) is AccountStatus.SUSPENDED


async def test_a_promise_reopens_reminds_and_runs_out(store: Store, tmp_path: Path) -> None:
    """F38 to F41: suspended on the 9th, cash promised by the 18th, suspended again on the 19th."""
    account_id = await billed(store, tmp_path)
    await nights(store, tmp_path, "2026-01-30", 11)
    by = Authorship(at=at("2026-02-10T10:00"), actor="csr bob")
    async with store.transaction() as tx:
        account = await find_account(tx, account_id)
        await promise(tx, account, until=date(2026, 2, 18), note="cash next week", by=by)
    assert await status(store, account_id) is AccountStatus.ACTIVE
    assert await nights(store, tmp_path, "2026-02-11", 9) == [
        ("2026-02-15", "grace date"),
        ("2026-02-16", "grace date"),
        ("2026-02-17", "grace date"),
        ("2026-02-18", "grace date"),
        ("2026-02-19", "suspension"),
    ]
    assert await status(store, account_id) is AccountStatus.SUSPENDED


async def test_a_promise_for_a_day_that_is_past_is_refused(store: Store, tmp_path: Path) -> None:
    account_id = await billed(store, tmp_path)
    async with store.transaction() as tx:
        account = await find_account(tx, account_id)
        by = Authorship(at=at("2026-02-10"), actor="bob")
        with pytest.raises(AccountError, match="choose today or a later day"):
            await promise(tx, account, until=date(2026, 2, 9), note="", by=by)


async def test_collections_take_who_owes_enough_until_he_pays(store: Store, tmp_path: Path) -> None:
    """F43, F45: $16.95 and $6.95 and a prorated rest are no more than $25; another bill is."""
    account_id = await billed(store, tmp_path)
    await make_bills(run(store, tmp_path, "2026-02-16"))
    await make_bills(run(store, tmp_path, "2026-03-16"))
    await nights(store, tmp_path, "2026-03-30", 28)
    assert await status(store, account_id) is AccountStatus.COLLECTIONS
    await pay(store, account_id, 3085, "2026-05-01")
    await nights(store, tmp_path, "2026-05-02", 1)
    assert await status(store, account_id) is AccountStatus.CLOSED


async def test_too_many_suspensions_wait_for_a_person(store: Store, tmp_path: Path) -> None:
    first = await billed(store, tmp_path)
    second = await customer(store, login=b"ben")
    await make_bills(run(store, tmp_path, "2026-01-16"))
    await nights(store, tmp_path, "2026-01-30", 10)
    of = night(store, tmp_path, "2026-02-09")
    table = tmp_path / "dunning.toml"
    table.write_text(table.read_text().replace("suspensions_max = 100", "suspensions_max = 1"))
    assert not await dun(of)
    assert await status(store, first) is await status(store, second) is AccountStatus.ACTIVE
    confirmed = replace(of, options=replace(of.options, confirm=True))
    assert await dun(confirmed)
    assert await status(store, first) is await status(store, second) is AccountStatus.SUSPENDED


async def test_a_dry_run_says_it_and_does_nothing(store: Store, tmp_path: Path) -> None:
    account_id = await billed(store, tmp_path)
    await nights(store, tmp_path, "2026-01-30", 10)
    assert await dun(night(store, tmp_path, "2026-02-09", dry_run=True))
    assert await status(store, account_id) is AccountStatus.ACTIVE
