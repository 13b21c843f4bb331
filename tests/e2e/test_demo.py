"""Proves that `make demo` holds what it shows, and that it leaves nothing behind: at its end, when
it is interrupted, and, if it was asked to leave the daemon running, after the command that ends it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import PROJECT, parse_radclient

DEMO_MAX_S = 120
CHECKS = (
    "wrong password refused",
    "CHAP login accepted",
    "money sets the timeout",
    "kill -9 loses nothing",
    "free after midnight",
    "Friday to Saturday: $2",
    "the same for carla: $1",
    "soft limit warns once",
    "Disconnects arrive",
    "offline at 200 hours",
    "next login refused",
)


@pytest.fixture
def clean_folder(daemon_folder: Path) -> Iterator[Path]:
    """Where the demonstration makes its folder: empty at the end, and nobody runs there."""
    yield daemon_folder
    assert not list(daemon_folder.iterdir()), "a folder remains"
    assert not running_in(daemon_folder), "a process remains"


def test_the_demo_proves_all_that_it_shows(clean_folder: Path) -> None:
    demo = start_demo(clean_folder)
    output, _ = demo.communicate(timeout=DEMO_MAX_S)
    assert demo.returncode == 0, output
    for check in (*CHECKS, "SIGTERM drains the daemon"):
        assert f"[ok] {check}" in output
    assert f"{len(CHECKS) + 1} of {len(CHECKS) + 1} proved" in output
    assert "Friday 22:00-24:00 weekday: 2 h 0 min at 1.00 USD per hour = 2.00 USD" in output
    assert "nas-1 <- Access-Reject: hours reached: 200 h 0 min of 200 h 0 min" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(clean_folder: Path, number: signal.Signals) -> None:
    demo = start_demo(clean_folder)
    assert demo.stdout is not None
    while "CHAP login accepted" not in (line := demo.stdout.readline()):
        assert line, "it ended before anybody was online"
    assert running_in(clean_folder)
    demo.send_signal(number)
    output, _ = demo.communicate(timeout=DEMO_MAX_S)
    assert demo.returncode == 130, output
    assert "Interrupted" in output


def test_a_check_that_fails_is_told_and_ends_with_1(clean_folder: Path) -> None:
    script = (
        "import demo.stage, demo.run; demo.stage.PASSWORD = 'wrong everywhere'; "
        "import sys; sys.exit(demo.run.main(keep=True))"
    )
    demo = start_demo(clean_folder, "-c", script)
    output, _ = demo.communicate(timeout=DEMO_MAX_S)
    assert demo.returncode == 1, output
    assert "[FAILED] CHAP login accepted" in output
    assert "runs on" not in output, "a daemon that proved nothing is not left running"


def test_the_daemon_that_is_kept_is_as_the_demo_says(
    clean_folder: Path, requires_radclient: None
) -> None:
    demo = start_demo(clean_folder, "-m", "demo.run", KEEP="1")
    output, _ = demo.communicate(timeout=DEMO_MAX_S)
    assert demo.returncode == 0, output
    try:
        assert parse_radclient(run(command_of(output, "log in"))).code == "Access-Accept"
        assert "Nothing needs attention." in run(command_of(output, "look"))
    finally:
        run(command_of(output, "end"))


def start_demo(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The demonstration without a terminal, its temporary folder in `folder`."""
    return subprocess.Popen(
        # As a person starts it: a script's background job would hand down that SIGINT is ignored.
        ["env", "--default-signal=INT", sys.executable, *(arguments or ("-m", "demo.run"))],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def command_of(output: str, name: str) -> str:
    """The command that stands below its name."""
    lines = output.splitlines()
    return lines[lines.index(f"  {name}:") + 1].strip()


def run(command: str) -> str:
    done = subprocess.run(
        ["sh", "-c", command], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def running_in(folder: Path) -> list[str]:
    """Command lines that name the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile
        if str(folder) in command:
            found.append(command)
    return found
