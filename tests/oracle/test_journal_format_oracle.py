"""Proves, with a reader that shares nothing with it, that the journal writes what its format says.

Here msgpack is the msgpack package's, and frames are cut by hand as journal_format describes them.
"""

import zlib
from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from aaad.server.journal_format import (
    SegmentHeader,
    encode_header,
    parse_records,
    salt_of,
)
from aaad.server.journal_group import Group, crc32
from tests.journal_frames import encode_record

UINT64 = st.integers(0, 2**64 - 1)
BODY = st.binary(max_size=5_000)


def read_frame(data: bytes, salt: int) -> tuple[list[Any], bool]:
    """The fields of one record, and whether it starts a group."""
    word, crc = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    payload = data[8:]
    assert word & 0x7FFFFFFF == len(payload)
    assert zlib.crc32(payload, word ^ salt) == crc
    return msgpack.unpackb(payload), word >> 31 == 1


@given(lsn=UINT64, received_us=UINT64, kind=UINT64, body=BODY)
def test_a_record_is_what_another_reader_finds(
    lsn: int, received_us: int, kind: int, body: bytes
) -> None:
    salt = zlib.crc32(b"store", 7)
    assert salt_of("store", 7) == salt
    group = Group(salt)
    sizes = [group.append(lsn, received_us, kind, body) for _ in range(2)]
    data, records, last_received_us = group.take()
    assert (records, last_received_us, sum(sizes)) == (2, received_us, len(data))
    fields = [lsn, received_us, kind, body]
    assert read_frame(data[: sizes[0]], salt) == (fields, True)
    assert read_frame(data[sizes[0] :], salt) == (fields, False)
    assert data[sizes[0] :] == encode_record(lsn, received_us, kind, body, salt=salt)


@given(data=st.binary(max_size=300), start=st.integers(0, 2**32 - 1))
def test_the_crc_is_zlib_s(data: bytes, start: int) -> None:
    assert crc32(data, start) == zlib.crc32(data, start)


@given(lsn=UINT64, received_us=UINT64, kind=UINT64, body=BODY)
def test_a_record_of_another_writer_is_read(
    lsn: int, received_us: int, kind: int, body: bytes
) -> None:
    payload = msgpack.packb([lsn, received_us, kind, body])
    crc = zlib.crc32(payload, len(payload) ^ 5)
    data = len(payload).to_bytes(4, "big") + crc.to_bytes(4, "big") + payload
    [record] = parse_records(data, salt=5, expected_lsn=lsn).records
    assert (record.lsn, record.received_us, record.kind, record.body) == (
        lsn,
        received_us,
        kind,
        body,
    )


def test_a_header_is_what_another_reader_finds() -> None:
    data = encode_header(SegmentHeader("store", 7, 11, 10, 99))
    assert data[:8] == b"aaadjrn\n"
    assert int.from_bytes(data[8:12], "big") == len(data) - 16
    assert int.from_bytes(data[12:16], "big") == zlib.crc32(data[16:])
    assert msgpack.unpackb(data[16:]) == [1, "store", 7, 11, 10, 99]
