"""An accounting packet read as facts: who reports what about which session, and when it was true.

Pure. The rules of reading stand in DESIGN's sections Identity and Time as built in
docs/architecture.md: the NAS is its NAS-Identifier, else NAS-IP(v6)-Address, else the source; the
instant is the Event-Timestamp (RFC 2869 s.5.3) if it is credible, else the time of receipt less
Acct-Delay-Time (RFC 2866 s.5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from aaad.policy.class_attribute import MAGIC
from aaad.radius import attribute_types as attribute
from aaad.radius.codes import AcctStatusType
from aaad.radius.packet import Packet

SESSION_TIME_MAX_S = 10 * 366 * 86_400
"""An Acct-Session-Time of more than ten years is no measurement."""

WORD = 1 << 32
"""Octet counters of RFC 2866 are 32 bits wide; Gigawords (RFC 2869 s.5.1) count their wraps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One authentic Accounting-Request as facts. Octets are the NAS's own counters, not yet joined
    to a session.
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


def nas_of(packet: Packet, source: str) -> str:
    """Who serves the user: NAS-Identifier, else NAS-IP-Address, else NAS-IPv6-Address, else the
    source.
    """
    identifier = packet.get(attribute.NAS_IDENTIFIER)
    if identifier:
        return text_of(identifier)
    return nas_address_of(packet, source)


def nas_address_of(packet: Packet, source: str) -> str:
    """Where the NAS itself is: by its own word, else where the packet came from."""
    for kind, size in ((attribute.NAS_IP_ADDRESS, 4), (attribute.NAS_IPV6_ADDRESS, 16)):
        value = packet.get(kind)
        if value is not None and len(value) == size and any(value):
            return str(ip_address(value))
    return source


def read_report(packet: Packet, *, lsn: int, received_at: int, client: str, source: str) -> Report:
    """The facts of an Accounting-Request. Attributes of a wrong length count as absent."""
    gigawords_in = packet.get_int(attribute.ACCT_INPUT_GIGAWORDS)
    gigawords_out = packet.get_int(attribute.ACCT_OUTPUT_GIGAWORDS)
    session_time = packet.get_int(attribute.ACCT_SESSION_TIME)
    if session_time is not None and session_time > SESSION_TIME_MAX_S:
        session_time = None
    return Report(
        lsn=lsn,
        received_at=received_at,
        client=client,
        nas=nas_of(packet, source),
        status=packet.get_int(attribute.ACCT_STATUS_TYPE) or 0,
        acct_session_id=packet.get(attribute.ACCT_SESSION_ID) or b"",
        multi_session_id=packet.get(attribute.ACCT_MULTI_SESSION_ID) or b"",
        user_name=packet.get(attribute.USER_NAME) or b"",
        session_time_s=session_time,
        input_octets=(gigawords_in or 0) * WORD
        + (packet.get_int(attribute.ACCT_INPUT_OCTETS) or 0),
        output_octets=(gigawords_out or 0) * WORD
        + (packet.get_int(attribute.ACCT_OUTPUT_OCTETS) or 0),
        gigawords=gigawords_in is not None or gigawords_out is not None,
        event_timestamp_at=packet.get_int(attribute.EVENT_TIMESTAMP),
        delay_s=packet.get_int(attribute.ACCT_DELAY_TIME) or 0,
        terminate_cause=packet.get_int(attribute.ACCT_TERMINATE_CAUSE) or 0,
        nas_address=nas_address_of(packet, source),
        nas_port=_nas_port(packet),
        framed_address=_framed_address(packet),
        calling_station_id=packet.get(attribute.CALLING_STATION_ID) or b"",
        called_station_id=packet.get(attribute.CALLED_STATION_ID) or b"",
        class_=_class(packet),
    )


def is_session_report(status: int) -> bool:
    """Whether a status speaks of one session (and not of a whole NAS or a tunnel)."""
    return status in {
        AcctStatusType.START,
        AcctStatusType.INTERIM_UPDATE,
        AcctStatusType.STOP,
    }


def _class(packet: Packet) -> bytes:
    """Our own Class among those returned, else the first."""
    values = packet.get_all(attribute.CLASS)
    return next(
        (value for value in values if value.startswith(MAGIC)), values[0] if values else b""
    )


def _nas_port(packet: Packet) -> str:
    port_id = packet.get(attribute.NAS_PORT_ID)
    if port_id:
        return text_of(port_id)
    port = packet.get_int(attribute.NAS_PORT)
    return "" if port is None else str(port)


def _framed_address(packet: Packet) -> str:
    value = packet.get(attribute.FRAMED_IP_ADDRESS)
    return str(ip_address(value)) if value is not None and len(value) == 4 else ""
