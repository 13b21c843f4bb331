"""The configuration: one TOML file to one frozen `Settings`, or all of its mistakes at once.

conf/aaad.toml explains every key. There is one place for each default (the constants below, with
unit and reason), no environment overlay and no merging of files. A reload builds a whole new
`Settings` and swaps one reference. Relative paths are relative to the folder of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ledger.addresses import Endpoint, parse_address, parse_endpoint
from ledger.clients import (
    BRAND_DEFAULT,
    ClientTable,
    NasSettings,
    read_clients,
    read_nases,
)
from ledger.document import Document, Finding, Table
from ledger.ids import NODE_MAX
from ledger.logs import LogLevel
from ledger.rules.logins import BrandSettings, CaseRule, RealmRule
from ledger.secret_files import SecretFiles
from ledger.units import parse_octets

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

AUTHENTICATION_DEFAULT: Final = ("0.0.0.0:1812", "[::]:1812")
"""Where Access-Requests arrive: the port of RFC 2865, all addresses, both families."""

ACCOUNTING_DEFAULT: Final = ("0.0.0.0:1813", "[::]:1813")
"""Where Accounting-Requests arrive: the port of RFC 2866."""

RECEIVE_BUFFER_DEFAULT: Final = 8 * MIB
"""Octets asked of the kernel for each socket: half a second of 30,000 requests a second."""

REJECT_DELAY_DEFAULT_MS: Final = 1000
"""Milliseconds before an Access-Reject goes out: slows guessing, well below a NAS's resend."""

DUPLICATE_LIFETIME_DEFAULT_S: Final = 30
"""Seconds that a reply is kept for resent requests: longer than a NAS goes on (RFC 5080, 2.2.2)."""

DUPLICATE_CAPACITY_DEFAULT: Final = 262_144
"""Replies kept at most: some 100 MB when all are of common size."""

PASSWORD_THREADS_DEFAULT: Final = 2
"""Threads that check argon2 passwords, at 30 ms of a core each."""

JOURNAL_NUMBER_DEFAULT: Final = 1
"""The journal's number, and that of the node in the ids that it makes: jobs are node 0."""

SEGMENT_SIZE_DEFAULT: Final = 64 * MIB
"""Octets of a journal segment: a minute of full load, read back in a second."""

DUNNING_FILE: Final = "dunning.toml"
"""The dunning table, beside the configuration."""

RETENTION_DEFAULT_DAYS: Final = 35
"""Days that applied segments stay: a month, so that a month's bills can be checked against them."""

UNAPPLIED_DEFAULT: Final = 4 * GIB
"""Octets journaled but not yet posted before the daemon falls silent: hours of a store away."""

TICK_DEFAULT_MS: Final = 200
"""Milliseconds between two transactions of the poster."""

OPEN_SESSION_AGE_DEFAULT_S: Final = 60
"""Seconds after which an open session's usage is posted at the latest: what a lost disk costs."""

BATCH_DEFAULT: Final = 400
"""Session postings of one transaction: some 20 ms of holding the writers' lock."""

SUBSCRIBERS_DEFAULT: Final = 100_000
"""Subscribers held in memory: some 200 MB; others are fetched when they log in."""

SILENCE_DEFAULT_INTERVALS: Final = 3
"""Interim intervals without a report before a session's end is presumed: two may be lost."""

INTERIM_DEFAULT_S: Final = 600
"""Seconds between interim reports where the offer does not say (RFC 2869 advises 600 or more)."""

CONTROL_SOCKET_DEFAULT: Final = "/run/aaad/control.sock"
"""The control socket: systemd's RuntimeDirectory."""

READING_GROUP_DEFAULT: Final = "aaad-read"
"""The system group that may ask."""

ADMINISTERING_GROUP_DEFAULT: Final = "aaad-admin"
"""The system group that may change."""

TRIES_DEFAULT: Final = 5
"""Sendings of one CoA or Disconnect (MRC of RFC 5080 section 2.2.1)."""

FIRST_TIMEOUT_DEFAULT_MS: Final = 2000
"""Milliseconds until the first resend (IRT of RFC 5080 section 2.2.1); doubled each time."""

TIMEOUT_MAX_DEFAULT_MS: Final = 16_000
"""Milliseconds that the time between resends grows to (MRT of RFC 5080 section 2.2.1)."""

