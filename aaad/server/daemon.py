"""The daemon as a whole: puts the parts together, replays, serves, reloads, drains.

Start: settings, store, catalogues, open sessions, then every journal record that the store lacks,
through the same applier that serves; only then does the first socket read. Stop: no more reading,
what was begun is finished, what is applied is posted, then journal and store close. Whatever ends
the process in between, the journal has all that was acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from structlog.typing import FilteringBoundLogger

from aaad.radius.dictionary import Dictionary, load_dictionary
from aaad.radius.duplicates import DuplicateTable
from aaad.server import access, accounting, records
from aaad.server.access import AccessHandler
from aaad.server.accounting import AccountingHandler
from aaad.server.applicable import Applicable, Silence
from aaad.server.applier import Applier
from aaad.server.catalogs import Catalogs, reply_encoder
from aaad.server.directory import Directory
from aaad.server.enforcer import Enforcer
from aaad.server.gate import Clients, Gate
from aaad.server.journal import Journal, JournalFull, JournalUnavailable
from aaad.server.listener import Handler, Listener
from aaad.server.metrics import Metrics, Port
from aaad.server.nas_table import NasTable
from aaad.server.poster import Poster
from aaad.server.records_again import RecordsAgain
from aaad.server.session_table import SessionTable
from aaad.server.silence import silent_sessions
from aaad.server.sockets import open_socket
from aaad.server.unposted import Dirty, Unposted
from ledger.addresses import Endpoint
from ledger.clients import NasSettings
from ledger.clock import Clock
from ledger.logs import RateLimiter, get_logger
from ledger.posting import forget_suspense
from ledger.seal import Sealer
from ledger.sessions import fetch_boots, fetch_journal_positions, fetch_open_sessions
from ledger.settings import Settings, load_settings
from ledger.store import open_store
from ledger.store.contract import Store, StoreError
from ledger.subscribers import PRICE_LIST_CHANGED, fetch_change_counter, fetch_changes

REPLAY_BATCH = 4096
"""Journal records handed to the applier at once while replaying."""

CHANGE_POLL_S = 0.5
"""How often changes made by others are looked for, where the store does not tell of them at once:
a change reaches memory within a second."""

DUE_POLL_S = 1.0
"""How often limits that time reaches are looked at."""

SILENCE_POLL_S = 15.0
"""How often silent sessions are looked for."""

DRAIN_MAX_S = 20.0
"""The time that an orderly end may take; the unit's TimeoutStopSec is longer."""

NO_SESSION = 0
"""A silence of no session: it only says how far records are applied."""

DAY_S = 86_400
US = 1_000_000


