"""aaad as a subject: a folder with configuration, secrets, store and journal, and the process."""

from __future__ import annotations

import asyncio
import grp
import os
import sys
from pathlib import Path
from typing import Any

from aaad.control.client import ControlClient, DaemonUnreachable
from benchmarks.servers.beds import Bed
from benchmarks.servers.contract import People, Sessions
from benchmarks.servers.customers import fill
from benchmarks.servers.process import ServerProcess
from benchmarks.work import Work
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
PAGE = 1000


class Aaad:
    """One running daemon over the store of a bed; the bed's journal is kept, if it has one."""

    def __init__(self, bed: Bed, *, subscribers: int) -> None:
        self.url = bed.url
        self.authentication_port = free_udp_port()
        self.accounting_port = free_udp_port()
        self.secret_file = bed.folder / "client"
        self._folder = bed.folder
        self._write_configuration(subscribers)
        self._process = ServerProcess(
            [sys.executable, "-m", "aaad.server.main", "--config", str(bed.folder / "aaad.toml")],
            folder=bed.folder,
            environment={"PYTHONPATH": str(PROJECT)},
            is_ready=self._serves,
        )

    def _write_configuration(self, subscribers: int) -> None:
        (self._folder / "journal").mkdir(exist_ok=True)
        for name, secret in (("client", SECRET.decode()), ("seal-key", SEAL_KEY.hex())):
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_text(secret + "\n")
        text = CONFIGURATION.format(
            url=self.url,
            authentication=self.authentication_port,
            accounting=self.accounting_port,
            subscribers=max(SUBSCRIBERS_IN_MEMORY_MIN, subscribers),
            group=grp.getgrgid(os.getgid()).gr_name,
        )
        (self._folder / "aaad.toml").write_text(text)

    def _serves(self) -> bool:
        try:
            return bool(self.call("status")["state"] == "serving")
        except DaemonUnreachable:
            return False

    def call(self, command: str, **arguments: object) -> dict[str, Any]:
        """What a control command answers."""
        with ControlClient(self._folder / "control.sock") as client:
            answer = client.call(command, **arguments)
        assert isinstance(answer, dict), answer
        return answer

    def running_sessions(self) -> list[dict[str, Any]]:
        """Every open session, from the daemon's memory."""
        lines: list[dict[str, Any]] = []
        for nas in sorted({line["nas"] for line in self.call("nas.list")["nases"]}):
            page = [{"session_id": 0}]
            while page:
                after = page[-1]["session_id"]
                page = self.call("session.list", nas=nas, after=after, limit=PAGE)["sessions"]
                lines += page
        return lines

    def cpu_us(self) -> int:
        """User and system time so far."""
        return self._process.cpu_us()

    def memory_octets(self) -> int:
        """Resident memory."""
        return self._process.memory_octets()

    def stop(self) -> None:
        """In order: everything is posted."""
        self._process.stop()


class AaadServer:
    """aaad, with a tariff of two bands; its users are in memory and in its store alike."""

    name = "aaad"

    takes_rows = False

    def can(self, work: Work) -> bool:
        """All of it. Its store is the truth and its memory follows within a second."""
        return True

    def fill(self, bed: Bed, work: Work, people: People) -> None:
        """One account for each user."""
        asyncio.run(fill(bed.url, people, key=SEAL_KEY))

    def put_rows(self, bed: Bed, work: Work, sessions: Sessions) -> None:
        """Never asked for."""

    def start(self, bed: Bed, work: Work) -> Aaad:
        """Start it."""
        return Aaad(bed, subscribers=2 * work.users)