IN_FLIGHT_DEFAULT: Final = 1024
"""Orders sent and not answered: four source ports of 256 identifiers."""

BRAND_RULE_DEFAULT: Final = BrandSettings(name=BRAND_DEFAULT)
"""Keep the realm, fold the case: what customers who type their names expect."""

STORE_SCHEMES: Final = ("sqlite", "postgresql")


class SettingsError(Exception):
    """The configuration has mistakes: `findings` names all of them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("\n".join(map(str, findings)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """[store]: where the books are."""

    url: str
    password: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """[journal]: the log of facts that every acknowledged record is in."""

    folder: Path
    number: int  # this node's own on its store
    segment_size: int  # octets
    retention_days: int
    unapplied_max: int  # octets


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiusSettings:
    """[radius]: the sockets and the exchange on them."""

    authentication: tuple[Endpoint, ...]
    accounting: tuple[Endpoint, ...]
    receive_buffer: int  # octets
    reject_delay_ms: int
    duplicate_lifetime_s: int
    duplicate_capacity: int
    password_threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingSettings:
    """[posting]: how often and how much the poster writes."""

    tick_ms: int
    open_session_max_age_s: int
    batch_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySettings:
    """[directory]: the subscribers in memory."""

    subscribers_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """[sessions]: when silence means an end."""

    silence_intervals: int
    interim_interval_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """[control]: the control socket and who may use it."""

    socket: Path
    reading_group: str
    administering_group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSettings:
    """[seal]: the key that seals credentials at rest."""

    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DictionarySettings:
    """[dictionaries]: the operator's own, over the built-in ones."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementSettings:
    """[enforcement]: how CoA and Disconnect are sent."""

    source_addresses: tuple[str, ...]  # one a family; empty: the system picks
    tries: int
    first_timeout_ms: int
    timeout_max_ms: int
    in_flight_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """[metrics]: the Prometheus page."""

    listen: Endpoint | None  # None: no page


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingSettings:
    """[billing]: what the jobs go by."""

    dunning_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSettings:
    """[test]: a clock that can be set, which no daemon with customers may have."""

    file: Path | None  # None: the machine's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """[log]: what is written."""

    level: LogLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration."""

    path: Path
    store: StoreSettings
    journal: JournalSettings
    radius: RadiusSettings
    posting: PostingSettings
    directory: DirectorySettings
    sessions: SessionSettings
    control: ControlSettings
    seal: SealSettings
    dictionaries: DictionarySettings
    enforcement: EnforcementSettings
    metrics: MetricsSettings
    billing: BillingSettings
    clock: ClockSettings
    log: LogSettings
    brands: Mapping[str, BrandSettings]
    clients: ClientTable
    nases: Mapping[str, NasSettings]

    def nas(self, name: str) -> NasSettings:
        """What is known of a NAS; of one that the configuration does not list, the defaults."""
        return self.nases.get(name) or NasSettings(name=name)


def load_settings(path: Path) -> Settings:
    """The settings in a file. Raises SettingsError with every mistake of the file."""
    document = Document.load(path)
    settings = _read_settings(document.root, path)
    findings = document.finish()
    if findings:
        raise SettingsError(findings)
    return settings


def _read_settings(root: Table, path: Path) -> Settings:
    folder = path.parent
    secrets = SecretFiles(folder / root.table("secrets").text("folder", default="."))
    brands = _read_brands(root)
    clients = read_clients(root.tables("clients"), brands=brands, secrets=secrets)
    return Settings(
        path=path,
        store=read_store(root.table("store"), secrets),
        journal=read_journal(root.table("journal"), folder),
        radius=_read_radius(root.table("radius")),
        posting=_read_posting(root.table("posting")),
        directory=DirectorySettings(
            subscribers_max=root.table("directory").integer(
                "subscribers_max", low=1, high=100_000_000, default=SUBSCRIBERS_DEFAULT
            )
        ),
        sessions=_read_sessions(root.table("sessions")),
        control=_read_control(root.table("control"), folder),
        seal=SealSettings(key=secrets.read_key(root.table("seal"), "key_file")),
        dictionaries=_read_dictionaries(root.table("dictionaries"), folder),
        enforcement=_read_enforcement(root.table("enforcement")),
        metrics=MetricsSettings(
            listen=root.table("metrics").parsed("listen", parse_endpoint, remedy=_ENDPOINT_REMEDY)
        ),
        billing=BillingSettings(
            dunning_file=folder / root.table("billing").text("dunning_file", default=DUNNING_FILE)
        ),
        clock=_read_clock(root.table("test"), folder),
        log=LogSettings(level=root.table("log").choice("level", LogLevel, default=LogLevel.INFO)),
        brands=brands,
        clients=ClientTable(clients),
        nases=read_nases(root.tables("nases"), secrets=secrets),
    )


_ENDPOINT_REMEDY: Final = 'write "192.0.2.1:1812" or "[2001:db8::1]:1812"'
_SIZE_REMEDY: Final = 'write a size as "64 MiB"'


def _read_brands(root: Table) -> dict[str, BrandSettings]:
    brands = {BRAND_DEFAULT: BRAND_RULE_DEFAULT}
    for name, table in root.named_tables("brands").items():
        brands[name] = BrandSettings(
            name=name,
            realm=table.choice("realm", RealmRule, default=BRAND_RULE_DEFAULT.realm),
            case=table.choice("case", CaseRule, default=BRAND_RULE_DEFAULT.case),
        )
    return brands


def read_store(table: Table, secrets: SecretFiles) -> StoreSettings:
    url = table.text("url")
    try:
        parts = urlsplit(url)
        scheme, password = parts.scheme, parts.password
    except ValueError:
        scheme, password = "", None
    if password is not None:
        table.find(
            "url", "holds a password", "put it in a file that password_file names", shown=False
        )
    elif url and scheme not in STORE_SCHEMES:
        table.find(
            "url",
            "names no known store",
            "write sqlite:///var/lib/aaad/aaad.db or postgresql://user@host/database",
            shown=False,
        )
    return StoreSettings(url=url, password=secrets.read_optional(table, "password_file"))


def read_journal(table: Table, folder: Path) -> JournalSettings:
    settings = JournalSettings(
        folder=folder / table.text("folder"),
        number=table.integer("number", low=1, high=NODE_MAX, default=JOURNAL_NUMBER_DEFAULT),
        segment_size=_size(
            table, "segment_size", low=MIB, high=4 * GIB, default=SEGMENT_SIZE_DEFAULT
        ),
        retention_days=table.integer(
            "retention_days", low=1, high=3660, default=RETENTION_DEFAULT_DAYS
        ),
        unapplied_max=_size(
            table, "unapplied_max", low=MIB, high=1024 * GIB, default=UNAPPLIED_DEFAULT
        ),
    )
    if settings.unapplied_max < settings.segment_size:
        table.find(
            "unapplied_max",
            f"is below segment_size, {settings.segment_size} octets",
            "let it hold several segments",
        )
    return settings


def _read_radius(table: Table) -> RadiusSettings:
    settings = RadiusSettings(
        authentication=_endpoints(table, "authentication", AUTHENTICATION_DEFAULT),
        accounting=_endpoints(table, "accounting", ACCOUNTING_DEFAULT),
        receive_buffer=_size(
            table, "receive_buffer", low=64 * KIB, high=GIB, default=RECEIVE_BUFFER_DEFAULT
        ),
        reject_delay_ms=table.integer(
            "reject_delay_ms", low=0, high=10_000, default=REJECT_DELAY_DEFAULT_MS
        ),
        duplicate_lifetime_s=table.integer(
            "duplicate_lifetime_s", low=1, high=300, default=DUPLICATE_LIFETIME_DEFAULT_S
        ),
        duplicate_capacity=table.integer(
            "duplicate_capacity", low=1024, high=16_777_216, default=DUPLICATE_CAPACITY_DEFAULT
        ),
        password_threads=table.integer(
            "password_threads", low=1, high=256, default=PASSWORD_THREADS_DEFAULT
        ),
    )
    if settings.duplicate_lifetime_s * 1000 <= settings.reject_delay_ms:
        table.find(
            "duplicate_lifetime_s",
            "ends before a delayed reject is sent",
            "make it longer than reject_delay_ms",
        )
    shared = set(settings.authentication) & set(settings.accounting)
    for endpoint in sorted(map(str, (one for one in shared if one.port))):
        table.find("accounting", f"{endpoint} is in authentication too", "use another port")
    return settings


def _read_posting(table: Table) -> PostingSettings:
    return PostingSettings(
        tick_ms=table.integer("tick_ms", low=10, high=10_000, default=TICK_DEFAULT_MS),
        open_session_max_age_s=table.integer(
            "open_session_max_age_s", low=1, high=3600, default=OPEN_SESSION_AGE_DEFAULT_S
        ),
        batch_max=table.integer("batch_max", low=1, high=100_000, default=BATCH_DEFAULT),
    )


def _read_sessions(table: Table) -> SessionSettings:
    return SessionSettings(
        silence_intervals=table.integer(
            "silence_intervals", low=2, high=100, default=SILENCE_DEFAULT_INTERVALS
        ),
        interim_interval_s=table.integer(
            "interim_interval_s", low=60, high=86_400, default=INTERIM_DEFAULT_S
        ),
    )


def _read_control(table: Table, folder: Path) -> ControlSettings:
    return ControlSettings(
        socket=folder / table.text("socket", default=CONTROL_SOCKET_DEFAULT),
        reading_group=table.text("reading_group", default=READING_GROUP_DEFAULT),
        administering_group=table.text("administering_group", default=ADMINISTERING_GROUP_DEFAULT),
    )


def _read_dictionaries(table: Table, folder: Path) -> DictionarySettings:
    files = tuple(folder / name for name in table.texts("files"))
    folders = tuple(folder / name for name in table.texts("folders"))
    for path in files:
        if not path.is_file():
            table.find("files", f"{path} is not a file", "name an existing dictionary", shown=False)
    for path in folders:
        if not path.is_dir():
            table.find("folders", f"{path} is not a folder", "name an existing one", shown=False)
    return DictionarySettings(files=files, folders=folders)


def _read_enforcement(table: Table) -> EnforcementSettings:
    settings = EnforcementSettings(
        source_addresses=table.parsed_each(
            "source_addresses", parse_address, remedy='write addresses as "192.0.2.1"'
        ),
        tries=table.integer("tries", low=1, high=20, default=TRIES_DEFAULT),
        first_timeout_ms=table.integer(
            "first_timeout_ms", low=100, high=60_000, default=FIRST_TIMEOUT_DEFAULT_MS
        ),
        timeout_max_ms=table.integer(
            "timeout_max_ms", low=100, high=300_000, default=TIMEOUT_MAX_DEFAULT_MS
        ),
        in_flight_max=table.integer("in_flight_max", low=1, high=65_536, default=IN_FLIGHT_DEFAULT),
    )
    if settings.timeout_max_ms < settings.first_timeout_ms:
        table.find("timeout_max_ms", "is below first_timeout_ms", "raise it")
    families = [":" in address for address in settings.source_addresses]
    if len(set(families)) < len(families):
        table.find(
            "source_addresses", "has two of one family", "name one IPv4 and one IPv6 at most"
        )
    return settings


def _read_clock(table: Table, folder: Path) -> ClockSettings:
    clock = table.boolean("clock", default=False)
    clock_file = table.optional_text("clock_file")
    if clock and clock_file is None:
        table.find("clock", "has no clock_file", "name a file where the setting is kept")
    return ClockSettings(file=folder / clock_file if clock and clock_file else None)


def _size(table: Table, name: str, *, low: int, high: int, default: int) -> int:
    """A size in octets within low and high."""
    size = table.parsed(name, parse_octets, remedy=_SIZE_REMEDY)
    if size is None:
        return default
    if not low <= size <= high:
        table.find(name, f"is not within {low} to {high} octets", _SIZE_REMEDY)
        return default
    return size


def _endpoints(table: Table, name: str, default: tuple[str, ...]) -> tuple[Endpoint, ...]:
    endpoints = table.parsed_each(name, parse_endpoint, remedy=_ENDPOINT_REMEDY, default=default)
    fixed = [endpoint for endpoint in endpoints if endpoint.port]
    for endpoint in sorted({str(one) for one in fixed if fixed.count(one) > 1}):
        table.find(name, f"names {endpoint} twice", "name each endpoint once")
    if table.take(name) == []:
        table.find(name, "names no endpoint", "leave the key out for the default, or name one")
    return endpoints
