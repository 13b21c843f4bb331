"""Proves that the README's commands work and show what it says.

Command blocks are fenced as `sh KIND`: `offline` blocks run one by one at the root of the tree,
`install` blocks are one session of a shell with a home of its own (only the ports are changed to
free ones), and of `make` blocks the targets must exist, for they run these tests. What a block of
`text shown` says, line by line, the commands before it must have printed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.harness import has_radclient
from tests.e2e.ports import free_udp_port

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROGRAMS = {
    "aaad": "aaad.server.main",
    "aaactl": "aaad.control.cli",
    "aaabill": "billing_jobs",
}
KINDS = {"sh offline", "sh install", "sh make", "text shown"}
BLOCK_MAX_S = 60
LINK = re.compile(r"\]\(([\w./-]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    kind: str
    text: str


def blocks_of(text: str) -> list[Block]:
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(kind, body) for kind, body in found]


BLOCKS = blocks_of(README)


def test_every_block_says_how_it_is_proved() -> None:
    assert {block.kind for block in BLOCKS} == KINDS


@pytest.mark.parametrize("index", [i for i, b in enumerate(BLOCKS) if b.kind == "sh offline"])
def test_an_offline_block(index: int, programs: Path) -> None:
    output = run(BLOCKS[index].text, programs)
    for after in BLOCKS[index + 1 : index + 2]:
        if after.kind == "text shown":
            assert_shown(after.text, output)


def test_the_installation_by_hand(programs: Path) -> None:
    if not has_radclient():
        pytest.skip("radclient is not installed (Debian package freeradius-utils)")
    blocks = [b for b in BLOCKS if b.kind == "sh install"]
    output = run(with_free_ports("\n".join(b.text for b in blocks)), programs)
    first = BLOCKS.index(blocks[0])
    last = BLOCKS.index(blocks[-1])
    shown = [b for b in BLOCKS[first:last] if b.kind == "text shown"]
    assert len(shown) == 3
    for block in shown:
        assert_shown(block.text, output)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "sh make"], ids=lambda b: b.text)
def test_a_make_target_exists(block: Block) -> None:
    done = subprocess.run(
        [*block.text.split(), "--question"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "No rule" not in done.stderr, done.stderr


def test_every_command_of_the_table_exists(programs: Path) -> None:
    rows = [line for line in README.splitlines() if line.startswith("| `aaactl")]
    assert len(rows) > 10
    for command in (command for row in rows for command in commands_of(row)):
        assert "Usage:" in run(f"aaactl {command} --help", programs)


def commands_of(row: str) -> list[str]:
    """`| `aaactl account register, show`, `events` |` -> account register, account show, events."""
    found = []
    for cell in re.findall(r"`([^`]+)`", row.split("|")[1]):
        words = cell.removeprefix("aaactl ").replace(",", " , ").split()
        group = words[0]
        names = [word for word in words[1:] if word != ","]
        found += [f"{group} {name}" for name in names] or [group]
    return found


@pytest.mark.parametrize("path", sorted(set(LINK.findall(README))))
def test_a_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_files_of_the_tour_exist() -> None:
    tour = README[README.index("## A tour of the code") :]
    for folder, rest in re.findall(r"^\d\. `([\w/]+/)`(.*?)(?=^\d\. |\Z)", tour, re.DOTALL | re.M):
        for name in re.findall(r"`([\w]+\.(?:py|pyx))`", rest):
            assert (ROOT / folder / name).exists(), f"{folder}{name}"


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """A folder with `aaad` and `aaactl` as this Python runs them."""
    with tempfile.TemporaryDirectory(prefix="aaad-") as folder:
        for name, module in PROGRAMS.items():
            path = Path(folder, name)
            path.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
            path.chmod(0o755)
        yield Path(folder)


def run(commands: str, programs: Path) -> str:
    """What a shell prints that stops at the first mistake; its home is new and short."""
    with tempfile.TemporaryDirectory(prefix="aaad-") as home:
        shell = subprocess.Popen(
            ["bash", "-c", f"set -euo pipefail\n{commands}"],
            cwd=ROOT,
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "HOME": home,
                "PYTHONPATH": str(ROOT),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = shell.communicate(timeout=BLOCK_MAX_S)
        finally:
            with suppress(ProcessLookupError):  # all has ended, as it should
                os.killpg(shell.pid, signal.SIGKILL)
        log = Path(home, "aaad-try", "aaad.log")
        told = log.read_text() if log.exists() else ""
    assert shell.returncode == 0, f"{commands}\n{output}\n{told}"
    return output


def assert_shown(expected: str, output: str) -> None:
    for line in expected.splitlines():
        assert line in output, f"the README shows {line!r}, the commands printed:\n{output}"


def with_free_ports(commands: str) -> str:
    for port in ("11812", "11813"):
        commands = commands.replace(port, str(free_udp_port()))
    return commands
