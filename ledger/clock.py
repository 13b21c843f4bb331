"""The wall clock, and the only module that reads it (DESIGN.md, Time).

With `[test] clock = true` it can be set and advanced: the demo and the simulated weeks move time
this way, for logins too. What moves is an offset to the machine's clock, so time goes on after a
setting; it is kept in a small file that is replaced whole, so the setting survives `kill -9`.
Durations come from the monotonic clock, which no setting moves.
"""

from __future__ import annotations

import os
import time
import tomllib
from pathlib import Path
from typing import Final

US_PER_S: Final = 1_000_000

INSTANT_MAX: Final = 2**33
"""Instants that can be set: to the year 2242. Event-Timestamp, of 32 bits, ends in 2106."""


class ClockNotSettable(Exception):
    """The clock of this daemon is the machine's; the message holds the remedy."""


class ClockFileError(Exception):
    """The file that keeps the clock's setting cannot be used; the message holds the remedy."""


class Clock:
    """UTC now. With a `file` it can be set, and the setting is read back from that file."""

    def __init__(self, file: Path | None = None) -> None:
        """Raises ClockFileError when `file` exists and holds no setting."""
        self._file = file
        self._offset_us = 0 if file is None else _load_offset_us(file)

    def now(self) -> int:
        """UTC epoch seconds, rounded down: RADIUS' own grain."""
        return self.now_us() // US_PER_S

    def now_us(self) -> int:
        """UTC epoch microseconds, for logs and metrics."""
        return time.time_ns() // 1000 + self._offset_us

    @property
    def settable(self) -> bool:
        """Whether `set` and `advance` are allowed."""
        return self._file is not None

    @property
    def offset_s(self) -> int:
        """How far ahead of the machine's clock this one is, in seconds, rounded down."""
        return self._offset_us // US_PER_S

    def set(self, at: int) -> None:
        """Makes it `at` now (UTC epoch seconds), durably before it returns.

        Raises ClockNotSettable without `[test] clock`, ValueError for an instant out of range,
        ClockFileError when the setting cannot be kept (the clock is then unchanged).
        """
        file = self._settable_file()
        if not 0 <= at <= INSTANT_MAX:
            raise ValueError(f"the instant {at} is outside 0 to {INSTANT_MAX}: use epoch seconds")
        offset_us = at * US_PER_S - time.time_ns() // 1000
        _store_offset_us(file, offset_us)
        self._offset_us = offset_us

    def advance(self, seconds: int) -> None:
        """Moves the clock by `seconds`, which may be negative. Raises as `set` does."""
        self._settable_file()
        self.set(self.now() + seconds)

    def _settable_file(self) -> Path:
        if self._file is None:
            raise ClockNotSettable(
                "the clock of this daemon is the machine's and cannot be set; for a test, write "
                "clock = true and clock_file = ... under [test] and restart"
            )
        return self._file


def monotonic() -> float:
    """Seconds of a clock that only runs forward: for durations and timeouts, never for instants."""
    return time.monotonic()


def _load_offset_us(file: Path) -> int:
    """The kept offset in microseconds; 0 when nothing was kept."""
    try:
        content = tomllib.loads(file.read_text("ascii"))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise ClockFileError(f"{file}: cannot be read: {error}; {_REMOVE}") from error
    offset_us = content.get("offset_us")
    if type(offset_us) is not int or abs(offset_us) > INSTANT_MAX * US_PER_S:
        raise ClockFileError(f"{file}: holds no offset_us that is an instant's; {_REMOVE}")
    return offset_us


_REMOVE = "remove the file to go back to the machine's clock"


def _store_offset_us(file: Path, offset_us: int) -> None:
    """Replaces the file as a whole: after a crash it holds the old setting or the new one."""
    part = file.with_name(file.name + ".part")
    try:
        with part.open("w", encoding="ascii") as stream:
            stream.write(f"offset_us = {offset_us}\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        _sync_folder(file.parent)
    except OSError as error:
        raise ClockFileError(
            f"{file}: the clock's setting cannot be kept: {error.strerror}; "
            "let [test] clock_file name a file in a folder that the daemon may write"
        ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
