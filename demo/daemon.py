"""The daemon of the demonstration: its folder, its process, its log, and the commands around it.

It runs as an operator would run it: `aaad --config FILE`, and `aaactl` for every change. Its log
goes to a file, so that it can be left running when the demonstration has ended.
"""

from __future__ import annotations

import grp
import os
import secrets
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from aaad.control.client import ControlClient
from demo.nas import LOCALHOST, Nas

PROJECT = Path(__file__).parents[1]
READY_S = 30
STOP_S = 30
COMMAND_S = 30
NOTIFY_SIZE_MAX = 4096
LOG_LINES_SHOWN = 10

SETTINGS = """\
[secrets]
folder = "secrets"
[store]
url = "sqlite:///{folder}/aaad.db"
[journal]
folder = "journal"
[radius]
authentication = ["127.0.0.1:{authentication}"]
accounting = ["127.0.0.1:{accounting}"]
reject_delay_ms = 300
[control]
socket = "control.sock"
reading_group = "{group}"
administering_group = "{group}"
[seal]
key_file = "seal-key"
[test]
clock = true
clock_file = "clock.toml"
[[clients]]
name = "terminal-servers"
prefixes = ["127.0.0.1"]
secret_file = "terminal-servers"
[[nases]]
name = "{nas}"
[nases.dynauth]
address = "127.0.0.1"
port = {dynauth}
secret_file = "terminal-servers"
"""


class DaemonFailed(Exception):
    """The daemon, or a command, did not do what it was asked."""


class Daemon:
    """One aaad and its folder."""

    def __init__(self, folder: Path, *, secret: bytes, nas: Nas) -> None:
        self.folder = folder
        self.authentication_port = _free_port()
        self.accounting_port = _free_port()
        self._config = folder / "aaad.toml"
        self._control_socket = folder / "control.sock"
        self._log = folder / "aaad.log"
        self._log_read = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._write_folder(secret, nas)
        nas.authentication = (LOCALHOST, self.authentication_port)
        nas.accounting = (LOCALHOST, self.accounting_port)

    @property
    def process_id(self) -> int:
        """Of the running daemon."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it says that it serves. Raises DaemonFailed."""
        path = self.folder / "notify.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*program("aaad"), "--config", str(self._config)],
                    cwd=PROJECT,
                    env={**os.environ, "NOTIFY_SOCKET": str(path)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is ours to handle
                )
            if not _is_ready(notify, self._process.pid):
                raise DaemonFailed(f"aaad did not start; its log ends:\n{self.log_tail()}")

    def kill(self) -> None:
        """kill -9: nothing is drained, nothing flushed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int | None:
        """SIGTERM, and its exit code; None if it did not run."""
        if self._process is None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._process = None

    def ask(self, command: str, **arguments: object) -> Any:
        """What the control socket answers: the way of `aaactl`, without its start."""
        with ControlClient(self._control_socket) as client:
            return client.call(command, **arguments)

    def aaactl(self, *arguments: str, stdin: str = "") -> None:
        """A command as a clerk gives it. Raises DaemonFailed."""
        done = subprocess.run(
            [*program("aaactl"), "--socket", str(self._control_socket), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            timeout=COMMAND_S,
            check=False,
        )
        if done.returncode:
            raise DaemonFailed(f"aaactl {shlex.join(arguments)}: {done.stderr.strip()}")

    def new_log_entries(self) -> list[dict[str, Any]]:
        """The log's lines since the last call."""
        with self._log.open("rb") as log:
            log.seek(self._log_read)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._log_read += len(whole) + len(newline)
        return [_entry(line) for line in whole.splitlines()]

    def log_tail(self) -> str:
        """The last lines of the log."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def commands(self, user_name: str, password: str) -> dict[str, str]:
        """What to try with a daemon that is left running, and how to end it."""
        secret = shlex.quote(str(self.folder / "secrets" / "terminal-servers"))
        folder = shlex.quote(str(self.folder))
        aaactl = shlex.join([*program("aaactl"), "--socket", str(self._control_socket)])
        pairs = f'User-Name={user_name},User-Password="{password}",Message-Authenticator=0x00'
        target = f"{LOCALHOST}:{self.authentication_port}"
        process = self.process_id
        return {
            "log in": f"echo '{pairs}' | radclient -x -S {secret} {target} auth",
            "look": f"{aaactl} status",
            "end": f"kill {process}; tail --pid={process} -f /dev/null; rm -r {folder}",
        }

    def _write_folder(self, secret: bytes, nas: Nas) -> None:
        for name in ("secrets", "journal"):
            (self.folder / name).mkdir()
        self._write_secret("terminal-servers", secret.decode())
        self._write_secret("seal-key", secrets.token_hex(32))
        text = SETTINGS.format(
            folder=self.folder,
            authentication=self.authentication_port,
            accounting=self.accounting_port,
            group=grp.getgrgid(os.getgid()).gr_name,
            nas=nas.name,
            dynauth=nas.dynauth_port,
        )
        self._config.write_text(text)

    def _write_secret(self, name: str, text: str) -> None:
        path = self.folder / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")


def program(name: str) -> list[str]:
    """One of our programs: as installed beside this Python, else as its module."""
    installed = Path(sys.executable).with_name(name)
    if installed.exists():
        return [str(installed)]
    modules = {"aaad": "aaad.server.main", "aaactl": "aaad.control.cli"}
    return [sys.executable, "-m", modules[name]]


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def _is_ready(notify: socket.socket, process_id: int) -> bool:
    """Whichever comes first: READY=1, or the end of the process or of the time."""
    waited: list[socket.socket | int] = [notify, end := os.pidfd_open(process_id)]
    deadline = time.monotonic() + READY_S
    try:
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select(waited, [], [], left)
            if notify in ready:
                if b"READY=1" in notify.recv(NOTIFY_SIZE_MAX).split(b"\n"):
                    return True
            elif end in ready:
                return False
    finally:
        os.close(end)
    return False


def _entry(line: bytes) -> dict[str, Any]:
    """A line of the log; a traceback's lines are none, and are kept all the same."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        entry = None
    return entry if isinstance(entry, dict) else {"event": line.decode(errors="replace")}
