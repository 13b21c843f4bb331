"""Proves the bytes of a journal segment: round trips, and that no altered byte passes."""

import pytest

from aaad.server.journal_format import (
    BODY_SIZE_MAX,
    RECORD_SIZE_MAX,
    RECORD_SIZE_MIN,
    Damage,
    Record,
    SegmentFormatError,
    SegmentHeader,
    encode_header,
    find_group_start,
    parse_header,
    parse_records,
    salt_of,
)
from tests.journal_frames import encode_record, start_group

SALT = salt_of("store-a", 3)
HEADER = SegmentHeader("store-a", 3, 17, 16, 1_700_000_000_000_000)
BIGGEST = 2**64 - 1


def frame(lsn: int, body: bytes = b"body", *, first: bool = False) -> bytes:
    data = encode_record(lsn, 1_000 + lsn, 7, body, salt=SALT)
    return start_group(data, salt=SALT) if first else data


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :]


def test_header_comes_back_with_its_size() -> None:
    data = encode_header(HEADER)
    assert parse_header(data + b"records") == (HEADER, len(data))


@pytest.mark.parametrize("at", range(len(encode_header(HEADER))))
def test_no_altered_octet_of_a_header_passes(at: int) -> None:
    with pytest.raises(SegmentFormatError):
        parse_header(flipped(encode_header(HEADER), at))


@pytest.mark.parametrize("size", range(len(encode_header(HEADER))))
def test_no_shortened_header_passes(size: int) -> None:
    with pytest.raises(SegmentFormatError):
        parse_header(encode_header(HEADER)[:size])


def test_records_come_back_and_the_last_group_is_found() -> None:
    data = frame(1, first=True) + frame(2) + frame(3, b"", first=True)
    parsed = parse_records(data, salt=SALT, expected_lsn=1)
    assert parsed.records == [
        Record(1, 1_001, 7, b"body"),
        Record(2, 1_002, 7, b"body"),
        Record(3, 1_003, 7, b""),
    ]
    assert parsed.end == len(data)
    assert parsed.group_offset == len(frame(1) + frame(2))
    assert parsed.damage is None


def test_sizes_of_records_lie_within_the_bounds() -> None:
    smallest = encode_record(1, 0, 0, b"", salt=SALT)
    largest = encode_record(BIGGEST, BIGGEST, BIGGEST, bytes(BODY_SIZE_MAX), salt=SALT)
    assert len(smallest) == 8 + RECORD_SIZE_MIN
    assert len(largest) == 8 + RECORD_SIZE_MAX
    for data, lsn in ((smallest, 1), (largest, BIGGEST)):
        assert len(parse_records(data, salt=SALT, expected_lsn=lsn).records) == 1


def test_a_record_cut_anywhere_waits_for_more() -> None:
    data = frame(1, first=True)
    for size in range(len(data)):
        parsed = parse_records(data[:size], salt=SALT, expected_lsn=1)
        assert (parsed.records, parsed.end, parsed.damage) == ([], 0, None)


def test_no_altered_octet_of_a_record_passes() -> None:
    data = frame(1, first=True) + frame(2)
    for at in range(len(data)):
        parsed = parse_records(flipped(data, at), salt=SALT, expected_lsn=1)
        assert [r.lsn for r in parsed.records] == ([] if at < len(frame(1)) else [1])


def test_a_record_of_another_store_or_journal_does_not_pass() -> None:
    data = frame(1)
    for salt in (salt_of("store-b", 3), salt_of("store-a", 4)):
        assert parse_records(data, salt=salt, expected_lsn=1).damage is Damage.CRC


def test_an_lsn_that_does_not_follow_is_damage() -> None:
    parsed = parse_records(frame(1) + frame(3), salt=SALT, expected_lsn=1)
    assert len(parsed.records) == 1
    assert parsed.damage is Damage.LSN


def test_zeros_are_no_record() -> None:
    parsed = parse_records(frame(1) + bytes(100), salt=SALT, expected_lsn=1)
    assert parsed.end == len(frame(1))
    assert parsed.damage is Damage.LENGTH


def test_a_group_start_is_found_after_any_rubbish() -> None:
    rubbish = b"\x94" * 9 + bytes(range(256))
    data = rubbish + frame(4) + frame(5, first=True)
    assert find_group_start(data, salt=SALT, lsn_min=4) == len(rubbish + frame(4))


def test_what_does_not_start_a_group_or_is_older_is_passed_over() -> None:
    assert find_group_start(frame(4) + frame(5), salt=SALT, lsn_min=4) is None
    assert find_group_start(frame(3, first=True), salt=SALT, lsn_min=4) is None
    assert find_group_start(frame(4, first=True)[:-1], salt=SALT, lsn_min=4) is None
    assert find_group_start(b"", salt=SALT, lsn_min=4) is None
