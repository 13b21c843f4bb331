"""Proves the daemon's life in one process: it starts, serves, reloads, follows changes, drains;
a second one on the same folder is refused; what it had acknowledged is there after a restart.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aaad.server import daemon as module
from aaad.server.daemon import Daemon
from aaad.server.journal import JournalError
from ledger.account_status import suspend
from ledger.accounts import NewService
from ledger.changes import Authorship
from ledger.model import StatusReason
from ledger.pricelists import store_version
from ledger.sessions import fetch_open_sessions, fetch_suspense
from ledger.settings import SettingsError
from ledger.store import Store, StoreUnavailable
from ledger.subscribers import PRICE_LIST_CHANGED
from tests.daemon_folder import start, started, write_folder
from tests.e2e.wire import Code, Status
from tests.server_ports import (
    Asker,
    access_request,
    accounting_request,
    asking,
    status_server,
    until,
)
from tests.server_world import (
    DAY_S,
    PRICE_LIST,
    T0,
    new_account,
    open_books,
    position_of,
    register,
    with_password,
)

BY = Authorship(actor="tests", at=T0)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with started(tmp_path) as made:
        yield made


@asynccontextmanager
async def ports(daemon: Daemon) -> AsyncIterator[tuple[Asker, Asker]]:
    """NAS's sockets towards the authentication and the accounting port."""
    authentication, accounting = daemon.listeners
    with asking(authentication) as access, asking(accounting) as reports:
        yield access, reports


async def open_in_books(store: Store) -> list[bytes]:
    async with store.read() as reader:
        return [row.acct_session_id for row in await fetch_open_sessions(reader)]


async def test_it_serves_both_ports(daemon: Daemon) -> None:
    assert daemon.state == "serving"
    async with ports(daemon) as (access, reports):
        assert (await access.ask(access_request("ann"))).code == Code.ACCESS_ACCEPT
        reply = await reports.ask(accounting_request(Status.START))
        assert reply.code == Code.ACCOUNTING_RESPONSE
        assert (await access.ask(status_server())).code == Code.ACCESS_ACCEPT
        assert (await reports.ask(status_server())).code == Code.ACCOUNTING_RESPONSE
    await until(lambda: daemon.sessions.open_count == 1)


async def test_an_orderly_end_posts_all_and_answers_no_more(daemon: Daemon, tmp_path: Path) -> None:
    async with ports(daemon) as (_, reports):
        await reports.ask(accounting_request(Status.START))
    await daemon.stop()
    assert daemon.state == "draining"
    store = await open_books(tmp_path)
    try:
        assert await open_in_books(store) == [b"s1"]
        assert await position_of(store) == 1
    finally:
        await store.close()


async def test_what_was_acknowledged_is_replayed_after_a_crash(
    daemon: Daemon, tmp_path: Path
) -> None:
    """`close` without `stop` gives the folder back and posts nothing: the books know no session."""
    async with ports(daemon) as (_, reports):
        await reports.ask(accounting_request(Status.START))
        await reports.ask(accounting_request(Status.START, "s2", identifier=2))
    await daemon.close()
    store = await open_books(tmp_path)
    try:
        assert await open_in_books(store) == []
    finally:
        await store.close()
    again = await start(tmp_path)
    try:
        assert again.state == "starting"
        assert again.sessions.open_count == 2
        assert again.journal.next_lsn == 3
    finally:
        await again.close()


async def test_suspense_of_a_replayed_record_is_charged_when_its_user_is_known_by_now(
    daemon: Daemon, tmp_path: Path
) -> None:
    async with ports(daemon) as (_, reports):
        await reports.ask(accounting_request(Status.START))
        await reports.ask(accounting_request(Status.START, "s2", login="new", identifier=2))
    await until(lambda: daemon.metrics.counters["suspense"] == 1)
    await until(lambda: not daemon.unposted.has_records)
    async with daemon.store.read() as reader:
        assert [one.lsn for one in await fetch_suspense(reader)] == [2]
    assert await position_of(daemon.store) == 0, "the first session waits"
    service = with_password(NewService(login=b"new", offer="metered", activated_at=T0 - DAY_S))
    await register(daemon.store, new_account("New", service))
    await daemon.close()

    again = await start(tmp_path)
    try:
        assert again.sessions.open_count == 2
        await again.poster.flush()
        async with again.store.read() as reader:
            assert await fetch_suspense(reader) == []
        assert sorted(await open_in_books(again.store)) == [b"s1", b"s2"]
    finally:
        await again.close()


async def test_a_lost_journal_begins_after_all_that_is_in_the_books(
    daemon: Daemon, tmp_path: Path
) -> None:
    async with ports(daemon) as (_, reports):
        await reports.ask(accounting_request(Status.START))
        await reports.ask(accounting_request(Status.START, "s2", identifier=2))
        await reports.ask(accounting_request(Status.STOP, "s2", identifier=3))
    await until(lambda: daemon.metrics.counters["postings"] == 1)
    assert await position_of(daemon.store) == 0, "the first session waits"
    folder = daemon.settings.journal.folder
    await daemon.close()
    shutil.rmtree(folder)

    again = await start(tmp_path)
    try:
        assert again.journal.next_lsn == 4
        assert again.poster.position_lsn == 3
    finally:
        await again.close()


async def test_a_second_daemon_on_the_same_folder_is_refused(
    daemon: Daemon, tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match="another process"):
        await start(tmp_path)
    async with ports(daemon) as (access, _):
        assert (await access.ask(access_request("ann"))).code == Code.ACCESS_ACCEPT


