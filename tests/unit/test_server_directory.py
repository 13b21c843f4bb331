"""Proves that what the directory holds of customers is what the books hold plus what they lack, at
every moment, and that its memory is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from aaad.policy.authenticate import Password
from aaad.server import directory
from aaad.server.directory import Entry
from ledger.account_status import suspend
from ledger.accounts import NewService, ServiceChanges, set_service
from ledger.changes import Authorship
from ledger.credentials import nt_hash
from ledger.model import CredentialScheme, ServiceStatus, StatusReason
from ledger.rules.limits import NEVER
from ledger.seal import Sealer
from ledger.store import Reader, Store, StoreUnavailable
from tests.e2e.wire import Status
from tests.server_ports import until
from tests.server_world import (
    PASSWORD,
    T0,
    World,
    applicable,
    new_account,
    new_world,
    register,
    report,
    rules,
    with_password,
)

BY = Authorship(actor="tests", at=T0)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(tmp_path) as made:
        yield made


async def found(world: World, login: str) -> Entry:
    await world.directory.load([("default", login)])
    entry = world.directory.find("default", login)
    assert entry is not None
    return entry


async def owed_in_books(world: World, account_id: int) -> int:
    async with world.store.read() as reader:
        rows = await reader.fetch("fetch_balances", (f"[{account_id}]",))
    return sum(row[2] + row[3] for row in rows)


async def test_a_login_brings_its_account_offer_and_password(world: World) -> None:
    entry = await found(world, "bob")
    assert entry.login == ("default", "bob")
    assert entry.password == Password(clear=PASSWORD)
    offer = world.directory.offer(entry, T0)
    assert offer is not None
    assert offer.name == "limited"
    assert world.directory.timeline(entry, T0) is not None
    assert world.directory.of_account(entry.state.account.account_id) == [entry]


@pytest.mark.parametrize(
    ("scheme", "password"),
    [
        (CredentialScheme.SEALED, Password(clear=b"pw")),
        (CredentialScheme.NT_HASH, Password(nt_hash=nt_hash(b"pw"))),
    ],
)
async def test_each_scheme_is_known_as_far_as_it_can_be(
    world: World, scheme: CredentialScheme, password: Password
) -> None:
    dan = NewService(login=b"dan", offer="metered")
    new = new_account("Dan", with_password(dan, scheme=scheme, password=b"pw"))
    await register(world.store, new)
    assert (await found(world, "dan")).password == password


async def test_a_verifier_is_known_as_a_verifier(world: World) -> None:
    dan = with_password(NewService(login=b"dan", offer="metered"), scheme=CredentialScheme.ARGON2)
    await register(world.store, new_account("Dan", dan))
    password = (await found(world, "dan")).password
    assert password is not None
    assert password.verifier is not None
    assert password.verifier.startswith(b"$argon2id$")


async def test_a_credential_that_cannot_be_opened_is_no_password(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seal key of another installation."""
    world.directory._sealer = Sealer(bytes(32))
    assert (await found(world, "ann")).password is None
    printed = capsys.readouterr().out
    assert "credential_not_opened" in printed
    assert PASSWORD.decode() not in printed


async def test_a_name_that_nobody_has_is_remembered_until_something_changes(
    world: World,
) -> None:
    await world.directory.load([("default", "dan")])
    assert world.directory.is_known_missing("default", "dan")
    dan = NewService(login=b"dan", offer="metered")
    account_id = await register(world.store, new_account("Dan", dan))
    await world.directory.load([("default", "dan")])
    assert world.directory.find("default", "dan") is None, "the store was not asked again"
    await world.directory.refresh([account_id])
    assert not world.directory.is_known_missing("default", "dan")
    assert world.directory.find("default", "dan") is not None


async def test_names_that_nobody_has_are_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "UNKNOWN_MAX", 3)
    for number in range(5):
        await world.directory.load([("default", f"x{number}")])
    missing = [world.directory.is_known_missing("default", f"x{number}") for number in range(5)]
    assert missing == [False, False, True, True, True]


async def test_a_change_reaches_memory(world: World) -> None:
    entry = await found(world, "ann")
    service = entry.subscriber.service
    async with world.store.transaction() as tx:
        changes = ServiceChanges(login=b"anna")
        await set_service(tx, service, changes, rules=rules(), by=BY)
        await suspend(
            tx,
            account_id=service.account_id,
            service_id=service.service_id,
            reason=StatusReason.MANUAL,
            by=BY,
        )
    await world.directory.refresh([service.account_id])
    assert world.directory.find("default", "ann") is None
    renamed = world.directory.find("default", "anna")
    assert renamed is not None
    assert renamed.subscriber.service.status is ServiceStatus.SUSPENDED
    assert world.directory.of_service(service.service_id) is renamed


async def test_usage_is_exact_however_often_an_account_is_read_again(world: World) -> None:
    """What is owed: the books, and what they lack of the session, neither twice."""
    for lsn, seconds in enumerate((100, 200, 300, 400), start=1):
        await world.apply(
            *applicable([report(lsn, Status.INTERIM_UPDATE, at=T0 + seconds, session_time=seconds)])
        )
        entry = await found(world, "ann")
        account_id = entry.state.account.account_id
        if lsn % 2:
            await world.poster.tick(everything=True)
            assert await owed_in_books(world, account_id) == seconds * 1_000
        await world.directory.refresh([account_id])
        entry = await found(world, "ann")
        assert entry.state.owed_micros == seconds * 1_000
        service_id = entry.subscriber.service.service_id
        period = entry.state.period_at(T0)
        assert entry.state.of_service(service_id, period).seconds == seconds


