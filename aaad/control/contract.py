"""What the control commands need of the daemon, as a protocol, and the shapes of what it answers.

`aaad.server.daemon` implements it, the tests have a small one in memory. All answers are made of
text, integers, booleans, None, lists and maps, so that they travel as msgpack and print as JSON.
Octets from the network are text already, made so by `ledger.escape.printable`. Instants are UTC
epoch seconds (`_at`), amounts micros; nothing is a float.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NotRequired, Protocol, TypedDict

if TYPE_CHECKING:  # aaactl needs the shapes alone, and must start at once
    from aaad.radius.dictionary import Dictionary
    from ledger.catalog import Catalog
    from ledger.clock import Clock
    from ledger.settings import Settings
    from ledger.store import Store


class AttentionLine(TypedDict):
    """Something that an operator should look at, and what helps."""

    what: str
    remedy: str


class DiscardLine(TypedDict):
    """How many datagrams were discarded for one reason since the start."""

    reason: str
    count: int
    remedy: str


class StatusReport(TypedDict):
    """The daemon at one glance. `sections` are named groups of named figures."""

    version: str
    state: str  # starting | serving | draining
    started_at: int
    now_at: int
    sections: Mapping[str, Mapping[str, object]]
    discards: Sequence[DiscardLine]
    attention: Sequence[AttentionLine]


class SessionLine(TypedDict):
    """A session that runs now, from memory."""

    session_id: int
    account_id: int
    service_id: int
    login: str
    user_name: str
    nas: str
    client: str
    acct_session_id: str
    nas_address: str
    nas_port: str
    framed_address: str
    calling_station_id: str
    started_at: int
    last_at: int  # instant of the last report that counted
    heard_at: int
    session_time_s: int
    input_octets: int
    output_octets: int
    tariff: str
    zone: str  # of the tariff: its clock decides the price
    currency: str
    charge_micros: int


class SegmentLine(TypedDict):
    """One priced part of a session: `ratingcore.piece.Segment`, field by field."""

    band: str
    metric: str
    tier_from: int
    quantity: int
    price_micros: int
    per: int
    amount_micros: int
    started_at: int
    ended_at: int
    allowance_id: NotRequired[int]  # of the allowance that paid


class ImpactLine(TypedDict):
    """What a bonus gives: `ratingcore.piece.BalanceImpact`, field by field."""

    resource: str
    amount_micros: int
    gl_code: str
    tax_code: str


class LimitLine(TypedDict):
    """A limit that applies, what it has counted in its period, and when that begins anew."""

    limit: str
    scope: str  # account | service
    service_id: int  # 0: the whole account
    metric: str
    soft: int | None
    hard: int | None
    used: int
    period_start_at: int
    period_end_at: int | None  # None: no reset, as of a credit limit


class OrderLine(TypedDict):
    """An order about a session: a Disconnect-Request or CoA-Request, and what came of it."""

    kind: str  # disconnect | coa
    reason: str
    ordered_at: int
    attempts: int
    outcome: str  # pending | ack | nak | timeout | no_address


class SessionReport(TypedDict):
    """One session with all that explains it."""

    session: SessionLine
    segments: Sequence[SegmentLine]
    limits: Sequence[LimitLine]
    orders: Sequence[OrderLine]


class DisconnectReport(TypedDict):
    """What came of a Disconnect-Request."""

    outcome: str  # ack | nak | timeout | no_address
    address: str  # where it went
    attempts: int
    error_cause: str  # name of the NAK's Error-Cause; empty without one


class ClientLine(TypedDict):
    """Who sends us packets."""

    client: str
    prefixes: Sequence[str]
    message_authenticator: str  # required | excused
    requests: int
    discards: int
    heard_at: int | None


class NasLine(TypedDict):
    """Who serves the users, and how well it behaves."""

    nas: str
    client: str
    address: str
    dynauth: str  # address:port for Disconnect and CoA; empty: none
    sessions: int
    heard_at: int | None
    booted_at: int | None
    reports: int  # Accounting-Requests since the start
    clamped_clocks: int  # of those, with an Event-Timestamp outside the window
    presumed_ends: int  # sessions whose end it never reported
    unanswered_orders: int


class LoginCheck(TypedDict):
    """One check of a login: what it looked at and what it found."""

    check: str
    input: str
    verdict: str  # passed | failed | not reached
    remedy: str


class Daemon(Protocol):
    """The running daemon, as the control commands see it."""

    @property
    def settings(self) -> Settings:
        """The configuration in force."""

    @property
    def clock(self) -> Clock:
        """The daemon's clock."""

    @property
    def store(self) -> Store:
        """The books."""

    def catalog(self, brand: str) -> Catalog:
        """The price list versions of a brand; an empty catalogue when it has none."""

    @property
    def dictionary(self) -> Dictionary:
        """Names of attributes and values."""

    async def status(self) -> StatusReport:
        """The daemon at one glance."""

    async def sessions(
        self, *, account_id: int | None, login: str | None, nas: str | None, after: int, limit: int
    ) -> Sequence[SessionLine]:
        """Up to `limit` running sessions with an id above `after`, by id; None filters nothing."""

    async def session(self, session_id: int) -> SessionReport | None:
        """A running session in full; None when none of that id runs."""

    async def disconnect(self, session_id: int, *, actor: str) -> DisconnectReport | None:
        """Sends a Disconnect-Request and waits for its outcome; None when no such session runs."""

    def clients(self) -> Sequence[ClientLine]:
        """All clients, by name."""

    def nases(self) -> Sequence[NasLine]:
        """All NASes that are configured or were heard, by name."""

    async def limit_usage(self, account_id: int) -> Sequence[LimitLine]:
        """Every limit of an account and its services with its usage, posted and running."""

    async def accounts_changed(self, account_ids: Iterable[int]) -> None:
        """A change to these accounts is in the store: memory has it when this returns."""

    async def catalog_changed(self) -> None:
        """A price list version is in the store: memory has it when this returns."""

    async def explain_login(self, login: bytes, *, brand: str) -> Sequence[LoginCheck]:
        """Every check that a login with the right password would go through now."""

    async def reload(self, *, actor: str) -> Sequence[str]:
        """Reads the configuration again; one line for each thing that changed.

        Raises `ledger.settings` errors with all findings, and changes nothing then.
        """

    async def drain(self, *, actor: str) -> None:
        """Begins to end: what is under way is finished; returns at once."""
