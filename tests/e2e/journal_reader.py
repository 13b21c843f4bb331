"""The last LSN in a journal folder, read from its bytes by code of the tests' own.

A record is a word (length in its low 31 bits), a CRC32, and msgpack that begins with an array of
four and the LSN. Zeros after the last record are room for the next.
"""

from __future__ import annotations

import struct
from pathlib import Path

FRAME = struct.Struct(">II")
MAGIC_SIZE = 8
ARRAY_OF_FOUR = 0x94
WIDTHS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
"""msgpack: type octet of an unsigned integer -> its octets."""


def last_lsn(folder: Path) -> int:
    """The highest LSN of all segments; 0 for a journal without records."""
    return max((lsn for path in folder.glob("journal-*.log") for lsn in _lsns(path)), default=0)


def _lsns(path: Path) -> list[int]:
    data = path.read_bytes()
    at = MAGIC_SIZE
    header_size, _ = FRAME.unpack_from(data, at)
    at += FRAME.size + header_size
    found = []
    while at + FRAME.size < len(data):
        size = FRAME.unpack_from(data, at)[0] & 0x7FFFFFFF
        payload = data[at + FRAME.size : at + FRAME.size + size]
        if not size or len(payload) < size or payload[0] != ARRAY_OF_FOUR:
            break
        found.append(_integer(payload))
        at += FRAME.size + size
    return found


def _integer(payload: bytes) -> int:
    kind = payload[1]
    return kind if kind < 0x80 else int.from_bytes(payload[2 : 2 + WIDTHS[kind]], "big")
