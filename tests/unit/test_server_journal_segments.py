"""Proves how a segment file is judged: torn tails at every octet, damage, gaps, and the reports."""

import os
from pathlib import Path

import pytest

from aaad.server.journal_format import SegmentHeader, salt_of
from aaad.server.journal_segments import (
    Ending,
    JournalError,
    SegmentEnd,
    SegmentReader,
    SegmentWriter,
    list_segments,
    read_header,
    segment_path,
    segment_paths,
    verify,
)
from tests.journal_frames import encode_record, start_group

SALT = salt_of("s", 0)


def group(*lsns: int, body: bytes = b"accounting") -> bytes:
    frames = [encode_record(lsn, lsn * 10, 1, body, salt=SALT) for lsn in lsns]
    return b"".join([start_group(frames[0], salt=SALT), *frames[1:]])


def write_segment(folder: Path, first_lsn: int, *groups: bytes, previous_lsn: int = -1) -> Path:
    if previous_lsn < 0:
        previous_lsn = first_lsn - 1
    header = SegmentHeader("s", 0, first_lsn, previous_lsn, 0)
    writer = SegmentWriter.create(folder, header, sync=os.fsync)
    for data in groups:
        writer.append(data)
    writer.close()
    return writer.path


def read(path: Path, *, is_last: bool = True) -> tuple[list[int], SegmentEnd]:
    with SegmentReader(path) as reader:
        lsns = [r.lsn for batch in reader.batches(is_last=is_last) for r in batch]
        assert reader.end is not None
        return lsns, reader.end


def damage(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def test_a_whole_segment_is_read_to_its_end(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1, 2), group(3))
    lsns, end = read(path)
    assert lsns == [1, 2, 3]
    assert (end.ending, end.last_lsn, end.last_received_us) == (Ending.WHOLE, 3, 30)
    assert end.offset == path.stat().st_size
    assert end.group_offset == end.offset - len(group(3))


def test_a_tail_torn_at_any_octet_loses_only_the_records_it_touches(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1), group(2, 3))
    data = path.read_bytes()
    start = len(data) - len(group(2, 3))
    second_record = start + len(group(2))
    for size in range(start, len(data)):
        path.write_bytes(data[:size])
        lsns, end = read(path)
        assert lsns == ([1] if size < second_record else [1, 2])
        rest = data[start if size < second_record else second_record : size]
        is_like_prepared_zeros = not rest.strip(b"\0")
        assert end.ending is (Ending.WHOLE if is_like_prepared_zeros else Ending.TORN)


def test_a_tail_torn_before_prepared_zeros_is_torn_too(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1), group(2))
    data = path.read_bytes()
    path.write_bytes(data[:-3] + bytes(5_000))
    lsns, end = read(path)
    assert (lsns, end.ending) == ([1], Ending.TORN)


def test_prepared_zeros_after_the_last_record_are_whole(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + bytes(5_000))
    lsns, end = read(path)
    assert (lsns, end.ending, end.offset) == ([1], Ending.WHOLE, size)


def test_a_bad_record_before_a_later_group_is_damage(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1), group(2, 3), group(4))
    offset = path.stat().st_size - len(group(2, 3) + group(4))
    damage(path, offset + 12)
    lsns, end = read(path)
    assert (lsns, end.ending) == ([1], Ending.DAMAGED)
    assert f"record 2 at offset {offset}" in end.problem
    assert str(path.stat().st_size - len(group(4))) in end.problem


def test_a_bad_record_within_the_last_group_is_a_torn_tail(tmp_path: Path) -> None:
    """A disk may keep the later pages of an unfinished write: nothing there was acknowledged."""
    path = write_segment(tmp_path, 1, group(1), group(2, 3, 4))
    damage(path, path.stat().st_size - len(group(2, 3, 4)) + 12)
    lsns, end = read(path)
    assert (lsns, end.ending) == ([1], Ending.TORN)


