"""A packet laid open for people: every octet in a row, with its name and what it means.

Made for packets that something is wrong with: nothing here raises, whatever the octets are. What
cannot be an attribute is shown as what it is, and the last row says what the decoder says and what
to do. All text is escaped for terminals. A password is shown only if the secret is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aaad.radius import attribute_types as types
from aaad.radius.codes import Code
from aaad.radius.dictionary import AttributeDefinition, Dictionary
from aaad.radius.errors import REMEDY, Discard
from aaad.radius.packet import Packet, Secret, decode, verify_request
from aaad.radius.passwords import decrypt_pap
from aaad.radius.values import decode_attribute, printable

HEADER_SIZE: Final = 20
_REQUESTS: Final = frozenset(
    {
        Code.ACCESS_REQUEST,
        Code.ACCOUNTING_REQUEST,
        Code.STATUS_SERVER,
        Code.DISCONNECT_REQUEST,
        Code.COA_REQUEST,
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One field: the offset of its first octet, its name, its octets in hex, their meaning."""

    offset: int
    name: str
    raw: str
    meaning: str


def dissect(data: bytes, dictionary: Dictionary, secret: Secret | None = None) -> list[Row]:
    """The rows of `data`; with `secret`, also the User-Password and whether signatures fit."""
    if len(data) < HEADER_SIZE:
        fields = [Row(0, "Octets", data.hex(), "shorter than a RADIUS header")]
        return [*fields, _verdict(data, secret)]
    length = int.from_bytes(data[2:4], "big")
    end = max(HEADER_SIZE, min(length, len(data)))
    rows = [*_header(data, length), *_attributes(data, end, dictionary, secret)]
    if end < len(data):
        rows.append(Row(end, "Padding", data[end:].hex(), "behind the length field, ignored"))
    return [*rows, _verdict(data, secret)]


def _header(data: bytes, length: int) -> list[Row]:
    known = data[0] in {int(code) for code in Code}
    name = Code(data[0]).name.replace("_", "-").title() if known else "unknown code"
    return [
        Row(0, "Code", data[:1].hex(), f"{name} ({data[0]})"),
        Row(1, "Identifier", data[1:2].hex(), str(data[1])),
        Row(2, "Length", data[2:4].hex(), f"{length} of {len(data)} octets received"),
        Row(4, "Authenticator", data[4:20].hex(), ""),
    ]


def _attributes(
    data: bytes, end: int, dictionary: Dictionary, secret: Secret | None
) -> Iterator[Row]:
    at = HEADER_SIZE
    while at < end:
        size = data[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            yield Row(at, "Malformed", data[at:end].hex(), _overrun(size, end - at))
            return
        value = data[at + 2 : at + size]
        if data[at] == types.VENDOR_SPECIFIC:
            yield from _vendor_rows(at, value, dictionary)
        elif data[at] == types.USER_PASSWORD and secret is not None:
            yield Row(at, "User-Password", value.hex(), _password(data, secret))
        else:
            yield _row(at, dictionary.by_number(0, data[at]), f"Attr-{data[at]}", value)
        at += size


def _overrun(size: int, left: int) -> str:
    if left < 2:
        return "one octet is left: no attribute is that short"
    if size < 2:
        return f"an attribute of length {size}: the least is 2"
    return f"an attribute of length {size} where {left} octets are left"


def _vendor_rows(at: int, value: bytes, dictionary: Dictionary) -> Iterator[Row]:
    vendor = int.from_bytes(value[:4], "big")
    inner = _sub_attributes(value[4:]) if len(value) > 4 else None
    if inner is None:
        name = printable(dictionary.vendor_name(vendor).encode())
        yield Row(at, "Vendor-Specific", value.hex(), f"{name}, not in sub-attributes")
        return
    for offset, number, content in inner:
        definition = dictionary.by_number(vendor, number)
        yield _row(at + 6 + offset, definition, f"Attr-26.{vendor}.{number}", content)


def _sub_attributes(value: bytes) -> list[tuple[int, int, bytes]] | None:
    """(offset, number, value) of each; None unless they fill it exactly (RFC 2865 s. 5.26)."""
    found = []
    at = 0
    while at < len(value):
        size = value[at + 1] if at + 1 < len(value) else 0
        if size < 2 or at + size > len(value):
            return None
        found.append((at, value[at], value[at + 2 : at + size]))
        at += size
    return found


def _row(at: int, definition: AttributeDefinition | None, unnamed: str, value: bytes) -> Row:
    if definition is None:
        return Row(at, unnamed, value.hex(), f'"{printable(value)}"')
    return Row(at, definition.name, value.hex(), decode_attribute(definition, value))


def _password(data: bytes, secret: Secret) -> str:
    try:
        clear = decrypt_pap(decode(data), secret)
    except Discard:
        return "the packet is malformed"
    return "malformed" if clear is None else f'"{printable(clear)}"'


def _verdict(data: bytes, secret: Secret | None) -> Row:
    try:
        meaning = _signatures(decode(data), secret)
    except Discard as discard:
        meaning = f"discarded: {discard.reason}; {REMEDY[discard.reason]}"
    return Row(0, "Verdict", "", meaning)


def _signatures(packet: Packet, secret: Secret | None) -> str:
    """What the signatures say; raises Discard where they are wrong."""
    if packet.code not in _REQUESTS:
        return "well-formed; a response is signed with its request, so it is not checked here"
    if secret is None:
        return "well-formed; give the secret to check its signatures"
    verify_request(packet, secret, require_message_authenticator=False)
    if packet.has(types.MESSAGE_AUTHENTICATOR) or packet.code != Code.ACCESS_REQUEST:
        return "well-formed, signed with this secret"
    return "well-formed, not signed: without Message-Authenticator it can be forged"
