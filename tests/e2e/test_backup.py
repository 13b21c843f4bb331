"""Proves what docs/operations.md says of backups: a backup taken while the daemon works, and the
journal, are together the books as they were acknowledged, on either store and from one to the
other; and that what is damaged, cut or in the way is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.books import Books, await_found
from tests.e2e.harness import CommandError, Daemon, DaemonOptions, run_command
from tests.e2e.journal_reader import last_lsn
from tests.e2e.load.auditor import audit, read_acknowledged
from tests.e2e.load.load import Load
from tests.e2e.load.world import FEW_LOGINS, TARIFF, set_up
from tests.postgres_cluster import Cluster, run_sql

WINDOW = 128
REPORTS = 1_500
"""Acknowledged before the backup, while it runs or after it, and before the end: some seconds of
load each."""


def offline(daemon: Daemon, *arguments: str) -> Any:
    """A command of aaactl that goes by the configuration."""
    command = ["--config", str(daemon.config), *arguments, "--json"]
    return json.loads(run_command("aaad.control.cli", *command))


def lose_store(daemon: Daemon) -> None:
    """The disk of the store is gone; that of the journal is another."""
    for path in daemon.store.parent.glob(f"{daemon.store.name}*"):
        path.unlink()


@pytest.fixture
def daemon(daemon_folder: Path) -> Daemon:
    return Daemon(daemon_folder, DaemonOptions(clock=True, open_session_max_age_s=1))


def test_a_lost_store_comes_back_from_backup_and_journal(daemon: Daemon) -> None:
    backup = daemon.folder / "backup"
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=3, window=WINDOW) as load:
            load.wait_for_acknowledged(REPORTS)
            taken = offline(daemon, "backup", str(backup))
            load.wait_for_acknowledged(REPORTS)
            daemon.kill()
            lose_store(daemon)
            restored = offline(daemon, "restore", str(backup))
            ahead = last_lsn(daemon.journal) - posted_lsn(taken)
            assert restored["replay"] == [{"journal_number": 1, "records": ahead, "problem": ""}]
            assert ahead > REPORTS // 2
            assert restored["missing_keys"] == []
            daemon.start()
            load.wait_for_acknowledged(REPORTS)
            load.drain()
        Books(daemon).wait_until_posted()
        assert daemon.aaactl("store", "check")["faults"] == []
    assert read_acknowledged(load.log)
    findings = audit(load.log, daemon.store, TARIFF)
    assert not findings, "\n".join(findings)


def test_a_replay_brings_the_books_forward_without_a_daemon(daemon: Daemon) -> None:
    backup = daemon.folder / "backup"
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=4, window=WINDOW) as load:
            taken = offline(daemon, "backup", str(backup))
            load.wait_for_acknowledged(REPORTS)
            with pytest.raises(CommandError, match="stop that daemon"):
                offline(daemon, "journal", "replay")
            load.drain()
        daemon.kill()
    lose_store(daemon)
    offline(daemon, "restore", str(backup))
    answer = offline(daemon, "journal", "replay")
    assert answer["posted_lsn"] == last_lsn(daemon.journal)
    assert answer["records"] == answer["posted_lsn"] - posted_lsn(taken) >= REPORTS
    assert not audit(load.log, daemon.store, TARIFF)
    assert offline(daemon, "journal", "replay")["records"] == 0
    assert not audit(load.log, daemon.store, TARIFF)


def test_what_is_damaged_cut_or_in_the_way_is_refused(daemon: Daemon) -> None:
    backup = daemon.folder / "backup"
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        offline(daemon, "backup", str(backup))
        with pytest.raises(CommandError, match="is not empty"):
            offline(daemon, "backup", str(backup))
        with pytest.raises(CommandError, match="move the old store away"):
            offline(daemon, "restore", str(backup))
    assert {path.name for path in backup.iterdir()} == {"books.db", "manifest.json"}
    lose_store(daemon)
    books = backup / "books.db"
    whole = books.read_bytes()
    at = random.Random(5).randrange(len(whole))
    books.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(CommandError, match="not what its manifest says"):
        offline(daemon, "restore", str(backup))
    assert not daemon.store.exists()
    books.write_bytes(whole)
    manifest = backup / "manifest.json"
    manifest.rename(backup / "aside")
    with pytest.raises(CommandError, match="no backup, or one that was cut"):
        offline(daemon, "restore", str(backup))
    (backup / "aside").rename(manifest)
    offline(daemon, "restore", str(backup))
    with daemon.running():
        assert daemon.aaactl("store", "check")["faults"] == []
        assert daemon.aaactl("account", "show", "--login", FEW_LOGINS[0])


def test_a_journal_that_is_missing_is_told_at_once(daemon: Daemon) -> None:
    backup = daemon.folder / "backup"
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=6, window=WINDOW) as load:
            load.wait_for_acknowledged(REPORTS)
            Books(daemon).wait_until_posted()
            offline(daemon, "backup", str(backup))
            load.drain()
    lose_store(daemon)
    (segment,) = daemon.journal.glob("journal-*.log")
    segment.rename(daemon.folder / segment.name)
    (outlook,) = offline(daemon, "restore", str(backup))["replay"]
    assert "no segment of it is here" in outlook["problem"]


def test_books_of_postgresql_come_back_into_either_store(
    daemon_folder: Path, postgres_cluster: Cluster
) -> None:
    url = postgres_cluster.new_database()
    options = DaemonOptions(clock=True, open_session_max_age_s=1, store_url=url)
    daemon = Daemon(daemon_folder, options)
    backup = daemon.folder / "backup"
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=7, window=WINDOW) as load:
            load.wait_for_acknowledged(REPORTS)
            offline(daemon, "backup", str(backup))
            load.wait_for_acknowledged(REPORTS)
            daemon.kill()
            other = postgres_cluster.new_database()
            daemon.config.write_text(daemon.config.read_text().replace(url, other))
            offline(daemon, "restore", str(backup))
            daemon.start()
            load.drain()
        wait_until_posted(other, daemon)
        assert daemon.aaactl("store", "check")["faults"] == []
    findings = audit(load.log, other, TARIFF)
    assert not findings, "\n".join(findings)
    file = f"sqlite:///{daemon.store}"
    daemon.config.write_text(daemon.config.read_text().replace(other, file))
    offline(daemon, "restore", str(backup))
    offline(daemon, "journal", "replay")
    findings = audit(load.log, daemon.store, TARIFF)
    assert not findings, "\n".join(findings)


def posted_lsn(taken: Any) -> int:
    """How far the one journal was posted when a backup was taken."""
    return int(next((one["applied_lsn"] for one in taken["journals"]), 0))


def wait_until_posted(url: str, daemon: Daemon) -> None:
    """Until the books in PostgreSQL have all that the journal holds now."""
    lsn = last_lsn(daemon.journal)
    applied = "SELECT coalesce(max(applied_lsn), 0) FROM journal_position"
    await_found(lambda: run_sql(url, applied) >= [(lsn,)], f"record {lsn} in the books")
