"""Proves that sessions which should not run are ordered off, once, and again only when they report
again; and that limits which time alone reaches are looked at when they are due.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aaad.policy.session import Session, pack_said
from aaad.server.applicable import Applicable
from aaad.server.enforcer import (
    LOOK_AHEAD_MAX_S,
    ORDERS_OF_SESSION_MAX,
    STOP_GRACE_S,
    session_attributes,
    time_left_s,
)
from aaad.server.facts import facts_at
from ledger.clients import DynauthSettings, NasSettings
from tests.e2e.nas import Behaviour, DynauthListener
from tests.e2e.wire import Attribute, Status
from tests.server_ports import until
from tests.server_world import ENFORCEMENT, SECRET, T0, World, applicable, new_world, report

HARD_S = 7_200
"""Bob's hard limit; his soft one is half of it."""


@pytest.fixture
def nas() -> Iterator[DynauthListener]:
    with DynauthListener(SECRET).serving() as serving:
        yield serving


@asynccontextmanager
async def enforcing(
    folder: Path, nas: DynauthListener, *, source: str | None = None, first_timeout_ms: int = 5_000
) -> AsyncIterator[World]:
    """A world whose NASes take orders; its enforcer serves."""
    dynauth = DynauthSettings(address="127.0.0.1", port=nas.port, secret=SECRET, source=source)

    def settings(name: str) -> NasSettings:
        return NasSettings(name=name, dynauth=dynauth if name != "deaf" else None)

    timing = replace(
        ENFORCEMENT, first_timeout_ms=first_timeout_ms, timeout_max_ms=first_timeout_ms
    )
    async with new_world(folder, nas_settings=settings, enforcement=timing) as world:
        world.enforcer.begin()
        yield world


@pytest.fixture
async def world(tmp_path: Path, nas: DynauthListener) -> AsyncIterator[World]:
    async with enforcing(tmp_path, nas) as made:
        yield made


async def open_bob(world: World, *, seconds: int = 0, nas: str = "nas-1") -> Session:
    """Bob's session after so many seconds."""
    records = [report(1, Status.START, login="bob", nas=nas, at=T0)]
    if seconds:
        records.append(
            report(
                2,
                Status.INTERIM_UPDATE,
                login="bob",
                nas=nas,
                at=T0 + seconds,
                session_time=seconds,
            )
        )
    await world.apply(*applicable(records))
    return world.sessions.candidates(nas, b"s1")[0]


def interim(lsn: int, seconds: int) -> list[Applicable]:
    return applicable(
        [report(lsn, Status.INTERIM_UPDATE, login="bob", at=T0 + seconds, session_time=seconds)]
    )


async def settled(world: World) -> None:
    await until(lambda: world.enforcer.in_flight == 0)


async def test_who_reaches_a_hard_limit_is_ordered_off_once(
    world: World, nas: DynauthListener
) -> None:
    session = await open_bob(world, seconds=HARD_S)
    await settled(world)
    world.enforcer.review(session.terms.account_id, T0 + HARD_S + 1)
    await settled(world)
    (order,) = await asyncio.to_thread(nas.wait_for_orders, 1)
    assert order.text(Attribute.ACCT_SESSION_ID) == "s1"
    assert order.text(Attribute.USER_NAME) == "bob"
    assert order.text(Attribute.NAS_IDENTIFIER) == "nas-1"
    (kept,) = world.enforcer.orders(session.session_id)
    assert (kept.outcome, kept.attempts, kept.at_lsn) == ("ack", 1, 2)
    assert kept.address == f"127.0.0.1:{nas.port}"
    assert world.metrics.counters["disconnect_ack"] == 1


async def test_who_goes_on_reporting_is_ordered_off_again(
    world: World, nas: DynauthListener
) -> None:
    """A NAS that says ACK and lies."""
    session = await open_bob(world, seconds=HARD_S)
    await settled(world)
    await world.apply(*interim(3, HARD_S + 60))
    await settled(world)
    assert [order.at_lsn for order in world.enforcer.orders(session.session_id)] == [2, 3]
    assert len(await asyncio.to_thread(nas.wait_for_orders, 2)) == 2


