"""Proves what docs/operations.md says of growing: a working daemon moves from SQLite to PostgreSQL
with its journal, nothing is lost or counted twice, and the way back is open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.books import Books
from tests.e2e.harness import CommandError, Daemon, DaemonOptions, run_command
from tests.e2e.journal_reader import last_lsn
from tests.e2e.load.auditor import audit
from tests.e2e.load.load import Load
from tests.e2e.load.world import FEW_LOGINS, TARIFF, set_up
from tests.postgres_cluster import Cluster, run_sql

WINDOW = 128
REPORTS = 800
APPLIED = "SELECT coalesce(max(applied_lsn), 0) FROM journal_position"


def copy(source: str, target: str) -> dict[str, object]:
    command = ["store", "copy", "--from", source, "--to", target, "--json"]
    return dict(json.loads(run_command("aaad.control.cli", *command)))


def test_a_daemon_moves_to_postgresql_and_back_under_load(
    daemon_folder: Path, postgres_cluster: Cluster
) -> None:
    daemon = Daemon(daemon_folder, DaemonOptions(clock=True, open_session_max_age_s=1))
    file = f"sqlite:///{daemon.store}"
    server = postgres_cluster.new_database()
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=8, window=WINDOW) as load:
            load.wait_for_acknowledged(REPORTS)
            with pytest.raises(CommandError, match="aaactl drain"):
                copy(file, server)
            daemon.kill()  # what was not posted comes with the journal
            copy(file, server)
            use(daemon, file, server)
            load.wait_for_acknowledged(REPORTS)
            daemon.stop()
            back = f"sqlite:///{daemon.folder}/back.db"
            copy(server, back)
            use(daemon, server, back)
            daemon.store = daemon.folder / "back.db"
            load.wait_for_acknowledged(REPORTS)
            load.drain()
        Books(daemon).wait_until_posted()
        assert daemon.aaactl("store", "check")["faults"] == []
        findings = audit(load.log, daemon.store, TARIFF)
        assert not findings, "\n".join(findings)
    (lsn,) = run_sql(server, APPLIED)[0]
    assert 0 < lsn < last_lsn(daemon.journal)


def use(daemon: Daemon, old: str, new: str) -> None:
    """Name the new store in the configuration, and start."""
    daemon.config.write_text(daemon.config.read_text().replace(old, new))
    daemon.start()


def test_nobody_starts_on_half_of_the_books(daemon_folder: Path, postgres_cluster: Cluster) -> None:
    """A copy that is killed in the middle leaves a store that no daemon takes for the whole."""
    daemon = Daemon(daemon_folder, DaemonOptions(clock=True))
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
    file = f"sqlite:///{daemon.store}"
    server = postgres_cluster.new_database()
    copy(file, server)
    run_sql(server, "BEGIN", "DELETE FROM store", "DELETE FROM balance", "COMMIT", "SELECT 1")
    daemon.config.write_text(daemon.config.read_text().replace(file, server))
    with pytest.raises(AssertionError, match="its books are not whole"):
        daemon.start()
    assert copy(file, server)["resumed_rows"]
    with daemon.running():
        assert daemon.aaactl("store", "check")["faults"] == []
    assert run_sql(server, "SELECT count(*) FROM balance") == [(len(FEW_LOGINS),)]
