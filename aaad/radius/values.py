"""One attribute from a value and back: the data types of the dictionaries, and what hides them.

`encode_attribute` gives the whole attribute with its headers, ready to be joined into a packet or a
reply profile. `decode_attribute` is for people: its text is escaped for terminals and never fails,
since what comes from the network may be malformed.
"""

import datetime
import ipaddress
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aaad.radius.dictionary import NUMBER_TYPES, AttributeDefinition
from aaad.radius.framing import (
    VALUE_SIZE_MAX,
    VENDOR_VALUE_SIZE_MAX,
    frame_attribute,
    frame_vendor_attribute,
)
from aaad.radius.packet import Secret
from aaad.radius.passwords import SaltSource, encrypt_pap, random_salt, salt_encrypt

AttributeValue = str | int | bytes

TAG_MAX: Final = 0x1F  # RFC 2868 section 3: a first octet above it is not a tag
TAGGED_INTEGER_SIZE: Final = 3
ENCRYPT_AS_PASSWORD: Final = 1
ENCRYPT_SALTED: Final = 2
IPV6_PREFIX_SIZE_MAX: Final = 18  # RFC 3162 section 2.3: reserved, length, prefix

_NUMBER_SIZES: Final = {
    "byte": 1,
    "short": 2,
    "integer": 4,
    "signed": 4,
    "date": 4,
    "integer64": 8,
}


@dataclass(frozen=True, slots=True)
class Hiding:
    """What encrypted attributes need: the secret, the Request Authenticator, a source of salts."""

    secret: Secret
    authenticator: bytes
    salt_source: SaltSource = random_salt


def encode_attribute(
    definition: AttributeDefinition,
    value: AttributeValue,
    *,
    tag: int | None = None,
    hiding: Hiding | None = None,
) -> bytes:
    """The whole attribute. `tag` as RFC 2868, `hiding` for those that the dictionary encrypts.

    Raises ValueError that names the attribute, the value (never a hidden one) and the remedy.
    """
    try:
        payload = _encode_payload(definition, value, tag=tag)
        payload = _hide(definition, payload, tag=tag, hiding=hiding)
        _check_size(definition, payload)
    except ValueError as error:
        shown = "a hidden value" if definition.encrypt else repr(value)
        raise ValueError(f"{definition.name} = {shown}: {error}") from error
    if definition.vendor:
        return frame_vendor_attribute(definition.vendor, definition.number, payload)
    return frame_attribute(definition.number, payload)


def decode_attribute(definition: AttributeDefinition, value: bytes) -> str:
    """The value of an attribute (without headers) as text for people; malformed ones in hex."""
    if definition.encrypt:
        return f"hidden, {len(value)} octets"
    prefix = ""
    if definition.has_tag and value:
        tag, value = _split_tag(definition, value)
        prefix = f"tag {tag}: " if tag else ""
    decoder = _DECODERS.get(definition.type)
    text = decoder(value) if decoder else None
    if definition.type in NUMBER_TYPES:
        text = _decode_number(definition, value)
    if text is None:
        return f"{prefix}malformed {definition.type}, 0x{value.hex()}"
    return prefix + text


def printable(text: bytes) -> str:
    """UTF-8 with everything that could move a cursor or forge a line escaped as in Python."""
    shown = []
    for character in text.decode("utf-8", "surrogateescape"):
        code = ord(character)
        if character in '\\"':
            shown.append("\\" + character)
        elif 0xDC80 <= code <= 0xDCFF:  # an octet that is not UTF-8
            shown.append(f"\\x{code - 0xDC00:02x}")
        elif character.isprintable():
            shown.append(character)
        else:
            shown.append(character.encode("unicode_escape").decode("ascii"))
    return "".join(shown)


def _encode_payload(
    definition: AttributeDefinition, value: AttributeValue, *, tag: int | None
) -> bytes:
    if tag is not None and not definition.has_tag:
        raise ValueError("it takes no tag; leave it out")
    if tag is not None and not 0 <= tag <= TAG_MAX:
        raise ValueError(f"tag {tag}: give 0 to {TAG_MAX}")
    if definition.type in NUMBER_TYPES:
        return _encode_number(definition, value, tag=tag)
    encoder = _ENCODERS.get(definition.type, _encode_octets)
    payload = encoder(value)
    if not definition.has_tag or definition.encrypt == ENCRYPT_SALTED:
        return payload
    if tag or (payload and payload[0] <= TAG_MAX):
        # RFC 2868 section 3: a value that begins like a tag needs one before it
        return bytes((tag or 0,)) + payload
    return payload