async def test_while_an_order_is_under_way_no_other_goes_out(
    world: World, nas: DynauthListener
) -> None:
    nas.behaviour = Behaviour.SILENCE
    session = await open_bob(world, seconds=HARD_S)
    await asyncio.to_thread(nas.wait_for_orders, 1)
    await world.apply(*interim(3, HARD_S + 60))
    assert len(world.enforcer.orders(session.session_id)) == 1


async def test_a_nak_is_kept_with_its_cause(world: World, nas: DynauthListener) -> None:
    nas.behaviour = Behaviour.NAK
    session = await open_bob(world, seconds=HARD_S)
    await settled(world)
    (order,) = world.enforcer.orders(session.session_id)
    assert order.outcome == "nak"
    assert "context" in order.error_cause.lower()


async def test_a_silent_nas_is_given_up_and_counted(tmp_path: Path, nas: DynauthListener) -> None:
    nas.behaviour = Behaviour.SILENCE
    async with enforcing(tmp_path, nas, first_timeout_ms=10) as world:
        session = await open_bob(world, seconds=HARD_S)
        await settled(world)
        (order,) = world.enforcer.orders(session.session_id)
        assert (order.outcome, order.attempts) == ("timeout", ENFORCEMENT.tries)
        observed = world.nases.of("lab", "nas-1")
        assert observed is not None
        assert observed.unanswered_orders == 1


async def test_a_nas_without_dynauth_takes_no_order(world: World) -> None:
    session = await open_bob(world, seconds=HARD_S, nas="deaf")
    (order,) = world.enforcer.orders(session.session_id)
    assert (order.outcome, order.address) == ("no_address", "")
    assert world.metrics.counters["disconnect_no_address"] == 1


async def test_orders_leave_from_the_address_that_the_nas_knows(
    tmp_path: Path, nas: DynauthListener
) -> None:
    async with enforcing(tmp_path, nas, source="127.0.0.7") as world:
        await open_bob(world, seconds=HARD_S)
        await settled(world)
        assert list(world.enforcer._ports) == [(4, "127.0.0.7")]
        assert len(await asyncio.to_thread(nas.wait_for_orders, 1)) == 1


async def test_an_unusable_source_address_is_an_outcome(
    tmp_path: Path, nas: DynauthListener
) -> None:
    async with enforcing(tmp_path, nas, source="192.0.2.200") as world:
        session = await open_bob(world, seconds=HARD_S)
        (order,) = world.enforcer.orders(session.session_id)
        assert order.outcome == "timeout"
        assert world.enforcer.in_flight == 0


async def test_300_orders_at_once_take_two_ports(world: World, nas: DynauthListener) -> None:
    names = [f"s{number}" for number in range(300)]
    await world.apply(
        *applicable(
            [
                report(lsn, Status.START, name, login="sam", at=T0)
                for lsn, name in enumerate(names, start=1)
            ]
        )
    )
    sessions = list(world.sessions.open_sessions())
    orders = await asyncio.gather(
        *(world.enforcer.disconnect(session, "maintenance") for session in sessions)
    )
    assert {order.outcome for order in orders} == {"ack"}
    assert len(orders) == 300
    (ports,) = world.enforcer._ports.values()
    assert len(ports) == 2
    assert [port.free for port in ports] == [256, 256]


async def test_a_person_waits_for_the_order_under_way(tmp_path: Path, nas: DynauthListener) -> None:
    nas.behaviour = Behaviour.SILENCE
    async with enforcing(tmp_path, nas, first_timeout_ms=300) as world:
        session = await open_bob(world)
        first = asyncio.create_task(world.enforcer.disconnect(session, "ordered by eve"))
        second = asyncio.create_task(world.enforcer.disconnect(session, "ordered by joe"))
        await asyncio.to_thread(nas.wait_for_orders, 1)
        nas.behaviour = Behaviour.ACK
        one, two = await asyncio.gather(first, second)
    assert one is two
    assert (one.outcome, one.reason) == ("ack", "ordered by eve")


