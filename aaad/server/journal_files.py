"""All segments of one journal: recovery at the start, groups appended, old segments pruned, replay.

One object, one owner at a time: whoever opens it, then the writer thread of `journal.Journal`. What
others read meanwhile (`oldest_lsn`, `durable_lsn`, `records`) is one reference or one integer each.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aaad.server.journal_format import STORE_ID_SIZE_MAX, Record, SegmentHeader
from aaad.server.journal_segments import (
    Ending,
    JournalError,
    SegmentReader,
    SegmentWriter,
    Sync,
    read_header,
    remove_unfinished,
    segment_paths,
    sync_folder,
    write_error,
)

JOURNAL_NUMBER_MAX: Final = 99

_RESTORE: Final = "restore the file from a copy; `aaactl journal verify` shows what can be read"


@dataclass(frozen=True, slots=True)
class _Closed:
    """A segment that is no longer written; its last LSN is what the next segment says of it."""

    path: Path
    header: SegmentHeader
    last_lsn: int
    last_received_us: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Active:
    """The segment that is being written."""

    writer: SegmentWriter
    header: SegmentHeader


class JournalFiles:
    """The files of journal `journal_number` of a store, locked against a second process.

    `torn_tail` tells what was cut off at the start, or is empty. `durable_lsn` and
    `received_us` are those of the last record on disk (UTC epoch microseconds; 0 if there never
    was one).
    """

    def __init__(
        self,
        folder: Path,
        *,
        store_id: str,
        journal_number: int,
        segment_size: int,
        at_least_lsn: int,
        sync: Sync,
    ) -> None:
        """Lock the folder for this journal and recover what is there; see `Journal.open`."""
        _check_names(folder, store_id, journal_number)
        self.folder = folder
        self.torn_tail = ""
        self.durable_lsn = 0
        self.received_us = 0
        self._store_id = store_id
        self._journal_number = journal_number
        self._segment_size = segment_size
        self._sync = sync
        self._closed: tuple[_Closed, ...] = ()
        self._lock_fd = _lock_folder(folder, journal_number)
        try:
            remove_unfinished(folder, journal_number)
            self._active = self._recover(segment_paths(folder, journal_number), at_least_lsn)
        except BaseException:
            os.close(self._lock_fd)
            raise

    @property
    def oldest_lsn(self) -> int:
        """The first LSN that is still on disk; the next one if none is."""
        closed = self._closed
        return (closed[0] if closed else self._active).header.first_lsn

    @property
    def active_path(self) -> Path:
        """The segment that is being written."""
        return self._active.writer.path

    def sizes(self) -> list[tuple[int, int]]:
        """(last LSN, bytes) of each segment, in order."""
        closed = [(segment.last_lsn, segment.size_bytes) for segment in self._closed]
        return [*closed, (self.durable_lsn, self._active.writer.position)]

    def append_group(self, group: bytes, *, records: int, received_us: int) -> None:
        """Make `records` records durable, the last of them received at `received_us`.

        Begins a new segment when the group would make this one longer than the segment size.
        Raises JournalError; then nothing may be appended any more.
        """
        holds_records = self.durable_lsn >= self._active.header.first_lsn
        if holds_records and self._active.writer.position + len(group) > self._segment_size:
            self._active = self._rotate(self._active, self.durable_lsn + 1)
        self._active.writer.append(group)
        self.received_us = received_us
        self.durable_lsn += records

    def prune(self, *, applied_lsn: int, oldest_kept_us: int) -> None:
        """Remove closed segments, oldest first, that are applied and older than what is kept."""
        for segment in self._closed:
            if segment.last_lsn > applied_lsn or segment.last_received_us >= oldest_kept_us:
                break
            segment.path.unlink(missing_ok=True)
            self._closed = self._closed[1:]

    def records(self, after_lsn: int) -> Iterator[Record]:
        """Yield the durable records after `after_lsn` in order, in constant memory.

        The first must follow `after_lsn` with nothing between: JournalError if a segment is
        missing or damaged.
        """
        active = self._close_of(self._active)
        wanted = [s for s in (*self._closed, active) if s.last_lsn > after_lsn]
        if wanted and wanted[0].header.previous_lsn > after_lsn:
            raise _missing(wanted[0], after_lsn)
        for segment in wanted:
            yield from _read(segment, after_lsn, is_last=segment is active)

    def close(self, *, failed: bool) -> None:
        """Close the files and give the lock back; `failed` leaves the segment as it is."""
        if failed:
            self._active.writer.abandon()
        else:
            self._active.writer.close()
        os.close(self._lock_fd)

    def _recover(self, paths: list[Path], at_least_lsn: int) -> _Active:
        headers = [self._own_header(path) for path in paths]
        for path, header, following in zip(paths, headers, headers[1:], strict=False):
            lsn, received_us = following.previous_lsn, following.previous_received_us
            closed = _Closed(path, header, lsn, received_us, path.stat().st_size)
            self._closed = (*self._closed, closed)
        if not paths:
            self.durable_lsn = at_least_lsn - 1
            return self._create(at_least_lsn, at_least_lsn - 1)
        active = self._resume(paths[-1], headers[-1])
        if at_least_lsn <= self.durable_lsn + 1:
            return active
        active = self._rotate(active, at_least_lsn)
        self.durable_lsn = at_least_lsn - 1
        return active

    def _own_header(self, path: Path) -> SegmentHeader:
        header = read_header(path)
        if header.store_id != self._store_id:
            what = f"it belongs to store {header.store_id!r}, not to {self._store_id!r}"
            remedy = "give this store a journal folder of its own, or open the store it belongs to"
            raise JournalError(path, what, remedy)
        return header

    def _resume(self, path: Path, header: SegmentHeader) -> _Active:
        with SegmentReader(path) as reader:
            end = reader.read_to_end(is_last=True)
        if end.ending is Ending.DAMAGED:
            raise JournalError(path, end.problem, _RESTORE)
        if end.ending is Ending.TORN:
            cut = path.stat().st_size - end.offset
            self.torn_tail = f"{path}: {end.problem}; {cut} bytes were cut off"
        self.received_us = end.last_received_us
        self.durable_lsn = max(end.last_lsn, header.first_lsn - 1)
        return _Active(SegmentWriter.resume(path, end, sync=self._sync), header)

    def _rotate(self, active: _Active, first_lsn: int) -> _Active:
        """Begin the segment of `first_lsn` and close the one before it."""
        closed = self._close_of(active)
        following = self._create(first_lsn, closed.last_lsn)
        active.writer.close()
        self._closed = (*self._closed, closed)
        return following

    def _create(self, first_lsn: int, previous_lsn: int) -> _Active:
        header = SegmentHeader(
            store_id=self._store_id,
            journal_number=self._journal_number,
            first_lsn=first_lsn,
            previous_lsn=previous_lsn,
            previous_received_us=self.received_us,
        )
        return _Active(SegmentWriter.create(self.folder, header, sync=self._sync), header)

    def _close_of(self, active: _Active) -> _Closed:
        """What the active segment would be if it were closed now."""
        writer, header = active.writer, active.header
        is_empty = self.durable_lsn < header.first_lsn
        last_lsn = header.previous_lsn if is_empty else self.durable_lsn
        return _Closed(writer.path, header, last_lsn, self.received_us, writer.position)


def _read(segment: _Closed, after_lsn: int, *, is_last: bool) -> Iterator[Record]:
    """The records of a segment after `after_lsn`, up to its last durable one."""
    with SegmentReader(segment.path) as reader:
        for batch in reader.batches(is_last=is_last):
            if batch[0].lsn > after_lsn and batch[-1].lsn <= segment.last_lsn:
                yield from batch
            else:
                yield from (r for r in batch if after_lsn < r.lsn <= segment.last_lsn)
    end = reader.end
    assert end is not None
    if end.ending is Ending.DAMAGED:
        raise JournalError(segment.path, end.problem, _RESTORE)
    if end.last_lsn < segment.last_lsn:
        found, needed = end.last_lsn, segment.last_lsn
        what = f"it ends with LSN {found}, but what follows it was written after LSN {needed}"
        raise JournalError(segment.path, what, _RESTORE)


def _missing(segment: _Closed, after_lsn: int) -> JournalError:
    what = f"records {after_lsn + 1} to {segment.header.previous_lsn} are missing before it"
    return JournalError(segment.path, what, "restore the segments before it from a copy")


def _check_names(folder: Path, store_id: str, journal_number: int) -> None:
    if not 0 < len(store_id.encode()) <= STORE_ID_SIZE_MAX:
        what = f"the store id {store_id!r} is empty or above {STORE_ID_SIZE_MAX} bytes"
        raise JournalError(folder, what, "give the id that the store was made with")
    if not 0 <= journal_number <= JOURNAL_NUMBER_MAX:
        what = f"the journal number {journal_number} is not one of 0 to {JOURNAL_NUMBER_MAX}"
        raise JournalError(folder, what, "run fewer workers")


def _lock_folder(folder: Path, journal_number: int) -> int:
    """Make the folder if need be, and hold the journal for this process."""
    path = folder / f"journal-{journal_number:02d}.lock"
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            sync_folder(folder.parent)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise write_error(path, "make the folder or its lock", error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        what = "another process has this journal open"
        raise JournalError(path, what, "stop that daemon, or use another folder") from error
    return fd