def _check_size(definition: AttributeDefinition, payload: bytes) -> None:
    limit = VENDOR_VALUE_SIZE_MAX if definition.vendor else VALUE_SIZE_MAX
    if len(payload) > limit:
        raise ValueError(f"{len(payload)} octets, {limit} fit; shorten it")


def _hide(
    definition: AttributeDefinition, payload: bytes, *, tag: int | None, hiding: Hiding | None
) -> bytes:
    if not definition.encrypt:
        return payload
    if hiding is None:
        raise ValueError(
            "it is encrypted for one request: it cannot stand in a fixed list of attributes"
        )
    if definition.encrypt == ENCRYPT_AS_PASSWORD:
        return encrypt_pap(payload, secret=hiding.secret, authenticator=hiding.authenticator)
    if definition.encrypt == ENCRYPT_SALTED:
        hidden = salt_encrypt(
            payload,
            secret=hiding.secret,
            request_authenticator=hiding.authenticator,
            salt=hiding.salt_source(),
        )
        # RFC 2868 section 3.5: the tag of Tunnel-Password is not optional
        return bytes((tag or 0,)) + hidden if definition.has_tag else hidden
    raise ValueError(f"encryption {definition.encrypt} of Ascend is not known here; leave it out")


def _encode_number(
    definition: AttributeDefinition, value: AttributeValue, *, tag: int | None
) -> bytes:
    size = _NUMBER_SIZES[definition.type]
    if isinstance(value, bytes):
        if len(value) != size:
            raise ValueError(f"{len(value)} octets: {definition.type} has {size}")
        return value
    number = _number_of(definition, value)
    signed = definition.type == "signed"
    tagged = definition.has_tag and definition.type == "integer"
    width = TAGGED_INTEGER_SIZE if tagged else size
    try:
        octets = number.to_bytes(width, "big", signed=signed)
    except OverflowError:
        raise ValueError(f"{number} does not fit {width} octets") from None
    return bytes((tag or 0,)) + octets if tagged else octets


def _number_of(definition: AttributeDefinition, value: int | str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{type(value).__name__}: give a number or a name")  # noqa: TRY004
    if isinstance(value, int):
        return value
    named = definition.value_of(value)
    if named is not None:
        return named
    number = _parse_int(value)
    if number is None and definition.type == "date":
        number = _instant_of(value)
    if number is not None:
        return number
    names = ", ".join(definition.values)
    raise ValueError(f"not a number; give one{', or a name of: ' + names if names else ''}")


def _parse_int(text: str) -> int | None:
    """Decimal, or hexadecimal after 0x."""
    try:
        return int(text, 0)
    except ValueError:
        return None


def _instant_of(text: str) -> int | None:
    """An ISO 8601 instant with its zone as UTC epoch seconds."""
    try:
        instant = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone: add Z or an offset")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (instant - epoch) // datetime.timedelta(seconds=1)


def _decode_number(definition: AttributeDefinition, value: bytes) -> str | None:
    tagged = definition.has_tag and definition.type == "integer"
    size = TAGGED_INTEGER_SIZE if tagged else _NUMBER_SIZES[definition.type]
    if len(value) != size:
        return None
    number = int.from_bytes(value, "big", signed=definition.type == "signed")
    name = definition.name_of(number)
    if name is not None:
        return f"{name} ({number})"
    if definition.type == "date":
        instant = datetime.datetime.fromtimestamp(number, tz=datetime.UTC)
        return f"{instant:%Y-%m-%dT%H:%M:%SZ} ({number})"
    return str(number)


def _split_tag(definition: AttributeDefinition, value: bytes) -> tuple[int, bytes]:
    if definition.type == "integer" or value[0] <= TAG_MAX:
        return value[0], value[1:]
    return 0, value


def _encode_string(value: AttributeValue) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__}: give text")  # noqa: TRY004
    return value.encode("utf-8", "surrogateescape")


