"""Proves of aaad.server.applier that durable records change sessions, accounts and books one after
the other, and that none of them stops the others: what cannot be placed is in suspense.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from aaad.policy.class_attribute import make_class
from aaad.policy.session import Session
from aaad.server.applicable import Accounting, Applicable, Silence
from aaad.server.journal import Record
from ledger.clients import NasSettings, SessionCount
from ledger.model import SessionStatus, Threshold
from tests.e2e.wire import Status
from tests.server_world import T0, US, World, applicable, new_world, report

HOUR_S = 3_600


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(tmp_path) as made:
        yield made


def session_of(
    world: World, acct_session_id: bytes = b"s1", nas: str = "nas-1", number: int = 0
) -> Session:
    return world.sessions.candidates(nas, acct_session_id)[number]


async def test_records_wait_for_their_facts_in_order(world: World) -> None:
    """Nothing overtakes a record whose user must be read from the store."""
    world.applier.offer(
        applicable(
            [
                report(1, Status.START, at=T0),
                report(2, Status.INTERIM_UPDATE, at=T0 + 60, session_time=60),
                report(3, Status.STOP, at=T0 + 90, session_time=90),
            ]
        )
    )
    assert (world.applier.backlog, world.unposted.applied_lsn) == (3, 0)
    await world.applier.caught_up()
    assert (world.applier.backlog, world.unposted.applied_lsn) == (0, 3)
    session = session_of(world)
    assert (session.lsn, session.session_time_s, session.status) == (3, 90, SessionStatus.CLOSED)


async def test_a_record_of_a_known_session_is_applied_at_once(world: World) -> None:
    await world.apply(*applicable([report(1, Status.START, at=T0)]))
    world.applier.offer(applicable([report(2, Status.INTERIM_UPDATE, at=T0 + 60, session_time=60)]))
    assert world.unposted.applied_lsn == 2
    assert world.applier.backlog == 0


async def test_usage_reaches_session_account_and_books(world: World) -> None:
    await world.apply(
        *applicable(
            [
                report(1, Status.START, at=T0),
                report(2, Status.STOP, at=T0 + 1_000, session_time=1_000, output_octets=500),
            ]
        )
    )
    session = session_of(world)
    entry = world.directory.of_service(session.terms.service_id)
    assert entry.state.owed_micros == 1_000 * 1_000 + 500
    await world.poster.tick()
    async with world.store.read() as reader:
        ((posted, accrued),) = [
            row[2:4]
            for row in await reader.fetch("fetch_balances", (f"[{session.terms.account_id}]",))
        ]
    assert (posted, accrued) == (1_000_500, 0)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (report(1, Status.START, login="nobody", at=T0), "unknown user"),
        (report(1, Status.START, "", at=T0), "no Acct-Session-Id"),
        (report(1, 9, at=T0), "Acct-Status-Type 9"),  # type: ignore[arg-type]  # Tunnel-Start
        (report(1, Status.STOP, at=T0, session_time=50 * 366 * 86_400), None),
        (report(1, Status.START, at=T0 - 400 * 86_400), "no tariff in force"),
    ],
    ids=["unknown user", "no id", "tunnel", "placed", "before any tariff"],
)
async def test_what_fits_nothing_is_in_suspense_and_the_rest_goes_on(
    world: World, record: Record, reason: str | None
) -> None:
    await world.apply(*applicable([record, report(2, Status.START, "s2", at=T0)]))
    found = [one.reason for one in world.unposted.suspense]
    assert len(found) == (reason is not None)
    assert all(reason is not None and reason in one for one in found)
    assert session_of(world, b"s2").is_open
    assert world.unposted.applied_lsn == 2


async def test_a_session_time_beyond_belief_counts_as_absent(world: World) -> None:
    await world.apply(*applicable([report(1, Status.STOP, at=T0, session_time=1 << 31)]))
    assert session_of(world).session_time_s == 0


def altered(record: Applicable, **changes: object) -> Accounting:
    """A report that no packet can make."""
    assert isinstance(record, Accounting)
    return replace(record, report=replace(record.report, **changes))  # type: ignore[arg-type]


async def test_a_poison_record_is_in_suspense_and_counted(world: World) -> None:
    """A bug met by one record: a Report whose Acct-Session-Time is text makes the code raise."""
    good = applicable([report(1, Status.START, at=T0), report(2, Status.START, "s2", at=T0)])
    await world.apply(good[0])
    poison = altered(good[1], session_time_s="a minute")
    await world.apply(poison, *applicable([report(3, Status.START, "s3", at=T0)]))
    assert world.metrics.counters["applier_errors"] == 1
    assert [one.lsn for one in world.unposted.suspense] == [2]
    assert session_of(world, b"s3").is_open


async def test_octets_that_cannot_be_priced_are_in_suspense(world: World) -> None:
    """2^63 octets at a dollar a megabyte are more than an amount can hold."""
    huge = report(2, Status.INTERIM_UPDATE, at=T0 + 60, session_time=60)
    await world.apply(*applicable([report(1, Status.START, at=T0), huge]))
    before = session_of(world).usage_not_stored()
    (record,) = applicable([report(3, Status.INTERIM_UPDATE, at=T0 + 90, session_time=90)])
    await world.apply(altered(record, input_octets=1 << 63, gigawords=True))
    assert [one.reason.split(":")[0] for one in world.unposted.suspense] == ["unpriced"]
    assert session_of(world).usage_not_stored() == before


async def test_our_class_names_the_service_whatever_the_user_name_says(world: World) -> None:
    await world.directory.load([("default", "bob")])
    bob = world.directory.find("default", "bob")
    assert bob is not None
    class_ = make_class(
        world.directory.class_key,
        account_id=bob.subscriber.account.account_id,
        service_id=bob.subscriber.service.service_id,
    )
    await world.apply(*applicable([report(1, Status.START, at=T0, login="ann", class_=class_)]))
    assert session_of(world).terms.login == "bob"


async def test_a_forged_class_names_nobody(world: World) -> None:
    class_ = make_class(b"another key", account_id=1, service_id=1)
    await world.apply(*applicable([report(1, Status.START, at=T0, login="ann", class_=class_)]))
    assert session_of(world).terms.login == "ann"


async def test_a_boot_ends_the_sessions_of_its_nas_that_began_before_it(world: World) -> None:
    await world.apply(
        *applicable(
            [
                report(1, Status.START, "old", at=T0),
                report(2, Status.START, "other", nas="nas-2", at=T0),
                report(3, Status.INTERIM_UPDATE, "old", at=T0 + 60, session_time=60),
                report(4, Status.ACCOUNTING_ON, "boot", login="", at=T0 + 500),
                report(5, Status.START, "new", at=T0 + 500),
                report(6, Status.ACCOUNTING_ON, "boot", login="", at=T0 + 500),
            ]
        )
    )
    old = session_of(world, b"old")
    assert (old.status, old.ended_at, old.presumed) == (SessionStatus.CLOSED, T0 + 60, True)
    assert old.terminate_cause == "NAS-Reboot"
    assert session_of(world, b"other", "nas-2").is_open
    assert session_of(world, b"new").is_open, "it did not start strictly before the boot"
    assert world.nases.booted_at("lab", "nas-1") == T0 + 500
    observed = world.nases.of("lab", "nas-1")
    assert observed is not None
    assert observed.presumed_ends == 1


async def test_a_reused_id_ends_the_session_that_had_it(world: World) -> None:
    await world.apply(
        *applicable(
            [
                report(1, Status.START, at=T0),
                report(2, Status.INTERIM_UPDATE, at=T0 + 60, session_time=60),
                report(3, Status.START, at=T0 + HOUR_S),
            ]
        )
    )
    first, second = session_of(world), session_of(world, number=1)
    assert (first.terminate_cause, first.ended_at) == ("Id-Reused", T0 + 60)
    assert second.is_open
    assert second.started_at == T0 + HOUR_S


async def test_silence_ends_a_session_unless_it_has_spoken_again(world: World) -> None:
    await world.apply(*applicable([report(1, Status.START, at=T0)]))
    session = session_of(world)

    def silent(lsn: int, heard_at: int) -> Silence:
        return Silence(lsn, (T0 + 900) * US, session.session_id, heard_at)

    await world.apply(silent(2, T0 - 1))
    assert session.is_open, "it was heard after the decision"
    await world.apply(silent(3, T0))
    assert (session.status, session.terminate_cause) == (SessionStatus.CLOSED, "Silence")
    await world.apply(
        *applicable([report(4, Status.INTERIM_UPDATE, at=T0 + 1_000, session_time=1_000)])
    )
    assert session.is_open, "a presumed end is corrected when the NAS speaks again"
    assert session in world.sessions.open_of_nas("nas-1")


async def test_a_limit_fires_once(world: World) -> None:
    times = (HOUR_S, HOUR_S + 60, 2 * HOUR_S, 2 * HOUR_S + 60)
    records = [
        report(lsn, Status.INTERIM_UPDATE, at=T0 + time, session_time=time, login="bob")
        for lsn, time in enumerate(times, start=2)
    ]
    await world.apply(*applicable([report(1, Status.START, login="bob", at=T0), *records]))
    assert [(c.limit, c.threshold, c.used_quantity) for c in world.unposted.crossings] == [
        ("hours", Threshold.SOFT, HOUR_S),
        ("hours", Threshold.HARD, 2 * HOUR_S),
    ]


async def test_a_credit_limit_fires_on_what_is_owed(world: World) -> None:
    await world.apply(
        *applicable(
            [
                report(1, Status.START, login="cat", at=T0),
                report(2, Status.INTERIM_UPDATE, login="cat", at=T0 + 4_999, session_time=4_999),
            ]
        )
    )
    assert world.unposted.crossings == []
    await world.apply(
        *applicable([report(3, Status.STOP, login="cat", at=T0 + 5_000, session_time=5_000)])
    )
    (crossing,) = world.unposted.crossings
    assert (crossing.limit, crossing.used_quantity) == ("credit limit", 5_000_000)


async def test_an_applied_record_changes_nothing_again(world: World) -> None:
    records = applicable(
        [
            report(1, Status.START, at=T0),
            report(2, Status.STOP, at=T0 + 60, session_time=60, input_octets=9),
        ]
    )
    await world.apply(*records)
    session = session_of(world)
    row = session.posting()
    await world.apply(*records)
    assert session.posting() == row
    assert len(world.sessions) == 1


async def test_the_links_of_a_bundle_are_not_charged_where_the_bundle_is(tmp_path: Path) -> None:
    def parents(nas: str) -> NasSettings:
        return NasSettings(name=nas, counts=SessionCount.PARENT)

    async with new_world(tmp_path, nas_settings=parents) as world:
        await world.apply(
            *applicable(
                [
                    report(1, Status.START, "bundle", at=T0, multi_session_id="bundle"),
                    report(2, Status.START, "link", at=T0, multi_session_id="bundle"),
                ]
            )
        )
        assert len(world.sessions) == 1
        assert world.metrics.counters["usage_not_counted"] == 1


async def test_the_interval_is_learned_from_the_first_interim(world: World) -> None:
    await world.apply(*applicable([report(1, Status.START, at=T0)]))
    assert session_of(world).interim_interval_s == 0
    await world.apply(*applicable([report(2, Status.INTERIM_UPDATE, at=T0 + 60, session_time=60)]))
    assert session_of(world).interim_interval_s == 600, "as its offer tells the NAS"


async def test_ids_of_a_replay_are_those_of_the_first_time(world: World) -> None:
    records: list[Applicable] = applicable([report(70_000, Status.START, at=T0)])
    await world.apply(*records)
    other = World(world.store, world.clock)
    await other.restore()
    async with other.running():
        await other.apply(*records)
    assert session_of(other).session_id == session_of(world).session_id


async def test_a_bug_of_enforcement_does_not_touch_the_books(world: World) -> None:
    class Broken:
        def review(self, account_id: int, now: int) -> None:
            raise RuntimeError(account_id)

    world.applier._enforcement = Broken()
    await world.apply(*applicable([report(1, Status.START, at=T0)]))
    assert session_of(world).is_open
    assert world.unposted.suspense == []
    assert world.metrics.counters["enforcement_errors"] == 1


async def test_after_a_restart_a_key_is_read_whole_before_it_is_used(world: World) -> None:
    """Of two sessions of one id only the open one is in memory: a late report is another's."""
    await world.apply(
        *applicable(
            [
                report(1, Status.STOP, at=T0 + 60, session_time=60),
                report(2, Status.START, at=T0 + 180),
            ]
        )
    )
    await world.poster.tick(everything=True)
    after = World(world.store, world.clock)
    await after.restore()
    assert len(after.sessions) == 1
    async with after.running():
        await after.apply(
            *applicable([report(3, Status.INTERIM_UPDATE, at=T0 + 200, session_time=130)])
        )
        by_start = {s.started_at: s for s in after.sessions.candidates("nas-1", b"s1")}
    assert (by_start[T0].lsn, by_start[T0 + 180].lsn) == (3, 2)
