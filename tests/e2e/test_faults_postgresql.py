"""Proves that nothing acknowledged is lost or counted twice when PostgreSQL is killed under load,
when connections are cut in the middle of commits, and when two nodes get packets of one session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.books import await_found
from tests.e2e.faults import REPORTS, WINDOW, judge, strike, wait_until_posted
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.load.load import Load
from tests.e2e.load.world import FEW_LOGINS, set_up
from tests.e2e.proxy import CommitCutter
from tests.postgres_cluster import PASSWORD, Cluster, running_cluster, why_absent

CUTS = 12
"""Half of them before the server saw the COMMIT, half after."""
LOST = "sessions_lost_to_another_owner"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of this file's own: it is killed."""
    if reason := why_absent():
        pytest.skip(reason)
    with running_cluster() as running:
        yield running


def daemon_on(folder: Path, url: str, **options: object) -> Daemon:
    password = PASSWORD if "@127.0.0.1" in url else ""
    given = {"clock": True, "open_session_max_age_s": 1, "store_password": password, **options}
    return Daemon(folder, DaemonOptions(store_url=url, **given))


def test_a_server_that_is_killed_under_load(daemon_folder: Path, cluster: Cluster) -> None:
    url = cluster.new_database()
    daemon = daemon_on(daemon_folder, url)
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=21, window=WINDOW) as load:
            for _ in range(3):
                strike(daemon, load, cluster.kill, url=url)
                load.wait_for_acknowledged(REPORTS)  # the journal goes on
                cluster.start()
            load.drain()
        judge(daemon, load, url)


def test_connections_that_are_cut_in_a_commit(daemon_folder: Path, cluster: Cluster) -> None:
    url = cluster.new_database()
    database = url.partition("?")[0].rpartition("/")[2]
    with CommitCutter(("127.0.0.1", cluster.port)) as proxy:
        through = f"postgresql://aaad@127.0.0.1:{proxy.port}/{database}"
        daemon = daemon_on(daemon_folder, through)
        with daemon.running():
            set_up(daemon, FEW_LOGINS)
            with Load(daemon, FEW_LOGINS, seed=22, window=WINDOW) as load:
                for number in range(CUTS):
                    cut = proxy.cut_before if number % 2 else proxy.cut_after
                    strike(daemon, load, cut, url=url)
                    await_found(lambda n=number: proxy.cuts > n, f"cut {number + 1}")
                load.drain()
            judge(daemon, load, url)
    assert proxy.cuts == CUTS


def test_two_nodes_that_get_packets_of_the_same_sessions(
    daemon_folder: Path, cluster: Cluster
) -> None:
    """Whoever posts first wins the row; the other applies what it acknowledged on top of that."""
    url = cluster.new_database()
    first = daemon_on(daemon_folder, url)
    with first.running():
        set_up(first, FEW_LOGINS)
        second = second_node(first, url)
        with second.running():
            with Load(first, FEW_LOGINS, seed=23, window=WINDOW, others=(second,)) as load:
                for _ in range(3):
                    strike(first, load, lambda: None, url=url)
                    strike(second, load, lambda: None, url=url)
                strike(second, load, second.kill, url=url)
                load.wait_for_acknowledged(REPORTS)
                second.start()
                load.drain()
            lost = [e for e in first.log + second.log if e["event"] == LOST]
            assert lost, "no session was ever another's: the nodes did not meet"
            wait_until_posted(second, url)
            judge(first, load, url)


def second_node(first: Daemon, url: str) -> Daemon:
    """Another node on the same books, for the same NASes."""
    folder = first.folder / "second"
    folder.mkdir()
    second = daemon_on(folder, url, journal_number=2)
    for name in ("client", "seal-key"):
        (folder / "secrets" / name).write_bytes((first.folder / "secrets" / name).read_bytes())
    return second
