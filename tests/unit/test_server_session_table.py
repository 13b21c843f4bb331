"""Proves that sessions are found by every key for as long as they are in memory, and that only
posted, closed ones leave it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaad.policy.session import Session
from aaad.server import session_table
from tests.e2e.wire import Status
from tests.server_world import T0, World, applicable, new_world, report


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(tmp_path) as made:
        yield made


async def opened(world: World, *names: str) -> list[Session]:
    await world.apply(
        *applicable(
            [report(lsn, Status.START, name, at=T0) for lsn, name in enumerate(names, start=1)]
        )
    )
    return [world.sessions.candidates("nas-1", name.encode())[0] for name in names]


async def closed(world: World, *names: str) -> None:
    await world.apply(
        *applicable(
            [
                report(lsn, Status.STOP, name, at=T0 + 60, session_time=60)
                for lsn, name in enumerate(names, start=100)
            ]
        )
    )


async def test_a_session_is_found_by_every_key(world: World) -> None:
    (session,) = await opened(world, "s1")
    table = world.sessions
    account = session.account
    assert account is not None
    assert table.get(session.session_id) is session
    assert table.open_of_nas("nas-1") == [session]
    assert table.open_of_account(account) == table.of_account(account) == [session]
    assert list(table.open_sessions()) == [session]
    assert (len(table), table.open_count) == (1, 1)
    assert table.open_of_nas("nas-2") == []
    assert table.candidates("nas-2", b"s1") == []


async def test_a_closed_session_is_remembered_but_not_open(world: World) -> None:
    (session,) = await opened(world, "s1")
    await closed(world, "s1")
    table = world.sessions
    assert (len(table), table.open_count) == (1, 0)
    assert session.account is not None
    assert table.open_of_nas("nas-1") == table.open_of_account(session.account) == []
    assert table.of_account(session.account) == [session]
    assert table.candidates("nas-1", b"s1") == [session]


async def test_a_removed_session_leaves_no_trace(world: World) -> None:
    one, two = await opened(world, "s1", "s2")
    for session in (one, two):
        world.sessions.remove(session)
    table = world.sessions
    assert (len(table), table.open_count) == (0, 0)
    assert table.get(one.session_id) is None
    assert table.candidates("nas-1", b"s1") == table.open_of_nas("nas-1") == []
    assert one.account is not None
    assert table.of_account(one.account) == table.open_sessions() == []


async def test_only_posted_closed_sessions_leave_oldest_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_table, "CLOSED_KEPT_MAX", 1)
    await opened(world, "a", "b", "c", "runs")
    await closed(world, "a", "b", "c")
    world.sessions.evict()
    assert len(world.sessions) == 4, "none of them is posted"
    await world.poster.tick(everything=True)
    names = (b"a", b"b", b"c", b"runs")
    left = [name for name in names if world.sessions.candidates("nas-1", name)]
    assert left == [b"c", b"runs"]


async def test_a_key_is_incomplete_while_the_store_may_hold_more_of_it(world: World) -> None:
    (session,) = await opened(world, "s1")
    table = world.sessions
    assert table.is_complete("nas-1", b"s1")
    table.note_incomplete([("nas-1", b"s1")])
    assert not table.is_complete("nas-1", b"s1")
    table.note_complete([("nas-1", b"s1")])
    assert table.is_complete("nas-1", b"s1")
    await world.apply(*applicable([report(9, Status.START, "s1", at=T0 + 5_000)]))
    table.remove(session)
    assert not table.is_complete("nas-1", b"s1"), "the older one has left, the store has it"
    (other,) = table.candidates("nas-1", b"s1")
    table.remove(other)
    assert table.is_complete("nas-1", b"s1"), "nothing in memory: the store is asked anyway"
