"""Proves that docs/operations.md names every reason and no other, that its bounds are the code's,
and that docs/architecture.md names files that exist.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from aaad.policy.authorize import RejectReason
from aaad.radius.errors import DiscardReason

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
