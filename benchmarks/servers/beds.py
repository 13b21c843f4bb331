"""Where a server keeps its data: a folder, and for PostgreSQL a database. Filled once, copied for
each run, so that every run begins alike.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers.process import cpu_us
from tests.postgres_cluster import Cluster, run_sql, running_cluster, why_absent

POSTGRESQL: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_connections": "100",
}
"""Durable, and as one would set it up on a machine of this size; the same for every server."""


@dataclass(frozen=True, slots=True)
class Bed:
    """One copy of a server's data. `url` is the store's."""

    folder: Path
    url: str
    database: str = ""


class Beds:
    """Makes beds of one kind of store under one folder."""

    def __init__(self, folder: Path, cluster: Cluster | None) -> None:
        self._folder = folder
        self._cluster = cluster
        self._numbers = itertools.count(1)

    def cpu_us(self) -> int:
        """What the database server took so far, when it is a process of its own."""
        return 0 if self._cluster is None else cpu_us(self._cluster.process_id)

    def new(self) -> Bed:
        """Empty."""
        folder, name = self._next()
        folder.mkdir()
        return self._made(folder, name, "")

    def copy(self, bed: Bed) -> Bed:
        """The same data again. Nobody may use the original meanwhile."""
        folder, name = self._next()
        shutil.copytree(bed.folder, folder, ignore=shutil.ignore_patterns("*.sock", "server.log"))
        return self._made(folder, name, f"TEMPLATE {bed.database} STRATEGY file_copy")

    def delete(self, bed: Bed) -> None:
        """Give the room back."""
        shutil.rmtree(bed.folder)
        if self._cluster is not None:
            self._administer(f"DROP DATABASE {bed.database} WITH (FORCE)")

    def _next(self) -> tuple[Path, str]:
        number = next(self._numbers)
        return self._folder / f"bed-{number}", f"bed_{number}"

    def _made(self, folder: Path, name: str, template: str) -> Bed:
        if self._cluster is None:
            return Bed(folder, f"sqlite://{folder}/store.db")
        self._administer(f"CREATE DATABASE {name} {template}")
        return Bed(folder, self._cluster.url(name), name)

    def _administer(self, statement: str) -> None:
        assert self._cluster is not None
        run_sql(self._cluster.url("postgres"), statement)


@contextmanager
def beds_for(kind: str, folder: Path) -> Iterator[Beds]:
    """Beds on "sqlite" or "postgresql". Raises LookupError where PostgreSQL is not installed."""
    folder.mkdir()
    if kind == "sqlite":
        yield Beds(folder, None)
        return
    if reason := why_absent():
        raise LookupError(reason)
    with running_cluster(POSTGRESQL) as cluster:
        yield Beds(folder, cluster)
