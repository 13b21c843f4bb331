"""Proves who counts as silent (rule of exactness 16): only a session that owes a report, while its
NAS was otherwise heard, and while we listened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaad.server.silence import silent_sessions
from tests.e2e.wire import Status
from tests.server_world import T0, World, applicable, new_world, report

INTERVAL_S = 600
"""As Ann's offer tells the NAS."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(tmp_path) as made:
        yield made


async def hear(world: World, lsn: int, at: int, *, name: str = "s1", nas: str = "nas-1") -> None:
    time = at - T0 or None
    status = Status.INTERIM_UPDATE if time else Status.START
    await world.apply(*applicable([report(lsn, status, name, nas=nas, at=at, session_time=time)]))


def silent(world: World) -> list[bytes]:
    return [s.acct_session_id for s in silent_sessions(world.sessions, world.nases, intervals=3)]


async def test_three_missed_reports_while_the_nas_speaks(world: World) -> None:
    await hear(world, 1, T0)
    await hear(world, 2, T0 + 60)
    limit = T0 + 60 + 3 * INTERVAL_S
    await hear(world, 3, limit, name="other")
    assert silent(world) == []
    await hear(world, 4, limit + 1, name="other")
    assert silent(world) == [b"s1"]


async def test_who_never_sent_an_interim_owes_none(world: World) -> None:
    await hear(world, 1, T0)
    await hear(world, 2, T0 + 90_000, name="other")
    assert silent(world) == []


async def test_a_nas_that_is_cut_off_keeps_its_sessions(world: World) -> None:
    await hear(world, 1, T0)
    await hear(world, 2, T0 + 60)
    await hear(world, 3, T0 + 90_000, nas="nas-2")
    assert silent(world) == []


async def test_time_in_which_we_did_not_listen_does_not_count(world: World) -> None:
    """The records before `begin` were replayed: what counts is when the NAS is heard again."""
    await hear(world, 1, T0)
    await hear(world, 2, T0 + 60)
    world.nases.begin()
    assert silent(world) == []
    back_at = T0 + 90_000
    await hear(world, 3, back_at, name="other")
    assert silent(world) == []
    await hear(world, 4, back_at + 3 * INTERVAL_S + 1, name="other")
    assert silent(world) == [b"s1"]


async def test_an_ended_session_is_not_silent(world: World) -> None:
    await hear(world, 1, T0)
    await hear(world, 2, T0 + 60)
    await world.apply(
        *applicable([report(3, Status.STOP, at=T0 + 90, session_time=90)]),
    )
    await hear(world, 4, T0 + 90_000, name="other")
    assert silent(world) == []