class SlowStore:
    """The real store; its next reader gives the books as they were, but late."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reading = asyncio.Event()
        self.go_on = asyncio.Event()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        async with self._store.read() as reader:
            yield SlowReader(reader, self)


class SlowReader:
    """Answers the last query of a reading when it is let."""

    def __init__(self, reader: Reader, store: SlowStore) -> None:
        self._reader = reader
        self._store = store

    async def fetch(self, query: str, parameters: tuple[object, ...] = ()) -> list[object]:
        rows = await self._reader.fetch(query, parameters)  # type: ignore[arg-type]
        if query == "fetch_own_limits":
            self._store.reading.set()
            await self._store.go_on.wait()
        return rows  # type: ignore[return-value]


async def test_a_login_of_the_same_account_does_not_disturb_what_is_posted(world: World) -> None:
    """Sam logs in while a session of Ann, on the same account, is being posted."""
    await world.apply(
        *applicable([report(1, Status.INTERIM_UPDATE, at=T0 + 100, session_time=100)])
    )
    state = (await found(world, "ann")).state
    assert state.owed_micros == 100_000
    slow = SlowStore(world.store)
    world.directory._store = slow  # type: ignore[assignment]
    loading = asyncio.create_task(world.directory.load([("default", "sam")]))
    await slow.reading.wait()
    await world.poster.tick(everything=True)
    slow.go_on.set()
    await loading
    assert state.owed_micros == 100_000
    assert world.directory.find("default", "sam") is not None


async def test_a_session_brings_its_service_though_its_account_is_known(world: World) -> None:
    """Ann is in memory, so is her account; Sam's closed session is not, nor is Sam."""
    await world.apply(
        *applicable([report(1, Status.STOP, login="sam", at=T0 + 60, session_time=60)])
    )
    await world.poster.tick(everything=True)
    after = World(world.store, world.clock)
    await after.restore()
    await after.directory.load([("default", "ann")])
    async with after.running():
        await after.apply(
            *applicable([report(2, Status.STOP, login="", at=T0 + 70, session_time=60, delay=10)])
        )
    (session,) = after.sessions.candidates("nas-1", b"s1")
    assert session.terms.login == "sam"
    assert after.unposted.suspense == []


async def test_the_least_recently_used_leave_unless_they_have_sessions(tmp_path: Path) -> None:
    async with new_world(tmp_path, subscribers_max=2) as world:
        await world.apply(*applicable([report(1, Status.START, login="bob", at=T0)]))
        await found(world, "cat")
        await found(world, "ann")
        assert world.directory.find("default", "cat") is None
        await found(world, "sam")
        assert world.directory.find("default", "ann") is None
        assert world.directory.find("default", "bob") is not None, "has a session"
        assert len(world.directory) == 2


async def test_a_miss_looks_at_few_where_all_have_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with new_world(tmp_path, subscribers_max=1) as world:
        starts = [
            report(n, Status.START, f"s{n}", login=login, at=T0)
            for n, login in enumerate(("ann", "bob", "sam"), start=1)
        ]
        await world.apply(*applicable(starts))
        monkeypatch.setattr(directory, "EVICTION_LOOKS", 2)
        await found(world, "cat")
        assert len(world.directory) == 4, "two looked at, both with a session"
        for name in ("nobody", "nobody else"):
            await world.directory.load([("default", name)])
        assert world.directory.find("default", "cat") is None, "by and by all are looked at"


async def test_what_was_just_asked_for_is_not_evicted(tmp_path: Path) -> None:
    """A batch of accounting speaks of more users than memory is meant to hold."""
    async with new_world(tmp_path, subscribers_max=1) as world:
        await found(world, "ann")
        await world.apply(
            *applicable(
                [
                    report(1, Status.START, "a", login="bob", at=T0),
                    report(2, Status.START, "b", login="ann", at=T0),
                    report(3, Status.START, "c", login="cat", at=T0),
                ]
            )
        )
        assert world.unposted.suspense == []
        assert world.sessions.open_count == 3


class AwayStore:
    """Away for some readings, then the real one."""

    def __init__(self, store: Store, times: int) -> None:
        self._store = store
        self.times = times

    def read(self) -> AbstractAsyncContextManager[Reader]:
        if self.times:
            self.times -= 1
            raise StoreUnavailable("is away")
        return self._store.read()


async def test_accounting_insists_until_the_store_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "RETRY_FIRST_S", 0.001)
    away = AwayStore(world.store, times=3)
    world.directory._store = away  # type: ignore[assignment]
    world.applier.offer(applicable([report(1, Status.START, at=T0)]))
    await until(lambda: world.unposted.applied_lsn == 1)
    assert away.times == 0
    assert world.sessions.open_count == 1


async def test_a_login_does_not_insist(world: World) -> None:
    world.directory._store = AwayStore(world.store, times=1)  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable):
        await world.directory.load([("default", "ann")])


async def test_an_offer_is_found_again_when_another_comes_into_force(world: World) -> None:
    entry = await found(world, "bob")
    bought_at = entry.subscriber.purchases[0].from_at
    later, earlier = world.directory.offer(entry, T0), world.directory.offer(entry, bought_at - 1)
    assert later is not None
    assert later.name == "limited"
    assert earlier is None, "nothing was bought then"
    assert world.directory.offer(entry, bought_at) == later
    assert (entry.offer_from_at, entry.offer_until_at) == (bought_at, NEVER)
