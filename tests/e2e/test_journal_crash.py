"""Proves that what the journal reported as durable is there after SIGKILL, in any state of a write,
and that a disk that fills up stops the journal cleanly."""

import asyncio
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aaad.server.journal import Journal

# Keeps 100 records outstanding and prints each LSN that was reported durable, until the disk fails.
CHILD = """
import asyncio, hashlib, sys
from pathlib import Path
from aaad.server.journal import Journal

async def main():
    journal = Journal.open(Path(sys.argv[1]), store_id="s", journal_number=0,
        segment_size=int(sys.argv[2]), retention_s=0, max_unapplied_bytes=1 << 30)
    heard = asyncio.Event()
    def say(word):
        sys.stdout.write(f"{word}\\n")
        sys.stdout.flush()
        heard.set()
    journal.start(asyncio.get_running_loop(), say, say)
    while journal.writable:
        heard.clear()
        for lsn in range(journal.next_lsn, journal.durable_lsn + 101):
            journal.append(lsn, 1, hashlib.sha256(b"%d" % lsn).digest() * 10)
        await heard.wait()
    await journal.close()

asyncio.run(main())
"""
KILLS = 5
SEGMENT_SIZE = 200_000


def body_of(lsn: int) -> bytes:
    return hashlib.sha256(b"%d" % lsn).digest() * 10


def reported(folder: Path, *, reports: int) -> tuple[int, int]:
    """Run the child until it made so many reports, kill it; the first and the last LSN reported."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(SEGMENT_SIZE)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(reports)]
        child.send_signal(signal.SIGKILL)
        lines += [line for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    return int(lines[0]), int(lines[-1])


async def read_back(folder: Path) -> int:
    """Check every record in the folder; the last LSN."""
    journal = Journal.open(
        folder,
        store_id="s",
        journal_number=0,
        segment_size=SEGMENT_SIZE,
        retention_s=0,
        max_unapplied_bytes=1 << 30,
    )
    expected = 0
    for expected, record in enumerate(journal.records(), start=1):
        assert (record.lsn, record.body) == (expected, body_of(expected))
    assert journal.last_lsn == expected
    await journal.close()
    return expected


def test_every_lsn_that_was_reported_is_readable_after_sigkill(tmp_path: Path) -> None:
    last = 0
    for kill in range(KILLS):
        first_reported, last_reported = reported(tmp_path, reports=4 + 5 * kill)
        assert first_reported > last
        last = asyncio.run(read_back(tmp_path))
        assert last >= last_reported


def test_a_full_disk_keeps_all_that_was_reported(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare (util-linux) is not installed: no small tmpfs can be mounted")
    script = (
        f"mount -t tmpfs -o size=1m none {folder} || exit 77;"
        f"{sys.executable} -c '{CHILD}' {folder}/j 10000000;"
        f"cp -r {folder}/j {tmp_path}/copy"
    )
    run = subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    if not (tmp_path / "copy").is_dir():
        pytest.skip(f"no tmpfs can be mounted in a user namespace here: {run.stderr.strip()}")
    *lsns, failure = run.stdout.splitlines()
    assert re.match(r".*No space left on device.*free space", failure)
    assert asyncio.run(read_back(tmp_path / "copy")) >= int(lsns[-1])
