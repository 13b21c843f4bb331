"""pyrad's own asyncio server as a subject: the usual way to a RADIUS server in Python."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.servers.beds import Bed
from benchmarks.servers.contract import People, Sessions
from benchmarks.servers.process import ServerProcess
from benchmarks.work import Work
from tests.e2e.ports import free_udp_port

SECRET = b"the benchmark's shared secret"
PROJECT = Path(__file__).parents[2]
READY = b"ready"
PROGRAM = "benchmarks.servers.pyrad_program"


class PyradServer:
    """pyrad 2 on uvloop: PAP and CHAP of users in memory."""

    name = "pyrad"

    takes_rows = False

    def can(self, work: Work) -> bool:
        """It has no store and no MS-CHAP."""
        return work.store == "memory" and work.method in {"pap", "chap"}

    def fill(self, bed: Bed, work: Work, people: People) -> None:
        """It reads the file of users that the generator has."""

    def put_rows(self, bed: Bed, work: Work, sessions: Sessions) -> None:
        """Never asked for."""

    def start(self, bed: Bed, work: Work) -> Pyrad:
        """Start it."""
        return Pyrad(bed)


class Pyrad:
    """One running server."""

    def __init__(self, bed: Bed) -> None:
        self.authentication_port = free_udp_port()
        self.accounting_port = free_udp_port()
        self.secret_file = bed.folder / "secret"
        self.secret_file.write_bytes(SECRET + b"\n")
        log = bed.folder / "server.log"
        self._process = ServerProcess(
            [
                sys.executable,
                "-m",
                PROGRAM,
                str(bed.folder / "people"),
                str(self.authentication_port),
            ],
            folder=bed.folder,
            environment={"PYTHONPATH": str(PROJECT)},
            is_ready=lambda: READY in log.read_bytes(),
        )

    def cpu_us(self) -> int:
        """User and system time so far."""
        return self._process.cpu_us()

    def memory_octets(self) -> int:
        """Resident memory."""
        return self._process.memory_octets()

    def stop(self) -> None:
        """SIGTERM."""
        self._process.stop()
