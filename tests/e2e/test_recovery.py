"""Proves that nothing acknowledged is lost, whatever ends the daemon or holds up the store or disk.

Each story starts a daemon of its own: what is at stake is how it ends and how it begins again.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.books import Books, await_found
from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon, DaemonOptions
from tests.e2e.nas import Nas, NoAnswerError
from tests.e2e.price_lists import METERED
from tests.e2e.wire import Attribute, Code, Status

PASSWORD = "correct horse"
LOGIN = "anna"
DISK_SIZE = 3_000_000
BALLAST_SIZE = 1_000_000


@contextmanager
def serving(daemon: Daemon) -> Iterator[Nas]:
    """A daemon with one customer, and a NAS for it."""
    with daemon.running():
        load_price_list(daemon, METERED)
        register(daemon, LOGIN, offer="metered", password=PASSWORD)
        with daemon.nas(now=None) as nas:
            yield nas


@pytest.fixture
def daemon(daemon_folder: Path) -> Daemon:
    return Daemon(daemon_folder, DaemonOptions(open_session_max_age_s=1))


def report(nas: Nas, status: Status, seconds: int | None = None, octets: int = 0) -> None:
    """Of the one session, which began when its Start was sent: the NAS knows no other time."""
    nas.report(status, "s", login=LOGIN, session_time=seconds, output_octets=octets, delay=0)


def test_a_kill_in_the_middle_of_a_session_changes_nothing(daemon: Daemon) -> None:
    """Whatever was posted of it: nothing, an older state, or all."""
    with serving(daemon) as nas:
        report(nas, Status.START)
        for octets, is_posted in ((1_000, False), (2_000, True), (3_000, False)):
            report(nas, Status.INTERIM_UPDATE, 1, octets)
            if is_posted:
                Books(daemon).wait_until_posted()
            daemon.kill()
            daemon.start()
        report(nas, Status.INTERIM_UPDATE, 2, 4_000)
        report(nas, Status.STOP, 2, 5_000)
        daemon.kill()
        daemon.start()
        books = Books(daemon)
        books.wait_until_posted()
        assert books.balance(LOGIN) == ("0.007000", "0.000000")
        assert [event[3] for event in books.usage_events(LOGIN)] == ["0.007000"]
        assert len(books.sessions(LOGIN)) == 1
        assert nas.access_request(LOGIN, PASSWORD).code == Code.ACCESS_ACCEPT


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another process's writing transaction, as far as SQLite can tell."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def test_a_kill_while_the_store_is_locked_loses_nothing(daemon: Daemon) -> None:
    with serving(daemon) as nas:
        report(nas, Status.START)
        Books(daemon).wait_until_posted()
        with locked(daemon.store):
            report(nas, Status.STOP, 3, 33)
            daemon.kill()
        daemon.start()
        books = Books(daemon)
        books.wait_until_posted()
        assert books.balance(LOGIN) == ("0.003033", "0.000000")


def test_sigterm_posts_what_was_acknowledged_and_exits_0(daemon_folder: Path) -> None:
    """Running sessions as well: none waits for the next start (posting is a minute away here)."""
    daemon = Daemon(daemon_folder, DaemonOptions(open_session_max_age_s=60))
    with serving(daemon) as nas:
        report(nas, Status.START)
        report(nas, Status.INTERIM_UPDATE, 5, 55)
        daemon.stop()  # asserts the exit code
        books = Books(daemon)
        books.wait_until_posted()
        assert books.balance(LOGIN) == ("0.000000", "0.005055")
        assert daemon.log[-1]["event"] == "stopped"
        daemon.start()
        report(nas, Status.STOP, 6, 66)
        daemon.stop()
        assert books.balance(LOGIN) == ("0.006066", "0.000000")


NEW_CLIENT = """
[[clients]]
name = "newcomer"
prefixes = ["127.99.0.0/16"]
secret_file = "newcomer"
"""


def test_sighup_takes_a_good_configuration_whole_and_a_broken_one_not_at_all(
    daemon: Daemon,
) -> None:
    with serving(daemon) as nas:
        text = daemon.config.read_text()
        daemon.config.write_text(text + '[[clients]]\nname = "half"\n[radius_typo]\n')
        daemon.reload()
        mistakes = [
            daemon.wait_for_log(lambda e, w=what: w in str(e.get("finding")))["finding"]
            for what in ("radius_typo", "clients[2].prefixes", "clients[2].secret_file")
        ]
        assert all(str(daemon.config) in mistake for mistake in mistakes)
        assert nas.access_request(LOGIN, PASSWORD).code == Code.ACCESS_ACCEPT
        assert [line["client"] for line in daemon.aaactl("client", "list")["clients"]] == [
            "test-nases"
        ]

        secret_file = daemon.folder / "secrets" / "newcomer"
        secret_file.touch(mode=0o600)
        secret_file.write_text("another secret of a newcomer")
        daemon.config.write_text(text + NEW_CLIENT)
        daemon.reload()
        reloaded = daemon.wait_for_log(lambda entry: entry["event"] == "reloaded")
        assert reloaded["changed"] == ["clients"]
        with daemon.nas(source="127.99.0.1") as newcomer:
            newcomer.secret = secret_file.read_bytes()
            assert newcomer.access_request(LOGIN, PASSWORD).code == Code.ACCESS_ACCEPT


def test_no_packet_is_lost_during_reloads(daemon: Daemon) -> None:
    reloads = 10
    with serving(daemon) as nas:
        report(nas, Status.START)
        done = threading.Event()

        def reload() -> None:
            for number in range(1, reloads + 1):
                daemon.reload()
                await_found(lambda n=number: reloaded(daemon) >= n, f"reload {number}")
            done.set()

        thread = threading.Thread(target=reload, name="reloads")
        thread.start()
        octets = 0
        while not done.is_set():
            octets += 1
            packet = nas.accounting_request(
                Status.INTERIM_UPDATE, "s", login=LOGIN, session_time=1, output_octets=octets
            )
            nas.exchange(packet, daemon.accounting, tries=1)
        thread.join()
        assert octets >= reloads
        report(nas, Status.STOP, 1, octets)
        books = Books(daemon)
        books.wait_until_posted()
        assert books.balance(LOGIN) == (f"0.{1_000 + octets:06d}", "0.000000")


def reloaded(daemon: Daemon) -> int:
    return len([entry for entry in daemon.log if entry["event"] == "reloaded"])


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of DISK_SIZE octets at `folder`."""
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("mount is not installed: no tmpfs can be mounted")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "none", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_daemon_and_loses_nothing_it_acknowledged(daemon: Daemon) -> None:
    with small_disk(daemon.journal):
        ballast = daemon.journal / "ballast"
        ballast.write_bytes(bytes(BALLAST_SIZE))
        with serving(daemon) as nas:
            report(nas, Status.START)
            octets = fill_the_journal(daemon, nas)
            failed = daemon.wait_for_log(lambda entry: entry["event"] == "ends_without_answers")
            assert "No space left" in failed["error"]
            daemon.kill()
            ballast.unlink()
            daemon.start()
            report(nas, Status.STOP, 1, octets + 5)
            books = Books(daemon)
            books.wait_until_posted()
            assert books.balance(LOGIN) == (f"0.{1_000 + octets + 5:06d}", "0.000000")
            daemon.stop()


def fill_the_journal(daemon: Daemon, nas: Nas) -> int:
    """Send large reports until none is answered; the octets of the last that was."""
    padding = ((int(Attribute.CLASS), b"x" * 253),) * 14
    for octets in range(1, DISK_SIZE // 3_000):
        packet = nas.accounting_request(
            Status.INTERIM_UPDATE,
            "s",
            login=LOGIN,
            session_time=1,
            output_octets=octets,
            attributes=padding,
        )
        try:
            nas.exchange(packet, daemon.accounting, tries=1)
        except (NoAnswerError, ConnectionRefusedError):
            return octets - 1
    raise AssertionError("the disk never became full")
