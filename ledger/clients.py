"""Who may speak: clients send datagrams, NASes serve users (DESIGN.md, Identity).

A client is a set of source prefixes with one secret; the longest prefix that holds a source
decides. A NAS is known by what it calls itself, whichever client its packets come through. Both are
read from the configuration here, with every mistake as a finding, and looked up by the packet path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ledger.addresses import Network, parse_address, parse_network
from ledger.document import Table
from ledger.secret_files import SecretFiles

DYNAUTH_PORT_DEFAULT: Final = 3799
"""UDP port of CoA and Disconnect on a NAS (RFC 5176)."""

EVENT_TIMESTAMP_WINDOW_DEFAULT_S: Final = 86_400
"""Seconds that a NAS's Event-Timestamp may lie from our clock: a day covers a zone set wrong."""

EVENT_TIMESTAMP_WINDOW_MAX_S: Final = 366 * 86_400
"""A NAS that is a year off has no clock at all."""

LINE_RATE_DEFAULT_BPS: Final = 1_000_000_000
"""Bits per second of a subscriber's line: the fastest commonly sold, 4 GiB in 35 s."""

LINE_RATE_MAX_BPS: Final = 10**12
"""A terabit: no subscriber's line is faster."""

BRAND_DEFAULT: Final = "default"
"""The brand of a client that names none."""

_IPV4_MAPPED: Final = bytes(10) + b"\xff\xff"


class SessionCount(StrEnum):
    """Which sessions of a NAS count when some are others' children (multilink, services)."""

    BOTH = "both"
    PARENT = "parent"
    CHILDREN = "children"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """A RADIUS client: who may send datagrams, and under which secret."""

    name: str
    prefixes: tuple[Network, ...]
    secret: bytes = field(repr=False)
    brand: str
    require_message_authenticator: bool = True
    allow_mschapv1: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DynauthSettings:
    """Where a NAS listens for CoA and Disconnect (RFC 5176), and whom it listens to."""

    address: str
    port: int = DYNAUTH_PORT_DEFAULT
    secret: bytes = field(repr=False)
    source: str | None = None  # our address that the NAS knows; None: [enforcement] decides


@dataclass(frozen=True, slots=True, kw_only=True)
class NasSettings:
    """What is known of one NAS. `name` is its NAS-Identifier, else NAS-IP(v6)-Address or source."""

    name: str
    dynauth: DynauthSettings | None = None  # None: nobody can be disconnected there
    event_timestamp_window_s: int = EVENT_TIMESTAMP_WINDOW_DEFAULT_S
    adopt_from: int | None = None  # sessions begun before are taken over, their counters the base
    counts: SessionCount = SessionCount.BOTH
    line_rate_bps: int = LINE_RATE_DEFAULT_BPS


class ClientTable:
    """Clients by source address. Built whole, then never changed: a reload makes a new one."""

    __slots__ = ("_by_size", "clients")

    def __init__(self, clients: Iterable[ClientSettings]) -> None:
        """`clients` share no prefix: `read_clients` has seen to it."""
        self.clients = tuple(clients)
        self._by_size = {4: _levels(self.clients, 4), 16: _levels(self.clients, 16)}

    def __eq__(self, other: object) -> bool:
        """A table of the same clients: a reload tells whether any of them changed."""
        return isinstance(other, ClientTable) and self.clients == other.clients

    def __hash__(self) -> int:
        return hash(self.clients)

    def lookup(self, address: bytes) -> ClientSettings | None:
        """The client of a source of 4 or 16 octets: that of the longest prefix, or None.

        An IPv4 source that arrived on an IPv6 socket (::ffff:192.0.2.1) is looked up as IPv4.
        """
        if len(address) == 16 and address.startswith(_IPV4_MAPPED):
            address = address[12:]
        number = int.from_bytes(address, "big")
        for mask, clients in self._by_size[len(address)]:
            client = clients.get(number & mask)
            if client is not None:
                return client
        return None


_Level = tuple[int, dict[int, ClientSettings]]


