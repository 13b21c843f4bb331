"""Files that belong together: module and stub, module and test, migrations, queries and callers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from tests.tidy.source import Finding, Source, Tree

MIGRATIONS = "ledger/store/migrations/*.sql"
QUERIES = "ledger/store/queries/*.sql"
TEST_FILES = "tests/*test_*.py"

WITHOUT_OWN_TEST: Mapping[str, str] = {}
"""Module -> why no test file names it. An entry that is no longer needed is a finding."""

_NUMBERED = re.compile(r"^(\d+)_")


def check_stubs(tree: Tree) -> list[Finding]:
    """Each .pyx has its .pyi: the type checker does not read Cython."""
    paths = {source.path for source in tree.files}
    return [
        source.find(1, "compiled module without a stub", f"write {source.path[:-4]}.pyi")
        for source in tree.modules
        if source.suffix == ".pyx" and source.path.removesuffix("x") + "i" not in paths
    ]


def check_each_module_has_its_test(
    tree: Tree, without: Mapping[str, str] = WITHOUT_OWN_TEST
) -> list[Finding]:
    """Each module is named by a test file, but for the listed ones."""
    tests = "\n".join(source.text for source in tree.match(TEST_FILES))
    untested = {s.module: s for s in tree.modules if not s.is_package and not _is_named(s, tests)}
    remedy = "write tests/unit/test_<module>.py"
    found = [
        source.find(1, f"no test names {module}", remedy)
        for module, source in untested.items()
        if module not in without
    ]
    found += [
        Finding(
            path="tests/tidy/structure.py",
            line=1,
            rule=f"WITHOUT_OWN_TEST lists {module}, which is tested or gone",
            remedy="delete the entry",
        )
        for module in without
        if module not in untested
    ]
    return found


def _is_named(source: Source, tests: str) -> bool:
    """By its dotted name, or as `from package import a, module`."""
    package, _, name = source.module.rpartition(".")
    named = rf"\b{re.escape(source.module)}\b"
    imported = rf"from {re.escape(package)} import (\([^)]*|[^(\n]*)\b{re.escape(name)}\b"
    return bool(re.search(f"{named}|{imported}", tests))


def check_migrations_are_contiguous(tree: Tree) -> list[Finding]:
    """Migrations are numbered from 1 without a gap, in each folder: the order is the history."""
    found = []
    folders: dict[str, list[Source]] = {}
    for source in tree.match(MIGRATIONS):
        folders.setdefault(str(PurePosixPath(source.path).parent), []).append(source)
    for sources in folders.values():
        for expected, source in enumerate(sources, start=1):
            match = _NUMBERED.match(PurePosixPath(source.path).name)
            if not match or int(match[1]) != expected:
                found.append(source.find(1, f"is not migration {expected}", "number without gaps"))
    return found


def check_each_query_file_is_loaded(tree: Tree) -> list[Finding]:
    """Each named query is asked for by its name somewhere in ledger."""
    code = "\n".join(s.text for s in tree.modules if s.path.startswith("ledger/"))
    return [
        source.find(number, f"nobody runs the query {match[1]}", "call it, or delete it")
        for source in tree.match(QUERIES)
        for number, line in enumerate(source.lines, start=1)
        if (match := re.match(r"--\s*name:\s*(\w+)", line))
        and not re.search(rf"\b{match[1]}\b", code)
    ]


def check_structure_tables_match(tree: Tree) -> list[Finding]:
    return tree.rotten("tests/tidy/structure.py", (MIGRATIONS, QUERIES, TEST_FILES))
