"""The daemon's parts as the tests of aaad.server put them together: real ones, in memory and over a
real store.

`new_books` copies a store with a few customers and a price list, made once a process, so a fresh
one costs milliseconds. A `World` is what a process has in memory over a store: a second World over
the same store is the restart after a crash.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path

from aaad.policy.session import Session
from aaad.server.applicable import Applicable
from aaad.server.applier import Applier
from aaad.server.catalogs import Catalogs
from aaad.server.directory import Directory
from aaad.server.enforcer import Enforcer
from aaad.server.journal import Record
from aaad.server.metrics import Metrics
from aaad.server.nas_table import NasTable
from aaad.server.poster import Poster
from aaad.server.records import ACCOUNTING, SILENCE, pack_accounting, pack_silence, read_record
from aaad.server.session_table import SessionTable
from aaad.server.unposted import Dirty, Unposted
from ledger.accounts import AccountRules, NewAccount, NewService, register_account
from ledger.changes import Authorship
from ledger.clients import NasSettings
from ledger.clock import Clock
from ledger.credentials import prepare_password
from ledger.logs import get_logger
from ledger.model import CredentialScheme
from ledger.pricelists import store_version
from ledger.rules.logins import BrandSettings, canonical_login
from ledger.seal import Sealer
from ledger.sessions import fetch_boots, fetch_journal_positions, fetch_open_sessions
from ledger.settings import EnforcementSettings, PostingSettings
from ledger.store import Store, open_store
from tests.e2e.wire import Attribute, Code, Status, attribute, sign_accounting

T0 = 1_771_600_000
"""2026-02-20 15:06:40 UTC, a Friday: a weekend, a month's end and a DST night lie ahead."""
US = 1_000_000
DAY_S = 86_400
JOURNAL_NUMBER = 1
CLIENT = "lab"
SECRET = b"secret of the lab"
SEALER = Sealer(bytes(range(32)))
BRAND = BrandSettings(name="default")
BY = Authorship(actor="tests", at=T0 - 40 * DAY_S)
PASSWORD = b"correct horse"

PRICE_LIST = """
[pricelist]
name = "Tests"
currency = "USD"
zone = "America/New_York"
prices = "net"
gl = "usage"
tax_code = "internet-access"

[tariffs.metered]
[[tariffs.metered.bands]]
name = "weekend"
days = ["sat-sun"]
prices = [{ metric = "seconds", amount = "0.37", per = "1 h" }]
[[tariffs.metered.bands]]
name = "weekday"
days = ["mon-fri"]
prices = [
    { metric = "seconds", amount = "3.60", per = "1 h" },
    { metric = "octets", amount = "1.00", per = "1 MB" },
]

[offers.metered]
tariff = "metered"
service = "dialup"
interim_interval = "10 min"
[offers.metered.reply]
Service-Type = "Framed-User"

[offers.limited]
tariff = "metered"
service = "dialup"
[[offers.limited.limits]]
name = "hours"
metric = "seconds"
soft = "1 h"
hard = "2 h"
period = "cycle"
"""
"""On a weekday a thousandth of a dollar each second, a millionth each octet."""

ANN = NewService(login=b"ann", offer="metered")
BOB = NewService(login=b"bob", offer="limited")
CAT = NewService(login=b"cat", offer="metered")
SAM = NewService(login=b"sam", offer="metered")
"""Ann pays for herself and Sam; Bob has two hours a month; Cat a credit limit of five dollars."""

POSTING = PostingSettings(tick_ms=5, open_session_max_age_s=60, batch_max=100)
ENFORCEMENT = EnforcementSettings(
    source_addresses=(),
    tries=3,
    first_timeout_ms=100,
    timeout_max_ms=200,
    in_flight_max=1_000,
)


def customers() -> tuple[NewAccount, ...]:
    """Those who are in the books from the start."""
    return (
        new_account("Ann", ANN, SAM),
        new_account("Bob", BOB),
        new_account("Cat", CAT, credit_limit_micros=5_000_000),
    )


