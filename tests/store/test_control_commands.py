"""Proves the control commands over a real store: rights, arguments, the books they read, and that
what the store or the books refuse reaches the caller as a failure with its code.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aaad.control import command, endpoint
from aaad.control.client import ControlClient
from aaad.control.command import Call, Command, NoArguments, execute
from aaad.control.commands import (  # noqa: F401 - the modules under test, named by the table
    accounts,
    books,
    customers,
    daemon,
    limits,
    pricelists,
    services,
    sessions,
    shapes,
)
from aaad.control.commands.table import COMMANDS
from aaad.control.contract import Daemon
from aaad.control.peer import Peer, Right
from aaad.control.protocol import CommandFailed, ErrorCode, Request
from ledger import stored_catalog
from ledger.listings import fetch_accounts, fetch_waiting_messages
from ledger.model import OutboxMessage, PostingBatch, SuspenseRecord
from ledger.outbox import insert_message
from ledger.posting import post
from ledger.pricelist import parse_pricelist
from ledger.pricelists import fetch_versions
from ledger.sessions import fetch_events
from ledger.store import CommitUnknown, StoreUnavailable
from ratingcore.compile import compile_timeline
from ratingcore.meter import quote
from tests.control_world import (
    CLERK,
    DIALUP,
    NOW,
    OPERATOR,
    STRANGER,
    MemoryDaemon,
    memory_daemon,
    served_daemon,
    utc,
)
from tests.store.builders import batch, cut, session

BOB = {
    "name": "Bob",
    "currency": "USD",
    "zone": "America/New_York",
    "bill_day": 1,
    "service": {"login": b"bob", "offer": "weekday-hours", "password": b"secret"},
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[MemoryDaemon]:
    async with memory_daemon(tmp_path) as world:
        yield world


async def ask(
    world: MemoryDaemon, name: str, /, *, peer: Peer = OPERATOR, **arguments: object
) -> Any:
    """The result of one command."""
    return await execute(
        COMMANDS,
        daemon=world,
        rule=endpoint.access_rule(world),
        request=Request(name, arguments),
        peer=peer,
    )


async def register(world: MemoryDaemon, **changes: object) -> int:
    """The price list of conf/ and one customer; the account's id."""
    text = DIALUP.read_text()
    await ask(world, "pricelist.load", text=text, source="dialup", effective_at=utc("2026-01-01"))
    answer = await ask(world, "account.register", **{**BOB, **changes})
    return int(answer["account"]["account_id"])


def test_the_daemon_of_these_tests_fulfils_the_contract() -> None:
    def needs(_: Daemon) -> None: ...

    assert needs.__annotations__["_"] in (Daemon, "Daemon")
    promised = {name for name in vars(Daemon) if not name.startswith("_")}
    fields = set(MemoryDaemon.__dataclass_fields__)
    assert promised <= fields | set(vars(MemoryDaemon))


@pytest.mark.parametrize("name", sorted(COMMANDS))
async def test_each_command_asks_for_its_right(world: MemoryDaemon, name: str) -> None:
    for peer, right in ((STRANGER, Right.NONE), (CLERK, Right.READ)):
        if right >= COMMANDS[name].right:
            continue
        with pytest.raises(CommandFailed) as caught:
            await ask(world, name, peer=peer)
        assert caught.value.code is ErrorCode.NOT_PERMITTED
        assert "become a member of the group" in caught.value.remedy


def test_what_changes_something_is_not_for_readers() -> None:
    reading = {name for name, one in COMMANDS.items() if one.right is Right.READ}
    verbs = {name.rpartition(".")[2] for name in reading}
    assert verbs == {"status", "list", "show", "check", "balance", "charge", "login"}


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("no.such", {}, "no command"),
        ("status", {"x": 1}, "'x' is not known"),
        ("session.show", {}, "'session_id' is missing"),
        ("session.show", {"session_id": "7"}, "session_id"),
        ("session.show", {"session_id": True}, "session_id"),
        ("session.list", {"limit": 100_000}, "limit"),
        ("account.show", {"login": "text"}, "login"),
        ("account.show", {}, "no account is named"),
        ("account.show", {"login": b"bob", "brand": "x"}, "no brand"),
        ("account.show", {"login": b"\xff\x00"}, "has the login"),
        ("account.show", {"account_id": 7}, "account is 7"),
    ],
)
async def test_arguments_are_checked(
    world: MemoryDaemon, name: str, arguments: Mapping[str, object], why: str
) -> None:
    with pytest.raises(CommandFailed, match=why):
        await ask(world, name, **arguments)


