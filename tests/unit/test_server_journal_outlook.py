"""Proves that what a start will replay, or why it cannot, is told from the segments alone."""

from __future__ import annotations

import os
from pathlib import Path

from aaad.server.journal_format import SegmentHeader, salt_of
from aaad.server.journal_outlook import JournalOutlook, journal_outlook
from aaad.server.journal_segments import SegmentWriter, segment_path
from tests.journal_frames import encode_record, start_group

STORE_ID = "s"
SALT = salt_of(STORE_ID, 1)


def write(folder: Path, first_lsn: int, last_lsn: int, *, store_id: str = STORE_ID) -> Path:
    header = SegmentHeader(store_id, 1, first_lsn, first_lsn - 1, 0)
    writer = SegmentWriter.create(folder, header, sync=os.fsync)
    for lsn in range(first_lsn, last_lsn + 1):
        frame = encode_record(lsn, lsn, 1, b"accounting", salt=SALT)
        writer.append(start_group(frame, salt=SALT))
    writer.close()
    return writer.path


def outlook(folder: Path, posted_lsn: int) -> JournalOutlook:
    (one,) = journal_outlook(folder, store_id=STORE_ID, positions={1: posted_lsn})
    return one


def test_what_lies_beyond_the_position_will_be_replayed(tmp_path: Path) -> None:
    write(tmp_path, 1, 4)
    write(tmp_path, 5, 9)
    assert outlook(tmp_path, 6) == JournalOutlook(1, 6, 9, "")
    assert outlook(tmp_path, 6).records == 3
    assert outlook(tmp_path, 9).records == 0


def test_a_journal_that_the_store_has_not_heard_of_is_replayed_whole(tmp_path: Path) -> None:
    write(tmp_path, 1, 4)
    (one,) = journal_outlook(tmp_path, store_id=STORE_ID, positions={})
    assert (one.records, one.problem) == (4, "")


def test_missing_segments_are_named_by_their_records(tmp_path: Path) -> None:
    write(tmp_path, 5, 9)
    assert outlook(tmp_path, 4).problem == ""
    assert "records 3 to 4 are missing" in outlook(tmp_path, 2).problem


def test_a_journal_that_is_gone_is_told(tmp_path: Path) -> None:
    assert "no segment of it is here" in outlook(tmp_path, 2).problem
    assert "no segment of it is here" in outlook(tmp_path / "nowhere", 2).problem
    assert outlook(tmp_path, 0).problem == ""


def test_a_journal_of_another_store_is_told(tmp_path: Path) -> None:
    write(tmp_path, 1, 4, store_id="t")
    assert "it belongs to store t, not to s" in outlook(tmp_path, 2).problem


def test_damage_in_the_last_segment_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, 1, 4)
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    assert "cannot be read" in outlook(tmp_path, 0).problem


def test_a_file_that_is_no_segment_is_told(tmp_path: Path) -> None:
    segment_path(tmp_path, 1, 1).write_bytes(b"no journal")
    (_, broken) = journal_outlook(tmp_path, store_id=STORE_ID, positions={1: 0})
    assert "not a journal segment" in broken.problem
