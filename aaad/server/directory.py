"""Subscribers and their accounts in memory: the facts that every decision reads.

The store is the truth; what is here is at most one change poll old. Missing facts are fetched for a
whole drain in a few queries. Accounts with sessions in memory stay; of the others at most
`subscribers_max` are kept, the least recently used leave first. Names that the store does not know
are remembered too, until anything changes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from aaad.policy.account_state import AccountState
from aaad.policy.authenticate import Password
from aaad.policy.session import AccountTerms, Session, session_from_row
from aaad.policy.standing import Standing
from aaad.server.session_table import SessionKey, SessionTable
from ledger.catalog import Catalog
from ledger.clock import Clock
from ledger.credentials import open_secret
from ledger.model import Account, Credential, CredentialScheme, Offer, SessionRow, Subscriber
from ledger.rules.cycles import cycle_at
from ledger.rules.limits import NEVER, Totals
from ledger.seal import Sealer, SealError
from ledger.sessions import fetch_sessions_by_key
from ledger.store.contract import Reader, Store, StoreUnavailable
from ledger.subscribers import (
    fetch_account_states,
    fetch_subscribers,
    fetch_subscribers_by_account,
)
from ratingcore.compile import Timeline
from ratingcore.packing import packed_started_at

Login = tuple[str, str]
"""(brand, canonical login)"""

ServiceKey = tuple[int, int]
"""(account_id, service_id)"""

Result = TypeVar("Result")

UNKNOWN_MAX = 10_000
"""Names that nobody has, remembered so that a guesser costs no query each."""

EVICTION_LOOKS = 4
"""Subscribers looked at for each that is fetched, until enough have left: where nearly all have a
session, a miss stays as cheap as anywhere.
"""

RETRY_FIRST_S = 0.05
RETRY_LAST_S = 2.0
"""Between attempts while the store is away; doubling from the first to the last."""


@dataclass(slots=True)
class Entry:
    """A service with its account, its password as far as it is known, and how it stands."""

    subscriber: Subscriber
    password: Password | None
    state: AccountState
    terms: AccountTerms
    standing: Standing | None = None  # kept by server.facts
    # the offer found last, and from when until when it is in force
    offer: Offer | None = None
    offer_from_at: int = 0
    offer_until_at: int = 0

    @property
    def login(self) -> Login:
        """Its key in the directory."""
        service = self.subscriber.service
        return service.brand, service.login


class Directory:
    """Bounded memory of subscribers; every method without `await` answers from memory alone."""

    def __init__(
        self,
        *,
        store: Store,
        sealer: Sealer,
        catalogs: Callable[[str], Catalog],
        sessions: SessionTable,
        subscribers_max: int,
        interim_interval_s: int,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._catalogs = catalogs
        self._sessions = sessions
        self._subscribers_max = subscribers_max
        self._interim_interval_s = interim_interval_s
        self._clock = clock
        self._log = log
        self._entries: OrderedDict[Login, Entry] = OrderedDict()
        self._by_service: dict[int, Entry] = {}
        self._states: dict[int, AccountState] = {}
        self._of_account: dict[int, tuple[Entry, ...]] = {}  # nearly always one: nothing is smaller
        self._unknown: OrderedDict[Login, None] = OrderedDict()
        self.class_key = sealer.derive_key(b"class attribute")
        self.revision = 0  # of what standings are made from, beside the subscriber

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, brand: str, login: str) -> Entry | None:
        """The subscriber of a login, if in memory."""
        entry = self._entries.get((brand, login))
        if entry is not None:
            self._entries.move_to_end((brand, login))
        return entry

    def find_service(self, service_id: int) -> Entry | None:
        """The subscriber of a service, if in memory."""
        return self._by_service.get(service_id)

    def of_service(self, service_id: int) -> Entry:
        """The subscriber of a service that has a session in memory."""
        return self._by_service[service_id]

    def of_account(self, account_id: int) -> list[Entry]:
        """The services of an account that are in memory."""
        return list(self._of_account.get(account_id, ()))

    def is_known_missing(self, brand: str, login: str) -> bool:
        """Whether the store has said that nobody has this login."""
        return (brand, login) in self._unknown

    def offer(self, entry: Entry, at: int) -> Offer | None:
        """The offer whose tariff prices a service at an instant, as its price list says it then."""
        if not entry.offer_from_at <= at < entry.offer_until_at:
            catalog, purchases = self._catalog(entry), entry.subscriber.purchases
            offers = catalog.offers_at(purchases, at)
            change_at = catalog.next_change(purchases, at)
            entry.offer = next((offer for offer in offers if offer.tariff), None)
            entry.offer_from_at = at
            entry.offer_until_at = NEVER if change_at is None else change_at
        return entry.offer

    def interim_interval_s(self, entry: Entry, at: int) -> int:
        """How often sessions of a service report: as its offer tells the NAS, else the usual."""
        offer = self.offer(entry, at)
        return (offer.interim_interval_s if offer else None) or self._interim_interval_s

    def timeline(self, entry: Entry, started_at: int) -> Timeline | None:
        """The tariffs that price a session of this service from its start on."""
        return self._catalog(entry).timeline(
            entry.subscriber.purchases,
            started_at=started_at,
            account_zone=entry.subscriber.account.zone,
        )

    async def load(self, logins: Iterable[Login]) -> None:
        """Bring logins into memory, or learn that nobody has them. Raises StoreUnavailable."""
        asked = set(logins)
        missing = {
            login for login in asked if login not in self._entries and login not in self._unknown
        }
        if not missing:
            return
        async with self._store.read() as reader:
            for brand in {brand for brand, _ in missing}:
                names = [login for of_brand, login in missing if of_brand == brand]
                found = await fetch_subscribers(reader, brand=brand, logins=names)
                await self._keep(reader, found.values())
                for name in names:
                    if name not in found:
                        self._remember_unknown((brand, name))
        self._evict(asked)

    async def load_for_usage(
        self,
        *,
        logins: Collection[Login],
        services: Collection[ServiceKey],
        session_keys: Collection[SessionKey],
    ) -> None:
        """What accounting needs, however long the store is away: records wait for it."""
        await self._insist(lambda: self.load(logins))
        await self._insist(lambda: self._load_services(services))
        await self._insist(lambda: self.load_sessions(session_keys))

    async def restore(self, rows: Sequence[SessionRow]) -> None:
        """Bring open sessions of the store into memory, with their subscribers."""
        await self._revive(rows)
        self._sessions.note_incomplete((row.nas, row.acct_session_id) for row in rows)

    async def _revive(self, rows: Sequence[SessionRow]) -> None:
        await self._load_services({(row.account_id, row.service_id) for row in rows})
        for row in rows:
            if self._sessions.get(row.session_id) is not None:
                continue
            entry = self._by_service.get(row.service_id)
            timeline = self.timeline(entry, packed_started_at(row.meter)) if entry else None
            if entry is None or timeline is None:
                self._log.error(
                    "session_not_restored",
                    session_id=row.session_id,
                    remedy="its service or tariff is gone from the store: run aaactl store check",
                )
                continue
            session = session_from_row(row, entry.terms, timeline)
            entry.state.restored(session)
            self._sessions.add(session)

    async def refresh(self, account_ids: Collection[int]) -> None:
        """Read accounts again that somebody changed; their sessions go on under the new facts.

        Only the poster's task calls this: no posting may be under way between reading and taking
        over.
        """
        self._unknown.clear()
        async with self._store.read() as reader:
            found = await fetch_subscribers_by_account(reader, account_ids)
            await self._keep(reader, found, anew=True)
        kept = {subscriber.service.service_id for subscriber in found}
        for account_id in account_ids:
            for entry in self.of_account(account_id):
                if entry.subscriber.service.service_id not in kept:
                    self._forget(entry)
        self.reprice(session for a in account_ids for session in self._sessions.of_account(a))

    def forget_standings(self) -> None:
        """The dictionary or the price lists changed: find offers and standings anew when asked."""
        self.revision += 1
        for entry in self._entries.values():
            entry.offer_until_at = 0
            entry.state.facts_changed()

    def reprice(self, sessions: Iterable[Session]) -> None:
        """Plans or price lists changed from some instant on: running sessions follow."""
        for session in sessions:
            entry = self._by_service.get(session.terms.service_id)
            timeline = self.timeline(entry, session.meter.started_at) if entry else None
            if entry is not None and timeline is not None:
                session.follow(entry.terms, timeline)
                entry.state.carry(session)

    def _catalog(self, entry: Entry) -> Catalog:
        return self._catalogs(entry.subscriber.account.brand)

    async def _load_services(self, services: Collection[ServiceKey]) -> None:
        """Bring these services into memory, with all of their accounts'."""
        missing = {account for account, service in services if service not in self._by_service}
        if missing:
            async with self._store.read() as reader:
                await self._keep(reader, await fetch_subscribers_by_account(reader, missing))

    async def load_sessions(self, keys: Collection[SessionKey]) -> None:
        """Bring sessions, open and closed, of these keys into memory. Raises StoreUnavailable."""
        if keys:
            async with self._store.read() as reader:
                rows = await fetch_sessions_by_key(reader, sorted(set(keys)))
            await self._revive(rows)
            self._sessions.note_complete(keys)

    async def _keep(
        self, reader: Reader, subscribers: Iterable[Subscriber], *, anew: bool = False
    ) -> None:
        """Take over subscribers and the state of their accounts, as of one reading.

        A state in memory is kept unless `anew`: a posting may be under way, and then the store's
        figures and what its sessions lack do not fit together.
        """
        subscribers = list(subscribers)
        accounts = {s.account.account_id: s.account for s in subscribers}
        about: dict[tuple[str, int], frozenset[int]] = {}
        states = await fetch_account_states(
            reader,
            {
                account_id: self._periods(account, about)
                for account_id, account in accounts.items()
                if anew or account_id not in self._states
            },
        )
        known = set() if anew else self._states.keys() & states.keys()
        for subscriber in subscribers:
            account = subscriber.account
            state = self._states.setdefault(account.account_id, AccountState(account))
            state.account = account
            state.facts_changed()
        for account_id in states.keys() - known:
            stored = states[account_id]
            self._states[account_id].load(
                owed_micros=sum(
                    balance.posted_micros + balance.accrued_micros
                    for balance in stored.balances
                    if balance.resource == accounts[account_id].currency
                ),
                usage={
                    (counter.service_id, counter.period_start_at): Totals(
                        counter.seconds,
                        counter.input_octets,
                        counter.output_octets,
                        counter.charge_micros,
                    )
                    for counter in stored.counters
                },
                fired=stored.crossings,
                sessions=self._sessions.of_account(account_id),
            )
        for subscriber in subscribers:
            self._put(subscriber)

    def _periods(
        self, account: Account, about: dict[tuple[str, int], frozenset[int]]
    ) -> Collection[int]:
        """The billing cycles whose usage matters: this one, the last, and those that sessions post
        into. `about` keeps the first two for other accounts of the zone and billing day.
        """
        key = (account.zone, account.bill_day)
        if key not in about:
            this = cycle_at(self._clock.now(), bill_day=account.bill_day, zone=account.zone)
            last = cycle_at(this.start_at - 1, bill_day=account.bill_day, zone=account.zone)
            about[key] = frozenset((this.start_at, last.start_at))
        sessions = self._sessions.of_account(account.account_id)
        return about[key].union(*(session.usage_not_stored() for session in sessions))

    def _put(self, subscriber: Subscriber) -> None:
        service = subscriber.service
        former = self._by_service.get(service.service_id)
        if former is not None:
            self._forget(former)
        credential = subscriber.credential
        entry = Entry(
            subscriber=subscriber,
            password=self._password(credential) if credential else None,
            state=self._states[subscriber.account.account_id],
            terms=account_terms(subscriber),
        )
        self._entries[entry.login] = entry
        self._unknown.pop(entry.login, None)
        self._by_service[service.service_id] = entry
        self._of_account[service.account_id] = (
            *self._of_account.get(service.account_id, ()),
            entry,
        )

    def _password(self, credential: Credential) -> Password | None:
        """What is known of a password; None, and an error in the log, if it cannot be opened."""
        try:
            secret = open_secret(self._sealer, credential)
        except SealError as error:
            self._log.error(
                "credential_not_opened", service_id=credential.service_id, error=str(error)
            )
            return None
        match credential.scheme:
            case CredentialScheme.SEALED:
                return Password(clear=secret)
            case CredentialScheme.NT_HASH:
                return Password(nt_hash=secret)
            case CredentialScheme.ARGON2:
                return Password(verifier=secret)

    def _forget(self, entry: Entry) -> None:
        self._entries.pop(entry.login, None)
        service = entry.subscriber.service
        self._by_service.pop(service.service_id, None)
        account_id = service.account_id
        others = tuple(one for one in self._of_account.get(account_id, ()) if one is not entry)
        if others:
            self._of_account[account_id] = others
        else:
            self._of_account.pop(account_id, None)

    def _remember_unknown(self, login: Login) -> None:
        self._unknown[login] = None
        while len(self._unknown) > UNKNOWN_MAX:
            self._unknown.popitem(last=False)

    def _evict(self, asked: Collection[Login]) -> None:
        """Let the least recently used go that have no session in memory and were not just asked
        for.
        """
        for _ in range(EVICTION_LOOKS * len(asked)):
            if len(self._entries) <= self._subscribers_max:
                return
            login, entry = next(iter(self._entries.items()))
            account_id = entry.state.account.account_id
            if login in asked or self._sessions.of_account(account_id):
                self._entries.move_to_end(login)  # it stays: looked at again after all the others
                continue
            self._forget(entry)
            if not self.of_account(account_id):
                self._states.pop(account_id, None)

    async def _insist(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try until the store answers; it is logged once, and shown by `aaactl status`."""
        delay = RETRY_FIRST_S
        while True:
            try:
                return await attempt()
            except StoreUnavailable as error:
                self._log.warning("store_unavailable", error=str(error), retry_s=delay)
                await asyncio.sleep(delay)
                delay = min(RETRY_LAST_S, 2 * delay)


def account_terms(subscriber: Subscriber) -> AccountTerms:
    """What metering needs of a subscriber."""
    account, service = subscriber.account, subscriber.service
    return AccountTerms(
        account_id=account.account_id,
        service_id=service.service_id,
        login=service.login,
        zone=account.zone,
        bill_day=account.bill_day,
        activated_at=service.activated_at,
    )
