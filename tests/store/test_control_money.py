"""Proves `aaactl bill, payment, account promise` against a real control socket over real books:
what a clerk sees after a night of billing, what settles it, and what is refused.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from aaad.control import cli_money  # noqa: F401 - the module under test, loaded by the table
from aaad.control.commands import money  # noqa: F401 - the module under test, named by the table
from billing_jobs.make_bills import make_bills
from billing_jobs.runner import Options, Run, utc_date
from ledger.books import check_books
from ledger.logs import get_logger
from tests.control_world import served_daemon
from tests.store.test_control_cli_online import Terminal


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with served_daemon(tmp_path) as daemon:
        yield Terminal(tmp_path, daemon)


async def billed(terminal: Terminal) -> str:
    """Bob owns dial-up at $19.95 a month; his first bill is made. His account."""
    account_id = await terminal.register()
    daemon = terminal.daemon
    run = Run(
        name="make-bills",
        store=daemon.store,
        settings=daemon.settings,
        clock=daemon.clock,
        log=get_logger(),
        as_of=night_after_a_billing_day(terminal),
        options=Options(config=terminal.folder / "aaad.toml", force=True),
    )
    assert await make_bills(run)
    return str(account_id)


def night_after_a_billing_day(terminal: Terminal) -> date:
    """His billing day is the 1st: the run of the next month's 2nd."""
    now = utc_date(terminal.daemon.clock.now())
    return date(now.year + now.month // 12, now.month % 12 + 1, 2)


async def open_minor(terminal: Terminal, account: str) -> list[int]:
    answer = json.loads(await terminal.say("bill", "list", account, "--json"))
    return [bill["open_minor"] for bill in answer["bills"]]


async def pay(terminal: Terminal, account: str, amount: str, reference: str) -> dict[str, object]:
    answer = await terminal.say(
        *("payment", "add", account, "--amount", amount, "--method", "check"),
        *("--reference", reference, "--json"),
    )
    paid: dict[str, object] = json.loads(answer)
    return paid


async def test_a_bill_shows_its_lines_and_what_is_open(terminal: Terminal) -> None:
    """18 of March's 31 days, and April in advance: 19.95 x 18 / 31 = 11.58, and 19.95."""
    account = await billed(terminal)
    shown = await terminal.say("bill", "list", account)
    assert "fee/dialup-200/cycle" in shown
    assert "31.53 USD" in shown
    assert "due on" in shown


async def test_a_customer_without_bills_is_told_so(terminal: Terminal) -> None:
    account = str(await terminal.register())
    assert "no bill yet" in await terminal.say("bill", "list", account)


async def test_a_payment_settles_and_its_reversal_reopens(terminal: Terminal) -> None:
    account = await billed(terminal)
    (owed, *_) = await open_minor(terminal, account)
    paid = await pay(terminal, account, f"{owed // 100}.{owed % 100:02}", "1001")
    assert (await open_minor(terminal, account))[0] == 0
    assert "1001" in await terminal.say("payment", "list", account)
    undone = await terminal.say(
        *("payment", "reverse", account, "--payment", str(paid["payment_id"])),
        *("--reason", "check bounced"),
    )
    assert "1 bills are open again" in undone
    assert (await open_minor(terminal, account))[0] == owed
    assert "reversed" in await terminal.say("payment", "list", account)
    assert await check_books(terminal.daemon.store) == []


async def test_the_same_reference_is_refused(terminal: Terminal) -> None:
    account = await billed(terminal)
    await pay(terminal, account, "5", "1001")
    again = await terminal.run(
        *("payment", "add", account, "--amount", "5", "--method", "check"),
        *("--reference", "1001"),
    )
    assert again.exit_code == 1
    assert "posted already" in again.output


async def test_a_promise_is_noted_and_a_date_must_be_one(terminal: Terminal) -> None:
    account = await billed(terminal)
    noted = await terminal.say(
        *("account", "promise", account, "--until", "2099-01-31"),
        *("--note", "cash next week"),
    )
    assert "promised to pay until 2099-01-31" in noted
    wrong = await terminal.run("account", "promise", account, "--until", "soon")
    assert wrong.exit_code == 1
    assert "write it as 2026-03-31" in wrong.output
