"""The records of the books: frozen, pure, named as the trade names them (docs/glossary.md).

Instants are UTC epoch seconds (`_at`), intervals half-open, amounts int64 micros of the account's
currency (positive: the customer owes), quantities exact integers. Nothing here knows where a record
is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ratingcore.meter import Piece
from ratingcore.tariff import MetricOrMoney


class AccountStatus(StrEnum):
    """States of an account (F62). Authorization asks the state, never the raw balance (C14)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    COLLECTIONS = "collections"


class StatusReason(StrEnum):
    """Why a status is what it is: only the right remedy lifts each (F16)."""

    NONE = ""
    MANUAL = "manual"
    USAGE = "usage"
    OVERDUE = "overdue"
    EXPIRED = "expired"


class ServiceStatus(StrEnum):
    """States of one service of an account."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class CredentialScheme(StrEnum):
    """How a password rests in the store. CHAP and MS-CHAP need one of the first two."""

    SEALED = "sealed"  # AES-GCM sealed cleartext: PAP, CHAP, MS-CHAP
    NT_HASH = "nt_hash"  # sealed NT hash: PAP and MS-CHAP
    ARGON2 = "argon2"  # argon2id verifier: PAP only


class TaxStatus(StrEnum):
    """Whether tax is due on what an account buys; the tax engine reads it."""

    TAXABLE = "taxable"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"


class UsageMetric(StrEnum):
    """What a limit counts within its period."""

    SECONDS = "seconds"
    OCTETS = "octets"
    INPUT_OCTETS = "input_octets"
    OUTPUT_OCTETS = "output_octets"
    MONEY = "money"  # micros charged


class Threshold(StrEnum):
    """The two thresholds of a limit: the soft one warns, the hard one cuts."""

    SOFT = "soft"
    HARD = "hard"


class SessionStatus(StrEnum):
    """A session is open from its first report to its end."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A customer: who pays, in which currency, in which zone, on which day of the month."""

    account_id: int
    brand: str
    name: str
    currency: str
    zone: str
    bill_day: int  # 1..31, clamped to the month's end without drift (C8)
    status: AccountStatus = AccountStatus.ACTIVE
    status_reason: StatusReason = StatusReason.NONE
    credit_limit_micros: int | None = None  # None: no limit
    tax_status: TaxStatus = TaxStatus.TAXABLE
    email: str = ""
    created_at: int = 0
    profile: Mapping[str, str] = field(default_factory=dict)  # free profile fields (F56, B128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What logs in: one login of an account."""

    service_id: int
    account_id: int
    brand: str
    login: str  # canonical name; the name as the NAS sent it is answered unchanged
    status: ServiceStatus = ServiceStatus.ACTIVE
    status_reason: StatusReason = StatusReason.NONE
    activated_at: int = 0
    reply: Mapping[str, str] = field(default_factory=dict)  # own reply attributes, over the plan's
    profile: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A service's password at rest. `secret` is sealed or a verifier; never log it."""

    service_id: int
    scheme: CredentialScheme
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """An offer owned by a service from one instant (to another)."""

    purchase_id: int
    account_id: int
    service_id: int
    offer: str  # name in the price list; its content is read at the instant of use
    from_at: int
    to_at: int | None = None
    quantity: int = 1  # how many: each costs its fees


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A soft and a hard threshold over the usage of one period (F10, F25, F26).

    On an offer or a service it counts that service's usage, on an account that of all its services.
    """

    name: str  # unique among the limits that apply to a service
    metric: UsageMetric
    soft: int | None  # seconds, octets or micros
    hard: int | None
    revision: int = 0  # a top-up makes a new one (exactness 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimit:
    """A limit set on one account (service_id 0) or one service, over the offers' limits of its
    name.

    One with a `period_start_at` (a top-up, C6) holds for that period only, over the one of every
    period.
    """

    account_id: int
    service_id: int
    limit: Limit
    period_start_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceTerms:
    """What an offer gives in each billing cycle: so much of a metric, or money, that costs nothing.

    It exists from the cycle's first second, computed from the purchase (rule of exactness 8).
    """

    name: str  # unique within the offer
    metric: MetricOrMoney
    quantity: int
    priority: int = 0  # the lowest is used first
    bands: tuple[str, ...] = ()  # names of the tariff's bands in which it may be used; (): all
    rollover: int = 0  # at most so much of what is left goes into the next cycle


class FeeKind(StrEnum):
    """When a fee is due (B24-B26)."""

    PURCHASE = "purchase"
    CYCLE = "cycle"  # for each term
    CANCELLATION = "cancellation"


class Proration(StrEnum):
    """What a cycle fee costs for a part of its term."""

    DAYS = "days"  # its share of the term's calendar days
    THIRTY_DAY_MONTHS = "30-day-months"  # the same, every month counted as 30 days
    NONE = "none"  # all of it, and nothing is given back


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fixed amount that an offer costs, whatever is used."""

    kind: FeeKind
    amount_micros: int
    term_months: int = 1  # of a cycle fee: what one amount pays for
    in_arrears: bool = False  # of a cycle fee: due at the end of its term
    proration: Proration = Proration.DAYS  # of a cycle fee
    owned_under_months: int | None = None  # of a cancellation fee: due only if owned for less
    gl_code: str = ""
    tax_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a price list sells, in one version of it: tariff, limits and what the NAS is told."""

    name: str
    tariff: str  # "": usage of its service is priced by another offer
    session_timeout_s: int | None = None
    idle_timeout_s: int | None = None
    interim_interval_s: int | None = None
    reply: Mapping[str, str] = field(default_factory=dict)  # attribute name -> value
    limits: tuple[Limit, ...] = ()
    service_type: str = ""  # the kind of service that may buy it; "": any
    fees: tuple[Fee, ...] = ()
    allowances: tuple[AllowanceTerms, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """All facts of one login that decisions need."""

    account: Account
    service: Service
    credential: Credential | None
    purchases: tuple[Purchase, ...]
    own_limits: tuple[OwnLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account owes: the cache of its impacts' sum, and the sum of its open sessions."""

    account_id: int
    resource: str
    posted_micros: int
    accrued_micros: int
    leased_micros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCounter:
    """Usage of one service in one billing cycle, posted and of open sessions together."""

    account_id: int
    service_id: int
    period_start_at: int
    seconds: int
    input_octets: int
    output_octets: int
    charge_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCrossing:
    """A limit that fired: once per (limit, period, threshold, revision) (exactness 12)."""

    account_id: int
    service_id: int  # 0: a limit of the whole account
    limit: str
    period_start_at: int
    threshold: Threshold
    revision: int
    metric: UsageMetric
    threshold_quantity: int
    used_quantity: int
    crossed_at: int


