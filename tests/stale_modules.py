"""Which compiled modules are older than what they were compiled from.

Python loads a compiled module before the source beside it, so an edit that is not compiled would be
tested as if it had never been made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("ratingcore", "ledger", "aaad", "benchmarks")


def stale_modules(root: Path) -> Iterator[Path]:
    """The sources under `root` that are newer than the module compiled from them."""
    for package in PACKAGES:
        for module in sorted((root / package).rglob("*.so")):
            stem = module.parent / module.name.partition(".")[0]
            for source in (stem.with_suffix(suffix) for suffix in (".pyx", ".py", ".pxd")):
                if source.exists() and source.stat().st_mtime > module.stat().st_mtime:
                    yield source.relative_to(root)
