"""The files that the rules read, and what a rule finds in them."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

PACKAGES = ("ratingcore", "ledger", "aaad", "billing_jobs")
BUILT = frozenset(
    {".git", ".venv", "build", "dist", "__pycache__", ".mypy_cache", ".pytest_cache"}
    | {".ruff_cache", ".hypothesis"}
)
TEXT_SUFFIXES = frozenset(
    {".py", ".pyx", ".pxd", ".pyi", ".h", ".sql", ".toml", ".md", ".txt", ".sh", ".service"}
    | {".timer", ".socket", ".yml", ""}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place that breaks one rule, and what to do about it."""

    path: str
    line: int
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.remedy}"


@dataclass(frozen=True)
class Source:
    """One text file, named by its path from the root of the tree."""

    path: str
    text: str = field(repr=False)

    @property
    def suffix(self) -> str:
        return Path(self.path).suffix

    @property
    def module(self) -> str:
        """Dotted name: aaad/server/main.py is aaad.server.main, a package's __init__.py the
        package."""
        return ".".join(Path(self.path).with_suffix("").parts).removesuffix(".__init__")

    @property
    def is_package(self) -> bool:
        return Path(self.path).name == "__init__.py"

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """Python only: Cython does not parse as Python, its rules read `tokens`."""
        return ast.parse(self.text, self.path)

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """Cython has Python's tokens, so this reads both."""
        return list(tokenize.generate_tokens(io.StringIO(self.text).readline))

    def find(self, line: int, rule: str, remedy: str) -> Finding:
        return Finding(path=self.path, line=line, rule=rule, remedy=remedy)


@dataclass(frozen=True)
class Tree:
    """A project's text files, what is built left out."""

    root: Path

    @cached_property
    def files(self) -> tuple[Source, ...]:
        return tuple(
            Source(path.relative_to(self.root).as_posix(), path.read_text(encoding="utf-8"))
            for path in sorted(_walk(self.root))
        )

    def match(self, *patterns: str) -> list[Source]:
        """Files whose path matches one of the shell patterns (`*` crosses folders)."""
        return [s for s in self.files if any(fnmatchcase(s.path, p) for p in patterns)]

    @cached_property
    def modules(self) -> tuple[Source, ...]:
        """The .py and .pyx files of our packages."""
        return tuple(
            s
            for s in self.files
            if s.path.split("/")[0] in PACKAGES and s.suffix in {".py", ".pyx"}
        )

    @cached_property
    def python(self) -> tuple[Source, ...]:
        return tuple(s for s in self.files if s.suffix == ".py")

    def rotten(self, table: str, patterns: tuple[str, ...]) -> list[Finding]:
        """A pattern of a rule table that matches no file: the rule would hold of nothing."""
        return [
            Finding(
                path=table,
                line=1,
                rule=f"pattern {p!r} matches no file",
                remedy="delete or mend it",
            )
            for p in patterns
            if not self.match(p)
        ]


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in BUILT or path.name.endswith(".egg-info") or path.is_symlink():
            continue
        if path.is_dir():
            yield from _walk(path)
        elif path.suffix in TEXT_SUFFIXES and not _is_binary(path):
            yield path


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(1024)