@pytest.mark.parametrize(
    ("error", "code", "remedy"),
    [
        (StoreUnavailable("the store is locked"), ErrorCode.UNAVAILABLE, "nothing was changed"),
        (CommitUnknown("cut in a commit"), ErrorCode.UNAVAILABLE, "before you repeat it"),
        (command.PasswordError("too long"), ErrorCode.REFUSED, ""),
    ],
)
async def test_what_the_books_raise_is_a_failure_with_its_code(
    world: MemoryDaemon, error: Exception, code: ErrorCode, remedy: str
) -> None:
    async def fail(_call: Call, _arguments: NoArguments) -> object:
        raise error

    table = {"fail": Command(Right.READ, NoArguments, fail)}
    rule = endpoint.access_rule(world)
    with pytest.raises(CommandFailed, match=str(error)) as caught:
        await execute(table, daemon=world, rule=rule, request=Request("fail", {}), peer=OPERATOR)
    assert caught.value.code is code
    assert remedy in caught.value.remedy


async def test_a_charge_is_explained_by_the_clock_of_its_tariff(world: MemoryDaemon) -> None:
    account_id = await register(world, zone="Europe/Berlin")
    tariff = parse_pricelist(DIALUP.read_text(), source="x").tariffs["weekday-hours"]
    piece = quote(compile_timeline([(0, tariff)]), utc("2026-03-14T02:00"), 3 * 3600)
    row = session(account_id, 1, started_at=piece.started_at)
    posting = cut(row, seconds=1, charge_micros=1, ends=True)
    usage = replace(posting.events[0], tariff="weekday-hours", piece=piece)
    async with world.store.transaction() as tx:
        await post(tx, batch(replace(posting, stored_version=0, events=(usage,))))
        event = (await fetch_events(tx, account_id))[0]
    account = {"account_id": account_id}
    answer = await ask(world, "explain.charge", account=account, event_id=event.event_id)
    assert answer["zone"] == "America/New_York"
    assert answer["piece"]["charge_micros"] == 2_000_000
    assert [one["band"] for one in answer["piece"]["segments"]] == ["weekday", "weekend"]
    with pytest.raises(CommandFailed, match="has no event"):
        await ask(world, "explain.charge", account=account, event_id=event.event_id + 1)
    events = await ask(world, "event.list", account=account)
    registered = events["events"][-1]["event_id"]
    with pytest.raises(CommandFailed, match="account_registered"):
        await ask(world, "explain.charge", account=account, event_id=registered)


async def test_suspense_and_outbox_show_what_waits(world: MemoryDaemon) -> None:
    account_id = await register(world)
    records = tuple(
        SuspenseRecord(
            journal_number=0,
            lsn=lsn,
            received_at=NOW,
            reason="unknown_user",
            client="lab",
            nas="bras-1",
            user_name=b"\xff\x1b",
            body=b"",
        )
        for lsn in (1, 2)
    )
    message = OutboxMessage(
        account_id=account_id,
        outbox_key="warning/1",
        kind="mail",
        name="limit_warning",
        data={"limit": "hours"},
        created_at=NOW,
    )
    batch = PostingBatch(
        posted_at=NOW,
        journal_number=0,
        last_lsn=0,
        applied_lsn=2,
        watermark_at=NOW,
        suspense=records,
    )
    async with world.store.transaction() as tx:
        await post(tx, batch)
        assert await insert_message(tx, message)
        assert await insert_message(tx, replace(message, outbox_key="old"), done_at=NOW)
    shown = (await ask(world, "suspense.list", limit=1))["suspense"]
    assert [(one["lsn"], one["user_name"]) for one in shown] == [(1, "\\xff\\x1b")]
    rest = (await ask(world, "suspense.list", after_journal=0, after_lsn=1))["suspense"]
    assert [one["lsn"] for one in rest] == [2]
    waiting = (await ask(world, "outbox.list"))["messages"]
    assert [one["outbox_key"] for one in waiting] == ["warning/1"]
    async with world.store.read() as reader:
        after = (NOW, account_id, "warning/1")
        assert await fetch_waiting_messages(reader, after=after) == []


