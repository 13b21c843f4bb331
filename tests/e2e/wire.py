"""RADIUS as its RFCs write it, for the test's side of the wire: hashlib, hmac and struct, nothing
of aaad.

Short on purpose: RFC 2865 (PAP, CHAP), 2866, 2869 (Message-Authenticator), 5176 and 5997, as far as
the NASes and the load of the tests speak it. A wrong answer of the daemon must not pass because
both share a mistake.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct(">BBH16s")
ZEROS = bytes(16)


class Code(IntEnum):
    """Packet types."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


class Attribute(IntEnum):
    """Attribute types."""

    USER_NAME = 1
    USER_PASSWORD = 2
    CHAP_PASSWORD = 3
    NAS_IP_ADDRESS = 4
    NAS_PORT = 5
    FRAMED_IP_ADDRESS = 8
    FILTER_ID = 11
    REPLY_MESSAGE = 18
    CLASS = 25
    SESSION_TIMEOUT = 27
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_SESSION_TIME = 46
    ACCT_TERMINATE_CAUSE = 49
    ACCT_INPUT_GIGAWORDS = 52
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    CHAP_CHALLENGE = 60
    MESSAGE_AUTHENTICATOR = 80
    ACCT_INTERIM_INTERVAL = 85
    ERROR_CAUSE = 101


class Status(IntEnum):
    """Acct-Status-Type."""

    START = 1
    STOP = 2
    INTERIM_UPDATE = 3
    ACCOUNTING_ON = 7
    ACCOUNTING_OFF = 8


class WrongPacketError(AssertionError):
    """A packet of the daemon that a NAS would discard: the message says why."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet taken apart; its attributes in the order of the wire."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: tuple[tuple[int, bytes], ...]

    def all(self, kind: int) -> list[bytes]:
        return [value for number, value in self.attributes if number == kind]

    def text(self, kind: int) -> str | None:
        """The first attribute of this type as text."""
        return next((value.decode() for value in self.all(kind)), None)

    def integer(self, kind: int) -> int | None:
        """The first attribute of this type as a 32-bit integer."""
        return next((int.from_bytes(value, "big") for value in self.all(kind)), None)


def attribute(kind: int, value: bytes | str | int) -> bytes:
    """One attribute as bytes; an integer takes four octets."""
    if isinstance(value, int):
        value = value.to_bytes(4, "big")
    elif isinstance(value, str):
        value = value.encode()
    return bytes((kind, len(value) + 2)) + value


def header(code: int, identifier: int, authenticator: bytes, attributes: bytes) -> bytes:
    return HEADER.pack(code, identifier, HEADER.size + len(attributes), authenticator) + attributes


def parse(data: bytes) -> Packet:
    """Take a packet apart; WrongPacketError unless every length in it is right."""
    if len(data) < HEADER.size or len(data) != int.from_bytes(data[2:4], "big"):
        raise WrongPacketError(f"length of {len(data)} octets is not what the header says")
    code, identifier, _, authenticator = HEADER.unpack_from(data)
    return Packet(code, identifier, authenticator, tuple(_attributes(data)))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = HEADER.size
    while at < len(data):
        if at + 2 > len(data) or data[at + 1] < 2 or at + data[at + 1] > len(data):
            raise WrongPacketError(f"attribute at octet {at} overruns the packet")
        yield data[at], data[at + 2 : at + data[at + 1]]
        at += data[at + 1]


def hide_password(password: bytes, *, authenticator: bytes, secret: bytes) -> bytes:
    """User-Password (RFC 2865 section 5.2)."""
    padded = password + bytes(-len(password) % 16) if password else ZEROS
    hidden, block = b"", authenticator
    for at in range(0, len(padded), 16):
        mask = hashlib.md5(secret + block).digest()
        block = bytes(a ^ b for a, b in zip(padded[at : at + 16], mask, strict=True))
        hidden += block
    return hidden


def chap_password(password: bytes, *, chap_id: int, challenge: bytes) -> bytes:
    """CHAP-Password (RFC 2865 section 5.3)."""
    return bytes((chap_id,)) + hashlib.md5(bytes((chap_id,)) + password + challenge).digest()


def sign_request(
    code: int, identifier: int, authenticator: bytes, attributes: bytes, secret: bytes
) -> bytes:
    """Access-Request or Status-Server: random authenticator, Message-Authenticator first."""
    unsigned = attribute(Attribute.MESSAGE_AUTHENTICATOR, ZEROS) + attributes
    data = header(code, identifier, authenticator, unsigned)
    mac = hmac.new(secret, data, "md5").digest()
    return data[:22] + mac + data[38:]


def sign_accounting(code: int, identifier: int, attributes: bytes, secret: bytes) -> bytes:
    """Accounting-, CoA- or Disconnect-Request: the authenticator is the signature."""
    data = header(code, identifier, ZEROS, attributes)
    return data[:4] + hashlib.md5(data + secret).digest() + data[20:]


def sign_reply(code: int, request: bytes, attributes: bytes, secret: bytes) -> bytes:
    """A reply to `request`."""
    data = header(code, request[1], request[4:20], attributes)
    return data[:4] + hashlib.md5(data + secret).digest() + data[20:]


def check_reply(data: bytes, *, request: bytes, secret: bytes) -> Packet:
    """The reply, or WrongPacketError: identifier, authenticator, Message-Authenticator and its
    place."""
    packet = parse(data)
    if packet.identifier != request[1]:
        raise WrongPacketError(f"identifier {packet.identifier}, asked with {request[1]}")
    expected = hashlib.md5(data[:4] + request[4:20] + data[20:] + secret).digest()
    if expected != packet.authenticator:
        raise WrongPacketError("wrong Response Authenticator")
    macs = packet.all(Attribute.MESSAGE_AUTHENTICATOR)
    if request[0] in {Code.ACCESS_REQUEST, Code.STATUS_SERVER}:
        if len(macs) != 1 or packet.attributes[0][0] != Attribute.MESSAGE_AUTHENTICATOR:
            raise WrongPacketError("Message-Authenticator is not first, or not once")
        _check_mac(data, request[4:20], macs[0], secret)
    return packet


def check_order(data: bytes, *, secret: bytes) -> Packet:
    """A CoA- or Disconnect-Request from the daemon, or WrongPacketError."""
    packet = parse(data)
    if packet.code not in {Code.DISCONNECT_REQUEST, Code.COA_REQUEST}:
        raise WrongPacketError(f"code {packet.code} is no order")
    if hashlib.md5(data[:4] + ZEROS + data[20:] + secret).digest() != packet.authenticator:
        raise WrongPacketError("wrong Request Authenticator")
    for mac in packet.all(Attribute.MESSAGE_AUTHENTICATOR):
        _check_mac(data, ZEROS, mac, secret)
    return packet


def _check_mac(data: bytes, authenticator: bytes, mac: bytes, secret: bytes) -> None:
    """Over the packet with the Message-Authenticator's own octets zero (RFC 3579 section 3.2)."""
    at = HEADER.size
    while data[at] != Attribute.MESSAGE_AUTHENTICATOR:
        at += data[at + 1]
    zeroed = data[:4] + authenticator + data[20 : at + 2] + ZEROS + data[at + 18 :]
    if hmac.new(secret, zeroed, "md5").digest() != mac:
        raise WrongPacketError("wrong Message-Authenticator")
