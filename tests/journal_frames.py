"""Journal records as bytes, by zlib and the msgpack package: nothing of aaad, so it may judge."""

from __future__ import annotations

import struct
from zlib import crc32

import msgpack

GROUP_START = 0x8000_0000


def encode_record(lsn: int, received_us: int, kind: int, body: bytes, *, salt: int) -> bytes:
    """One record, not the first of a group."""
    return _frame(msgpack.packb((lsn, received_us, kind, body)), 0, salt)


def start_group(frame: bytes, *, salt: int) -> bytes:
    """The same record, marked as the first of its group."""
    return _frame(frame[8:], GROUP_START, salt)


def _frame(payload: bytes, mark: int, salt: int) -> bytes:
    word = len(payload) | mark
    return struct.pack(">II", word, crc32(payload, word ^ salt)) + payload
