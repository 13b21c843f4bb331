"""Who may import whom: the table of docs/architecture.md, and the files that nobody imports.

The most specific row that a module falls under holds. Imports for types only count as well: a
direction is a direction. Cython's cimports are read from the .pyx and .pxd files, the rest by ast.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.tidy.source import PACKAGES, Finding, Source, Tree

IO_MODULES = frozenset(
    {"asyncio", "concurrent", "ctypes", "fcntl", "glob", "http", "io", "logging", "mmap"}
    | {
        "multiprocessing",
        "os",
        "pathlib",
        "posix",
        "random",
        "secrets",
        "select",
        "selectors",
        "shutil",
    }
    | {"signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time"}
    | {"tomllib", "urllib", "uuid"}
)
"""Standard modules that wait, read a clock, draw chance or touch the machine. Pure packages do
without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One row: a package, and all that it may import."""

    name: str
    ours: tuple[str, ...] = ()
    third_party: frozenset[str] = frozenset()
    pure: bool = False


LAYERS = (
    Layer(
        name="ratingcore",
        ours=("ratingcore",),
        third_party=frozenset({"msgpack"}),  # a meter at rest
        pure=True,
    ),
    Layer(name="ledger.model", ours=("ratingcore",), pure=True),
    Layer(name="ledger.rules", ours=("ratingcore", "ledger.model", "ledger.rules"), pure=True),
    Layer(
        name="ledger",
        ours=("ratingcore", "ledger"),
        third_party=frozenset(
            {
                "aiosqlite",
                "argon2",
                "asyncpg",
                "cryptography",
                "holidays",  # where it is installed: optional
                "msgpack",
                "msgspec",
                "orjson",
                "structlog",
            }
        ),
    ),
    Layer(name="aaad", ours=("aaad",)),
    Layer(
        name="aaad.radius",
        ours=("aaad.radius",),
        third_party=frozenset({"pyrad"}),  # cold paths
        pure=True,
    ),
    Layer(
        name="aaad.policy",
        ours=("aaad.policy", "aaad.radius", "ratingcore", "ledger.model", "ledger.rules"),
        third_party=frozenset({"msgpack"}),
        pure=True,
    ),
    Layer(
        name="aaad.server",
        ours=("aaad", "ledger", "ratingcore"),
        third_party=frozenset(
            {
                "argon2",
                "click",
                "msgpack",
                "msgspec",
                "orjson",
                "prometheus_client",
                "structlog",
                "uvloop",
            }
        ),
    ),
    Layer(
        name="aaad.control",
        ours=("aaad", "ledger", "ratingcore"),
        third_party=frozenset({"click", "msgpack", "msgspec", "orjson", "rich", "structlog"}),
    ),
    Layer(
        name="billing_jobs",
        ours=("billing_jobs", "ledger", "ratingcore"),
        third_party=frozenset({"click", "rich", "structlog"}),
    ),
)
DECLARATIONS = frozenset({"cython", "cpython", "libc", "typing_extensions"})
"""Names for the compiler and the type checker: every layer may use them."""

PURE_EXCEPTIONS = {
    ("aaad.radius.dictionary", "pathlib"): "loads the dictionaries, data of the package, at start",
    ("aaad.radius.dictionary", "io"): "hands their text to pyrad's parser",
    ("aaad.radius.passwords", "os"): "the salts of RFC 2868 must not be guessed: os.urandom",
    ("aaad.radius.signing", "os"): "Request Authenticators must not be guessed: os.urandom",
}
"""(module of a pure package, what it imports all the same) -> why. An entry that is not needed is
a finding."""

_CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+\(?([^)#]*)|c?import\s+([\w.]+))")
_ENTRY_POINT = re.compile(r"^([\w.]+):\w+$")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, `aaad.radius.packet`, and where."""

    module: str
    line: int


def imports_of(source: Source, known: frozenset[str]) -> list[Import]:
    """All that a file imports. `from a import b` is a.b when that is a module of ours."""
    found = _python_imports(source) if source.suffix in {".py", ".pyi"} else _cython_imports(source)
    result = []
    for base, names, line in found:
        inside = [f"{base}.{name}" for name in names if f"{base}.{name}" in known]
        result.extend(Import(module, line) for module in inside or [base])
    return result


