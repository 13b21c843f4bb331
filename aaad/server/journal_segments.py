"""Segment files of a journal: their names, reading and judging them, and writing one.

`SegmentReader` walks a file in constant memory and says how it ends; `SegmentWriter` appends
groups and makes them durable. Both leave the meaning of bytes to `journal_format`.

A writer keeps up to 1 MiB of zeros on disk ahead of its records. Syncing an overwrite needs no
change of the file's size or extents: measured here (ext4) 0.19 ms and 84 us of CPU a group,
against 0.30 ms and 125 us for a growing file; posix_fallocate lies between and still converts
extents at each sync.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from aaad.server.journal_format import (
    HEADER_SIZE_MAX,
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

Sync = Callable[[int], None]

# About 2,800 accounting records a read; also what a writer keeps of zeros ahead of itself.
READ_SIZE: Final = 1 << 20
PREPARED_SIZE: Final = 1 << 20

_ZEROS: Final = bytes(PREPARED_SIZE)
_NAME: Final = re.compile(r"journal-(\d{2})-([0-9a-f]{16})\.log")
_UNFINISHED_SUFFIX: Final = ".new"


class JournalError(Exception):
    """The journal cannot do what was asked. Names the `path`, `what` is wrong and the `remedy`."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}; {remedy}")
        self.path = path
        self.what = what
        self.remedy = remedy


class Ending(Enum):
    """How the records of a segment end."""

    WHOLE = "whole"
    TORN = "torn tail"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class SegmentEnd:
    """What a reader found at the end of the good records.

    `offset` is where they end, `group_offset` where the last group of them begins; `last_lsn`
    and `last_received_us` are those of the segment before if this one is empty. `problem` is
    text for an operator, empty if the ending is WHOLE.
    """

    offset: int
    group_offset: int
    last_lsn: int
    last_received_us: int
    ending: Ending
    problem: str


@dataclass(frozen=True, slots=True)
class SegmentSummary:
    """One segment file of a folder, without its records. `problem` is empty if the header is
    good."""

    path: Path
    size_bytes: int
    header: SegmentHeader | None
    problem: str


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """One segment file read to its end. `last_lsn` is 0 if its header cannot be read."""

    path: Path
    header: SegmentHeader | None
    records: int
    last_lsn: int
    data_bytes: int
    ending: Ending
    problem: str


def segment_path(folder: Path, journal_number: int, first_lsn: int) -> Path:
    """The path of the segment that begins with `first_lsn`."""
    return folder / f"journal-{journal_number:02d}-{first_lsn:016x}.log"


def segment_paths(folder: Path, journal_number: int | None = None) -> list[Path]:
    """The segments of one journal, or of all, in order; other files are passed over."""
    found = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and journal_number in (None, int(match[1])):
            found.append(path)
    return sorted(found)


def remove_unfinished(folder: Path, journal_number: int) -> None:
    """Remove what a crash in the middle of creating a segment left; it never held a record."""
    for path in folder.glob(f"journal-{journal_number:02d}-*.log{_UNFINISHED_SUFFIX}"):
        path.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_header(path: Path) -> SegmentHeader:
    """The header of a segment; JournalError if it cannot be read or the file has a wrong name."""
    with SegmentReader(path) as reader:
        return reader.header


def list_segments(folder: Path) -> list[SegmentSummary]:
    """All segments in a folder, of every journal, by their headers. Changes nothing."""
    return [_summary(path) for path in segment_paths(folder)]


def verify(folder: Path) -> list[SegmentReport]:
    """Read every record of every journal in a folder. Changes nothing, needs no daemon.

    The last segment of a journal that a daemon is writing may show a torn tail: its newest group.
    """
    return list(verify_each(folder))


def verify_each(folder: Path) -> Iterator[SegmentReport]:
    """As `verify`, a segment at a time."""
    report: SegmentReport | None = None
    paths = segment_paths(folder)
    for path, next_path in zip(paths, [*paths[1:], None], strict=True):
        before = report if report is not None and _same_journal(report.path, path) else None
        report = _with_gap(
            _verify_segment(path, is_last=not _same_journal(path, next_path)), before
        )
        yield report


