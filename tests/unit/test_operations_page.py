"""Proves that docs/operations.md names every reason and figure and no other, with the code's bounds
and commands that exist, and that docs/architecture.md names files that exist.
"""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest

from aaad.control.cli import main as aaactl
from aaad.policy.authorize import RejectReason
from aaad.radius.errors import DiscardReason
from aaad.server.main import main as aaad

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
BOUND = re.compile(r"^\| `([\w/]+)\.py` `(\w+)` \| (\d+) \|", re.MULTILINE)


def reasons_of(heading: str) -> set[str]:
    """The names in the first column of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_discard_reason_has_its_remedy() -> None:
    assert reasons_of("Discards") == {reason.value for reason in DiscardReason}


def test_every_refusal_has_its_remedy() -> None:
    assert reasons_of("Refused logins") == {reason.value for reason in RejectReason}


def test_there_are_bounds() -> None:
    assert len(BOUND.findall(PAGE)) > 10


@pytest.mark.parametrize(("module", "name", "value"), BOUND.findall(PAGE))
def test_a_bound_is_that_of_the_code(module: str, name: str, value: str) -> None:
    assert getattr(import_module(module.replace("/", ".")), name) == int(value)


def test_the_files_of_the_walks_exist() -> None:
    names = set(re.findall(r"`((?:[\w]+/)*[\w]+\.(?:pyx|py|h))`", ARCHITECTURE))
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.*")]
    missing = [n for n in names if not any(f == n or f.endswith(f"/{n}") for f in files)]
    assert len(names) > 30
    assert not missing


def test_every_figure_of_the_page_is_explained() -> None:
    source = (ROOT / "aaad" / "server" / "metrics_page.py").read_text()
    families = set(re.findall(r'"(aaad_[a-z_]+)"', source))
    gauges = source.split("def _gauges")[1].split("def _journal")[0]
    families |= {f"aaad_{name}" for name in re.findall(r'\(\s*"([a-z_]+)"', gauges)}
    explained = set(re.findall(r"`(aaad_[a-z_]+)`", PAGE))
    assert len(families) > 15
    assert families == explained


def command_lines() -> list[str]:
    """The commands of ours in the page's blocks, continued lines joined, without sudo."""
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    lines = blocks.replace("\\\n", " ").splitlines()
    ours = (line.removeprefix("sudo -u aaad ") for line in lines)
    return [line for line in ours if line.startswith(("aaactl ", "aaad "))]


def test_there_are_commands() -> None:
    assert len(command_lines()) > 8


@pytest.mark.parametrize("line", command_lines())
def test_a_command_of_the_page_exists_with_its_options(line: str) -> None:
    program, *words = shlex.split(line)
    command: click.Command = aaad if program == "aaad" else aaactl
    context = click.Context(command)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    known = {option for parameter in command.params for option in parameter.opts}
    given = {word for word in words if word.startswith("--")}
    assert given <= known, line
    required = {p.opts[0] for p in command.params if isinstance(p, click.Option) and p.required}
    assert required <= given, line
