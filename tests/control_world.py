"""A small daemon in memory for the tests of the control socket: the contract over a real SQLite
store, with one running session that is made up and a settable clock.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

from aaad.control.contract import (
    ClientLine,
    DisconnectReport,
    LimitLine,
    LoginCheck,
    NasLine,
    OrderLine,
    SegmentLine,
    SessionLine,
    SessionReport,
    StatusReport,
)
from aaad.control.endpoint import control_socket
from aaad.control.peer import Peer
from aaad.radius.dictionary import Dictionary, load_dictionary
from ledger.catalog import Catalog
from ledger.clock import Clock
from ledger.pricelist import parse_pricelist
from ledger.pricelists import fetch_versions
from ledger.settings import Settings, load_settings
from ledger.store import Store, open_store
from ledger.stored_catalog import catalog_of
from ratingcore.compile import compile_timeline
from ratingcore.meter import quote

NEW_YORK = "America/New_York"
SESSION_ID = 77
DIALUP = Path(__file__).parents[1] / "conf" / "pricelist" / "dialup.toml"

CONFIGURATION = """
[store]
url = "sqlite://{folder}/books.db"
[journal]
folder = "journal"
[control]
socket = "control.sock"
reading_group = "readers"
administering_group = "operators"
[seal]
key_file = "seal-key"
[secrets]
folder = "."
[test]
clock = true
clock_file = "clock.toml"
[brands.default]
"""

OPERATOR = Peer(uid=70_001, name="olga", groups=frozenset({"operators"}))
CLERK = Peer(uid=70_002, name="carl", groups=frozenset({"readers"}))
STRANGER = Peer(uid=70_003, name="sam", groups=frozenset({"users"}))


def utc(text: str) -> int:
    """Epoch seconds of a UTC date and time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOW = utc("2026-03-14T06:00")


@dataclass
class MemoryDaemon:
    """The contract, with what was asked of it kept for the tests to see."""

    settings: Settings
    clock: Clock
    store: Store
    dictionary: Dictionary
    catalogs: dict[str, Catalog] = field(default_factory=dict)
    refreshed: list[int] = field(default_factory=list)
    drained_by: str = ""
    outcome: str = "ack"

    def catalog(self, brand: str) -> Catalog:
        return self.catalogs.get(brand, Catalog())

    async def status(self) -> StatusReport:
        return StatusReport(
            version="0.1.0",
            state="serving",
            started_at=NOW - 3600,
            now_at=self.clock.now(),
            sections={"journal": {"unapplied records": 0}},
            discards=[{"reason": "unknown_client", "count": 3, "remedy": "add the client"}],
            attention=[{"what": "client lab does not sign", "remedy": "update it"}],
        )

    async def sessions(
        self, *, account_id: int | None, login: str | None, nas: str | None, after: int, limit: int
    ) -> Sequence[SessionLine]:
        one = session_line()
        wanted = account_id in (None, one["account_id"]) and login in (None, one["login"])
        return [one] if wanted and nas in (None, one["nas"]) and after < SESSION_ID else []

    async def session(self, session_id: int) -> SessionReport | None:
        if session_id != SESSION_ID:
            return None
        order = OrderLine(
            kind="disconnect", reason="limit", ordered_at=NOW, attempts=2, outcome="pending"
        )
        return SessionReport(
            session=session_line(), segments=segments(), limits=[limit_line()], orders=[order]
        )

    async def disconnect(self, session_id: int, *, actor: str) -> DisconnectReport | None:
        if session_id != SESSION_ID:
            return None
        return DisconnectReport(
            outcome=self.outcome, address="192.0.2.1:3799", attempts=1, error_cause=""
        )

    def clients(self) -> Sequence[ClientLine]:
        return [
            ClientLine(
                client="lab",
                prefixes=["192.0.2.0/24"],
                message_authenticator="excused",
                requests=10,
                discards=3,
                heard_at=None,
            )
        ]

    def nases(self) -> Sequence[NasLine]:
        return [
            NasLine(
                nas="bras\x1b[31m-1",
                client="lab",
                address="192.0.2.1",
                dynauth="192.0.2.1:3799",
                sessions=1,
                heard_at=NOW,
                booted_at=None,
                reports=4,
                clamped_clocks=2,
                presumed_ends=0,
                unanswered_orders=0,
            )
        ]

    async def limit_usage(self, account_id: int) -> Sequence[LimitLine]:
        return [limit_line()]

    async def accounts_changed(self, account_ids: Iterable[int]) -> None:
        self.refreshed.extend(account_ids)

    async def catalog_changed(self) -> None:
        async with self.store.read() as reader:
            versions = await fetch_versions(reader, brand="default")
        self.catalogs["default"] = catalog_of(versions)

    async def explain_login(self, login: bytes, *, brand: str) -> Sequence[LoginCheck]:
        known = login == b"bob"
        verdict = "passed" if known else "failed"
        remedy = "" if known else "register it"
        return [LoginCheck(check="login", input=brand, verdict=verdict, remedy=remedy)]

    async def reload(self, *, actor: str) -> Sequence[str]:
        load_settings(self.settings.path)
        return [f"read again for {actor}"]

    async def drain(self, *, actor: str) -> None:
        self.drained_by = actor