class SegmentReader:
    """Walks one segment file, once, in batches; `end` is there after the last batch.

    Raises JournalError if the header cannot be read, OSError if the file cannot.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        try:
            self.header, self._header_size = self._parse_header(path)
        except BaseException:
            self._file.close()
            raise
        self.end: SegmentEnd | None = None

    def __enter__(self) -> SegmentReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def batches(self, *, is_last: bool) -> Iterator[list[Record]]:
        """Yield the good records in order. `is_last`: no later segment proves this one durable."""
        header = self.header
        salt = salt_of(header.store_id, header.journal_number)
        self._file.seek(self._header_size)
        lsn, received_us = header.previous_lsn, header.previous_received_us
        offset = group_offset = self._header_size
        expected_lsn, data = header.first_lsn, b""
        while True:
            chunk = self._file.read(READ_SIZE)
            data += chunk
            parsed = parse_records(data, salt=salt, expected_lsn=expected_lsn)
            if parsed.group_offset is not None:
                group_offset = offset + parsed.group_offset
            if parsed.records:
                lsn, received_us = parsed.records[-1].lsn, parsed.records[-1].received_us
                expected_lsn = lsn + 1
                yield parsed.records
            offset += parsed.end
            data = data[parsed.end :]
            if parsed.damage or not chunk:
                break
        rest = data + self._file.read()
        damage = parsed.damage or Damage.SHORT
        ending, problem = _judge(
            rest, damage, offset=offset, lsn=expected_lsn, salt=salt, is_last=is_last
        )
        self.end = SegmentEnd(offset, group_offset, lsn, received_us, ending, problem)

    def read_to_end(self, *, is_last: bool) -> SegmentEnd:
        """Read all records for how they end."""
        for _ in self.batches(is_last=is_last):
            pass
        assert self.end is not None
        return self.end

    def _parse_header(self, path: Path) -> tuple[SegmentHeader, int]:
        remedy = "restore the file from a copy, or move it away if it is not a segment of aaad"
        try:
            header, size = parse_header(self._file.read(HEADER_SIZE_MAX))
        except SegmentFormatError as error:
            raise JournalError(path, f"not a journal segment: {error}", remedy) from error
        expected = segment_path(path.parent, header.journal_number, header.first_lsn)
        if expected.name != path.name:
            raise JournalError(path, f"its header says that its name is {expected.name}", remedy)
        return header, size


class SegmentWriter:
    """The segment that is being written. Not safe for two threads.

    `position` is where the last durable group ends. After an error nothing may be appended.
    """

    def __init__(self, path: Path, fd: int, *, position: int, sync: Sync) -> None:
        self.path = path
        self.position = position
        self._fd = fd
        self._sync = sync
        self._prepared = os.fstat(fd).st_size

    @classmethod
    def create(cls, folder: Path, header: SegmentHeader, *, sync: Sync) -> SegmentWriter:
        """Make a segment whose name appears only when its header is durable."""
        path = segment_path(folder, header.journal_number, header.first_lsn)
        unfinished = path.with_name(path.name + _UNFINISHED_SUFFIX)
        data = encode_header(header)
        try:
            fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise write_error(path, "create the segment", error) from error
        try:
            _write_all(fd, data, 0)
            sync(fd)
            unfinished.rename(path)
            sync_folder(folder)
        except OSError as error:
            os.close(fd)
            raise write_error(path, "create the segment", error) from error
        return cls(path, fd, position=len(data), sync=sync)

    @classmethod
    def resume(cls, path: Path, end: SegmentEnd, *, sync: Sync) -> SegmentWriter:
        """Open a segment to go on after its last good record; what follows that is cut off.

        The last group is written again before it is trusted: after a failed sync the page cache may
        show what the disk does not have, and a second sync would not say so.
        """
        fd = os.open(path, os.O_RDWR)
        try:
            os.ftruncate(fd, end.offset)
            _rewrite(fd, end.group_offset, end.offset)
            sync(fd)
        except OSError as error:
            os.close(fd)
            raise write_error(path, "make its last group durable", error) from error
        return cls(path, fd, position=end.offset, sync=sync)

    def append(self, group: bytes) -> None:
        """Write one group and make it durable. JournalError if the disk refuses.

        A failed write is cut off again, so that the segment ends with its last good record. A
        failed sync is never tried again: the kernel may have dropped the pages and would report
        success.
        """
        try:
            self._prepare(self.position + len(group))
            _write_all(self._fd, group, self.position)
        except OSError as error:
            os.ftruncate(self._fd, self.position)
            raise write_error(self.path, f"write {len(group)} bytes", error) from error
        try:
            self._sync(self._fd)
        except OSError as error:
            raise write_error(self.path, "make a group durable", error) from error
        self.position += len(group)

    def close(self) -> None:
        """Give back the zeros ahead and close the file; all groups are durable already."""
        try:
            os.ftruncate(self._fd, self.position)
        finally:
            os.close(self._fd)

    def abandon(self) -> None:
        """Close the file as it is, after an error."""
        os.close(self._fd)

    def _prepare(self, end: int) -> None:
        """Have zeros on disk up to `end`; on a full disk what there is of them must do."""
        if end <= self._prepared:
            return
        start = max(self._prepared, self.position)
        try:
            self._prepared = start + os.pwrite(self._fd, _ZEROS, start)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise


def _write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written


def _rewrite(fd: int, start: int, end: int) -> None:
    while start < end:
        data = os.pread(fd, min(READ_SIZE, end - start), start)
        if not data:
            raise OSError(errno.EIO, "the file became shorter while it was read")
        _write_all(fd, data, start)
        start += len(data)


def write_error(path: Path, action: str, error: OSError) -> JournalError:
    """The error for an operator when the disk refuses to do `action`."""
    what = f"cannot {action}: {error.strerror} (errno {error.errno})"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return JournalError(path, what, "free space on this disk, then start aaad again")
    return JournalError(path, what, "check the disk and the kernel's log, then start aaad again")


def _judge(
    rest: bytes, damage: Damage, *, offset: int, lsn: int, salt: int, is_last: bool
) -> tuple[Ending, str]:
    """What it means that the good records end before `rest`."""
    if not rest.strip(b"\0"):
        return Ending.WHOLE, ""
    found = f"record {lsn} at offset {offset} cannot be read: {damage.value}"
    later = find_group_start(rest, salt=salt, lsn_min=lsn)
    if later is not None:
        at = offset + later
        return Ending.DAMAGED, f"{found}, but the group at offset {at} proves that it was durable"
    if not is_last:
        return Ending.DAMAGED, f"{found}, but the next segment proves that it was durable"
    return Ending.TORN, f"{found}, and nothing after it was ever acknowledged"


def _summary(path: Path) -> SegmentSummary:
    size_bytes = path.stat().st_size
    try:
        return SegmentSummary(path, size_bytes, read_header(path), "")
    except JournalError as error:
        return SegmentSummary(path, size_bytes, None, error.what)


def _verify_segment(path: Path, *, is_last: bool) -> SegmentReport:
    try:
        reader = SegmentReader(path)
    except JournalError as error:
        return SegmentReport(path, None, 0, 0, 0, Ending.DAMAGED, error.what)
    with reader:
        end, header = reader.read_to_end(is_last=is_last), reader.header
    return SegmentReport(
        path=path,
        header=header,
        records=max(0, end.last_lsn - header.first_lsn + 1),
        last_lsn=end.last_lsn,
        data_bytes=end.offset,
        ending=end.ending,
        problem=end.problem,
    )


def _same_journal(path: Path, other: Path | None) -> bool:
    prefix_size = len("journal-00-")
    return other is not None and path.name[:prefix_size] == other.name[:prefix_size]


def _with_gap(report: SegmentReport, before: SegmentReport | None) -> SegmentReport:
    """The same report, damaged if it does not follow the segment before it."""
    if before is None or before.header is None or report.header is None:
        return report
    if before.ending is not Ending.WHOLE or report.header.previous_lsn == before.last_lsn:
        return report
    problem = f"the segment before it must end with LSN {report.header.previous_lsn}"
    return SegmentReport(
        report.path,
        report.header,
        report.records,
        report.last_lsn,
        report.data_bytes,
        Ending.DAMAGED,
        f"{problem}, {before.path.name} ends with {before.last_lsn}; {report.problem}".rstrip("; "),
    )