async def test_accounts_are_listed_by_pages_and_by_text(world: MemoryDaemon) -> None:
    first = await register(world, email="bob_1@example.net")
    second = await register(world, name="Ann", service=None, email="ann@example.net")
    page = (await ask(world, "account.list", limit=1))["accounts"]
    assert [one["account_id"] for one in page] == [first]
    rest = (await ask(world, "account.list", after=first))["accounts"]
    assert [one["account_id"] for one in rest] == [second]
    async with world.store.read() as reader:
        for text, found in (("ANN", [second]), ("b_1", [first]), ("b%1", []), ("'", [])):
            assert [one.account_id for one in await fetch_accounts(reader, text=text)] == found


async def test_a_topup_builds_on_what_holds_in_this_cycle_only(world: MemoryDaemon) -> None:
    service = {"login": b"bob", "offer": "dialup-200", "password": b"secret"}
    account = {"account_id": await register(world, service=service), "login": b"bob"}
    bought = {"account": account, "name": "hours", "metric": "seconds", "quantity": 3600}
    first = await ask(world, "limit.topup", **bought)
    second = await ask(world, "limit.topup", **bought)
    assert (first["hard"], second["hard"]) == (201 * 3600, 202 * 3600)
    world.clock.set(utc("2026-04-02T00:00"))
    assert (await ask(world, "limit.topup", **bought))["hard"] == 201 * 3600


async def test_a_password_never_comes_back(tmp_path: Path) -> None:
    async with served_daemon(tmp_path) as world:
        await register(world)

        def answers() -> list[object]:
            with ControlClient(world.settings.control.socket) as client:
                choice = {"login": b"bob"}
                changed = client.call("service.password", service=choice, password=b"tell-no-one")
                account = client.call("account.show", login=b"bob")
                events = client.call("event.list", account=choice)
                return [changed, account, events]

        told = repr(await asyncio.to_thread(answers))
    assert "sealed" in told
    assert "tell-no-one" not in told


async def test_two_versions_at_one_instant_the_later_holds(world: MemoryDaemon) -> None:
    await register(world)
    at = NOW + 3600
    for text in (DIALUP.read_text(), DIALUP.read_text().replace('"1.00"', '"3.00"')):
        await ask(world, "pricelist.load", text=text, source="x", effective_at=at)
    versions = (await ask(world, "pricelist.list"))["versions"]
    assert [one["version"] for one in versions] == [1, 2, 3]
    async with world.store.read() as reader:
        catalog = stored_catalog.catalog_of(await fetch_versions(reader, brand="default"))
    assert [at for at, _ in catalog.versions] == [utc("2026-01-01"), at]
    pricelist = catalog.pricelist_at(at)
    assert pricelist is not None
    weekday = pricelist.tariffs["weekday-hours"].bands[1]
    assert weekday.prices[0].tiers[0].amount_micros == 3_000_000


async def test_a_pricelist_in_another_currency_is_refused_whole(world: MemoryDaemon) -> None:
    await register(world)
    euro = DIALUP.read_text().replace('"USD"', '"EUR"')
    with pytest.raises(CommandFailed, match="EUR"):
        await ask(world, "pricelist.load", text=euro, source="x", effective_at=NOW + 60)
    assert len((await ask(world, "pricelist.list"))["versions"]) == 1
