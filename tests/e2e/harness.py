"""The real daemon as a child process: its folder, its start and ends, its log, and the commands
around it.

`Daemon` owns a folder with configuration, secrets, store and journal; starting it again on the same
folder is a restart. READY=1 is awaited on a notify socket of the test's own, as systemd does it.
Nothing here imports aaad: what the tests see is what an operator sees.
"""

from __future__ import annotations

import grp
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.e2e.nas import Endpoint, Nas
from tests.e2e.ports import free_udp_port

PROJECT = Path(__file__).parents[2]
READY_S = 60
"""A start replays the journal; only a daemon that hangs takes a minute."""
STOP_S = 60
COMMAND_S = 60
LOG_LINES_SHOWN = 30
NOTIFY_SIZE_MAX = 4096
LOCALHOST = "127.0.0.1"

SETTINGS = """
[secrets]
folder = "secrets"
[store]
url = "{store_url}"
{store_password}
[journal]
folder = "journal"
number = {journal_number}
[radius]
authentication = ["{host}:{authentication_port}"]
accounting = ["{host}:{accounting_port}"]
reject_delay_ms = {reject_delay_ms}
[posting]
open_session_max_age_s = {open_session_max_age_s}
[control]
socket = "control.sock"
reading_group = "{group}"
administering_group = "{group}"
[seal]
key_file = "seal-key"
[test]
clock = {clock}
clock_file = "clock.toml"
[[clients]]
name = "test-nases"
prefixes = ["127.0.0.0/9", "::1"]
secret_file = "client"
allow_mschapv1 = {allow_mschapv1}
"""

NAS_SETTINGS = """
[[nases]]
name = "{nas}"
[nases.dynauth]
address = "{host}"
port = {port}
secret_file = "client"
"""


class DaemonError(AssertionError):
    """The daemon did not do what it was asked; the message ends with its last log lines."""


