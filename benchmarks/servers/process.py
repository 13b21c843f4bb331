"""A server as a child process, and the CPU that a process and its descendants took (proc(5))."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

START_S = 600
"""Generous: a start with 200,000 open sessions reads them first."""
STOP_S = 120
POLL_S = 0.02
LOG_LINES_SHOWN = 20
TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")


class ServerError(Exception):
    """A server did not start, or died; the message ends with its last lines."""


class ServerProcess:
    """One running server. Its output goes to a file: a pipe would need a reader's CPU."""

    def __init__(
        self,
        command: list[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        is_ready: Callable[[], bool],
    ) -> None:
        """Start, and wait until `is_ready`. Raises ServerError."""
        self._log = folder / "server.log"
        self._total_us = 0
        self._stopped = False
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603, the benchmark's own commands
                command,
                cwd=folder,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_S
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{command[0]} did not start:\n{self._tail()}")
            time.sleep(POLL_S)

    @property
    def process_id(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    def cpu_us(self) -> int:
        """User and system time of the process so far, its descendants included; its last words
        as well, once it has been stopped.
        """
        if self._process.returncode is not None:
            return self._total_us
        return cpu_us(self._process.pid)

    def memory_octets(self) -> int:
        """Resident memory of the process."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        """SIGTERM, and wait; nothing when it was stopped before.

        Raises ServerError when it died by itself or does not end.
        """
        if self._stopped:
            return
        if self._process.poll() is not None:
            raise ServerError(f"the server ended by itself:\n{self._tail()}")
        before_us = _ended_children_us()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise ServerError(f"no end within {STOP_S} s of SIGTERM:\n{self._tail()}") from error
        self._total_us = _ended_children_us() - before_us
        self._stopped = True

    def kill(self) -> None:
        """SIGKILL; nothing when it has ended."""
        self._process.kill()
        self._process.wait()

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES_SHOWN:])


def _ended_children_us() -> int:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((usage.ru_utime + usage.ru_stime) * 1_000_000)


def cpu_us(process_id: int) -> int:
    """User and system time of a process and of all its descendants, those that ended included."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    ticks = sum(int(field) for field in fields[11:15])  # own, and of children that were waited for
    total = ticks * TICK_US
    with suppress(FileNotFoundError):
        children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
        total += sum(cpu_us(int(child)) for child in children)
    return total
