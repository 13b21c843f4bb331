"""The file locks of a SQLite store: whose turn it is to write, and who has it open at all.

SQLite's own busy handler sleeps longer and longer, so that a job with many transactions starves
the poster (seen). Writers therefore queue here, at short even intervals, before they say BEGIN
IMMEDIATE. flock cannot be awaited without giving up a thread to it, hence the polling.
"""

from __future__ import annotations

import asyncio
import fcntl
import os

from ledger.store.contract import StoreUnavailable, in_use

POLL_INTERVAL_S = 0.001
"""Pause between two attempts: a transaction takes 1 to 20 ms."""

YIELD_S = 3 * POLL_INTERVAL_S
"""Whoever polls meanwhile has the lock by then."""

LOCK_FILE_MODE = 0o660


class FileLock:
    """An exclusive lock on `<path>`, taken for one transaction at a time.

    yields: a job's: after each transaction it lets whoever waits go first. The daemon's does not.
    """

    __slots__ = ("_descriptor", "_path", "_yields")

    def __init__(self, path: str, *, yields: bool) -> None:
        self._path = path
        self._yields = yields
        self._descriptor = _open_lock(path)

    async def acquire(self, *, wait_ms: int) -> None:
        """Take the lock. Raises StoreUnavailable when others hold it longer than `wait_ms`."""
        if self._yields:
            await asyncio.sleep(YIELD_S)
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + wait_ms / 1000
        while not self._try_acquire():
            if loop.time() >= give_up_at:
                raise StoreUnavailable(
                    f"store lock {self._path} was held by another process for {wait_ms} ms: "
                    f"find it with 'fuser {self._path}'; the work is tried again"
                )
            await asyncio.sleep(POLL_INTERVAL_S)

    def release(self) -> None:
        """Give the lock to the next one."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up the lock and its file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _try_acquire(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class UseLock:
    """Says that somebody has a store open: shared by all, or held alone while books move.

    Held from opening to closing, on a file of its own: writers' turns are another matter.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, path: str, *, alone: bool) -> None:
        self._descriptor = _open_lock(path)
        try:
            fcntl.flock(
                self._descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB
            )
        except BlockingIOError:
            self.close()
            raise in_use(path.removesuffix(".users"), alone=alone) from None

    def close(self) -> None:
        """Let go. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _open_lock(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_FILE_MODE)
    except OSError as error:
        raise StoreUnavailable(
            f"store lock {path} cannot be opened ({error.strerror}): "
            "make the folder and let this user write in it"
        ) from error
