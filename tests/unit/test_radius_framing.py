"""Headers of attributes, and the longest value of each kind."""

import pytest

from aaad.radius.framing import frame_attribute, frame_vendor_attribute


def test_a_standard_attribute() -> None:
    assert frame_attribute(1, b"bob") == b"\1\5bob"
    assert frame_attribute(1, b"") == b"\1\2"
    assert len(frame_attribute(1, bytes(253))) == 255


def test_a_vendor_attribute() -> None:
    assert frame_vendor_attribute(311, 25, b"x") == b"\x1a\x09\0\0\x01\x37\x19\x03x"
    assert len(frame_vendor_attribute(311, 25, bytes(247))) == 255


def test_what_is_too_long_is_named() -> None:
    with pytest.raises(ValueError, match="attribute 1: 254 octets, 253 fit"):
        frame_attribute(1, bytes(254))
    with pytest.raises(ValueError, match="vendor 311 attribute 25: 248 octets, 247 fit"):
        frame_vendor_attribute(311, 25, bytes(248))
