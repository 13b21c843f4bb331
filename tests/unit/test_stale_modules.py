"""An edited source whose compiled module is older is named, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

from tests.stale_modules import stale_modules


def test_only_the_edited_source_is_named(tmp_path: Path) -> None:
    package = tmp_path / "aaad" / "policy"
    package.mkdir(parents=True)
    for name in ("usage", "report"):
        for suffix, age in ((".py", 100), (".pxd", 100), (".cpython-311-x86_64-linux-gnu.so", 200)):
            path = package / f"{name}{suffix}"
            path.touch()
            os.utime(path, (age, age))
    assert list(stale_modules(tmp_path)) == []
    os.utime(package / "usage.py", (300, 300))
    assert list(stale_modules(tmp_path)) == [Path("aaad/policy/usage.py")]
