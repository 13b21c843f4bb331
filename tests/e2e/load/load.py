"""The load generator as a child process: what a test tells it and asks of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.e2e.harness import PROJECT, Daemon

DRAIN_S = 120


class Load:
    """Reports to a daemon, and to others with its secret, from entering until `drain`."""

    def __init__(
        self,
        daemon: Daemon,
        logins: list[str],
        *,
        seed: int,
        window: int = 256,
        others: tuple[Daemon, ...] = (),
    ) -> None:
        self.log = daemon.folder / f"acknowledged-{seed}.jsonl"
        logins_file = daemon.folder / f"logins-{seed}.txt"
        logins_file.write_text("\n".join(logins))
        host, port = daemon.accounting
        options = {
            "host": host,
            "port": port,
            "secret-file": daemon.secret_file,
            "logins": logins_file,
            "log": self.log,
            "seed": seed,
            "window": window,
        }
        self._arguments = [f"--{name}={value}" for name, value in options.items()]
        self._arguments += [f"--port={other.accounting[1]}" for other in others]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.load.generator", *self._arguments],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_for_acknowledged(self, more: int) -> int:
        """Wait until `more` reports are acknowledged; how many there are then."""
        return int(self._ask(f"wait {more}")["acknowledged"])

    def outstanding_since_before(self, instant: float) -> int:
        """Requests first sent before this instant of time.monotonic() and not answered yet."""
        return int(self._ask(f"outstanding {instant}")["outstanding"])

    def under_way(self) -> int:
        """Requests sent and not answered, the window being full."""
        return int(self._ask("under_way")["under_way"])

    def drain(self) -> dict[str, int]:
        """Let every session that is to end do so, wait for all answers; what was done."""
        summary = self._ask("drain")
        assert self._process.wait(DRAIN_S) == 0
        return dict(summary)

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the generator ended with {self._process.poll()} at {command!r}"
        return dict(json.loads(line))


def log_lines(path: Path) -> int:
    """How many reports a log holds."""
    with path.open("rb") as log:
        return sum(1 for _ in log)
