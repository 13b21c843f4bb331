"""Proves the first of the three rules on real sockets and a real journal: an Accounting-Response
means that the record is on disk, and nothing else sends one.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aaad.radius.errors import DiscardReason
from aaad.server.accounting import CODES, AccountingHandler
from aaad.server.applicable import Silence
from aaad.server.gate import Clients
from aaad.server.journal import Journal, JournalUnavailable
from aaad.server.listener import Listener
from aaad.server.records import read_record
from ledger.clients import ClientTable
from tests.e2e.wire import Code, Status
from tests.server_ports import (
    Asker,
    accounting_request,
    asking,
    client_settings,
    gate_of,
    listening,
    open_journal,
    status_server,
    until,
)
from tests.server_world import BRAND, CLIENT, World, new_world


class Disk:
    """Syncs at once, or when it is let: all (`open`), or one group (`one`)."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.one = threading.Semaphore(0)
        self.begun = threading.Event()
        self.fails = False

    def __call__(self, fd: int) -> None:
        self.begun.set()
        while not self.open.is_set() and not self.one.acquire(timeout=0.01):
            continue
        if self.fails:
            raise OSError("the disk is gone")
        os.fdatasync(fd)


@dataclass
class Accounting:
    """An accounting port with all behind it."""

    world: World
    journal: Journal
    handler: AccountingHandler
    listener: Listener
    asker: Asker
    disk: Disk
    failures: list[Exception]

    def discards(self) -> dict[DiscardReason, int]:
        return self.world.metrics.discards_by_reason()


@asynccontextmanager
async def accounting_port(
    folder: Path, *, max_unapplied_bytes: int = 1 << 24, known: Clients | None = None
) -> AsyncIterator[Accounting]:
    disk = Disk()
    failures: list[Exception] = []
    async with new_world(folder) as world:
        journal = open_journal(folder, sync=disk, max_unapplied_bytes=max_unapplied_bytes)
        handler = AccountingHandler(
            gate=gate_of(world, CODES, known),
            journal=journal,
            applier=world.applier,
            clock=world.clock,
            metrics=world.metrics,
            log=world.log,
        )
        loop = asyncio.get_running_loop()
        journal.start(loop, handler.durable, failures.append)
        try:
            with listening(handler.handle, world.metrics) as listener, asking(listener) as asker:
                listener.start(loop)
                yield Accounting(world, journal, handler, listener, asker, disk, failures)
        finally:
            disk.open.set()
            await journal.close()


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Accounting]:
    async with accounting_port(tmp_path) as made:
        yield made


async def test_a_report_is_answered_applied_and_in_the_journal(port: Accounting) -> None:
    request = accounting_request(Status.START)
    reply = await port.asker.ask(request)
    assert reply.code == Code.ACCOUNTING_RESPONSE
    await port.world.applier.caught_up()
    assert port.world.sessions.candidates("nas-1", b"s1")[0].client == CLIENT
    (record,) = port.journal.records()
    assert read_record(record, {BRAND.name: BRAND}).report.lsn == 1  # type: ignore[union-attr]
    assert request in record.body


async def test_nothing_is_answered_before_it_is_on_disk(port: Accounting) -> None:
    port.disk.open.clear()
    port.disk.begun.clear()  # opening the journal has synced too
    request = accounting_request(Status.START)
    port.asker.send(request)
    await asyncio.to_thread(port.disk.begun.wait, 30)
    assert port.handler.outstanding == 1
    assert port.asker.heard_nothing()
    assert len(port.world.sessions) == 0, "state changes only after durability"
    port.disk.open.set()
    assert (await port.asker.answer(request)).code == Code.ACCOUNTING_RESPONSE
    assert port.handler.outstanding == 0


async def test_only_the_group_that_is_on_disk_is_answered(port: Accounting) -> None:
    """The second report came while the first was being synced: it is in the next group."""
    port.disk.open.clear()
    port.disk.begun.clear()  # opening the journal has synced too
    first, second = (accounting_request(Status.START, f"s{i}", identifier=i) for i in (1, 2))
    port.asker.send(first)
    await asyncio.to_thread(port.disk.begun.wait, 30)
    port.asker.send(second)
    await until(lambda: port.handler.outstanding == 2)
    port.disk.one.release()
    assert (await port.asker.answer(first)).identifier == 1
    assert port.handler.outstanding == 1
    assert port.asker.heard_nothing()
    port.disk.open.set()
    assert (await port.asker.answer(second)).identifier == 2


async def test_what_never_became_durable_is_never_answered(port: Accounting) -> None:
    port.disk.fails = True
    port.asker.send(accounting_request(Status.START))
    await until(lambda: bool(port.failures))
    assert port.asker.heard_nothing()
    assert port.handler.outstanding == 1
    again = accounting_request(Status.START, "s2", identifier=2)
    port.asker.send(again)
    await until(lambda: DiscardReason.JOURNAL_UNAVAILABLE in port.discards())
    assert port.asker.heard_nothing()


