"""Disks that are small, and a disk that fails to sync."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FAILING_SYNC = Path(__file__).with_name("failing_sync.c")


@contextmanager
def small_disk(folder: Path, *, octets: int) -> Iterator[None]:
    """A file system of so many octets at `folder`; skipped where none can be mounted."""
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("mount is not installed: no tmpfs can be mounted")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={octets}", "none", str(folder)],
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


def fill(folder: Path) -> Path:
    """Take all the room that is left; the file to be deleted to give it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def compile_failing_sync(folder: Path) -> Path:
    """The library of failing_sync.c; the compiler is the one that built aaad."""
    library = folder / "failing_sync.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(FAILING_SYNC)], check=True
    )
    return library