def _python_imports(source: Source) -> Iterator[tuple[str, list[str], int]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, [], node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield _absolute(source, node), [alias.name for alias in node.names], node.lineno


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.module.split(".") + ([""] if source.is_package else [])
    return ".".join([*package[: -node.level], *([node.module] if node.module else [])])


def _cython_imports(source: Source) -> Iterator[tuple[str, list[str], int]]:
    for number, line in enumerate(source.lines, start=1):
        if found := _CYTHON_IMPORT.match(line):
            names = [part.split()[0] for part in (found[2] or "").split(",") if part.strip()]
            yield found[1] or found[3], names, number


def layer_of(module: str) -> Layer:
    """The most specific row: aaad.radius before aaad."""
    return max((row for row in LAYERS if _within(module, row.name)), key=lambda row: len(row.name))


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def check_imports(tree: Tree) -> list[Finding]:
    """Every import of our packages goes in a direction that LAYERS allows."""
    known = known_modules(tree)
    return [
        source.find(found.line, f"{source.module} imports {found.module}", remedy)
        for source in tree.files
        if source.path.split("/")[0] in PACKAGES
        and source.suffix in {".py", ".pyx", ".pxd", ".pyi"}
        for found in imports_of(source, known)
        if (source.module, found.module) not in PURE_EXCEPTIONS
        if (remedy := _objection(layer_of(source.module), found.module))
    ]


def check_exceptions_are_needed(tree: Tree) -> list[Finding]:
    """Each of PURE_EXCEPTIONS is still imported where it says."""
    known = known_modules(tree)
    used = {(s.module, i.module) for s in tree.modules for i in imports_of(s, known)}
    return [
        Finding(
            path="tests/tidy/imports.py",
            line=1,
            rule=f"{module} no longer imports {imported}",
            remedy="delete the exception",
        )
        for module, imported in PURE_EXCEPTIONS
        if (module, imported) not in used
    ]


def _objection(layer: Layer, module: str) -> str:
    """Why this import is not allowed, and what to do; empty if it is."""
    top = module.split(".", maxsplit=1)[0]
    if top in PACKAGES:
        if any(_within(module, ours) for ours in layer.ours):
            return ""
        allowed = ", ".join(layer.ours) or "nothing of ours"
        return f"{layer.name} may import {allowed}: turn the direction round, or move the code"
    if top in layer.third_party | DECLARATIONS:
        return ""
    if top in sys.stdlib_module_names:
        if layer.pure and top in IO_MODULES:
            return f"{layer.name} is pure: take the fact as an argument"
        return ""
    return f"{top} is not listed for {layer.name} in tests/tidy/imports.py"


def known_modules(tree: Tree) -> frozenset[str]:
    return frozenset(source.module for source in tree.modules)


def check_layers_match(tree: Tree) -> list[Finding]:
    """Each row of LAYERS has files, and each library in it is a dependency that pyproject.toml
    declares."""
    found = tree.rotten("tests/tidy/imports.py", tuple(f"{_folder(row.name)}*" for row in LAYERS))
    declared = _declared_libraries(tree)
    libraries = {name for row in LAYERS for name in row.third_party}
    found += [
        Finding(
            path="tests/tidy/imports.py",
            line=1,
            rule=f"library {name!r} is not declared",
            remedy="delete it from LAYERS, or add it to pyproject.toml",
        )
        for name in sorted(libraries - declared)
    ]
    return found


def _folder(module: str) -> str:
    return module.replace(".", "/")


def _declared_libraries(tree: Tree) -> set[str]:
    project = _pyproject(tree)["project"]
    optional = project.get("optional-dependencies", {})
    lines = [*project["dependencies"], *(line for extra in optional.values() for line in extra)]
    names = {re.split(r"[<>=\[; ]", line)[0].replace("-", "_") for line in lines}
    return {{"argon2_cffi": "argon2"}.get(name, name) for name in names}


def _pyproject(tree: Tree) -> dict:
    (source,) = tree.match("pyproject.toml")
    return tomllib.loads(source.text)


def check_every_module_is_imported(tree: Tree) -> list[Finding]:
    """A module that no other module imports is dead, unless pyproject.toml names it as a
    command."""
    known = known_modules(tree)
    imported: set[str] = set()
    for source in tree.files:
        if source.path.split("/")[0] in PACKAGES and source.suffix in {".py", ".pyx", ".pxd"}:
            imported |= {i.module for i in imports_of(source, known) if i.module != source.module}
    scripts = _pyproject(tree)["project"].get("scripts", {})
    commands = {match[1] for target in scripts.values() if (match := _ENTRY_POINT.match(target))}
    return [
        source.find(1, f"nobody imports {source.module}", "call it, or delete it")
        for source in tree.modules
        if not source.is_package and source.module not in imported | commands
    ]
