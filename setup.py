"""Build of the compiled modules. Metadata stands in pyproject.toml.

One extension for each .pyx, and for each .py that has a .pxd beside it: such a file stays plain
Python, and its .pxd gives the C types of its classes and functions to the compiler alone. There its
annotations are for readers and mypy, not for the compiler (annotation_typing).
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("AAAD_DEBUG") == "1"
"""`make debug`: traced, annotated and unoptimised, for stepping through and for line coverage."""

PACKAGES = ("ratingcore", "ledger", "aaad")
BENCHMARKS = ("benchmarks",) if os.environ.get("AAAD_BENCHMARKS") == "1" else ()
"""The load generator is compiled for `make bench` and for the tests that use it, not for users."""

COMPILE = os.environ.get("AAAD_COMPILE") != "0"
"""False while the Makefile installs the project in place: it compiles in a step of its own."""

SOURCES = sorted(
    path
    for package in PACKAGES + BENCHMARKS
    for path in Path(package).rglob("*.py*")
    if path.suffix == ".pyx" or (path.suffix == ".py" and path.with_suffix(".pxd").exists())
)

# boundscheck stays on: money first. A module that can prove its own bounds switches a check off
# locally, with the proof in a comment.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,
    "cdivision": False,
    "embedsignature": True,
    "linetrace": DEBUG,
}

AS_IT_IS = {"annotation_typing": False, "overflowcheck": True}
"""For a .py compiled as it is: its integers are Python's to the reader, so they never wrap."""


def extension(source: Path) -> Extension:
    """How one module is built."""
    return Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        extra_compile_args=["-O0", "-g"] if DEBUG else [*optimised(source), "-fno-strict-aliasing"],
        define_macros=[("CYTHON_TRACE", "1")] if DEBUG else [],
        include_dirs=[str(source.parent), "aaad/radius"],  # digests.h goes with its .pxd
    )


def optimised(source: Path) -> list[str]:
    """What a .py spends its time in are Python's own functions: -O3 made none faster (measured on
    logins and reports) and takes twice as long to compile.
    """
    return ["-O1" if source.suffix == ".py" else "-O3", "-g0"]


def compiled(suffix: str, directives: dict[str, object]) -> list[Extension]:
    """The modules of one kind."""
    return cythonize(
        [extension(source) for source in SOURCES if source.suffix == suffix],
        compiler_directives=directives,
        annotate=DEBUG,
    )


setup(
    ext_modules=(
        compiled(".pyx", DIRECTIVES) + compiled(".py", DIRECTIVES | AS_IT_IS) if COMPILE else []
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
