"""Build of the compiled modules: one .pyx is one extension. Metadata stands in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("AAAD_DEBUG") == "1"
"""`make debug`: traced, annotated and unoptimised, for stepping through and for line coverage."""

EXTENSIONS = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        extra_compile_args=["-O0", "-g"] if DEBUG else ["-O3", "-g0", "-fno-strict-aliasing"],
        define_macros=[("CYTHON_TRACE", "1")] if DEBUG else [],
        include_dirs=[str(path.parent)],
    )
    for package in ("ratingcore", "aaad")
    for path in sorted(Path(package).rglob("*.pyx"))
]

# overflowcheck and boundscheck stay on: money first. A module that can prove its own bounds
# switches a check off locally, with the proof in a comment.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,
    "cdivision": False,
    "embedsignature": True,
    "linetrace": DEBUG,
}

setup(
    ext_modules=cythonize(EXTENSIONS, compiler_directives=DIRECTIVES, annotate=DEBUG),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
