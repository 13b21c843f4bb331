"""The FLAMS path on real books: reminded, suspended, promised, reopened by a payment, closed, handed
to collections, settled.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from billing_jobs.dunning import dun
from billing_jobs.make_bills import make_bills
from billing_jobs.runner import Options, Run
from ledger.account_checks import AccountError
from ledger.accounts import find_account
from ledger.books import check_books
from ledger.changes import Authorship
from ledger.clock import Clock
from ledger.credits import NewPayment, record_payment
from ledger.dunning import paid_up, promise
from ledger.model import AccountStatus
from ledger.outbox import count_pending
from ledger.store import Store
from tests.store.test_billing_make_bills import at, customer, run

CONF = Path(__file__).parents[2] / "conf" / "dunning.toml"


class NightClock(Clock):
    """A clock that a test sets to the night that it plays."""


def night(store: Store, tmp_path: Path, day: str, **options: Any) -> Run:
    """The run of a day, at four in the morning, with the table of conf/."""
    of = run(store, tmp_path, day, **options)
    copyfile(CONF, tmp_path / "dunning.toml")
    clock = of.settings.clock.file
    assert clock is not None
    one = Clock(clock)
    one.set(at(f"{day}T04:00"))
    return replace(of, name="dunning", clock=one)


async def status(store: Store, account_id: int) -> AccountStatus:
    async with store.read() as reader:
        return (await find_account(reader, account_id)).status


async def steps(store: Store, tmp_path: Path, first: str, nights: int) -> list[tuple[str, str]]:
    """(day, mail) of what every night sent."""
    sent: list[tuple[str, str]] = []
    for n in range(nights):
        day = date.fromisoformat(first) + timedelta(days=n)
        await dun(night(store, tmp_path, day.isoformat()))
        async with store.read() as reader:
            mails = await reader.fetch("fetch_pending_outbox", ("mail", 0, 1000))
        for mail in mails:
            data = str(mail)
            if f"/{day}'" in data and "dunning/" in data:
                sent.append((day.isoformat(), data.split("dunning/")[1].split("/")[0]))
    return sent
