"""What the comparison needs of a server: to be filled, started, and asked for its cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.servers.beds import Bed
from benchmarks.work import Work

People = Sequence[tuple[bytes, bytes]]
Sessions = Sequence[Sequence[Any]]
"""Rows of the generator's book: its first columns are session id, user, NAS and start."""


class Running(Protocol):
    """A server that answers."""

    authentication_port: int
    accounting_port: int
    secret_file: Path

    def cpu_us(self) -> int:
        """User and system time so far, without that of a database server."""
        ...

    def memory_octets(self) -> int:
        """Resident memory."""
        ...

    def stop(self) -> None:
        """End in order."""
        ...


class Server(Protocol):
    """A kind of server."""

    @property
    def name(self) -> str:
        """As the table shows it."""
        ...

    def can(self, work: Work) -> bool:
        """Whether it has a set-up for this work."""
        ...

    def fill(self, bed: Bed, work: Work, people: People) -> None:
        """Schema and users into an empty bed."""
        ...

    @property
    def takes_rows(self) -> bool:
        """Whether open sessions are put into its tables; else their Starts are sent to it."""
        ...

    def put_rows(self, bed: Bed, work: Work, sessions: Sessions) -> None:
        """The rows that the Starts of these sessions would have made."""
        ...

    def start(self, bed: Bed, work: Work) -> Running:
        """Start on a bed, and wait until it answers."""
        ...