@dataclass(slots=True, kw_only=True)
class SessionRow:
    """A session as the store holds it.

    Unique by (nas, acct_session_id, started_at). `version` is what the compare-and-set compares;
    `lsn` is the journal record last applied. `open_*` and `accrued_micros` are the running piece
    since the last cut: what accounts accrue and have used is summed from the rows of open sessions.
    """

    account_id: int
    session_id: int
    service_id: int
    nas: str
    acct_session_id: bytes
    user_name: bytes  # as the NAS sent it
    started_at: int
    status: SessionStatus
    version: int
    journal_number: int
    lsn: int
    last_at: int  # instant of the last report that counted
    heard_at: int  # received time of the last report of any kind
    session_time_s: int
    input_octets: int  # joined 64-bit counters as last counted, resets and wraps included
    output_octets: int
    counters: bytes  # state of the NAS's own counters (policy.usage)
    meter: bytes  # ratingcore.Meter, packed
    pieces: int  # events made of this session so far
    period_start_at: int  # billing cycle of the open piece
    open_seconds: int
    open_input_octets: int
    open_output_octets: int
    accrued_micros: int
    client: str = ""
    nas_address: str = ""  # where CoA and Disconnect go
    nas_port: str = ""
    framed_address: str = ""
    calling_station_id: bytes = b""
    called_station_id: bytes = b""
    class_: bytes = b""
    interim_interval_s: int = 0
    ended_at: int | None = None
    terminate_cause: str = ""
    presumed: bool = False  # the end was presumed from silence or a boot, not reported


@dataclass(slots=True, kw_only=True)
class UsageEvent:
    """A rated piece of a session. Immutable: a correction is a reversal and a new event."""

    account_id: int
    service_id: int
    session_id: int
    number: int  # of the piece within its session, from 0: its key is "usage/<session>/<number>"
    piece: Piece  # instants, octets, charge and segments
    currency: str
    period_start_at: int  # billing cycle in which it happened (its last second; C1)
    revenue_gl: str  # G/L account of the tariff
    tax_code: str
    tariff: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """A transfer of `amount` of one resource from one G/L account to another (balance impact)."""

    event_id: int
    account_id: int
    resource: str
    amount_micros: int
    from_gl: str
    to_gl: str
    source: str  # what a bill's line calls it: "tariff/NAME", "fee/OFFER/KIND", "adjustment" ...
    tax_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to an account, and who did it (B15). Usage has segments as its data."""

    event_id: int
    event_key: str
    account_id: int
    service_id: int  # 0: the whole account
    event_type: str
    service_at: int  # when it happened
    posted_at: int
    actor: str
    data: Mapping[str, object]
    impacts: tuple[Impact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """Mail, hook or network order to be carried out, at least once, with a stable id."""

    outbox_key: str  # unique per account
    account_id: int
    kind: str  # mail | hook | network
    name: str  # template or hook or order
    data: Mapping[str, object]
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseRecord:
    """An authentic accounting record that fits nothing: kept, visible, to be processed again."""

    journal_number: int
    lsn: int
    received_at: int
    reason: str
    client: str
    nas: str
    user_name: bytes
    body: bytes = field(repr=False)  # the journal record's body


@dataclass(frozen=True, slots=True, kw_only=True)
class BootInstant:
    """The latest Accounting-On/Off of (client, NAS): sessions that started before it have ended."""

    client: str
    nas: str
    booted_at: int


@dataclass(slots=True, kw_only=True)
class SessionPosting:
    """What one session changes in the books since its stored version: wins or loses as a whole."""

    new: SessionRow
    stored_version: int  # 0: the row does not exist yet
    events: tuple[UsageEvent, ...] = ()


@dataclass(slots=True, kw_only=True)
class PostingBatch:
    """One transaction of the poster."""

    posted_at: int
    journal_number: int
    applied_lsn: int  # every record up to here is in the books after this batch
    last_lsn: int  # nothing of a later one is
    watermark_at: int  # everything received before is posted
    sessions: tuple[SessionPosting, ...] = ()
    crossings: tuple[LimitCrossing, ...] = ()
    suspense: tuple[SuspenseRecord, ...] = ()
    boots: tuple[BootInstant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingResult:
    """What came of a batch: sessions that lost their compare-and-set, crossings that were new."""

    lost_session_ids: frozenset[int]
    fired: tuple[LimitCrossing, ...]
