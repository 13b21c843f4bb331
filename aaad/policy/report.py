"""An accounting packet read as facts: who reports what about which session, and when it was true.

Pure. The rules of reading stand in DESIGN's sections Identity and Time as built in
docs/architecture.md: the NAS is its NAS-Identifier, else NAS-IP(v6)-Address, else the source; the
instant is the Event-Timestamp (RFC 2869 s.5.3) if it is credible, else the time of receipt less
Acct-Delay-Time (RFC 2866 s.5.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from aaad.policy.class_attribute import MAGIC
from aaad.radius.attribute_types import (
    ACCT_DELAY_TIME,
    ACCT_INPUT_GIGAWORDS,
    ACCT_INPUT_OCTETS,
    ACCT_MULTI_SESSION_ID,
    ACCT_OUTPUT_GIGAWORDS,
    ACCT_OUTPUT_OCTETS,
    ACCT_SESSION_ID,
    ACCT_SESSION_TIME,
    ACCT_STATUS_TYPE,
    ACCT_TERMINATE_CAUSE,
    CALLED_STATION_ID,
    CALLING_STATION_ID,
    CLASS,
    EVENT_TIMESTAMP,
    FRAMED_IP_ADDRESS,
    NAS_IDENTIFIER,
    NAS_IP_ADDRESS,
    NAS_IPV6_ADDRESS,
    NAS_PORT,
    NAS_PORT_ID,
    USER_NAME,
)
from aaad.radius.codes import AcctStatusType
from aaad.radius.decoder import Packet

SESSION_TIME_MAX_S = 10 * 366 * 86_400
"""An Acct-Session-Time of more than ten years is no measurement."""

WORD = 1 << 32
"""Octet counters of RFC 2866 are 32 bits wide; Gigawords (RFC 2869 s.5.1) count their wraps."""

TEXTS_MAX = 65_536
"""Names, ports and addresses that are remembered as text: as many of each as speak at once."""

ABSENT = -1
"""An attribute that is not there, or of a wrong length; numbers on the wire are never negative."""

_NOWHERE = bytes(4)
_NOWHERE_6 = bytes(16)

START = AcctStatusType.START.value
INTERIM_UPDATE = AcctStatusType.INTERIM_UPDATE.value
STOP = AcctStatusType.STOP.value


@dataclass(kw_only=True)
class Report:
    """One authentic Accounting-Request as facts. Octets are the NAS's own counters, not yet joined
    to a session. Never changed after it was read.
    """

    lsn: int
    received_at: int
    client: str
    nas: str
    status: int
    acct_session_id: bytes
    user_name: bytes
    session_time_s: int | None
    input_octets: int
    output_octets: int
    gigawords: bool  # the packet carried a Gigawords attribute: the counters are 64 bits wide
    event_timestamp_at: int | None
    delay_s: int
    terminate_cause: int
    nas_address: str
    nas_port: str
    framed_address: str
    calling_station_id: bytes
    called_station_id: bytes
    class_: bytes
    multi_session_id: bytes = b""  # of the bundle that a link belongs to

    @property
    def received_instant(self) -> int:
        """When it happened by our own clock: receipt less the delay the NAS admits."""
        return self.received_at - self.delay_s

    def instant(self, window_s: int) -> int:
        """When it happened: the Event-Timestamp if within `window_s` of our own reckoning, else
        that.
        """
        at = self.event_timestamp_at
        if at is not None and abs(at - self.received_instant) <= window_s:
            return at
        return self.received_instant

    def clock_is_wrong(self, window_s: int) -> bool:
        """Whether the NAS named an instant that was not believed."""
        at = self.event_timestamp_at
        return at is not None and abs(at - self.received_instant) > window_s


def text_of(octets: bytes) -> str:
    """Octets from the network as text that any store can keep: invalid UTF-8 as escapes."""
    return octets.decode("utf-8", "backslashreplace")


def _address_text(packed: bytes) -> str:
    if len(packed) == 4:
        return f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}"
    return str(IPv6Address(packed))


class _Texts:
    """Texts of octets that come again and again: the same object each time. Bounded."""

    def __init__(self, make: Callable[[bytes], str]) -> None:
        self._make = make
        self._texts: dict[bytes, str] = {}

    def of(self, octets: bytes) -> str:
        """The text of these octets."""
        text = self._texts.get(octets)
        if text is None:
            if len(self._texts) >= TEXTS_MAX:
                self._texts.clear()
            text = self._texts[octets] = self._make(octets)
        return text


_names: Final = _Texts(text_of)  # of NASes and their ports
_addresses: Final = _Texts(_address_text)  # of NASes and users


def nas_of(packet: Packet, source: str) -> str:
    """Who serves the user: NAS-Identifier, else NAS-IP-Address, else NAS-IPv6-Address, else the
    source.
    """
    identifier = packet.get(NAS_IDENTIFIER)
    return _names.of(identifier) if identifier else nas_address_of(packet, source)


def nas_address_of(packet: Packet, source: str) -> str:
    """Where the NAS itself is: by its own word, else where the packet came from."""
    value = packet.get(NAS_IP_ADDRESS)
    if value is not None and len(value) == 4 and value != _NOWHERE:
        return _addresses.of(value)
    value = packet.get(NAS_IPV6_ADDRESS)
    if value is not None and len(value) == 16 and value != _NOWHERE_6:
        return _addresses.of(value)
    return source


def read_report(packet: Packet, *, lsn: int, received_at: int, client: str, source: str) -> Report:
    """The facts of an Accounting-Request. Attributes of a wrong length count as absent."""
    report = Report.__new__(Report)  # filled in place: a call of so many keywords costs more
    report.lsn = lsn
    report.received_at = received_at
    report.client = client
    report.nas = nas_of(packet, source)
    report.status = packet.number(ACCT_STATUS_TYPE, 0)
    report.acct_session_id = packet.get(ACCT_SESSION_ID) or b""
    report.multi_session_id = packet.get(ACCT_MULTI_SESSION_ID) or b""
    report.user_name = packet.get(USER_NAME) or b""
    _read_counters(report, packet)
    report.event_timestamp_at = packet.get_int(EVENT_TIMESTAMP)
    report.delay_s = packet.number(ACCT_DELAY_TIME, 0)
    report.terminate_cause = packet.number(ACCT_TERMINATE_CAUSE, 0)
    report.nas_address = nas_address_of(packet, source)
    report.nas_port = _nas_port(packet)
    report.framed_address = _framed_address(packet)
    report.calling_station_id = packet.get(CALLING_STATION_ID) or b""
    report.called_station_id = packet.get(CALLED_STATION_ID) or b""
    report.class_ = _class(packet)
    return report


def is_session_report(status: int) -> bool:
    """Whether a status speaks of one session (and not of a whole NAS or a tunnel)."""
    return status in (START, INTERIM_UPDATE, STOP)


def _read_counters(report: Report, packet: Packet) -> None:
    """Time and octets, the octets with their Gigawords."""
    time_s = packet.number(ACCT_SESSION_TIME, ABSENT)
    report.session_time_s = time_s if 0 <= time_s <= SESSION_TIME_MAX_S else None
    report.gigawords = (
        packet.number(ACCT_INPUT_GIGAWORDS, ABSENT) != ABSENT
        or packet.number(ACCT_OUTPUT_GIGAWORDS, ABSENT) != ABSENT
    )
    report.input_octets = _octets(packet, ACCT_INPUT_GIGAWORDS, ACCT_INPUT_OCTETS)
    report.output_octets = _octets(packet, ACCT_OUTPUT_GIGAWORDS, ACCT_OUTPUT_OCTETS)


def _octets(packet: Packet, gigawords_type: int, octets_type: int) -> int:
    """A counter of 64 bits."""
    gigawords, octets = packet.number(gigawords_type, 0), packet.number(octets_type, 0)
    return gigawords * WORD + octets if gigawords else octets


def _class(packet: Packet) -> bytes:
    """Our own Class among those returned, else the first."""
    values = packet.get_all(CLASS)
    for value in values:
        if value.startswith(MAGIC):
            return value
    return values[0] if values else b""


def _nas_port(packet: Packet) -> str:
    port_id = packet.get(NAS_PORT_ID)
    if port_id:
        return _names.of(port_id)
    port = packet.number(NAS_PORT, ABSENT)
    return "" if port == ABSENT else str(port)


def _framed_address(packet: Packet) -> str:
    value = packet.get(FRAMED_IP_ADDRESS)
    return _addresses.of(value) if value is not None and len(value) == 4 else ""