def test_a_bad_end_is_damage_if_a_later_segment_follows(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1), group(2))
    damage(path, path.stat().st_size - 1)
    assert read(path, is_last=False)[1].ending is Ending.DAMAGED


def test_more_records_than_one_read_takes(tmp_path: Path) -> None:
    groups = [group(lsn, body=bytes(60_000)) for lsn in range(1, 41)]
    lsns, end = read(write_segment(tmp_path, 1, *groups))
    assert lsns == list(range(1, 41))
    assert end.group_offset == end.offset - len(groups[-1])


def test_resume_cuts_the_tail_and_goes_on(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1), group(2))
    path.write_bytes(path.read_bytes()[:-1])
    writer = SegmentWriter.resume(path, read(path)[1], sync=os.fdatasync)
    writer.append(group(2, 3))
    writer.close()
    lsns, end = read(path)
    assert (lsns, end.ending) == ([1, 2, 3], Ending.WHOLE)


def test_resume_makes_the_last_group_durable_again(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1), group(2, 3))
    before = path.read_bytes()
    synced: list[int] = []
    writer = SegmentWriter.resume(path, read(path)[1], sync=synced.append)
    assert len(synced) == 1
    writer.close()
    assert path.read_bytes() == before


def test_a_segment_is_not_made_twice(tmp_path: Path) -> None:
    header = SegmentHeader("s", 0, 1, 0, 0)
    unfinished = tmp_path / (segment_path(tmp_path, 0, 1).name + ".new")
    unfinished.touch()
    with pytest.raises(JournalError, match="cannot create the segment"):
        SegmentWriter.create(tmp_path, header, sync=os.fsync)


def test_a_file_under_a_wrong_name_is_refused(tmp_path: Path) -> None:
    path = write_segment(tmp_path, 1, group(1))
    moved = path.rename(segment_path(tmp_path, 0, 2))
    with pytest.raises(JournalError, match="journal-00-0000000000000001"):
        read_header(moved)


def test_list_shows_good_and_bad_headers(tmp_path: Path) -> None:
    good = write_segment(tmp_path, 1, group(1))
    bad = segment_path(tmp_path, 1, 1)
    bad.write_bytes(b"not a journal")
    (tmp_path / "notes.txt").touch()
    first, second = list_segments(tmp_path)
    assert (first.path, first.problem) == (good, "")
    assert first.header is not None
    assert first.header.store_id == "s"
    assert (second.path, second.header) == (bad, None)
    assert "magic" in second.problem


def test_paths_are_ordered_and_of_one_journal(tmp_path: Path) -> None:
    names = [segment_path(tmp_path, n, lsn) for n, lsn in ((0, 16), (0, 9), (1, 2))]
    for path in names:
        path.touch()
    assert segment_paths(tmp_path, 0) == [names[1], names[0]]
    assert segment_paths(tmp_path) == [names[1], names[0], names[2]]


def test_verify_reports_each_segment(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, group(1, 2))
    write_segment(tmp_path, 3, group(3))
    reports = verify(tmp_path)
    assert [(r.records, r.last_lsn, r.ending) for r in reports] == [
        (2, 2, Ending.WHOLE),
        (1, 3, Ending.WHOLE),
    ]


def test_verify_finds_a_missing_segment(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, group(1, 2))
    write_segment(tmp_path, 9, group(9))
    first, second = verify(tmp_path)
    assert first.ending is Ending.WHOLE
    assert second.ending is Ending.DAMAGED
    assert "must end with LSN 8" in second.problem


def test_verify_finds_damage_and_unreadable_headers(tmp_path: Path) -> None:
    first = write_segment(tmp_path, 1, group(1), group(2))
    second = write_segment(tmp_path, 3, group(3))
    damage(first, first.stat().st_size - 1)
    damage(second, 0)
    assert [r.ending for r in verify(tmp_path)] == [Ending.DAMAGED, Ending.DAMAGED]
