"""Values into whole attributes: type, length, value, and the vendor's header (RFC 2865 s. 5)."""

import struct
from typing import Final

from aaad.radius.attribute_types import VENDOR_SPECIFIC

VALUE_SIZE_MAX: Final = 253  # RFC 2865 section 5: the length is one octet and counts two more
VENDOR_VALUE_SIZE_MAX: Final = 247  # RFC 2865 section 5.26: vendor, type and length inside


def frame_attribute(number: int, value: bytes) -> bytes:
    """A standard attribute. Raises ValueError if the value is too long for its length octet."""
    if len(value) > VALUE_SIZE_MAX:
        raise ValueError(
            f"attribute {number}: {len(value)} octets, {VALUE_SIZE_MAX} fit; shorten it"
        )
    return bytes((number, len(value) + 2)) + value


def frame_vendor_attribute(vendor: int, number: int, value: bytes) -> bytes:
    """One sub-attribute in a Vendor-Specific attribute of its own. Raises ValueError as above."""
    if len(value) > VENDOR_VALUE_SIZE_MAX:
        raise ValueError(
            f"vendor {vendor} attribute {number}: {len(value)} octets,"
            f" {VENDOR_VALUE_SIZE_MAX} fit; shorten it"
        )
    size = len(value)
    return struct.pack("!BBIBB", VENDOR_SPECIFIC, size + 8, vendor, number, size + 2) + value
