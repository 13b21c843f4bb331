"""The C digests give what their RFCs print, and what hashlib gives at every length of a tail."""

import hashlib
import hmac

import pytest

from aaad.radius.digests import hmac_md5, md4, md5

DIGITS = b"1234567890" * 8


@pytest.mark.parametrize(
    ("text", "digest"),
    [  # RFC 1320 section A.5
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"a", "bde52cb31de33e46245e05fbdbd6fb24"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        (DIGITS, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_of_the_rfc(text: bytes, digest: str) -> None:
    assert md4(text).hex() == digest


@pytest.mark.parametrize(
    ("text", "digest"),
    [  # RFC 1321 section A.5
        (b"", "d41d8cd98f00b204e9800998ecf8427e"),
        (b"abc", "900150983cd24fb0d6963f7d28e17f72"),
        (DIGITS, "57edf4a22be3c955ac49da2e2107b67a"),
    ],
)
def test_md5_of_the_rfc(text: bytes, digest: str) -> None:
    assert md5(text).hex() == digest


def test_md5_and_hmac_agree_with_hashlib_at_every_length_of_two_blocks() -> None:
    text = bytes(range(256))
    for size in range(140):
        assert md5(text[:size]) == hashlib.md5(text[:size]).digest()
        key = text[255 - size :]
        assert hmac_md5(key, text[:size]) == hmac.digest(key, text[:size], "md5")


def test_any_buffer_is_taken() -> None:
    assert md5(memoryview(bytearray(b"abc"))) == md5(b"abc")
