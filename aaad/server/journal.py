"""The journal: what was received is on disk here before it is answered (DESIGN.md, The journal).

The event loop appends; what one turn of it has appended is handed over at once, and a writer
thread takes all that came meanwhile as one group, writes it with one call, syncs it once, and
tells the loop the last durable LSN. Groups so form by themselves: the slower the disk, the larger
the group, and no timer waits for more. State may change only when the LSN is durable, and then in
LSN order; after a crash `records` gives the same records in the same order.

Opening reads the headers of all segments and the records of the last one only; `records` checks
what it replays. So a daemon with weeks of applied segments starts as fast as one without.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aaad.server.journal_files import JournalFiles
from aaad.server.journal_format import (
    BODY_SIZE_MAX,
    Record,
    salt_of,
)
from aaad.server.journal_group import OVERHEAD_MAX, Group
from aaad.server.journal_segments import (
    JournalError,
    SegmentReport,
    SegmentSummary,
    Sync,
    list_segments,
    verify,
)

__all__ = [
    "BODY_SIZE_MAX",
    "Journal",
    "JournalCounters",
    "JournalError",
    "JournalFull",
    "JournalUnavailable",
    "Record",
    "SegmentReport",
    "SegmentSummary",
    "list_segments",
    "verify",
]

# Upper bounds of the histograms' buckets; one more bucket takes what is above the last.
WRITE_US_BOUNDS: Final = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 1_000_000)
GROUP_SIZE_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096)

# Unapplied bytes are remembered in steps of this size: a store that is away for hours costs one
# mark a step, not one a record.
_MARK_BYTES: Final = 65_536
_US_PER_S: Final = 1_000_000


class JournalFull(JournalError):
    """The bound of bytes that the store does not have yet is reached: answer nothing."""


class JournalUnavailable(JournalError):
    """The journal has failed, is closed or is not started: answer nothing."""


@dataclass(slots=True)
class JournalCounters:
    """What the writer thread did, for metrics. Bucket i counts values up to bound i."""

    groups: int = 0
    records: int = 0
    bytes: int = 0
    write_us_total: int = 0
    write_us_buckets: list[int] = field(default_factory=lambda: _buckets(WRITE_US_BOUNDS))
    group_size_buckets: list[int] = field(default_factory=lambda: _buckets(GROUP_SIZE_BOUNDS))

    def count_group(self, *, records: int, size_bytes: int, write_us: int) -> None:
        """Count one group that became durable in `write_us` microseconds, write and sync."""
        self.groups += 1
        self.records += records
        self.bytes += size_bytes
        self.write_us_total += write_us
        self.write_us_buckets[bisect_left(WRITE_US_BOUNDS, write_us)] += 1
        self.group_size_buckets[bisect_left(GROUP_SIZE_BOUNDS, records)] += 1


class Journal:
    """One worker's journal. Its methods belong to the event loop's thread.

    `counters` are for metrics; `torn_tail` tells what `open` cut off, or is empty. `next_lsn` is
    what `append` will give next; it never goes below `last_received_us`, that of the last record.
    """

    def __init__(
        self, files: JournalFiles, *, salt: int, retention_s: int, max_unapplied_bytes: int
    ) -> None:
        """Use `open`."""
        self.counters = JournalCounters()
        self.torn_tail = files.torn_tail
        self._files = files
        self._group = Group(salt)
        self._retention_us = retention_s * _US_PER_S
        self._max_unapplied_bytes = max_unapplied_bytes
        self.next_lsn = files.durable_lsn + 1
        self._unapplied = _UnappliedBytes(files.sizes())
        self.last_received_us = files.received_us
        self._is_announced = False  # the loop hands the group over at the end of its turn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._failure: JournalError | None = None
        self._stopped = "the journal is not started"
        # Under this condition's lock, for both threads: all that follows.
        self._wake = threading.Condition()
        self._has_group = False
        self._is_closing = False
        self._prune_order: tuple[int, int] | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        store_id: str,
        journal_number: int,
        segment_size: int,
        retention_s: int,
        max_unapplied_bytes: int,
        at_least_lsn: int = 1,
        sync: Sync = os.fdatasync,
    ) -> Journal:
        """Open or make the journal, alone: a second process is refused.

        A torn tail is cut off and told in `torn_tail`. `at_least_lsn` is the lowest LSN that
        may come next, for a folder that was lost or pruned. Segments that the store has are
        kept for `retention_s` after their last record. Everything found counts as unapplied
        until `mark_applied`. `sync` makes a file descriptor durable; tests give a slow or
        failing one.

        Raises JournalError: another process, another store, an unreadable segment, damage in
        the last segment, a disk that refuses. Older segments are checked when `records` reads
        them.
        """
        files = JournalFiles(
            folder,
            store_id=store_id,
            journal_number=journal_number,
            segment_size=segment_size,
            at_least_lsn=at_least_lsn,
            sync=sync,
        )
        return cls(
            files,
            salt=salt_of(store_id, journal_number),
            retention_s=retention_s,
            max_unapplied_bytes=max_unapplied_bytes,
        )

    @property
    def oldest_lsn(self) -> int:
        """The first LSN that is still on disk; the next one if none is."""
        return self._files.oldest_lsn

    @property
    def durable_lsn(self) -> int:
        """The last LSN that is on disk; 0 before the first."""
        return self._files.durable_lsn

    @property
    def last_lsn(self) -> int:
        """The last LSN given out; 0 before the first."""
        return self.next_lsn - 1

    @property
    def unapplied_bytes(self) -> int:
        """Bytes that the store does not have yet, to 64 KiB (found at the start: to a segment)."""
        return self._unapplied.bytes

    @property
    def failure(self) -> JournalError | None:
        """Why the writer stopped; None while it has not."""
        return self._failure

    @property
    def writable(self) -> bool:
        """Whether a record would be taken now (Status-Server is answered only then)."""
        return not self._stopped and self._unapplied.bytes < self._max_unapplied_bytes

    def start(
        self,
        loop: asyncio.AbstractEventLoop,
        on_durable: Callable[[int], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        """Start the writer thread, once; both callbacks run on `loop`.

        `on_durable(lsn)`: all records up to `lsn` are on disk. `on_failure(error)` comes at
        most once: nothing more becomes durable, and nothing after the last durable LSN may be
        answered.
        """
        assert self._thread is None, "a journal is started once"
        self._loop = loop
        self._thread = threading.Thread(
            target=self._run,
            args=(loop, on_durable, on_failure),
            name="journal",
            daemon=True,  # an interpreter that ends without close() must not wait here for ever
        )
        self._stopped = ""
        self._thread.start()

    def append(self, received_us: int, kind: int, body: bytes) -> int:
        """Give a record to the writer and return its LSN; never blocks.

        `received_us` (UTC epoch microseconds) is raised to that of the record before if the
        clock went back. Raises JournalFull at the bound of unapplied bytes, JournalUnavailable
        if the journal is not running, ValueError for a body above 64 KiB.
        """
        if self._stopped:
            remedy = "answer nothing, and start aaad again"
            raise JournalUnavailable(self._files.folder, self._stopped, remedy)
        if len(body) > BODY_SIZE_MAX:
            raise ValueError(f"a journal record of {len(body)} bytes; {BODY_SIZE_MAX} is the most")
        if self._unapplied.bytes + len(body) + OVERHEAD_MAX > self._max_unapplied_bytes:
            raise self._full(len(body) + OVERHEAD_MAX)
        self.last_received_us = max(received_us, self.last_received_us)
        lsn = self.next_lsn
        size = self._group.append(lsn, self.last_received_us, kind, body)
        self._unapplied.add(lsn, size)
        self.next_lsn = lsn + 1
        if not self._is_announced:
            assert self._loop is not None
            self._is_announced = True
            self._loop.call_soon(self._hand_over)
        return lsn

    def mark_applied(self, lsn: int, now_us: int) -> None:
        """The store has every record up to `lsn`, durably; `now_us` is UTC epoch microseconds.

        Lowers the unapplied bytes, and lets the writer thread remove whole segments that are
        applied and past their retention (unlinking a large file would block the loop).
        """
        self._unapplied.apply(lsn)
        with self._wake:
            self._prune_order = (lsn, now_us - self._retention_us)
            self._wake.notify()

    def records(self, after_lsn: int = 0) -> Iterator[Record]:
        """Yield the durable records after `after_lsn`, in order, in constant memory.

        The record after `after_lsn` must still be there: JournalError if a segment is missing
        between, or damaged. To read all there is, begin at `oldest_lsn - 1`.
        """
        return self._files.records(after_lsn)

    async def close(self) -> None:
        """Make durable what was appended, stop the thread, give the lock back. Twice is harmless.

        `on_durable` has been called for all of it when this returns.
        """
        if self._is_closing:
            return
        self._stopped = self._stopped or "the journal is closed"
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        if self._thread is not None and self._loop is not None:
            await self._loop.run_in_executor(None, self._thread.join)
        self._files.close(failed=self._failure is not None)

    def _hand_over(self) -> None:
        """The loop has seen to all that was readable: the writer may take what there is."""
        self._is_announced = False
        with self._wake:
            self._has_group = True
            self._wake.notify()

    def _full(self, size_bytes: int) -> JournalFull:
        unapplied, most = self._unapplied.bytes, self._max_unapplied_bytes
        what = f"{unapplied} bytes wait for the store; {size_bytes} more would pass {most}"
        return JournalFull(self._files.folder, what, "bring the store back, it catches up")

    # The writer thread.

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        on_durable: Callable[[int], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        try:
            while self._write_next(loop, on_durable):
                pass
        except Exception as error:  # a thread that died unseen would leave everyone waiting
            self._failure = _as_journal_error(error, self._files.active_path)
            self._stopped = f"the journal has failed: {self._failure.what}"
            loop.call_soon_threadsafe(on_failure, self._failure)

    def _write_next(
        self, loop: asyncio.AbstractEventLoop, on_durable: Callable[[int], None]
    ) -> bool:
        """Wait for work and do it; False when the journal closes and nothing is left."""
        was_closing = self._is_closing  # before it takes: nothing can have been appended since
        prune_order = self._wait_for_work()
        group, records, received_us = self._group.take()
        if records:
            self._write_group(group, records, received_us)
            loop.call_soon_threadsafe(on_durable, self._files.durable_lsn)
        if prune_order:
            self._files.prune(applied_lsn=prune_order[0], oldest_kept_us=prune_order[1])
        return records > 0 or not was_closing

    def _wait_for_work(self) -> tuple[int, int] | None:
        """Wait until there is a group, an order to prune, which it returns, or the end."""
        with self._wake:
            while not (self._has_group or self._prune_order or self._is_closing):
                self._wake.wait()
            self._has_group = False
            prune_order, self._prune_order = self._prune_order, None
        return prune_order

    def _write_group(self, group: bytes, records: int, received_us: int) -> None:
        begun_ns = time.monotonic_ns()
        self._files.append_group(group, records=records, received_us=received_us)
        write_us = (time.monotonic_ns() - begun_ns) // 1_000
        self.counters.count_group(records=records, size_bytes=len(group), write_us=write_us)


class _UnappliedBytes:
    """How many bytes lie after the last applied LSN, by marks of at least 64 KiB."""

    def __init__(self, sizes: list[tuple[int, int]]) -> None:
        self.bytes = 0
        self._marks: deque[tuple[int, int]] = deque()  # (last LSN, bytes up to it), oldest first
        self._total = 0
        self._marked_total = 0
        self._applied_total = 0
        self._last_lsn = 0
        for lsn, size in sizes:
            self.add(lsn, size)
            self._mark()

    def add(self, lsn: int, size: int) -> None:
        """A record, or all of a segment, up to `lsn`."""
        self._last_lsn = lsn
        self._total += size
        self.bytes += size
        if not self._marks or self._total - self._marked_total >= _MARK_BYTES:
            self._mark()

    def apply(self, lsn: int) -> None:
        """Everything up to `lsn` is applied."""
        while self._marks and self._marks[0][0] <= lsn:
            self._applied_total = self._marks.popleft()[1]
        if lsn >= self._last_lsn:
            self._applied_total = self._total
        self.bytes = self._total - self._applied_total

    def _mark(self) -> None:
        self._marks.append((self._last_lsn, self._total))
        self._marked_total = self._total


def _as_journal_error(error: Exception, path: Path) -> JournalError:
    if isinstance(error, JournalError):
        return error
    return JournalError(path, f"the writer stopped: {error!r}", "report this as a bug of aaad")


def _buckets(bounds: tuple[int, ...]) -> list[int]:
    return [0] * (len(bounds) + 1)
