"""DES gives what NIST prints, what another implementation computes, and refuses other sizes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from hypothesis import example, given
from hypothesis import strategies as st

from aaad.radius.des import des_encrypt


def without_parity(key: bytes) -> bytes:
    """The 56 bits of a key of 8 octets: the lowest bit of each is parity."""
    bits = 0
    for octet in key:
        bits = bits << 7 | octet >> 1
    return bits.to_bytes(7, "big")


def with_parity(key: bytes) -> bytes:
    """The reverse; DES ignores the parity."""
    bits = int.from_bytes(key, "big")
    return bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))


@pytest.mark.parametrize(
    ("key", "block", "encrypted"),
    [  # NIST SP 800-17, appendices A and B: each tests another table
        ("0101010101010101", "8000000000000000", "95F8A5E5DD31D900"),  # initial permutation
        ("0101010101010101", "0000000000000001", "166B40B44ABA4BD6"),
        ("8001010101010101", "0000000000000000", "95A8D72813DAA94D"),  # permuted choice 1
        ("0101010101010102", "0000000000000000", "869EFD7F9F265A09"),
        ("1046913489980131", "0000000000000000", "88D55E54F54C97B4"),  # permutation P
        ("7CA110454A1A6E57", "01A1D6D039776742", "690F5B0D9A26939B"),  # S-boxes
        ("0131D9619DC1376E", "5CD54CA83DEF57DA", "7A389D10354BD271"),
        ("1C587F1C13924FEF", "305532286D6F295A", "63FAC0D034D9F793"),
    ],
)
def test_known_answers_of_nist(key: str, block: str, encrypted: str) -> None:
    found = des_encrypt(bytes.fromhex(block), without_parity(bytes.fromhex(key)))
    assert found.hex().upper() == encrypted


@given(block=st.binary(min_size=8, max_size=8), key=st.binary(min_size=7, max_size=7))
@example(block=bytes(8), key=b"\xff" * 7)
def test_it_agrees_with_the_library(block: bytes, key: bytes) -> None:
    """Triple DES with three equal keys is DES."""
    encryptor = Cipher(TripleDES(with_parity(key) * 3), modes.ECB()).encryptor()
    assert des_encrypt(block, key) == encryptor.update(block) + encryptor.finalize()


@pytest.mark.parametrize(("block", "key"), [(bytes(7), bytes(7)), (bytes(8), bytes(8))])
def test_other_sizes_are_refused(block: bytes, key: bytes) -> None:
    with pytest.raises(ValueError, match="give 8 and 7"):
        des_encrypt(block, key)
