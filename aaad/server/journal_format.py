"""Bytes of a journal segment: header, records, and what a bad byte means. Pure.

A segment is a header and then records, back to back:

    header   8 octets magic, then length u32, CRC32 u32, msgpack
             [version, store_id, journal_number, first_lsn, previous_lsn, previous_received_us]
    record   word u32, CRC32 u32, msgpack [lsn, received_us, kind, body]

All integers outside msgpack are big-endian. The low 31 bits of a record's word are the length
of its msgpack; the top bit says that the record is the first of its group. A group is what one
fdatasync made durable, and the next group is written only after it. Hence the rule that tells a
torn tail from damage: if a record is bad and a later one *starts a group*, the bad one had been
durable, and perhaps was acknowledged: that is damage. If only records of the same group follow
(a disk may keep the later pages of an unfinished write and not the earlier), nothing there was
ever acknowledged: that is a torn tail.

The CRC begins from the word mixed with a salt of the store and the journal, so neither a wrong
length nor a record of another store's journal can pass. After the last record a segment may
hold zeros (writing into zeros that exist is cheaper to sync than growing a file, see
journal_segments).

Records are written by journal_group, in C, and read here by msgspec: a checked Record in 0.25 us,
where the msgpack package and a dataclass take 2.3 us, and a replay is what users wait for
(docs/decisions/journal.md).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import Final
from zlib import crc32

import msgspec

MAGIC: Final = b"aaadjrn\n"
FORMAT_VERSION: Final = 1

# A body is a RADIUS packet (at most 4,096 octets) and what we know about it; 64 KiB leaves room.
BODY_SIZE_MAX: Final = 65_536
# msgpack around a body: array 1, three integers of at most 9, head of a binary of at most 5 octets.
RECORD_SIZE_MAX: Final = BODY_SIZE_MAX + 33
# array of four, three one-octet integers, an empty binary (2 octets).
RECORD_SIZE_MIN: Final = 6
# A store id is a UUID or a short name; the bound keeps the header within one disk sector.
STORE_ID_SIZE_MAX: Final = 128
HEADER_SIZE_MAX: Final = 512

FRAME_SIZE: Final = 8
_GROUP_START: Final = 0x8000_0000
_LENGTH_MASK: Final = 0x7FFF_FFFF
_FRAME: Final = struct.Struct(">II")
_ARRAY_OF_FOUR: Final = b"\x94"
_encode: Final = msgspec.msgpack.Encoder().encode


class SegmentFormatError(ValueError):
    """A segment's header cannot be read; the message says what is wrong with it."""


class Damage(Enum):
    """Why a record could not be read."""

    SHORT = "it is cut short"
    LENGTH = "its length is impossible"
    CRC = "its CRC is wrong"
    LSN = "its LSN does not follow"
    CONTENT = "its content is not a record"


class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One journaled fact. `kind` and `body` belong to the caller.

    `lsn` counts from 1 without gaps in a segment; `received_us` is UTC epoch microseconds and never
    less than that of the record before.
    """

    lsn: int
    received_us: int
    kind: int
    body: bytes


_decode_record: Final = msgspec.msgpack.Decoder(Record).decode


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment says about itself and the one before it.

    `previous_lsn` and `previous_received_us` are the last LSN and received time (UTC epoch
    microseconds) before `first_lsn`: a missing segment shows, and the age of a segment is known
    without reading it.
    """

    store_id: str
    journal_number: int
    first_lsn: int
    previous_lsn: int
    previous_received_us: int


@dataclass(frozen=True, slots=True)
class ParsedRecords:
    """The whole records at the front of a buffer.

    `end` is the offset after the last of them, `group_offset` where the last group among them
    begins (None: in an earlier buffer). `damage` is None when more bytes may make the next
    record whole.
    """

    records: list[Record]
    end: int
    group_offset: int | None
    damage: Damage | None


def salt_of(store_id: str, journal_number: int) -> int:
    """The start of every record's CRC in this journal."""
    return crc32(store_id.encode(), journal_number)


def encode_header(header: SegmentHeader) -> bytes:
    """The first bytes of a segment file."""
    fields = (
        FORMAT_VERSION,
        header.store_id,
        header.journal_number,
        header.first_lsn,
        header.previous_lsn,
        header.previous_received_us,
    )
    payload = _encode(fields)
    return MAGIC + _FRAME.pack(len(payload), crc32(payload)) + payload


def parse_header(data: bytes) -> tuple[SegmentHeader, int]:
    """The header at the front of `data` and its size; SegmentFormatError if there is none."""
    if not data.startswith(MAGIC):
        raise SegmentFormatError("it does not begin with the magic of a journal segment")
    start = len(MAGIC) + FRAME_SIZE
    if len(data) < start:
        raise SegmentFormatError("its header is cut short")
    length, crc = _FRAME.unpack_from(data, len(MAGIC))
    payload = data[start : start + length]
    if length > HEADER_SIZE_MAX or len(payload) != length or crc32(payload) != crc:
        raise SegmentFormatError("its header is damaged")
    version, *fields = msgspec.msgpack.decode(payload)
    if version != FORMAT_VERSION:
        raise SegmentFormatError(f"its format is version {version}, known is {FORMAT_VERSION}")
    return SegmentHeader(*fields), start + length


def parse_records(data: bytes, *, salt: int, expected_lsn: int) -> ParsedRecords:
    """The records at the front of `data`, the first of which must have `expected_lsn`."""
    records: list[Record] = []
    offset, group_offset, damage = 0, None, None
    unpack_frame, decode, size = _FRAME.unpack_from, _decode_record, len(data)
    while size - offset >= FRAME_SIZE:
        word, crc = unpack_frame(data, offset)
        length = word & _LENGTH_MASK
        if not RECORD_SIZE_MIN <= length <= RECORD_SIZE_MAX:
            damage = Damage.LENGTH
            break
        end = offset + FRAME_SIZE + length
        if end > size:
            break
        payload = data[offset + FRAME_SIZE : end]
        if crc32(payload, word ^ salt) != crc:
            damage = Damage.CRC
            break
        try:
            record = decode(payload)
        except msgspec.DecodeError:
            damage = Damage.CONTENT
            break
        if record.lsn != expected_lsn:
            damage = Damage.LSN
            break
        if word & _GROUP_START:
            group_offset = offset
        records.append(record)
        expected_lsn += 1
        offset = end
    return ParsedRecords(records, offset, group_offset, damage)


def find_group_start(data: bytes, *, salt: int, lsn_min: int) -> int | None:
    """The offset of the first valid record in `data` that starts a group; any octet may be its
    first.

    Records below `lsn_min` do not count: they are copies of old bytes.
    """
    at = data.find(_ARRAY_OF_FOUR, FRAME_SIZE)
    while at >= 0:
        offset = at - FRAME_SIZE
        word, crc = _FRAME.unpack_from(data, offset)
        payload = data[at : at + (word & _LENGTH_MASK)] if word & _GROUP_START else b""
        if _is_record(payload, word ^ salt, crc, lsn_min):
            return offset
        at = data.find(_ARRAY_OF_FOUR, at + 1)
    return None


def _is_record(payload: bytes, seed: int, crc: int, lsn_min: int) -> bool:
    if not RECORD_SIZE_MIN <= len(payload) <= RECORD_SIZE_MAX or crc32(payload, seed) != crc:
        return False
    try:
        return _decode_record(payload).lsn >= lsn_min
    except msgspec.DecodeError:
        return False
