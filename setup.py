"""Build of the compiled modules: one .pyx is one extension. All metadata stands in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

EXTENSIONS = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        extra_compile_args=["-O3", "-fno-strict-aliasing"],
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
}

setup(ext_modules=cythonize(EXTENSIONS, compiler_directives=DIRECTIVES))