async def test_answers_come_in_the_order_of_the_requests(port: Accounting) -> None:
    port.disk.open.clear()
    port.disk.begun.clear()  # opening the journal has synced too
    requests = [accounting_request(Status.START, f"s{i}", identifier=i) for i in range(20)]
    for request in requests:
        port.asker.send(request)
    await until(lambda: port.handler.outstanding == 20)
    port.disk.open.set()
    for request in requests:
        assert (await port.asker.answer(request)).identifier == request[1]
    assert [record.lsn for record in port.journal.records()] == list(range(1, 21))


async def test_a_repeated_request_is_one_record(port: Accounting) -> None:
    """Dropped while the first is under way, answered with the same bytes afterwards."""
    port.disk.open.clear()
    port.disk.begun.clear()  # opening the journal has synced too
    request = accounting_request(Status.START)
    port.asker.send(request)
    port.asker.send(request)
    await until(lambda: DiscardReason.DUPLICATE_PENDING in port.discards())
    port.disk.open.set()
    first = await port.asker.answer(request)
    assert await port.asker.ask(request) == first
    assert port.asker.heard_nothing()
    assert port.journal.last_lsn == 1


async def test_status_server_is_answered_only_while_the_journal_can_write(
    port: Accounting,
) -> None:
    assert (await port.asker.ask(status_server())).code == Code.ACCOUNTING_RESPONSE
    port.disk.fails = True
    port.asker.send(accounting_request(Status.START))
    await until(lambda: bool(port.failures))
    port.asker.send(status_server(identifier=9))
    await until(lambda: DiscardReason.JOURNAL_UNAVAILABLE in port.discards())
    assert port.asker.heard_nothing()
    assert port.journal.last_lsn == 1, "a Status-Server is no record"


async def test_a_full_journal_answers_nothing_until_the_store_has_caught_up(
    tmp_path: Path,
) -> None:
    async with accounting_port(tmp_path, max_unapplied_bytes=250) as port:
        assert (await port.asker.ask(accounting_request(Status.START))).identifier == 1
        await port.asker.ask(accounting_request(Status.START, "s2", identifier=2))
        refused = accounting_request(Status.START, "s3", identifier=3)
        port.asker.send(refused)
        await until(lambda: DiscardReason.JOURNAL_UNAVAILABLE in port.discards())
        assert port.asker.heard_nothing()
        port.journal.mark_applied(port.journal.durable_lsn, port.world.clock.now_us())
        assert (await port.asker.ask(refused)).identifier == 3, "the same bytes, a new try"


async def test_silence_is_journaled_and_applied_like_a_report(port: Accounting) -> None:
    await port.asker.ask(accounting_request(Status.START))
    await port.world.applier.caught_up()
    (session,) = port.world.sessions.open_sessions()
    port.handler.append_silence(session_id=session.session_id, heard_at=session.heard_at)
    await until(lambda: not session.is_open)
    record = list(port.journal.records())[-1]
    assert read_record(record, {}) == Silence(
        2, record.received_us, session.session_id, session.heard_at
    )


async def test_received_times_never_go_back(port: Accounting) -> None:
    await port.asker.ask(accounting_request(Status.START))
    port.world.clock.advance(-5_000)
    await port.asker.ask(accounting_request(Status.START, "s2", identifier=2))
    first, second = port.journal.records()
    assert second.received_us == first.received_us
    await port.world.applier.caught_up()
    (session,) = port.world.sessions.candidates("nas-1", b"s2")
    assert session.heard_at == first.received_us // 1_000_000, "live as at a replay"


class Flawed:
    """A brand's rules with a bug that the first request meets: it stands for any bug."""

    def __init__(self) -> None:
        self.met = 0

    def __getattr__(self, name: str) -> object:
        self.met += 1
        if self.met == 1:
            raise RuntimeError("a bug")
        return getattr(BRAND, name)


async def test_a_bug_met_by_one_request_costs_no_other_its_answer(tmp_path: Path) -> None:
    """And the gate lets the one be tried again."""
    brand: Any = Flawed()
    known = Clients(ClientTable([client_settings()]), {BRAND.name: brand})
    async with accounting_port(tmp_path, known=known) as port:
        first = accounting_request(Status.START)
        port.asker.send(first)
        good = accounting_request(Status.START, "s2", identifier=2)
        assert (await port.asker.ask(good)).identifier == 2
        assert port.discards()[DiscardReason.INTERNAL_ERROR] == 1
        assert port.world.metrics.counters["accounting_errors"] == 1
        assert (await port.asker.ask(first)).identifier == 1


async def test_a_closed_journal_refuses_silence(port: Accounting) -> None:
    await port.journal.close()
    with pytest.raises(JournalUnavailable):
        port.handler.append_silence(session_id=1, heard_at=1)
    assert port.handler.outstanding == 0