class CommandError(AssertionError):
    """A command ended with another exit code than 0."""

    def __init__(self, arguments: list[str], done: subprocess.CompletedProcess[str]) -> None:
        self.exit_code = done.returncode
        self.stderr = done.stderr
        shown = " ".join(arguments)
        super().__init__(f"{shown}: exit {done.returncode}\n{done.stdout}{done.stderr}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """What tests vary of the configuration."""

    clock: bool = False
    host: str = LOCALHOST
    reject_delay_ms: int = 0
    open_session_max_age_s: int = 60
    allow_mschapv1: bool = False
    store_url: str = ""  # empty: SQLite in the daemon's folder
    store_password: str = ""
    dynauth_ports: tuple[tuple[str, int], ...] = ()  # (NAS, port of its DynauthListener)
    more: str = ""  # appended to the file
    journal_number: int = 1
    environment: tuple[tuple[str, str], ...] = ()


class Daemon:
    """One aaad and its folder; `running()` for a test, `start`, `stop` and `kill` for a story."""

    def __init__(self, folder: Path, options: DaemonOptions | None = None) -> None:
        self.folder = folder
        self.secret = secrets.token_hex(16).encode()
        self.config = folder / "aaad.toml"
        self.control_socket = folder / "control.sock"
        self.store = folder / "aaad.db"
        self.journal = folder / "journal"
        self.secret_file = folder / "secrets" / "client"
        self.log: list[dict[str, Any]] = []
        self.options = options = options or DaemonOptions()
        self._log_grew = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self.authentication: Endpoint = (options.host, free_udp_port(options.host))
        self.accounting: Endpoint = (options.host, free_udp_port(options.host))
        self._write_folder()

    def _write_folder(self) -> None:
        for name in ("secrets", "journal"):
            (self.folder / name).mkdir(exist_ok=True)
        self._write_secret("client", self.secret.decode())
        self._write_secret("seal-key", secrets.token_hex(32))
        options = self.options
        host = f"[{options.host}]" if ":" in options.host else options.host
        password = options.store_password
        if password:
            self._write_secret("store", password)
        text = SETTINGS.format(
            store_url=options.store_url or f"sqlite:///{self.folder}/aaad.db",
            store_password='password_file = "store"' if password else "",
            host=host,
            authentication_port=self.authentication[1],
            accounting_port=self.accounting[1],
            reject_delay_ms=options.reject_delay_ms,
            open_session_max_age_s=options.open_session_max_age_s,
            group=grp.getgrgid(os.getgid()).gr_name,
            clock=str(options.clock).lower(),
            journal_number=options.journal_number,
            allow_mschapv1=str(options.allow_mschapv1).lower(),
        )
        for nas, port in options.dynauth_ports:
            text += NAS_SETTINGS.format(nas=nas, host=LOCALHOST, port=port)
        self.config.write_text(text + options.more)

    def _write_secret(self, name: str, text: str) -> None:
        path = self.folder / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")

    # ---- its life

    def start(self) -> None:
        """Start, and wait until it says that it serves (the journal is replayed by then)."""
        assert self._process is None, "it runs already"
        notify_path = self.folder / "notify.sock"
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(notify_path))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "aaad.server.main", "--config", str(self.config)],
                cwd=PROJECT,
                env={
                    "PATH": os.environ["PATH"],
                    "NOTIFY_SOCKET": str(notify_path),
                    **dict(self.options.environment),
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self._log_reader = threading.Thread(
                target=self._read_log, args=(self._process,), name="aaad-log", daemon=True
            )
            self._log_reader.start()
            self._await_ready(notify, self._process)

    def _await_ready(self, notify: socket.socket, process: subprocess.Popen[str]) -> None:
        """Whichever comes first: READY=1, or the end of the process."""
        end = os.pidfd_open(process.pid)
        try:
            deadline = time.monotonic() + READY_S
            while (left := deadline - time.monotonic()) > 0:
                ready, _, _ = select.select([notify, end], [], [], left)
                if notify in ready:
                    if b"READY=1" in notify.recv(NOTIFY_SIZE_MAX).split(b"\n"):
                        return
                elif end in ready:
                    break
        finally:
            os.close(end)
        code = process.poll()
        self.kill()
        what = f"ended with {code}" if code is not None else f"was not ready in {READY_S} s"
        raise DaemonError(f"aaad {what}; its log ends:\n{self.log_tail()}")

    def stop(self) -> None:
        """SIGTERM: it drains and exits 0."""
        process = self._taken()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self._log_reader.join()
        assert code == 0, f"aaad ended with {code} on SIGTERM; its log ends:\n{self.log_tail()}"

    def kill(self) -> None:
        """SIGKILL: nothing is drained, nothing flushed."""
        process = self._taken()
        process.kill()
        process.wait()
        self._log_reader.join()

    def wait_for_end(self) -> int:
        """Until it ends by itself; its exit code."""
        process = self._taken()
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        self._log_reader.join()
        return code

    def reload(self) -> None:
        """SIGHUP. That it is done shows in the log."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def _taken(self) -> subprocess.Popen[str]:
        process, self._process = self._process, None
        assert process is not None, "it does not run"
        return process

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Started, and at the end stopped, or killed if the test failed."""
        self.start()
        try:
            yield self
        except BaseException:
            if self._process is not None:
                self.kill()
            raise
        if self._process is not None:
            self.stop()

    # ---- its log

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                entry = _log_entry(line)
                with self._log_grew:
                    self.log.append(entry)
                    self._log_grew.notify_all()

    def wait_for_log(
        self, wanted: Callable[[dict[str, Any]], bool], *, timeout_s: float = 30
    ) -> dict[str, Any]:
        """The first entry of the log that `wanted` accepts, old or still to come."""

        def found() -> dict[str, Any] | None:
            return next((entry for entry in self.log if wanted(entry)), None)

        with self._log_grew:
            entry = self._log_grew.wait_for(found, timeout_s)
        assert entry, f"no such log line in {timeout_s} s; the log ends:\n{self.log_tail()}"
        return entry

    def log_tail(self) -> str:
        with self._log_grew:
            return "\n".join(json.dumps(entry) for entry in self.log[-LOG_LINES_SHOWN:])

    # ---- who speaks with it

    def nas(self, nas_identifier: str = "nas-1", **options: Any) -> Nas:
        """A NAS that knows this daemon's endpoints and secret."""
        options.setdefault("source", self.options.host)
        return Nas(
            authentication=self.authentication,
            accounting=self.accounting,
            secret=self.secret,
            nas_identifier=nas_identifier,
            **options,
        )

    def aaactl(self, *arguments: str, stdin: str = "") -> Any:
        """What a command answers with --json; CommandError when it ends with another code than
        0."""
        command = ["--socket", str(self.control_socket), *arguments, "--json"]
        return json.loads(run_command("aaad.control.cli", *command, stdin=stdin))


def _log_entry(line: str) -> dict[str, Any]:
    """A line of the log; a traceback's lines are none, and are kept all the same."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {"event": "not a log line", "text": line.rstrip()}


def run_command(module: str, *arguments: str, stdin: str = "") -> str:
    """The stdout of one of our programs, run as `python -m MODULE`."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=COMMAND_S,
        check=False,
    )
    if done.returncode:
        raise CommandError([module, *arguments], done)
    return done.stdout


@dataclass(frozen=True, slots=True)
class RadclientAnswer:
    """What radclient printed of the reply: its name, and its attributes as text."""

    code: str  # "Access-Accept", "" for silence
    attributes: dict[str, list[str]]


def has_radclient() -> bool:
    """Whether Debian's freeradius-utils are there."""
    return shutil.which("radclient") is not None


def radclient(
    endpoint: Endpoint, kind: str, attributes: dict[str, str], *, secret_file: Path
) -> RadclientAnswer:
    """Send one request by FreeRADIUS's client: `kind` is auth, acct, status, coa or disconnect."""
    host, port = endpoint
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    done = subprocess.run(
        ["radclient", "-x", "-r", "3", "-t", "5", "-S", str(secret_file), target, kind],
        input="\n".join(f"{name} = {value}" for name, value in attributes.items()),
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    return parse_radclient(done.stdout)


def parse_radclient(output: str) -> RadclientAnswer:
    """The part of radclient's output from `Received` on."""
    code, answer = "", dict[str, list[str]]()
    for line in output.splitlines():
        if line.startswith("Received "):
            code = line.split()[1]
        elif code and line.startswith("\t") and " = " in line:
            name, _, value = line.strip().partition(" = ")
            answer.setdefault(name, []).append(value.strip('"'))
        elif code:
            break
    return RadclientAnswer(code, answer)