@cache
def _dictionary() -> Dictionary:
    return load_dictionary()


def segments() -> list[SegmentLine]:
    """Friday 22:00 to Saturday 01:00 under the price list of conf/."""
    tariff = parse_pricelist(DIALUP.read_text(), source="dialup").tariffs["weekday-hours"]
    piece = quote(compile_timeline([(0, tariff)]), utc("2026-03-14T02:00"), 3 * 3600)
    return [cast(SegmentLine, asdict(cast(Any, one))) for one in piece.segments]


def session_line() -> SessionLine:
    """The running session."""
    return SessionLine(
        session_id=SESSION_ID,
        account_id=5,
        service_id=6,
        login="bob",
        user_name="Bob\x1b]0;owned\x07",
        nas="bras-1",
        client="lab",
        acct_session_id="0000A1",
        nas_address="192.0.2.1",
        nas_port="12",
        framed_address="10.0.0.9",
        calling_station_id="",
        started_at=utc("2026-03-14T02:00"),
        last_at=utc("2026-03-14T05:00"),
        heard_at=utc("2026-03-14T05:00"),
        session_time_s=3 * 3600,
        input_octets=1_500_000,
        output_octets=2_500_000_000,
        tariff="weekday-hours",
        zone=NEW_YORK,
        currency="USD",
        charge_micros=2_000_000,
    )


def limit_line() -> LimitLine:
    """A limit half used."""
    return LimitLine(
        limit="hours",
        scope="service",
        service_id=6,
        metric="seconds",
        soft=4 * 3600,
        hard=6 * 3600,
        used=3 * 3600,
        period_start_at=utc("2026-03-01T05:00"),
        period_end_at=utc("2026-04-01T04:00"),
    )


@asynccontextmanager
async def memory_daemon(folder: Path) -> AsyncIterator[MemoryDaemon]:
    """A daemon in `folder`, its clock at NOW, its books empty."""
    (folder / "aaad.toml").write_text(CONFIGURATION.format(folder=folder))
    key = folder / "seal-key"
    key.write_text("5a" * 32 + "\n")
    key.chmod(0o600)
    settings = load_settings(folder / "aaad.toml")
    clock = Clock(settings.clock.file)
    clock.set(NOW)
    store = await open_store(settings.store.url, checkpoints=True)
    try:
        yield MemoryDaemon(settings=settings, clock=clock, store=store, dictionary=_dictionary())
    finally:
        await store.close()


@asynccontextmanager
async def served_daemon(folder: Path, peer: Peer = OPERATOR) -> AsyncIterator[MemoryDaemon]:
    """The same behind its control socket, where everybody is `peer`."""

    def identify_peer(_: socket.socket) -> Peer:
        return peer

    async with memory_daemon(folder) as daemon:
        server = control_socket(
            daemon, group=daemon.settings.control.reading_group, identify_peer=identify_peer
        )
        await server.start()
        try:
            yield daemon
        finally:
            await server.close()
