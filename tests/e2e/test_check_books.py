"""Proves billing_jobs.check_books as cron runs it (billing_jobs.__main__): beside a daemon, with
the exit codes it promises.
"""

from __future__ import annotations

import fcntl
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import PROJECT, Daemon, DaemonOptions
from tests.e2e.wire import Status

DIALUP = (PROJECT / "conf" / "pricelist" / "dialup.toml").read_text()


def _check_books(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "billing_jobs", "check-books", "--config", str(daemon.config)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=60,
        check=False,
    )


def test_books_are_found_right_then_broken_then_locked(daemon_folder: Path) -> None:
    daemon = Daemon(daemon_folder, DaemonOptions())
    with daemon.running():
        load_price_list(daemon, DIALUP)
        register(daemon, "anna", offer="weekday-hours")
        with daemon.nas() as nas:
            nas.report(Status.START, "s1", login="anna")
        done = _check_books(daemon)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"faults": 0' in done.stdout.replace('"faults":0', '"faults": 0')

    with sqlite3.connect(daemon.store) as books:
        books.execute("UPDATE balance SET posted_micros = posted_micros + 1")
    books.close()
    done = _check_books(daemon)
    assert done.returncode == 1
    assert "invariant_broken" in done.stdout

    lock = daemon.store.with_suffix(".check-books.lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert _check_books(daemon).returncode == 75


def test_a_missing_configuration_is_a_usage_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "billing_jobs", "check-books", "--config", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "none" in done.stderr
