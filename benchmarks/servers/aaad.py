"""aaad as a subject: a folder with configuration, secrets, store and journal, and the process."""

from __future__ import annotations

import grp
import os
import sys
from pathlib import Path
from typing import Any

from aaad.control.client import ControlClient, DaemonUnreachable
from benchmarks.servers.process import ServerProcess
from tests.e2e.ports import free_udp_port

SECRET = b"the benchmark's shared secret"
SEAL_KEY = bytes(range(32))
PROJECT = Path(__file__).parents[2]
SUBSCRIBERS_IN_MEMORY_MIN = 100_000  # aaad's default

CONFIGURATION = """
[secrets]
folder = "."
[store]
url = "{url}"
[journal]
folder = "journal"
[radius]
authentication = ["127.0.0.1:{authentication}"]
accounting = ["127.0.0.1:{accounting}"]
[directory]
subscribers_max = {subscribers}
[control]
socket = "control.sock"
reading_group = "{group}"
administering_group = "{group}"
[seal]
key_file = "seal-key"
[[clients]]
name = "load"
prefixes = ["127.0.0.0/8"]
secret_file = "client"
"""
"""All that is not here has its default."""


class Aaad:
    """One running daemon over the store at `url`; the journal in `folder` is kept, if there is one.

    `users` is how many subscribers it may keep in memory, so that a million of them fit.
    """

    def __init__(self, folder: Path, *, url: str, users: int) -> None:
        self.folder = folder
        self.authentication_port = free_udp_port()
        self.accounting_port = free_udp_port()
        self.control_socket = folder / "control.sock"
        self.secret_file = folder / "client"
        self._write_configuration(url, users)
        self.process = ServerProcess(
            [sys.executable, "-m", "aaad.server.main", "--config", str(folder / "aaad.toml")],
            folder=folder,
            environment={"PYTHONPATH": str(PROJECT)},
            is_ready=self._serves,
        )

    def _write_configuration(self, url: str, users: int) -> None:
        (self.folder / "journal").mkdir(exist_ok=True)
        for name, secret in (("client", SECRET.decode()), ("seal-key", SEAL_KEY.hex())):
            path = self.folder / name
            path.touch(mode=0o600)
            path.write_text(secret + "\n")
        text = CONFIGURATION.format(
            url=url,
            authentication=self.authentication_port,
            accounting=self.accounting_port,
            subscribers=max(SUBSCRIBERS_IN_MEMORY_MIN, 2 * users),
            group=grp.getgrgid(os.getgid()).gr_name,
        )
        (self.folder / "aaad.toml").write_text(text)

    def _serves(self) -> bool:
        try:
            return bool(self.call("status")["state"] == "serving")
        except DaemonUnreachable:
            return False

    def call(self, command: str, **arguments: object) -> dict[str, Any]:
        """What a control command answers."""
        with ControlClient(self.control_socket) as client:
            answer = client.call(command, **arguments)
        assert isinstance(answer, dict), answer
        return answer

    def stop(self) -> None:
        """In order: everything is posted."""
        self.process.stop()
