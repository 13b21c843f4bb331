"""Fixtures of the end-to-end tests: a folder short enough for sockets, and what may be missing
here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import has_radclient
from tests.postgres_cluster import Cluster, running_cluster, why_absent


@pytest.fixture
def daemon_folder() -> Iterator[Path]:
    """A folder for one daemon. pytest's own are too deep: a socket's path has 107 octets at
    most."""
    with tempfile.TemporaryDirectory(prefix="aaad-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """The same for a daemon that all tests of a file share."""
    with tempfile.TemporaryDirectory(prefix="aaad-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A server of the tests' own; skipped where PostgreSQL is not installed."""
    if reason := why_absent():
        pytest.skip(reason)
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def requires_radclient() -> None:
    if not has_radclient():
        pytest.skip("radclient is not installed (Debian package freeradius-utils)")
