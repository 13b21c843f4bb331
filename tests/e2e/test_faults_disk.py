"""Proves that nothing acknowledged is lost or counted twice when disks are full or fail under load,
and when the journal's last record is torn or one in its middle is bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.disks import compile_failing_sync, fill, small_disk
from tests.e2e.faults import REPORTS, WINDOW, judge, strike, unposted
from tests.e2e.harness import CommandError, Daemon, DaemonError, DaemonOptions, run_command
from tests.e2e.load.load import Load
from tests.e2e.load.world import FEW_LOGINS, set_up

DISK_OCTETS = 64 * 1024 * 1024
TORN_OCTETS = 37
"""Less than any record: what a power cut leaves of a write."""


def options(**more: object) -> DaemonOptions:
    return DaemonOptions(clock=True, open_session_max_age_s=1, **more)  # type: ignore[arg-type]


def test_a_journal_whose_disk_fills_up(daemon_folder: Path) -> None:
    """The daemon ends without another answer, and goes on where it was when there is room."""
    daemon = Daemon(daemon_folder, options())
    with small_disk(daemon.journal, octets=DISK_OCTETS), daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=31, window=WINDOW) as load:
            ballast: list[Path] = []
            strike(daemon, load, lambda: ballast.append(fill(daemon.journal)))
            assert daemon.wait_for_end() == 1
            failed = daemon.wait_for_log(lambda entry: entry["event"] == "ends_without_answers")
            assert "No space left" in failed["error"]
            ballast[0].unlink()
            daemon.start()
            load.wait_for_acknowledged(REPORTS)
            load.drain()
        judge(daemon, load)
        daemon.stop()


def test_a_store_whose_disk_fills_up(daemon_folder: Path) -> None:
    """Reports are acknowledged meanwhile: the journal has another disk."""
    disk = daemon_folder / "disk"
    disk.mkdir()
    daemon = Daemon(daemon_folder, options(store_url=f"sqlite:///{disk}/aaad.db"))
    daemon.store = disk / "aaad.db"
    with small_disk(disk, octets=DISK_OCTETS), daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=32, window=WINDOW) as load:
            ballast: list[Path] = []
            strike(daemon, load, lambda: ballast.append(fill(disk)))
            away = daemon.wait_for_log(lambda entry: entry["event"] == "store_away")
            assert "free space" in away["error"]
            load.wait_for_acknowledged(REPORTS)
            assert unposted(daemon) >= REPORTS
            ballast[0].unlink()
            daemon.wait_for_log(lambda entry: entry["event"] == "store_back")
            load.drain()
        judge(daemon, load)
        daemon.stop()


def test_a_sync_that_fails(daemon_folder: Path) -> None:
    """It is never tried again: the kernel may have dropped the pages and would report success."""
    flag = daemon_folder / "fail"
    library = compile_failing_sync(daemon_folder)
    environment = (("LD_PRELOAD", str(library)), ("FAILING_SYNC", str(flag)))
    daemon = Daemon(daemon_folder, options(environment=environment))
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=33, window=WINDOW) as load:
            strike(daemon, load, flag.touch)
            assert daemon.wait_for_end() == 1
            failed = daemon.wait_for_log(lambda entry: entry["event"] == "ends_without_answers")
            assert "cannot make a group durable" in failed["error"]
            with pytest.raises(DaemonError, match="Input/output error"):
                daemon.start()
            flag.unlink()
            daemon.start()
            load.wait_for_acknowledged(REPORTS)
            load.drain()
        judge(daemon, load)


def test_a_torn_last_record_is_cut_off_and_a_bad_one_in_the_middle_stops_the_start(
    daemon_folder: Path,
) -> None:
    daemon = Daemon(daemon_folder, options())
    with daemon.running():
        set_up(daemon, FEW_LOGINS)
        with Load(daemon, FEW_LOGINS, seed=34, window=WINDOW) as load:
            strike(daemon, load, daemon.kill)
            (segment,) = daemon.journal.glob("journal-*.log")
            whole = segment.read_bytes()
            data = whole.rstrip(b"\0")
            at = len(data) // 2
            segment.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
            with pytest.raises(DaemonError, match="proves that it was durable"):
                daemon.start()
            with pytest.raises(CommandError, match=r"the first is journal-01-.* at offset"):
                run_command("aaad.control.cli", "journal", "verify", str(daemon.journal))
            torn = whole[at : at + TORN_OCTETS]
            segment.write_bytes(data + torn)
            daemon.start()
            cut = daemon.wait_for_log(lambda entry: entry["event"] == "journal_torn_tail")
            assert "nothing after it was ever acknowledged" in cut["torn_tail"]
            load.wait_for_acknowledged(REPORTS)
            load.drain()
        judge(daemon, load)
