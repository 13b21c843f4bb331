"""Proves the journal's promises: groups, order, bounds, rotation, retention and failures."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aaad.server.journal import (
    BODY_SIZE_MAX,
    Journal,
    JournalError,
    JournalFull,
    JournalUnavailable,
    verify,
)
from aaad.server.journal_segments import Ending, segment_path, segment_paths

SECOND_US = 1_000_000


class Heard:
    """What the journal told the loop."""

    def __init__(self) -> None:
        self.durable: list[int] = []
        self.failures: list[Exception] = []
        self._changed = asyncio.Event()

    def on_durable(self, lsn: int) -> None:
        self.durable.append(lsn)
        self._changed.set()

    def on_failure(self, error: Exception) -> None:
        self.failures.append(error)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def durable_up_to(self, lsn: int) -> None:
        await self.until(lambda: bool(self.durable) and self.durable[-1] >= lsn)


class GatedSync:
    """A disk that syncs only when it is let; counts the syncs that began."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(0)

    def __call__(self, fd: int) -> None:
        self.begun.release()
        assert self.let.acquire(timeout=30)
        os.fdatasync(fd)


class FailingSync:
    """A disk that fails once `broken` is set; counts the attempts from then on."""

    def __init__(self) -> None:
        self.broken = False
        self.attempts = 0

    def __call__(self, fd: int) -> None:
        if self.broken:
            self.attempts += 1
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(fd)


def open_journal(folder: Path, **changes: Any) -> Journal:
    settings: dict[str, Any] = {
        "store_id": "store-a",
        "journal_number": 0,
        "segment_size": 1 << 20,
        "retention_s": 60,
        "max_unapplied_bytes": 1 << 24,
    }
    return Journal.open(folder, **(settings | changes))


@asynccontextmanager
async def running(folder: Path, **changes: Any) -> AsyncIterator[tuple[Journal, Heard]]:
    journal, heard = open_journal(folder, **changes), Heard()
    journal.start(asyncio.get_running_loop(), heard.on_durable, heard.on_failure)
    try:
        yield journal, heard
    finally:
        await journal.close()


async def until_pruned(journal: Journal, heard: Heard) -> None:
    """An order to prune is carried out before the second group after it is durable."""
    await append_one_by_one(journal, heard, [b"", b""])


async def append_one_by_one(journal: Journal, heard: Heard, bodies: list[bytes]) -> None:
    """Each body in a group of its own."""
    for body in bodies:
        await heard.durable_up_to(journal.append(journal.next_lsn * SECOND_US, 1, body))


async def test_what_was_appended_is_durable_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, heard):
        assert [journal.append(at, at, b"%d" % at) for at in (5, 6, 7)] == [1, 2, 3]
        await heard.durable_up_to(3)
        assert (journal.durable_lsn, journal.last_lsn, journal.next_lsn) == (3, 3, 4)
        found = [(r.lsn, r.received_us, r.kind, r.body) for r in journal.records()]
    assert found == [(1, 5, 5, b"5"), (2, 6, 6, b"6"), (3, 7, 7, b"7")]


async def test_all_that_comes_during_a_sync_is_one_group(tmp_path: Path) -> None:
    journal, heard, sync = open_journal(tmp_path), Heard(), GatedSync()
    await journal.close()
    sync.let.release(2)  # opening makes the segment durable again
    journal = open_journal(tmp_path, sync=sync)
    journal.start(asyncio.get_running_loop(), heard.on_durable, heard.on_failure)
    assert sync.begun.acquire(timeout=30)
    journal.append(1, 1, b"first")
    sync.let.acquire()
    await asyncio.to_thread(sync.begun.acquire)
    for _ in range(1_000):
        journal.append(1, 1, b"meanwhile")
    assert heard.durable == []
    sync.let.release(2)
    await heard.durable_up_to(1_001)
    await journal.close()
    assert heard.durable == [1, 1_001]
    assert (journal.counters.groups, journal.counters.records) == (2, 1_001)
    assert sum(journal.counters.write_us_buckets) == sum(journal.counters.group_size_buckets) == 2