def _encode_octets(value: AttributeValue) -> bytes:
    if isinstance(value, str) and value[:2].lower() == "0x":
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            raise ValueError("bad hexadecimal; give an even number of digits after 0x") from None
    return _encode_string(value)


def _encode_ipv4(value: AttributeValue) -> bytes:
    if isinstance(value, bytes):
        return _exactly(value, 4)
    return ipaddress.IPv4Address(value).packed


def _encode_ipv6(value: AttributeValue) -> bytes:
    if isinstance(value, bytes):
        return _exactly(value, 16)
    return ipaddress.IPv6Address(value).packed


def _encode_ipv6_prefix(value: AttributeValue) -> bytes:
    """All 16 octets of the prefix are sent: RFC 3162 allows fewer, not every NAS does."""
    if isinstance(value, bytes):
        if not 2 <= len(value) <= IPV6_PREFIX_SIZE_MAX:
            raise ValueError(f"{len(value)} octets: a prefix has 2 to {IPV6_PREFIX_SIZE_MAX}")
        return value
    network = ipaddress.IPv6Network(value)
    return bytes((0, network.prefixlen)) + network.network_address.packed


def _encode_interface_id(value: AttributeValue) -> bytes:
    if isinstance(value, bytes):
        return _exactly(value, 8)
    groups = str(value).split(":")
    if len(groups) != 4 or not all(_is_hex(group, digits_max=4) for group in groups):
        raise ValueError("give four groups of hexadecimal digits: 0:0:0:1")
    return struct.pack("!4H", *(int(group, 16) for group in groups))


def _encode_ether(value: AttributeValue) -> bytes:
    if isinstance(value, bytes):
        return _exactly(value, 6)
    groups = str(value).replace("-", ":").split(":")
    if len(groups) != 6 or not all(_is_hex(group, digits_max=2) for group in groups):
        raise ValueError("give six groups of hexadecimal digits: 00:1b:21:3c:9d:f8")
    return bytes(int(group, 16) for group in groups)


def _exactly(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError(f"{len(value)} octets: give {size}")
    return value


def _is_hex(text: str, *, digits_max: int) -> bool:
    digits = "0123456789abcdefABCDEF"
    return 0 < len(text) <= digits_max and all(digit in digits for digit in text)


def _decode_string(value: bytes) -> str:
    return f'"{printable(value)}"'


def _decode_octets(value: bytes) -> str:
    return f"0x{value.hex()}"


def _decode_ipv4(value: bytes) -> str | None:
    return str(ipaddress.IPv4Address(value)) if len(value) == 4 else None


def _decode_ipv6(value: bytes) -> str | None:
    return str(ipaddress.IPv6Address(value)) if len(value) == 16 else None


def _decode_ipv6_prefix(value: bytes) -> str | None:
    if not 2 <= len(value) <= IPV6_PREFIX_SIZE_MAX or value[1] > 128:
        return None
    return f"{ipaddress.IPv6Address(value[2:].ljust(16, bytes(1)))}/{value[1]}"


def _decode_interface_id(value: bytes) -> str | None:
    if len(value) != 8:
        return None
    return ":".join(f"{group:x}" for group in struct.unpack("!4H", value))


def _decode_ether(value: bytes) -> str | None:
    return value.hex(":") if len(value) == 6 else None


_ENCODERS: Final[dict[str, Callable[[AttributeValue], bytes]]] = {
    "string": _encode_string,
    "ipaddr": _encode_ipv4,
    "ipv6addr": _encode_ipv6,
    "ipv6prefix": _encode_ipv6_prefix,
    "ifid": _encode_interface_id,
    "ether": _encode_ether,
}
_DECODERS: Final[dict[str, Callable[[bytes], str | None]]] = {
    "string": _decode_string,
    "octets": _decode_octets,
    "abinary": _decode_octets,
    "tlv": _decode_octets,
    "ipaddr": _decode_ipv4,
    "ipv6addr": _decode_ipv6,
    "ipv6prefix": _decode_ipv6_prefix,
    "ifid": _decode_interface_id,
    "ether": _decode_ether,
}