def _levels(clients: Iterable[ClientSettings], size: int) -> tuple[_Level, ...]:
    """(mask, network number -> client) of each prefix length in use, longest first."""
    levels: dict[int, dict[int, ClientSettings]] = {}
    for client in clients:
        for prefix in client.prefixes:
            if len(prefix.network_address.packed) == size:
                level = levels.setdefault(int(prefix.netmask), {})
                level[int(prefix.network_address)] = client
    return tuple(sorted(levels.items(), key=lambda level: level[0], reverse=True))


def read_clients(
    tables: Iterable[Table], *, brands: Iterable[str], secrets: SecretFiles
) -> tuple[ClientSettings, ...]:
    """The clients of [[clients]]; duplicates and unknown brands are findings."""
    known_brands = frozenset(brands)
    names: dict[str, str] = {}
    owners: dict[Network, str] = {}
    clients = []
    for table in tables:
        client = _read_client(table, secrets)
        _note_once(table, "name", client.name, names)
        for prefix in client.prefixes:
            if prefix in owners:
                problem = f"{prefix} is also in {owners[prefix]}"
                table.find("prefixes", problem, "keep it in one place")
            owners.setdefault(prefix, table.key)
        if client.brand not in known_brands:
            table.find("brand", "is no brand", f"add [brands.{client.brand}] or name another")
        clients.append(client)
    return tuple(clients)


def _read_client(table: Table, secrets: SecretFiles) -> ClientSettings:
    prefixes = table.parsed_each(
        "prefixes", parse_network, remedy='write prefixes as "192.0.2.0/24" or "2001:db8::/32"'
    )
    if "prefixes" not in table or table.take("prefixes") == []:
        table.find("prefixes", "names no source", 'write prefixes = ["192.0.2.0/24"]')
    return ClientSettings(
        name=table.text("name"),
        prefixes=prefixes,
        secret=secrets.read(table, "secret_file"),
        brand=table.text("brand", default=BRAND_DEFAULT),
        require_message_authenticator=table.boolean("require_message_authenticator", default=True),
        allow_mschapv1=table.boolean("allow_mschapv1", default=False),
    )


def read_nases(tables: Iterable[Table], *, secrets: SecretFiles) -> dict[str, NasSettings]:
    """The NASes of [[nases]] by name; a name given twice is a finding."""
    names: dict[str, str] = {}
    nases = {}
    for table in tables:
        nas = _read_nas(table, secrets)
        _note_once(table, "name", nas.name, names)
        nases[nas.name] = nas
    return nases


def _read_nas(table: Table, secrets: SecretFiles) -> NasSettings:
    return NasSettings(
        name=_nas_name(table.text("name")),
        dynauth=_read_dynauth(table.table("dynauth"), secrets) if "dynauth" in table else None,
        event_timestamp_window_s=table.integer(
            "event_timestamp_window_s",
            low=0,
            high=EVENT_TIMESTAMP_WINDOW_MAX_S,
            default=EVENT_TIMESTAMP_WINDOW_DEFAULT_S,
        ),
        adopt_from=table.instant("adopt_from"),
        counts=table.choice("counts", SessionCount, default=SessionCount.BOTH),
        line_rate_bps=table.integer(
            "line_rate_bps", low=1, high=LINE_RATE_MAX_BPS, default=LINE_RATE_DEFAULT_BPS
        ),
    )


def _read_dynauth(table: Table, secrets: SecretFiles) -> DynauthSettings:
    remedy = 'write an address as "192.0.2.1" or "2001:db8::1"'
    return DynauthSettings(
        address=table.parsed("address", parse_address, remedy=remedy, required=True) or "",
        port=table.integer("port", low=1, high=65_535, default=DYNAUTH_PORT_DEFAULT),
        secret=secrets.read(table, "secret_file"),
        source=table.parsed("source", parse_address, remedy=remedy),
    )


def _nas_name(name: str) -> str:
    """A NAS named by its address is known by that address's canonical spelling."""
    try:
        return parse_address(name)
    except ValueError:
        return name


def _note_once(table: Table, name: str, value: str, seen: dict[str, str]) -> None:
    first = seen.setdefault(value, table.key)
    if value and first != table.key:
        table.find(name, f"is also the {name} of {first}", "give each its own")