async def test_a_port_in_use_ends_the_start_and_gives_all_back(
    daemon: Daemon, tmp_path: Path
) -> None:
    await daemon.close()
    path = tmp_path / "aaad.toml"
    text = path.read_text()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        busy = f'accounting = ["127.0.0.1:{other.getsockname()[1]}"]'
        path.write_text(text.replace('accounting = ["127.0.0.1:0"]', busy))
        with pytest.raises(OSError, match="another process has this port"):
            await start(tmp_path)
    again = await start(tmp_path)
    await again.close()


async def test_a_store_of_another_installation_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    """A journal carries its store's id (rule of exactness 4)."""
    async with ports(daemon) as (_, reports):
        await reports.ask(accounting_request(Status.START))
    await daemon.close()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"books.db{suffix}").unlink(missing_ok=True)
    with pytest.raises(JournalError):
        await start(tmp_path)


async def test_a_reload_takes_the_configuration_and_keeps_the_counts(
    daemon: Daemon, tmp_path: Path
) -> None:
    async with ports(daemon) as (access, _):
        await access.ask(access_request("ann"))
        path = tmp_path / "aaad.toml"
        path.write_text(path.read_text() + "require_message_authenticator = false\n")
        assert daemon.reload() == ["clients"]
        client = daemon.clients.by_name["lab"]
        assert client.settings.require_message_authenticator is False
        assert client.requests == 1
        assert daemon.reload() == []
        assert (await access.ask(access_request("ann"))).code == Code.ACCESS_ACCEPT


async def test_a_reload_with_mistakes_changes_nothing(daemon: Daemon, tmp_path: Path) -> None:
    before = daemon.settings, daemon.clients
    write_folder(tmp_path, "nonsense = 1")
    with pytest.raises(SettingsError):
        daemon.reload()
    assert (daemon.settings, daemon.clients) == before


async def test_changes_in_the_store_reach_memory(
    daemon: Daemon,
) -> None:
    """An account is suspended and a price list loaded by somebody else; nobody tells the daemon."""
    async with ports(daemon) as (access, _):
        assert (await access.ask(access_request("ann"))).code == Code.ACCESS_ACCEPT
        entry = daemon.directory.find("default", "ann")
        assert entry is not None
        async with daemon.store.transaction() as tx:
            await suspend(
                tx,
                account_id=entry.state.account.account_id,
                reason=StatusReason.MANUAL,
                by=BY,
            )
            await store_version(
                tx,
                brand="default",
                text=PRICE_LIST.replace('name = "Tests"', 'name = "New"'),
                effective_at=T0 + 9,
                at=T0,
                actor="tests",
            )
        await until(lambda: len(daemon.catalogs.of("default").versions) == 2)
        await until(lambda: daemon.directory.find("default", "ann") is not entry)
        assert (await access.ask(access_request("ann"))).code == Code.ACCESS_REJECT


async def test_one_who_changed_something_can_wait_for_it(daemon: Daemon) -> None:
    async with daemon.store.transaction() as tx:
        await store_version(
            tx, brand="default", text=PRICE_LIST, effective_at=T0 + 9, at=T0, actor="tests"
        )
    await daemon.take_over([PRICE_LIST_CHANGED])
    assert len(daemon.catalogs.of("default").versions) == 2


async def test_a_journal_that_fails_ends_the_daemon_without_an_answer(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int) -> None:
        raise OSError(f"descriptor {fd} cannot be synced")

    monkeypatch.setattr(daemon.journal._files._active.writer, "_sync", fail)
    async with ports(daemon) as (_, reports):
        reports.send(accounting_request(Status.START))
        async with asyncio.timeout(20):
            assert "cannot make a group durable" in await daemon.fatal
        reports.send(accounting_request(Status.START, "s2", identifier=2))
        await asyncio.sleep(0.02)  # the loop has turned: it would have been answered
        assert reports.heard_nothing()


async def test_a_task_that_dies_ends_the_daemon(daemon: Daemon) -> None:
    async def broken() -> None:
        raise RuntimeError("a bug of a chore")

    daemon.poster.do_between_postings(broken)
    async with asyncio.timeout(20):
        assert "a bug of a chore" in await daemon.fatal


async def test_silent_sessions_are_ended_by_a_record(daemon: Daemon) -> None:
    async with ports(daemon) as (_, reports):
        await reports.ask(accounting_request(Status.START))
        await reports.ask(accounting_request(Status.INTERIM_UPDATE, identifier=2))
        await daemon.applier.caught_up()
        (session,) = daemon.sessions.open_sessions()
        daemon.clock.advance(86_400)
        await reports.ask(accounting_request(Status.START, "other", identifier=3))
        await daemon.applier.caught_up()
        daemon._presume_ends()
        await until(lambda: not session.is_open)
    assert session.terminate_cause == "Silence"
    assert daemon.journal.last_lsn == 4


async def test_a_drain_does_not_wait_for_ever_for_the_store(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "DRAIN_MAX_S", 0.05)

    def away() -> Any:
        raise StoreUnavailable("is away")

    async with ports(daemon) as (_, reports):
        await reports.ask(accounting_request(Status.START))
    await until(lambda: daemon.sessions.open_count == 1)
    monkeypatch.setattr(daemon.poster, "_store", Away(away))
    await daemon.stop()
    again = await start(tmp_path)
    try:
        assert again.sessions.open_count == 1, "it waited in the journal"
    finally:
        await again.close()


class Away:
    """A store that is away."""

    def __init__(self, refuse: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.read = refuse
        self.transaction = refuse


async def test_closing_twice_is_harmless(daemon: Daemon) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    await daemon.close()
    await daemon.close()
    assert len(os.listdir("/proc/self/fd")) < descriptors
