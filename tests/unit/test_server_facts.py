"""Proves what a login is judged by: the books, what they lack, and what runs on since the last
report.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaad.policy.authorize import Facts
from aaad.server.facts import facts_at
from tests.e2e.wire import Status
from tests.server_world import T0, World, applicable, new_world, report


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(tmp_path) as made:
        yield made


async def facts(world: World, login: str, at: int, *, projected_to: int | None = None) -> Facts:
    await world.directory.load([("default", login)])
    entry = world.directory.find("default", login)
    assert entry is not None
    return facts_at(world.directory, world.sessions, entry, at, projected_to=projected_to)


async def test_who_has_no_session_has_used_nothing(world: World) -> None:
    found = await facts(world, "bob", T0)
    (use,) = found.uses
    assert (use.used, use.left, found.owed_micros) == (0, 7_200, 0)
    assert found.offer is not None
    assert found.offer.name == "limited"
    assert found.new_meter().until == T0


async def test_usage_is_projected_over_the_sessions_that_run(world: World) -> None:
    await world.apply(
        *applicable(
            [
                report(1, Status.START, "a", login="bob", at=T0),
                report(2, Status.START, "b", login="bob", at=T0),
                report(3, Status.INTERIM_UPDATE, "a", login="bob", at=T0 + 60, session_time=60),
            ]
        )
    )
    (use,) = (await facts(world, "bob", T0 + 100)).uses
    assert use.used == 200
    (use,) = (await facts(world, "bob", T0 + 100, projected_to=T0 + 80)).uses
    assert use.used == 160
    await world.apply(
        *applicable([report(4, Status.STOP, "b", login="bob", at=T0 + 70, session_time=70)])
    )
    (use,) = (await facts(world, "bob", T0 + 100)).uses
    assert use.used == 170


async def test_money_is_projected_where_a_credit_limit_asks_for_it(world: World) -> None:
    await world.apply(
        *applicable(
            [
                report(1, Status.START, "a", login="cat", at=T0),
                report(2, Status.START, "b", login="ann", at=T0),
            ]
        )
    )
    assert (await facts(world, "cat", T0 + 100)).owed_micros == 100_000
    assert (await facts(world, "ann", T0 + 100)).owed_micros == 0, "nobody compares it"


async def test_an_account_without_limits_is_judged_without_uses(world: World) -> None:
    found = await facts(world, "ann", T0)
    assert found.uses == ()
    assert found.subscriber.service.login == "ann"
