"""Proves what a login is judged by: the books, what they lack, and what runs on since the last
report.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aaad.policy.authorize import Facts
from aaad.policy.standing import Standing
from aaad.server.directory import Entry
from aaad.server.facts import facts_at, standing_at
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


def encode(name: str, value: str) -> bytes:
    return f"<{name}={value}>".encode()


async def standing(world: World, login: str, at: int) -> Standing:
    entry = await found_entry(world, login)
    return standing_at(world.directory, world.sessions, entry, at, lambda: encode)


async def test_a_standing_is_kept_until_something_changes(world: World) -> None:
    made = await standing(world, "ann", T0)
    assert made.attributes.startswith(b"<Service-Type=Framed-User>")
    assert await standing(world, "ann", T0 + 10**6) is made
    world.directory.forget_standings()
    anew = await standing(world, "ann", T0)
    assert anew is not made
    assert anew.attributes == made.attributes
    entry = await found_entry(world, "ann")
    await world.directory.refresh([entry.subscriber.account.account_id])
    assert await standing(world, "ann", T0) is not anew


async def test_a_standing_ends_where_the_offer_may_change(world: World) -> None:
    (purchase,) = (await found_entry(world, "ann")).subscriber.purchases
    before = await standing(world, "ann", purchase.from_at - 1)
    assert (before.until_at, before.attributes) == (purchase.from_at, b"")
    assert before.refusal is not None
    assert (await standing(world, "ann", purchase.from_at)).refusal is None
    assert (await standing(world, "bob", T0)).by_usage


async def found_entry(world: World, login: str) -> Entry:
    await facts(world, login, T0)
    entry = world.directory.find("default", login)
    assert entry is not None
    return entry
