"""MD4 by the vectors of RFC 1320, A.5, and at every length around the padding's borders."""

from __future__ import annotations

import hashlib

import pytest

from ledger.md4 import md4


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"a", "bde52cb31de33e46245e05fbdbd6fb24"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        (
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "043f8582f241db351ce627e153e7f0e4",
        ),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_the_vectors_of_rfc_1320(message: bytes, digest: str) -> None:
    assert md4(message).hex() == digest


def test_lengths_around_a_block_have_digests_of_their_own() -> None:
    digests = {md4(bytes(length)) for length in range(200)}
    assert len(digests) == 200
    assert {len(digest) for digest in digests} == {16}


def test_it_agrees_with_openssl_where_that_still_has_it() -> None:
    try:
        reference = hashlib.new("md4", b"x" * 57, usedforsecurity=False).digest()
    except ValueError:
        # OpenSSL 3 without the legacy provider; the digest below is RFC 2759's, from 9.2
        password = "clientPass".encode("utf-16-le")
        assert md4(password).hex() == "44ebba8d5312b8d611474411f56989ae"
    else:
        assert md4(b"x" * 57) == reference