def new_account(
    name: str, *services: NewService, credit_limit_micros: int | None = None
) -> NewAccount:
    """A customer in New York who is billed on the first."""
    return NewAccount(
        brand=BRAND.name,
        name=name,
        currency="USD",
        zone="America/New_York",
        bill_day=1,
        credit_limit_micros=credit_limit_micros,
        services=services,
    )


def rules() -> AccountRules:
    """What the tests' configuration says about customers."""
    return AccountRules(
        canonical=lambda name: canonical_login(BRAND, name),
        offers=("metered", "limited"),
        sealer=SEALER,
    )


async def register(store: Store, new: NewAccount, *, by: Authorship = BY) -> int:
    """Register a customer; its id."""
    async with store.transaction() as tx:
        return await register_account(tx, new, rules=rules(), by=by)


def with_password(
    service: NewService,
    *,
    scheme: CredentialScheme = CredentialScheme.SEALED,
    password: bytes = PASSWORD,
) -> NewService:
    """The same service with a password."""
    return NewService(
        login=service.login,
        offer=service.offer,
        password=prepare_password(scheme, password),
        activated_at=service.activated_at,
    )


@cache
def _template() -> tempfile.TemporaryDirectory[str]:
    """A folder with the books that all others are copies of; gone with the process."""
    folder = tempfile.TemporaryDirectory(prefix="aaad-books-")
    asyncio.run(_make_template(Path(folder.name)))
    return folder


async def _make_template(folder: Path) -> None:
    store = await open_store(f"sqlite://{folder}/books.db", checkpoints=True, node=0)
    try:
        async with store.transaction() as tx:
            await store_version(
                tx,
                brand=BRAND.name,
                text=PRICE_LIST,
                effective_at=BY.at,
                at=BY.at,
                actor=BY.actor,
            )
        for new in customers():
            services = tuple(map(with_password, new.services))
            await register(
                store, new_account(new.name, *services, credit_limit_micros=new.credit_limit_micros)
            )
    finally:
        await store.close()


async def new_books(folder: Path, name: str = "books.db") -> Store:
    """An open copy of the template as the daemon's own."""
    template = await asyncio.to_thread(_template)
    shutil.copy(Path(template.name, "books.db"), folder / name)
    return await open_books(folder, name)


async def open_books(folder: Path, name: str = "books.db") -> Store:
    """Books that a test has closed."""
    return await open_store(f"sqlite://{folder}/{name}", checkpoints=True, node=JOURNAL_NUMBER)


def clock_at(folder: Path, at: int = T0) -> Clock:
    """A clock that a test can set."""
    clock = Clock(folder / "clock.toml")
    clock.set(at)
    return clock