class Daemon:
    """All parts of one process. Use `Daemon.start`, then `serve`, then `stop`."""

    def __init__(self, settings: Settings, *, clock: Clock, store: Store, journal: Journal) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store
        self.journal = journal
        self.log: FilteringBoundLogger = get_logger()
        self.metrics = Metrics()
        self.limiter = RateLimiter()
        self.dictionary = read_dictionary(settings)
        self.clients = Clients(settings.clients, settings.brands)
        self.catalogs = Catalogs(store, log=self.log)
        self.sessions = SessionTable()
        self.nases = NasTable(self._nas_settings)
        self.directory = Directory(
            store=store,
            sealer=Sealer(settings.seal.key),
            catalogs=self.catalogs.of,
            sessions=self.sessions,
            subscribers_max=settings.directory.subscribers_max,
            interim_interval_s=settings.sessions.interim_interval_s,
            clock=clock,
            log=self.log,
        )
        self.enforcer = Enforcer(
            settings=lambda: self.settings.enforcement,
            nas_settings=self._nas_settings,
            directory=self.directory,
            sessions=self.sessions,
            nases=self.nases,
            clock=clock,
            metrics=self.metrics,
            log=self.log,
        )
        self.state = "starting"
        self.started_at = clock.now()
        self.listeners: list[Listener] = []
        self.gates: dict[Port, Gate] = {}
        self.fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._change_counter = 0

    @classmethod
    async def start(
        cls, settings: Settings, clock: Clock, *, on_progress: Callable[[], None] = lambda: None
    ) -> Daemon:
        """Everything up to the moment before the first packet. Raises StoreError, JournalError,
        OSError.
        """
        store = await open_store(
            settings.store.url,
            checkpoints=True,
            node=settings.journal.number,
            password=settings.store.password,
        )
        journal = daemon = None
        try:
            await store.make_room(at=clock.now())
            async with store.read() as reader:
                marks = {p.journal_number: p for p in await fetch_journal_positions(reader)}
            mark = marks.get(settings.journal.number)
            position, last_lsn = (mark.applied_lsn, mark.last_lsn) if mark else (0, 0)
            journal = Journal.open(
                settings.journal.folder,
                store_id=store.store_id,
                journal_number=settings.journal.number,
                segment_size=settings.journal.segment_size,
                retention_s=settings.journal.retention_days * DAY_S,
                max_unapplied_bytes=settings.journal.unapplied_max,
                at_least_lsn=last_lsn + 1,
            )
            daemon = cls(settings, clock=clock, store=store, journal=journal)
            if position < last_lsn < journal.oldest_lsn:
                daemon.log.error("journal_lost", after_lsn=position)
                position = last_lsn
            for warning in store.warnings:
                daemon.log.warning("store_warned", warning=warning)
            if journal.torn_tail:
                daemon.log.warning("journal_torn_tail", torn_tail=journal.torn_tail)
            await daemon._restore(position, on_progress)
        except BaseException:
            if daemon is not None:
                await daemon.close()
            elif journal is not None:
                await journal.close()
            await store.close()
            raise
        return daemon

    def serve(self) -> None:
        """Begin to answer."""
        for listener in self.listeners:
            listener.start(asyncio.get_running_loop())
        self.enforcer.begin()
        self.nases.begin()
        self._begin(self._watch_changes())
        self._begin(self._make_room_daily())
        self._begin(self._every(DUE_POLL_S, self.enforcer.review_due))
        self._begin(self._every(SILENCE_POLL_S, self._presume_ends))
        self._begin(self._every(60.0, self._report_suppressed))
        self._report_excused_clients()
        self._begin(self._every(DAY_S, self._report_excused_clients))
        self.state = "serving"
        self.log.info(
            "serving",
            sessions=self.sessions.open_count,
            listening=[f"{host}:{port}" for host, port in (x.address for x in self.listeners)],
        )

    async def stop(self) -> None:
        """An orderly end: finish, post, close. What is not posted in time waits in the journal."""
        self.state = "draining"
        self.log.info("draining")
        for listener in self.listeners:
            listener.stop()
        try:
            async with asyncio.timeout(DRAIN_MAX_S):
                await self.access.close()
                await self.journal.close()
                await self.applier.caught_up()
                await self.poster.flush()
        except TimeoutError:
            self.log.error("drain_incomplete", unposted_sessions=self.poster.waiting)
        await self.close()
        self.log.info("stopped", posted_lsn=self.poster.position_lsn)

    def reload(self) -> list[str]:
        """Read the configuration again and swap it; SettingsError: nothing has changed."""
        settings = load_settings(self.settings.path)
        dictionary = read_dictionary(settings)
        changed = [
            name
            for name in ("brands", "clients", "nases", "enforcement", "sessions")
            if getattr(settings, name) != getattr(self.settings, name)
        ]
        self.clients = Clients(settings.clients, settings.brands, former=self.clients)
        self.settings = settings
        self.dictionary = dictionary
        self.nases.configuration_changed()
        self.directory.forget_standings()
        self.poster.do_between_postings(self.reload_price_lists)
        self.log.info("reloaded", changed=changed)
        return changed

    async def reload_price_lists(self) -> None:
        """Take over price list versions from the store; running sessions follow."""
        await self.catalogs.load()
        self.directory.forget_standings()
        self.directory.reprice(self.sessions.open_sessions())
        self._review(s.terms.account_id for s in self.sessions.open_sessions())

    async def refresh(self, account_ids: Collection[int]) -> None:
        """Take over changed accounts from the store. In the poster's task only."""
        await self.directory.refresh(account_ids)
        self.access.forget_passwords()
        self._review(account_ids)

    async def between_postings(self, chore: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something in the poster's task and wait for it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            await chore()
            if not done.done():
                done.set_result(None)

        self.poster.do_between_postings(run)
        await done

    async def _restore(self, position: int, on_progress: Callable[[], None]) -> None:
        """Sessions, boots and catalogues from the store, then the journal beyond its position."""
        async with self.store.read() as reader:
            self._change_counter = await fetch_change_counter(reader)
            self.nases.load_boots(await fetch_boots(reader))
        await self.catalogs.load()
        await self._restore_sessions()
        self._build(position)
        loop = asyncio.get_running_loop()
        self.journal.start(loop, self.accounting.durable, self._journal_failed)
        replayed = range(position + 1, self.journal.durable_lsn + 1)
        await forget_suspense(self.store, self.settings.journal.number, replayed)
        self._begin(self.applier.run())
        self._begin(self.poster.run())
        await self._replay(position, on_progress)
        self._open_sockets()

    async def _restore_sessions(self) -> None:
        after = (0, 0)
        while True:
            async with self.store.read() as reader:
                rows = await fetch_open_sessions(reader, after=after)
            if not rows:
                return
            await self.directory.restore(rows)
            after = (rows[-1].account_id, rows[-1].session_id)

    def _build(self, position: int) -> None:
        """The parts that turn packets into books."""
        settings = self.settings
        self.unposted = Unposted(position)
        self.poster = Poster(
            store=self.store,
            unposted=self.unposted,
            sessions=self.sessions,
            settings=settings.posting,
            journal_number=settings.journal.number,
            clock=self.clock,
            last_lsn=lambda: self.journal.last_lsn,
            on_posted=lambda lsn: self.journal.mark_applied(lsn, self.clock.now_us()),
            on_lost=self._reload_lost,
            metrics=self.metrics,
            log=self.log,
        )
        self.applier = Applier(
            journal_number=settings.journal.number,
            sessions=self.sessions,
            directory=self.directory,
            nases=self.nases,
            books=self.unposted,
            enforcement=self.enforcer,
            metrics=self.metrics,
            log=self.log,
        )
        self.accounting = AccountingHandler(
            gate=self._gate(Port.ACCOUNTING, accounting.CODES),
            journal=self.journal,
            applier=self.applier,
            clock=self.clock,
            metrics=self.metrics,
            log=self.log,
        )
        self.access = AccessHandler(
            gate=self._gate(Port.AUTHENTICATION, access.CODES),
            journal=self.journal,
            applier=self.applier,
            directory=self.directory,
            sessions=self.sessions,
            encode=lambda: reply_encoder(self.dictionary, self.log),
            clock=self.clock,
            monotonic=time.monotonic,
            reject_delay_s=settings.radius.reject_delay_ms / 1000,
            password_threads=settings.radius.password_threads,
            limiter=self.limiter,
            metrics=self.metrics,
            log=self.log,
        )

    def _nas_settings(self, nas: str) -> NasSettings:
        """What the configuration in force says of a NAS."""
        return self.settings.nas(nas)

    def _gate(self, port: Port, codes: frozenset[Any]) -> Gate:
        radius = self.settings.radius
        self.gates[port] = gate = Gate(
            codes=codes,
            clients=lambda: self.clients,
            duplicates=DuplicateTable(radius.duplicate_capacity, radius.duplicate_lifetime_s),
            clock=self.clock,
            monotonic=time.monotonic,
            limiter=self.limiter,
            metrics=self.metrics,
            log=self.log,
        )
        return gate

    def _open_sockets(self) -> None:
        radius = self.settings.radius
        for endpoint in radius.authentication:
            self.listeners.append(self._listener(endpoint, self.access.handle))
        for endpoint in radius.accounting:
            self.listeners.append(self._listener(endpoint, self.accounting.handle))

    def _listener(self, endpoint: Endpoint, handler: Handler) -> Listener:
        sock = open_socket(
            endpoint.address, endpoint.port, receive_buffer=self.settings.radius.receive_buffer
        )
        return Listener(sock, handler, metrics=self.metrics)

    async def _replay(self, position: int, on_progress: Callable[[], None]) -> None:
        """Apply what the journal has beyond the store, by the code that serves."""
        begun = time.monotonic()
        batch: list[Applicable] = []
        count = 0
        for record in self.journal.records(position):
            batch.append(records.read_record(record, self.settings.brands))
            count += 1
            if len(batch) == REPLAY_BATCH:
                self.applier.offer(batch)
                await self.applier.caught_up()
                batch = []
                on_progress()
        self.applier.offer(batch)
        await self.applier.caught_up()
        if count:
            self.log.info(
                "journal_replayed",
                records=count,
                after_lsn=position,
                milliseconds=int((time.monotonic() - begun) * 1000),
            )

    def _presume_ends(self) -> None:
        for session in silent_sessions(
            self.sessions,
            self.nases,
            intervals=self.settings.sessions.silence_intervals,
        ):
            with suppress(JournalFull, JournalUnavailable):  # looked for again in a while
                self.accounting.append_silence(
                    session_id=session.session_id, heard_at=session.heard_at
                )

    def _review(self, account_ids: Iterable[int]) -> None:
        now = self.clock.now()
        for account_id in set(account_ids):
            self.enforcer.review(account_id, now)

    async def _reload_lost(self, lost: list[Dirty]) -> None:
        """Take over what another owner wrote of these sessions, and apply to that what our journal
        has of them beyond the books; in the poster's task.

        Nothing may be on its way to be applied when they are let go: they come first then.
        """
        self.log.warning("sessions_lost_to_another_owner", sessions=len(lost))
        again = RecordsAgain(self.journal, self.settings.brands, [d.session for d in lost])
        await asyncio.to_thread(again.read, min(d.first_lsn for d in lost))
        while self.applier.backlog:
            await self.applier.caught_up()
        last_lsn, last_us = self.unposted.applied_lsn, self.unposted.applied_us
        again.read_on(last_lsn)
        self.unposted.lose(lost)
        for dirty in lost:
            if self.sessions.get(dirty.session.session_id) is dirty.session:
                self.sessions.remove(dirty.session)
        self.applier.offer([*again.found, Silence(last_lsn, last_us, NO_SESSION, 0)])
        await self.directory.refresh({d.session.terms.account_id for d in lost})

    async def _watch_changes(self) -> None:
        """Changes that others made in the store reach memory (exactly one posting apart)."""
        while True:
            await self.store.wait_for_change(timeout_s=CHANGE_POLL_S)
            with suppress(StoreError):  # the poster tells that the store is away
                async with self.store.read() as reader:
                    counter, changed = await fetch_changes(reader, after=self._change_counter)
                if changed:
                    await self.take_over(changed)
                self._change_counter = counter

    async def _make_room_daily(self) -> None:
        """The months ahead have room in the store long before their first second."""
        while True:
            await asyncio.sleep(DAY_S)
            with suppress(StoreError):  # there is room for months: tomorrow will do
                await self.store.make_room(at=self.clock.now())

    async def take_over(self, changed: Collection[int]) -> None:
        """Bring changed accounts, and price lists if they changed, into memory."""
        if PRICE_LIST_CHANGED in changed:
            await self.between_postings(self.reload_price_lists)
        accounts = [account_id for account_id in set(changed) if account_id != PRICE_LIST_CHANGED]
        if accounts:
            await self.between_postings(lambda: self.refresh(accounts))

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            act()

    def _report_suppressed(self) -> None:
        for suppressed in self.limiter.expire(now_s=time.monotonic()):
            self.log.info(
                "lines_suppressed",
                of=suppressed.event,
                key=suppressed.key,
                count=suppressed.count,
            )

    def _report_excused_clients(self) -> None:
        """Once a day the log names who may still omit Message-Authenticator (CVE-2024-3596)."""
        for name, client in self.clients.by_name.items():
            if not client.settings.require_message_authenticator:
                self.log.warning(
                    "message_authenticator_excused",
                    client=name,
                    remedy="update it, then remove require_message_authenticator = false",
                )

    def _journal_failed(self, error: Exception) -> None:
        """Nothing more can become durable: end without another answer."""
        for listener in self.listeners:
            listener.stop()
        if not self.fatal.done():
            self.fatal.set_result(str(error))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task of the daemon has no reason to end but a bug: the process must not go on without
        it.
        """
        if task.cancelled() or task.exception() is None:
            return
        self.log.error("task_failed", exc_info=task.exception())
        if not self.fatal.done():
            self.fatal.set_result(f"a task failed: {task.exception()!r}")

    async def close(self) -> None:
        """Give everything back. Twice is harmless."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self.listeners:
            listener.close()
        self.enforcer.close()
        await self.journal.close()
        await self.store.close()


def read_dictionary(settings: Settings) -> Dictionary:
    """The built-in dictionary with the operator's additions."""
    return load_dictionary([*settings.dictionaries.files, *settings.dictionaries.folders])
