"""Proves that each rule of tests/tidy/ bites: a small tree that breaks it is found at its line.

Each rule also gets a tree that looks alike and is right, so that it does not cry wolf.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tidy import imports, purity, shape, structure
from tests.tidy.source import Tree

PYPROJECT = """
[project]
name = "example"
dependencies = ["pyrad>=2.6", "argon2-cffi"]
[project.scripts]
aaad = "aaad.server.main:main"
"""


@pytest.fixture
def tree_of(tmp_path: Path):
    """Make a tree of the given files and return it."""

    def make(files: Mapping[str, str]) -> Tree:
        for name, text in {"pyproject.toml": PYPROJECT, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Tree(tmp_path)

    return make


def places(found) -> list[str]:
    return [f"{finding.path}:{finding.line}" for finding in found]


BAD_IMPORTS = {
    "ratingcore knows nothing of ours": ("ratingcore/a.py", "import ledger.model\n"),
    "cimport counts": ("ratingcore/a.pyx", "cimport ledger.x\n"),
    "nor does it through C": ("ratingcore/a.pyx", "from posix.time cimport clock_gettime\n"),
    "a pure package does no IO": ("ledger/rules/a.py", "from pathlib import Path\n"),
    "the model reads no clock": ("ledger/model.py", "import time\n"),
    "rules do not know the store": ("ledger/rules/a.py", "from ledger.store import sqlite\n"),
    "the books do not know the daemon": ("ledger/a.py", "from aaad.radius import packet\n"),
    "the wire knows nothing of ours": ("aaad/radius/a.py", "import ledger.model\n"),
    "policy does not know the store": ("aaad/policy/a.py", "from ledger import store\n"),
    "policy does not know the server": ("aaad/policy/a.py", "from ..server import journal\n"),
    "the daemon does not know the jobs": ("aaad/server/a.py", "import billing_jobs.runner\n"),
    "jobs do not know the daemon": ("billing_jobs/a.py", "import aaad.radius.packet\n"),
    "for types only counts too": (
        "billing_jobs/a.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import aaad.radius\n",
    ),
    "inside a function counts too": ("aaad/radius/a.py", "def f():\n    import socket\n"),
    "a library that is not listed": ("aaad/server/a.py", "import requests\n"),
    "a library listed for others": ("aaad/radius/a.py", "import aiosqlite\n"),
}
MODULES = {
    "ledger/__init__.py": "",
    "ledger/store/__init__.py": "",
    "ledger/store/sqlite.py": "",
    "aaad/server/journal.py": "",
}


@pytest.mark.parametrize(("path", "text"), BAD_IMPORTS.values(), ids=BAD_IMPORTS.keys())
def test_wrong_direction_is_found(tree_of, path, text):
    found = imports.check_imports(tree_of({**MODULES, path: text}))
    assert places(found) == [f"{path}:{text.rstrip().count(chr(10)) + 1}"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ratingcore/a.py", "import ratingcore.money\nfrom dataclasses import dataclass\n"),
        ("ratingcore/a.pyx", "cimport cython\nfrom libc.stdint cimport int64_t\n"),
        ("ledger/rules/a.py", "from ledger.model import Limit\nimport ratingcore.meter\n"),
        ("aaad/policy/a.py", "from ledger import model\nfrom aaad.radius import packet\n"),
        ("aaad/server/a.py", "import uvloop\nfrom ledger.store import sqlite\nimport os\n"),
        ("billing_jobs/a.py", "import ledger.accounts\nimport click\n"),
    ],
)
def test_right_direction_passes(tree_of, path, text):
    files = {"ledger/model.py": "", "ratingcore/money.py": "", **MODULES, path: text}
    assert not imports.check_imports(tree_of(files))


def test_exception_that_is_no_longer_needed_is_found(tree_of):
    tree = tree_of({"aaad/radius/passwords.py": "import os\n", "aaad/radius/signing.pyx": ""})
    assert imports.check_imports(tree) == []
    rules = [f.rule for f in imports.check_exceptions_are_needed(tree)]
    assert "aaad.radius.signing no longer imports os" in rules
    assert "aaad.radius.passwords no longer imports os" not in rules


def test_layer_without_files_and_library_without_dependency_are_found(tree_of):
    rules = {f.rule for f in imports.check_layers_match(tree_of({"ratingcore/a.py": ""}))}
    assert "pattern 'billing_jobs*' matches no file" in rules
    assert "library 'aiosqlite' is not declared" in rules
    assert not {rule for rule in rules if "pyrad" in rule or "argon2" in rule}


def test_module_that_nobody_imports_is_found(tree_of):
    tree = tree_of(
        {
            "aaad/server/main.py": "from aaad.server import listener\n",
            "aaad/server/listener.py": "import aaad.radius.packet as packet\n",
            "aaad/radius/packet.py": "",
            "aaad/radius/table.pyx": "",
            "aaad/radius/wire.pyx": "from aaad.radius.table cimport lookup\n",
            "aaad/server/lonely.py": "import aaad.server.lonely\n",
            "tests/test_x.py": "import aaad.server.lonely\n",
        }
    )
    found = imports.check_every_module_is_imported(tree)
    assert places(found) == ["aaad/radius/wire.pyx:1", "aaad/server/lonely.py:1"]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("ratingcore/a.py", "x = 0.5"),
        ("ratingcore/a.py", "x = 1e6"),
        ("ratingcore/a.py", "x = a / b"),
        ("ratingcore/a.py", "x /= b"),
        ("ratingcore/a.pyx", "cdef double x"),
        ("ratingcore/a.pyx", "x = a / b"),
        ("ledger/rules/a.py", "x = float(a)"),
        ("ledger/posting.py", "x: float"),
    ],
)
def test_float_near_money_is_found(tree_of, path, line):
    tree = tree_of({path: f'"""0.5 of it."""\n{line}  # a / b\n'})
    assert places(purity.check_no_float_near_money(tree)) == [f"{path}:2"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ratingcore/a.py", "x = a // b\ny = 0xE5\nz = 1_000\nt = 'a / 0.5'\n"),
        ("ratingcore/a.py", "def f(a, /, b): ...\n"),
        ("aaad/server/a.py", "x = 0.5\n"),
    ],
)
def test_integers_and_other_places_pass(tree_of, path, text):
    assert not purity.check_no_float_near_money(tree_of({path: text}))


@pytest.mark.parametrize(
    "line",
    [
        "now = time.time()",
        "from time import sleep, time",
        "now = datetime.datetime.now(UTC)",
        "now = datetime.now()",
        "import random",
        "from random import choice",
        "home = os.environ['HOME']",
        "home = os.getenv('HOME')",
        "from os import environ",
    ],
)
def test_reading_the_outside_is_found(tree_of, line):
    tree = tree_of({"aaad/server/a.py": f'"""time.time()"""\n{line}\n'})
    assert set(places(purity.check_owners_of_the_outside(tree))) == {"aaad/server/a.py:2"}


def test_owner_of_the_clock_passes(tree_of):
    tree = tree_of(
        {"ledger/clock.py": "now = time.time()\n", "ledger/a.py": "t = clock.time.monotonic()\n"}
    )
    assert not purity.check_owners_of_the_outside(tree)


def test_print_belongs_to_commands(tree_of):
    tree = tree_of(
        {"aaad/control/a.py": "print(1)\n", "aaad/server/a.py": "print (1)\nx.print(1)\n"}
    )
    assert places(purity.check_print(tree)) == ["aaad/server/a.py:1"]


def test_zone_data_has_its_readers(tree_of):
    text = "from zoneinfo import ZoneInfo\n"
    tree = tree_of({"ledger/rules/cycles.py": text, "ledger/posting.py": text})
    assert places(purity.check_zone_files(tree)) == ["ledger/posting.py:1"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM b",
        "INSERT INTO b VALUES (1)",
        "INSERT OR REPLACE INTO b VALUES (1)",
        "UPDATE b SET a = 1",
        "DELETE FROM b",
        "CREATE TABLE b (a)",
        "\n  SELECT a\n  FROM b\n",
    ],
)
def test_sql_in_python_is_found(tree_of, sql):
    tree = tree_of({"ledger/store/sqlite.py": f"x = 1\nquery = {sql!r}\n"})
    assert places(purity.check_sql_stands_in_sql_files(tree)) == ["ledger/store/sqlite.py:2"]


def test_prose_about_selecting_is_no_sql(tree_of):
    tree = tree_of({"ledger/a.py": '"""Select a row from the table, update it and set b."""\n'})
    assert not purity.check_sql_stands_in_sql_files(tree)


def test_table_row_without_files_is_found(tree_of):
    rules = {f.rule for f in purity.check_money_paths_match(tree_of({}))}
    assert "pattern 'ledger/posting.py' matches no file" in rules
    rules = {f.rule for f in structure.check_structure_tables_match(tree_of({}))}
    assert "pattern 'ledger/store/queries/*.sql' matches no file" in rules


def test_long_lines_modules_and_functions_are_found(tree_of):
    body = "    x = 1\n"
    tree = tree_of(
        {
            "a.sql": "-- name: a (" + "b, " * 40 + ")",
            "a.py": "x" * 101 + "\n" + "x" * 100 + "\n",
            "b.py": "x = 1\n" * 501,
            "c.pyx": "x = 1\n" * 401,
            "d.py": f"def short():\n{body * 69}\n\nclass C:\n  def long(self):\n{body * 70}",
            "e.pyx": f"class C:\n{body * 80}\ncdef long(int x) except? -1:\n"
            f"{body * 70}\ndef short():\n{body * 69}",
        }
    )
    assert places(shape.check_line_length(tree)) == ["a.py:1"]
    assert places(shape.check_module_length(tree)) == ["b.py:1", "c.pyx:1"]
    found = shape.check_function_length(tree)
    assert [f.rule for f in found] == ["long has 71 lines", "long has 71 lines"]
    assert [f.path for f in found] == ["d.py", "e.pyx"]


def test_module_without_docstring_is_found(tree_of):
    tree = tree_of(
        {"a.py": "x = 1\n", "b.pyx": "# cython: x\nx = 1\n", "c.pyx": '# cython: x\n"""Says."""\n'}
    )
    assert places(shape.check_module_docstring(tree)) == ["a.py:1", "b.pyx:1"]


def test_unfinished_marks_are_found(tree_of):
    mark = "TO" + "DO"
    tree = tree_of({"a.py": f"x = 1  # {mark}: later\n", "b.md": "todo el mundo\n"})
    assert places(shape.check_nothing_unfinished(tree)) == ["a.py:1"]


def test_path_of_one_machine_is_found(tree_of):
    slash = "/"
    text = f"one = '{slash}home/ann'\ntwo = 'a{slash}work/x'\nthree = '${{r}}{slash}root/x'\n"
    assert places(shape.check_no_machine_path(tree_of({"a.py": text}))) == ["a.py:1"]


def test_compiled_module_without_stub_is_found(tree_of):
    tree = tree_of({"aaad/a.pyx": "", "aaad/b.pyx": "", "aaad/b.pyi": ""})
    assert places(structure.check_stubs(tree)) == ["aaad/a.pyx:1"]


def test_module_without_test_is_found(tree_of):
    tree = tree_of(
        {
            "ledger/a.py": "",
            "ledger/b.py": "",
            "ledger/c.py": "",
            "ledger/d.py": "",
            "tests/unit/test_a.py": "from ledger import (\n    x,\n    a,\n)\nimport ledger.b\n",
        }
    )
    without = {"ledger.c": "a table", "ledger.a": "no longer needed"}
    found = structure.check_each_module_has_its_test(tree, without)
    assert [f.rule for f in found] == [
        "no test names ledger.d",
        "WITHOUT_OWN_TEST lists ledger.a, which is tested or gone",
    ]


def test_gap_in_the_migrations_is_found(tree_of):
    folder = "ledger/store/migrations"
    tree = tree_of(
        {
            f"{folder}/sqlite/0001_first.sql": "",
            f"{folder}/sqlite/0003_third.sql": "",
            f"{folder}/postgres/0001_first.sql": "",
            f"{folder}/postgres/0002_second.sql": "",
        }
    )
    found = structure.check_migrations_are_contiguous(tree)
    assert places(found) == [f"{folder}/sqlite/0003_third.sql:1"]


def test_query_that_nobody_runs_is_found(tree_of):
    tree = tree_of(
        {
            "ledger/store/queries/a.sql": "-- name: fetch_a\n...;\n-- name: fetch_b\n...;\n",
            "ledger/store/accounts.py": "QUERY = 'fetch_a'\n",
        }
    )
    assert places(structure.check_each_query_file_is_loaded(tree)) == [
        "ledger/store/queries/a.sql:3"
    ]


def test_what_is_built_is_not_read(tree_of):
    tree = tree_of({".venv/a.py": "", "build/a.py": "", "x.egg-info/a.txt": "", "a.py": ""})
    assert [source.path for source in tree.files] == ["a.py", "pyproject.toml"]