async def test_close_writes_what_is_left_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, heard):
        for _ in range(100):
            journal.append(1, 1, b"x")
    assert heard.durable[-1] == 100
    await journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.append(1, 1, b"x")


async def test_received_time_never_goes_back_even_over_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        journal.append(500, 1, b"")
        journal.append(400, 1, b"")
    async with running(tmp_path) as (journal, heard):
        await heard.durable_up_to(journal.append(300, 1, b""))
        assert [r.received_us for r in journal.records()] == [500, 500, 500]


async def test_lsn_goes_on_over_restarts(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        async with running(tmp_path) as (journal, _):
            assert journal.append(1, 1, b"") == expected


async def test_lsn_goes_on_when_the_folder_was_lost(tmp_path: Path) -> None:
    async with running(tmp_path, at_least_lsn=100) as (journal, heard):
        await heard.durable_up_to(journal.append(1, 1, b""))
        assert [r.lsn for r in journal.records(99)] == [100]
        with pytest.raises(JournalError, match="records 91 to 99 are missing"):
            next(journal.records(90))


async def test_lsn_may_jump_ahead_of_what_is_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        journal.append(1, 1, b"")
    for _ in range(2):  # the second time the segment that was begun is empty
        await open_journal(tmp_path, at_least_lsn=50).close()
    async with running(tmp_path, at_least_lsn=50) as (journal, heard):
        assert [r.lsn for r in journal.records()] == [1]
        await heard.durable_up_to(journal.append(1, 1, b""))
        assert [r.lsn for r in journal.records()] == [1, 50]
    assert [r.ending for r in verify(tmp_path)] == [Ending.WHOLE, Ending.WHOLE]


async def test_a_jump_from_an_empty_segment_hides_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        journal.append(1, 1, b"")
    await open_journal(tmp_path, at_least_lsn=50).close()
    journal = open_journal(tmp_path, at_least_lsn=90)
    assert [r.lsn for r in journal.records()] == [1]
    assert journal.next_lsn == 90
    await journal.close()


async def test_the_bound_of_unapplied_bytes(tmp_path: Path) -> None:
    async with running(tmp_path, max_unapplied_bytes=100_000) as (journal, heard):
        for _ in range(95):
            journal.append(1, 1, bytes(1_000))
        with pytest.raises(JournalFull, match="wait for the store"):
            journal.append(1, 1, bytes(4_000))
        last = journal.append(1, 1, bytes(1_000))
        assert last == 96
        assert 96_000 < journal.unapplied_bytes <= 100_000
        await heard.durable_up_to(last)
        journal.mark_applied(last, 0)
        assert journal.unapplied_bytes == 0
        assert journal.append(1, 1, b"") == last + 1


async def test_unapplied_bytes_fall_in_steps(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, heard):
        for _ in range(1_000):
            journal.append(1, 1, bytes(1_000))
        await heard.durable_up_to(1_000)
        whole = journal.unapplied_bytes
        journal.mark_applied(500, 0)
        assert whole // 2 <= journal.unapplied_bytes <= whole // 2 + 65_536 + 1_100


async def test_what_is_found_counts_as_unapplied(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        for _ in range(10):
            journal.append(1, 1, bytes(1_000))
    async with running(tmp_path, max_unapplied_bytes=5_000) as (journal, _):
        assert journal.unapplied_bytes > 10_000
        assert not journal.writable
        journal.mark_applied(10, 0)
        assert journal.unapplied_bytes == 0
        assert journal.writable


async def test_a_body_above_its_bound_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        assert journal.append(1, 1, bytes(BODY_SIZE_MAX)) == 1
        with pytest.raises(ValueError, match="65537"):
            journal.append(1, 1, bytes(BODY_SIZE_MAX + 1))


async def test_segments_rotate_and_read_as_one(tmp_path: Path) -> None:
    async with running(tmp_path, segment_size=4_000) as (journal, heard):
        await append_one_by_one(journal, heard, [bytes(900)] * 20)
    paths = segment_paths(tmp_path, 0)
    assert len(paths) == 5
    assert all(path.stat().st_size <= 4_000 for path in paths)
    assert [r.ending for r in verify(tmp_path)] == [Ending.WHOLE] * 5
    journal = open_journal(tmp_path)
    assert [r.lsn for r in journal.records()] == list(range(1, 21))
    assert [r.lsn for r in journal.records(11)] == list(range(12, 21))
    assert list(journal.records(20)) == []
    await journal.close()


async def test_only_applied_and_old_segments_are_pruned(tmp_path: Path) -> None:
    async with running(tmp_path, segment_size=2_000, retention_s=10) as (journal, heard):
        await append_one_by_one(journal, heard, [bytes(900)] * 8)  # 2 a segment, one a second
        journal.mark_applied(5, 100 * SECOND_US)
        await until_pruned(journal, heard)
        assert journal.oldest_lsn == 5
        journal.mark_applied(9, 16 * SECOND_US)
        await until_pruned(journal, heard)
        assert journal.oldest_lsn == 5
        journal.mark_applied(9, 17 * SECOND_US)
        await until_pruned(journal, heard)
        assert journal.oldest_lsn == 7
        with pytest.raises(JournalError, match="records 3 to 6 are missing"):
            next(journal.records(2))
        assert [r.lsn for r in journal.records(journal.oldest_lsn - 1)] == list(range(7, 15))
    assert segment_paths(tmp_path, 0)[0] == segment_path(tmp_path, 0, 7)


async def test_a_group_taken_before_it_was_handed_over_ends_nothing(tmp_path: Path) -> None:
    """An order to prune wakes the writer in the turn that appends; the handing over comes later."""
    synced = threading.Event()

    def sync(fd: int) -> None:
        os.fdatasync(fd)
        synced.set()

    async with running(tmp_path, sync=sync) as (journal, heard):
        synced.clear()
        journal.append(1, 1, b"first")
        journal.mark_applied(0, 0)
        assert synced.wait(30)  # the loop does not turn meanwhile
        await heard.durable_up_to(1)
        await heard.durable_up_to(journal.append(2, 1, b"second"))


async def test_old_segments_are_pruned_after_a_restart_too(tmp_path: Path) -> None:
    async with running(tmp_path, segment_size=2_000) as (journal, heard):
        await append_one_by_one(journal, heard, [bytes(900)] * 6)
    async with running(tmp_path, retention_s=1) as (journal, _):
        journal.mark_applied(6, 6 * SECOND_US)
    assert [path.name[-8:-4] for path in segment_paths(tmp_path, 0)] == ["0005"]


async def test_another_store_is_refused(tmp_path: Path) -> None:
    await open_journal(tmp_path).close()
    with pytest.raises(JournalError, match="belongs to store 'store-a', not to 'store-b'"):
        open_journal(tmp_path, store_id="store-b")
    await open_journal(tmp_path).close()  # the lock was given back


async def test_journals_of_other_workers_are_left_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as (first, _), running(tmp_path, journal_number=1) as (other, _):
        assert first.append(1, 1, b"a") == other.append(1, 1, b"b") == 1
    journal = open_journal(tmp_path, journal_number=1)
    assert [r.body for r in journal.records()] == [b"b"]
    await journal.close()


async def test_a_second_opening_is_refused(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(JournalError, match="another process has this journal open"):
        open_journal(tmp_path)
    await journal.close()


@pytest.mark.parametrize("changes", [{"journal_number": 100}, {"store_id": ""}])
def test_impossible_names_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(JournalError):
        open_journal(tmp_path, **changes)


async def test_a_torn_tail_is_cut_off_and_told(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, heard):
        await append_one_by_one(journal, heard, [b"one", b"two"])
    path = segment_path(tmp_path, 0, 1)
    path.write_bytes(path.read_bytes()[:-1])
    async with running(tmp_path) as (journal, heard):
        assert "record 2" in journal.torn_tail
        assert "were cut off" in journal.torn_tail
        assert journal.next_lsn == 2
        await heard.durable_up_to(journal.append(1, 1, b"again"))
        assert [r.body for r in journal.records()] == [b"one", b"again"]
    journal = open_journal(tmp_path)
    assert journal.torn_tail == ""
    await journal.close()


async def test_damage_stops_the_start_and_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, heard):
        await append_one_by_one(journal, heard, [b"one", b"two", b"three"])
    path = segment_path(tmp_path, 0, 1)
    damaged = path.read_bytes().replace(b"two", b"tow")
    path.write_bytes(damaged)
    with pytest.raises(JournalError) as caught:
        open_journal(tmp_path)
    assert caught.value.path == path
    assert "record 2 at offset" in caught.value.what
    assert caught.value.remedy
    assert path.read_bytes() == damaged


async def test_damage_in_an_older_segment_stops_the_replay(tmp_path: Path) -> None:
    async with running(tmp_path, segment_size=2_000) as (journal, heard):
        await append_one_by_one(journal, heard, [bytes(900)] * 4)
    path = segment_paths(tmp_path, 0)[0]
    path.write_bytes(path.read_bytes()[:-1])
    journal = open_journal(tmp_path)
    with pytest.raises(JournalError, match="next segment proves"):
        list(journal.records())
    await journal.close()


async def test_a_missing_segment_stops_the_replay(tmp_path: Path) -> None:
    async with running(tmp_path, segment_size=2_000) as (journal, heard):
        await append_one_by_one(journal, heard, [bytes(900)] * 6)
    segment_paths(tmp_path, 0)[1].unlink()
    journal = open_journal(tmp_path)
    with pytest.raises(JournalError, match=r"ends with LSN 2, but .* after LSN 4"):
        list(journal.records())
    await journal.close()


async def test_a_crash_in_the_middle_of_a_rotation_leaves_nothing(tmp_path: Path) -> None:
    await open_journal(tmp_path).close()
    unfinished = tmp_path / "journal-00-0000000000000001.log.new"
    unfinished.write_bytes(b"half a header")
    await open_journal(tmp_path).close()
    assert not unfinished.exists()


async def test_a_failed_sync_is_final(tmp_path: Path) -> None:
    sync = FailingSync()
    async with running(tmp_path, sync=sync) as (journal, heard):
        await append_one_by_one(journal, heard, [b"good"])
        assert journal.writable
        sync.broken = True
        journal.append(1, 1, b"lost")
        await heard.until(lambda: bool(heard.failures))
        assert (heard.durable, journal.durable_lsn) == ([1], 1)
        assert isinstance(heard.failures[0], JournalError)
        assert "Input/output error" in str(heard.failures[0])
        assert not journal.writable
        assert journal.failure is heard.failures[0]
        with pytest.raises(JournalUnavailable, match="has failed"):
            journal.append(1, 1, b"more")
    assert sync.attempts == 1
    assert len(heard.failures) == 1


async def test_a_full_disk_leaves_the_last_good_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as (journal, heard):
        await append_one_by_one(journal, heard, [b"good"])
        room = [1_500]

        def pwrite(fd: int, data: bytes, offset: int, write: Any = os.pwrite) -> int:
            if room[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            written: int = write(fd, data[: room[0]], offset)
            room[0] -= written
            return written

        monkeypatch.setattr(os, "pwrite", pwrite)
        journal.append(1, 1, bytes(1_000))
        journal.append(1, 1, bytes(1_000))
        await heard.until(lambda: bool(heard.failures))
        assert "free space" in str(heard.failures[0])
        assert heard.durable == [1]
    monkeypatch.undo()
    journal = open_journal(tmp_path)
    assert journal.torn_tail == ""
    assert [r.body for r in journal.records()] == [b"good"]
    await journal.close()


async def test_without_a_writer_nothing_is_taken(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    assert not journal.writable
    with pytest.raises(JournalUnavailable, match="not started"):
        journal.append(1, 1, b"")
    await journal.close()


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot create the segment"):
        open_journal(tmp_path, sync=_refusing_sync)


def _refusing_sync(fd: int) -> None:
    raise OSError(errno.EROFS, "Read-only file system")
