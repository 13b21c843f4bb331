"""Proves the bookkeeping of a journal's segments: sizes, the oldest LSN, rotation, pruning, and
that a failure to open gives the lock back."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aaad.server.journal_files import JournalFiles
from aaad.server.journal_format import salt_of
from aaad.server.journal_segments import JournalError, segment_path, segment_paths
from tests.journal_frames import encode_record, start_group

SALT = salt_of("s", 2)


def open_files(folder: Path, *, at_least_lsn: int = 1) -> JournalFiles:
    return JournalFiles(
        folder,
        store_id="s",
        journal_number=2,
        segment_size=500,
        at_least_lsn=at_least_lsn,
        sync=os.fdatasync,
    )


@pytest.fixture
def files(tmp_path: Path) -> Iterator[JournalFiles]:
    opened = open_files(tmp_path)
    yield opened
    opened.close(failed=False)


def append(files: JournalFiles, count: int, *, received_us: int = 0) -> None:
    """One record of about 200 bytes in a group of its own, `count` times: two fit in a segment."""
    for _ in range(count):
        lsn = files.durable_lsn + 1
        frame = encode_record(lsn, received_us or lsn, 1, bytes(180), salt=SALT)
        group = start_group(frame, salt=SALT)
        files.append_group(group, records=1, received_us=received_us or lsn)


def test_a_new_folder_begins_with_an_empty_segment(tmp_path: Path) -> None:
    files = open_files(tmp_path / "a" / "b", at_least_lsn=7)
    assert files.active_path == segment_path(tmp_path / "a" / "b", 2, 7)
    assert (files.oldest_lsn, files.durable_lsn, files.torn_tail) == (7, 6, "")
    assert list(files.records(6)) == []
    files.close(failed=False)


def test_sizes_name_the_last_lsn_of_each_segment(files: JournalFiles) -> None:
    append(files, 5)
    assert [lsn for lsn, _ in files.sizes()] == [2, 4, 5]
    assert all(200 < size <= 500 for _, size in files.sizes())


def test_a_group_above_the_segment_size_has_a_segment_of_its_own(files: JournalFiles) -> None:
    append(files, 1)
    frames = [encode_record(lsn, 2, 1, bytes(180), salt=SALT) for lsn in range(2, 8)]
    frames[0] = start_group(frames[0], salt=SALT)
    files.append_group(b"".join(frames), records=6, received_us=2)
    append(files, 1)
    assert [lsn for lsn, _ in files.sizes()] == [1, 7, 8]
    assert [record.lsn for record in files.records(0)] == list(range(1, 9))


def test_prune_stops_at_what_is_not_applied_or_not_old(files: JournalFiles) -> None:
    append(files, 7)
    files.prune(applied_lsn=3, oldest_kept_us=100)
    assert files.oldest_lsn == 3
    files.prune(applied_lsn=7, oldest_kept_us=4)
    assert files.oldest_lsn == 3
    files.prune(applied_lsn=7, oldest_kept_us=100)
    assert files.oldest_lsn == 7  # the segment that is written stays
    assert segment_paths(files.folder, 2) == [files.active_path]


def test_what_is_on_disk_is_known_again_after_a_restart(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    append(files, 5, received_us=77)
    sizes = files.sizes()
    files.close(failed=False)
    files = open_files(tmp_path)
    assert (files.sizes(), files.durable_lsn, files.received_us) == (sizes, 5, 77)
    files.close(failed=False)


def test_a_failure_leaves_the_segment_as_it_is(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    append(files, 1)
    prepared = files.active_path.stat().st_size
    files.close(failed=True)
    assert segment_path(tmp_path, 2, 1).stat().st_size == prepared > 500


def test_an_opening_that_fails_gives_the_lock_back(tmp_path: Path) -> None:
    path = segment_path(tmp_path, 2, 1)
    path.write_bytes(b"rubbish")
    for _ in range(2):
        with pytest.raises(JournalError, match="not a journal segment"):
            open_files(tmp_path)
    path.unlink()
    open_files(tmp_path).close(failed=False)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot make the folder") as caught:
        open_files(tmp_path / "file" / "journal")
    assert os.strerror(errno.ENOTDIR) in caught.value.what