class World:
    """One process's memory over a store. The applier's task runs in `running`; posting is the
    test's.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        position_lsn: int = 0,
        posting: PostingSettings = POSTING,
        enforcement: EnforcementSettings = ENFORCEMENT,
        subscribers_max: int = 1_000,
        nas_settings: Callable[[str], NasSettings] = lambda nas: NasSettings(name=nas),
    ) -> None:
        self.store = store
        self.clock = clock
        self.log = get_logger()
        self.metrics = Metrics()
        self.catalogs = Catalogs(store, log=self.log)
        self.sessions = SessionTable()
        self.nases = NasTable(nas_settings)
        self.directory = Directory(
            store=store,
            sealer=SEALER,
            catalogs=self.catalogs.of,
            sessions=self.sessions,
            subscribers_max=subscribers_max,
            interim_interval_s=300,
            clock=clock,
            log=self.log,
        )
        self.enforcer = Enforcer(
            settings=lambda: enforcement,
            nas_settings=nas_settings,
            directory=self.directory,
            sessions=self.sessions,
            nases=self.nases,
            clock=clock,
            metrics=self.metrics,
            log=self.log,
        )
        self.unposted = Unposted(position_lsn)
        self.posted_lsns: list[int] = []
        self.lost: list[Session] = []
        self.last_lsn = 0  # of a journal that is ahead of what is applied; 0: it is not
        self.poster = Poster(
            store=store,
            unposted=self.unposted,
            sessions=self.sessions,
            settings=posting,
            journal_number=JOURNAL_NUMBER,
            clock=clock,
            last_lsn=lambda: self.last_lsn or self.unposted.applied_lsn,
            on_posted=self.posted_lsns.append,
            on_lost=self._lose,
            metrics=self.metrics,
            log=self.log,
        )
        self.applier = Applier(
            journal_number=JOURNAL_NUMBER,
            sessions=self.sessions,
            directory=self.directory,
            nases=self.nases,
            books=self.unposted,
            enforcement=self.enforcer,
            metrics=self.metrics,
            log=self.log,
        )

    async def restore(self) -> None:
        """What a start reads of the store before it replays."""
        async with self.store.read() as reader:
            self.nases.load_boots(await fetch_boots(reader))
            rows = await fetch_open_sessions(reader)
        await self.catalogs.load()
        await self.directory.restore(rows)

    async def apply(self, *records: Applicable) -> None:
        """Durable records, applied when this returns."""
        self.applier.offer(records)
        await self.applier.caught_up()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """With the applier's task."""
        task = asyncio.create_task(self.applier.run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.enforcer.close()

    async def _lose(self, lost: list[Dirty]) -> None:
        self.unposted.lose(lost)
        for dirty in lost:
            self.sessions.remove(dirty.session)
        self.lost += [dirty.session for dirty in lost]


@asynccontextmanager
async def restarted(store: Store, clock: Clock) -> AsyncIterator[World]:
    """A process that has just started over these books; nothing is replayed yet."""
    world = World(store, clock, position_lsn=await position_of(store))
    await world.restore()
    async with world.running():
        yield world


@asynccontextmanager
async def new_world(folder: Path, **given: object) -> AsyncIterator[World]:
    """A World over books of its own, with the price list, at T0."""
    store = await new_books(folder)
    try:
        world = World(store, clock_at(folder), **given)  # type: ignore[arg-type]
        await world.restore()
        async with world.running():
            yield world
    finally:
        await store.close()


async def position_of(store: Store) -> int:
    """How far the journal is in the books."""
    async with store.read() as reader:
        return max((p.applied_lsn for p in await fetch_journal_positions(reader)), default=0)


def report(
    lsn: int,
    status: Status,
    acct_session_id: str = "s1",
    *,
    at: int,
    login: str = "ann",
    nas: str = "nas-1",
    session_time: int | None = None,
    input_octets: int | None = None,
    output_octets: int | None = None,
    event_at: int | None = None,
    delay: int | None = None,
    multi_session_id: str | None = None,
    class_: bytes | None = None,
) -> Record:
    """The journal record of an Accounting-Request received at `at`."""
    facts = (
        (Attribute.ACCT_STATUS_TYPE, int(status)),
        (Attribute.NAS_IDENTIFIER, nas),
        (Attribute.USER_NAME, login or None),
        (Attribute.ACCT_SESSION_ID, acct_session_id or None),
        (Attribute.ACCT_SESSION_TIME, session_time),
        (Attribute.ACCT_INPUT_OCTETS, input_octets),
        (Attribute.ACCT_OUTPUT_OCTETS, output_octets),
        (Attribute.EVENT_TIMESTAMP, event_at),
        (Attribute.ACCT_DELAY_TIME, delay),
        (ACCT_MULTI_SESSION_ID, multi_session_id),
        (Attribute.CLASS, class_),
    )
    body = b"".join(attribute(kind, value) for kind, value in facts if value is not None)
    data = sign_accounting(Code.ACCOUNTING_REQUEST, lsn % 256, body, SECRET)
    packed = pack_accounting(client=CLIENT, brand=BRAND.name, source="127.0.0.1", data=data)
    return Record(lsn, at * US, ACCOUNTING, packed)


ACCT_MULTI_SESSION_ID = 50


def silence(lsn: int, session: Session, *, at: int) -> Record:
    """The journal record of a session's presumed end."""
    body = pack_silence(session_id=session.session_id, heard_at=session.heard_at)
    return Record(lsn, at * US, SILENCE, body)


def applicable(records: Iterable[Record]) -> list[Applicable]:
    """Journal records as they are applied, live and at a replay."""
    return [read_record(record, {BRAND.name: BRAND}) for record in records]
