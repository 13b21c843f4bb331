"""The rules of the tree, each its own test: who imports whom, what may stand where, how long a
thing may be.

A rule that no test enforces rots. The rules are in tests/tidy/, one module a theme; that each of
them bites is shown in tests/unit/test_tidy_rules.py. A failure names file:line, the rule and the
remedy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tidy import imports, purity, shape, structure
from tests.tidy.source import Finding, Tree

ROOT = Path(__file__).parents[1]
RULES: tuple[Callable[[Tree], list[Finding]], ...] = (
    imports.check_imports,
    imports.check_exceptions_are_needed,
    imports.check_layers_match,
    imports.check_every_module_is_imported,
    purity.check_no_float_near_money,
    purity.check_owners_of_the_outside,
    purity.check_print,
    purity.check_zone_files,
    purity.check_sql_stands_in_sql_files,
    purity.check_money_paths_match,
    shape.check_line_length,
    shape.check_module_length,
    shape.check_function_length,
    shape.check_module_docstring,
    shape.check_nothing_unfinished,
    shape.check_no_machine_path,
    structure.check_stubs,
    structure.check_each_module_has_its_test,
    structure.check_migrations_are_contiguous,
    structure.check_each_query_file_is_loaded,
    structure.check_structure_tables_match,
)


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.removeprefix("check_"))
def test_rule(rule: Callable[[Tree], list[Finding]], tree: Tree) -> None:
    found = rule(tree)
    assert not found, "\n" + "\n".join(str(finding) for finding in found)


def test_every_rule_is_in_the_list() -> None:
    """A check that is written and not listed would never run."""
    written = {
        value
        for module in (imports, purity, shape, structure)
        for name, value in vars(module).items()
        if name.startswith("check_")
    }
    assert written == set(RULES)


def test_the_tree_is_read() -> None:
    """An empty tree would pass every rule."""
    paths = {source.path for source in Tree(ROOT).files}
    assert {"setup.py", "Makefile", "ledger/model.py", "tests/test_tidy.py"} <= paths
