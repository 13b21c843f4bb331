"""MD4 (RFC 1320), for the NT hash alone: OpenSSL 3 no longer offers it.

Broken as a digest, and fixed by MS-CHAP (RFC 2759, 8.3). It runs when a password is set, never per
packet.
"""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF
_BLOCK_OCTETS = 64
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)

# RFC 1320, 3.4: per round the order of the words, the shifts of a group of four steps, and the
# constant.
_ROUND_1 = (tuple(range(16)), (3, 7, 11, 19), 0)
_ROUND_2 = ((0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13), 0x5A827999)
_ROUND_3 = ((0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15), 0x6ED9EBA1)


def md4(message: bytes) -> bytes:
    """The 16-octet digest of a message."""
    padding = b"\x80" + bytes((55 - len(message)) % _BLOCK_OCTETS)
    padded = message + padding + struct.pack("<Q", len(message) * 8 & (1 << 64) - 1)
    state: tuple[int, ...] = _START
    for start in range(0, len(padded), _BLOCK_OCTETS):
        words = struct.unpack_from("<16I", padded, start)
        mixed = _mix(state, words)
        state = tuple((old + new) & _MASK for old, new in zip(state, mixed, strict=True))
    return struct.pack("<4I", *state)


def _mix(state: tuple[int, ...], words: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The three rounds of one block."""
    a, b, c, d = state
    for number, (order, shifts, constant) in enumerate((_ROUND_1, _ROUND_2, _ROUND_3)):
        for step, index in enumerate(order):
            total = a + _auxiliary(number, b, c, d) + words[index] + constant & _MASK
            shift = shifts[step % 4]
            a, b, c, d = d, (total << shift | total >> 32 - shift) & _MASK, b, c
    return a, b, c, d


def _auxiliary(round_number: int, x: int, y: int, z: int) -> int:
    """F, G and H of RFC 1320, 3.4."""
    if round_number == 0:
        return x & y | ~x & z
    if round_number == 1:
        return x & y | x & z | y & z
    return x ^ y ^ z