async def test_nothing_goes_out_while_a_journal_is_replayed(
    tmp_path: Path, nas: DynauthListener
) -> None:
    dynauth = DynauthSettings(address="127.0.0.1", port=nas.port, secret=SECRET)
    async with new_world(
        tmp_path, nas_settings=lambda name: NasSettings(name=name, dynauth=dynauth)
    ) as world:
        world.clock.set(T0 + HARD_S + 10)
        session = await open_bob(world, seconds=HARD_S)
        assert world.enforcer.orders(session.session_id) == []
        world.enforcer.begin()
        await settled(world)
        assert len(world.enforcer.orders(session.session_id)) == 1, "then all are looked at"


async def test_a_limit_in_seconds_is_looked_at_when_it_is_due(
    world: World, nas: DynauthListener
) -> None:
    session = await open_bob(world, seconds=60)
    due_at = T0 + HARD_S + STOP_GRACE_S
    world.clock.set(due_at - 2)
    world.enforcer.review_due()
    assert nas.orders == []
    world.clock.set(due_at + STOP_GRACE_S)
    world.enforcer.review_due()
    await settled(world)
    (order,) = world.enforcer.orders(session.session_id)
    assert "hours" in order.reason


async def test_a_session_that_ended_is_not_due_any_more(world: World, nas: DynauthListener) -> None:
    await open_bob(world, seconds=60)
    await world.apply(
        *applicable([report(3, Status.STOP, login="bob", at=T0 + 90, session_time=90)])
    )
    world.clock.set(T0 + 2 * HARD_S)
    world.enforcer.review_due()
    assert world.enforcer.in_flight == 0
    assert nas.orders == []


async def test_time_left_is_shared_by_the_sessions_that_run(world: World) -> None:
    session = await open_bob(world, seconds=1_200)
    entry = world.directory.of_service(session.terms.service_id)
    facts = facts_at(world.directory, world.sessions, entry, T0 + 1_200)
    at = T0 + 1_200
    assert time_left_s(facts, session, 1, at=at) == 6_000
    assert time_left_s(facts, session, 4, at=at) == 1_500
    assert time_left_s(facts, session, 7, at=at) == 858, "rounded up: never too early"


async def test_time_left_of_money_is_what_the_tariff_makes_of_it(world: World) -> None:
    await world.apply(*applicable([report(1, Status.START, login="cat", at=T0)]))
    session = world.sessions.candidates("nas-1", b"s1")[0]
    entry = world.directory.of_service(session.terms.service_id)
    facts = facts_at(world.directory, world.sessions, entry, T0)
    assert time_left_s(facts, session, 1, at=T0) == 5_000, "five dollars, a thousandth a second"
    rich = replace(
        facts,
        subscriber=replace(
            facts.subscriber,
            account=replace(facts.subscriber.account, credit_limit_micros=10**12),
        ),
    )
    assert time_left_s(rich, session, 1, at=T0) == LOOK_AHEAD_MAX_S + 1


async def test_without_a_limit_no_time_is_due(world: World) -> None:
    await world.apply(*applicable([report(1, Status.START, at=T0)]))
    session = world.sessions.candidates("nas-1", b"s1")[0]
    entry = world.directory.of_service(session.terms.service_id)
    facts = facts_at(world.directory, world.sessions, entry, T0)
    assert time_left_s(facts, session, 1, at=T0) is None


async def test_orders_of_a_session_are_bounded(world: World) -> None:
    session = await open_bob(world, nas="deaf")
    for number in range(ORDERS_OF_SESSION_MAX + 5):
        await world.enforcer.disconnect(session, str(number))
    kept = [order.reason for order in world.enforcer.orders(session.session_id)]
    assert kept == [str(number) for number in range(5, ORDERS_OF_SESSION_MAX + 5)]


async def test_the_attributes_name_the_session_as_its_nas_knows_it(world: World) -> None:
    session = await open_bob(world)
    session.said = pack_said("", "10.0.0.9", b"", b"", b"") + session.user_name
    session.nas_address = "2001:db8::1"
    encoded = session_attributes(session)
    assert encoded == (
        b"\x01\x05bob"
        b"\x2c\x04s1"
        b"\x20\x07nas-1"
        b"\x5f\x12\x20\x01\x0d\xb8" + bytes(11) + b"\x01"
        b"\x08\x06\x0a\x00\x00\x09"
    )
