"""What stands in one place only: money is integers, the clock has an owner, SQL has its files."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Callable, Iterator

from tests.tidy.source import Finding, Source, Tree

MONEY_PATHS = (
    "ratingcore/*.py",
    "ratingcore/*.pyx",
    "ratingcore/*.pxd",
    "ledger/model.py",
    "ledger/rules/*.py",
    "ledger/posting.py",
    "ledger/catalog.py",
    "aaad/policy/*.py",
)
"""Where amounts and counters are computed: integers only (docs/architecture.md, Money and
usage)."""

OWNERS = {
    "time.time": ("ledger/clock.py",),
    "time.time_ns": ("ledger/clock.py",),
    "datetime.now": ("ledger/clock.py",),
    "datetime.utcnow": (),
    "datetime.today": (),
    "date.today": (),
    "os.environ": ("aaad/server/notify.py",),
    "os.getenv": (),
}
"""A name that a module takes from outside -> the only files that may. Everyone else gets it as an
argument."""

CHANCE = {"random": ("aaad/server/dynauth_port.py",)}
"""Chance that need not be secret spreads resends (RFC 5080 section 2.2.1), nothing else."""

PRINT_FILES = ("aaad/control/*",)
"""Commands write to the terminal; a daemon and its books log."""

ZONE_FILES = ("ratingcore/calendar.pyx", "ledger/rules/cycles.py")
"""Who may read the zone data base: the calendar of prices and that of cycles."""

STORE_FILES = "ledger/store/*"
_SQL = re.compile(
    r"\b(SELECT\s+.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s"
    r"|CREATE\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s"
    r"|ALTER\s+TABLE\s|DROP\s+(TABLE|INDEX|VIEW)\s)",
    re.DOTALL,
)
_FLOAT_LITERAL = re.compile(r"^(?!0[xX])[\d_]*(\.|[\d_][eE])")
_FLOAT_REMEDY = "amounts and counters are integers: use //, mul_div or divide_half_even"


def check_no_float_near_money(tree: Tree) -> list[Finding]:
    """No float literal, no `float` or `double`, no true division on the money paths."""
    return [
        source.find(line, f"{what} on a money path", _FLOAT_REMEDY)
        for source in tree.match(*MONEY_PATHS)
        for line, what in _floats(source)
    ]


def _floats(source: Source) -> Iterator[tuple[int, str]]:
    for token in source.tokens:
        line = token.start[0]
        if token.type == tokenize.NUMBER and _FLOAT_LITERAL.match(token.string):
            yield line, f"float literal {token.string}"
        elif token.type == tokenize.OP and token.string in {"/", "/="}:
            yield from _division(source, token)
        elif token.type == tokenize.NAME and token.string in {"float", "double"}:
            yield line, token.string


def _division(source: Source, token: tokenize.TokenInfo) -> Iterator[tuple[int, str]]:
    """A `/` that divides. The one in a parameter list, alone between commas, ends the positional
    ones."""
    before = source.lines[token.start[0] - 1][: token.start[1]].rstrip()
    if token.string == "/=" or not before.endswith((",", "(")):
        yield token.start[0], "true division"


def check_money_paths_match(tree: Tree) -> list[Finding]:
    owners = {path for table in (OWNERS, CHANCE) for paths in table.values() for path in paths}
    patterns = (*MONEY_PATHS, *PRINT_FILES, *ZONE_FILES, *sorted(owners), STORE_FILES)
    return tree.rotten("tests/tidy/purity.py", patterns)


def check_owners_of_the_outside(tree: Tree) -> list[Finding]:
    """The wall clock, chance and the environment are read by their owners alone."""
    return [
        source.find(line, f"{name} in {source.path}", _owner_remedy(name))
        for source in tree.modules
        for line, name in _outside_names(source)
        if source.path not in {**OWNERS, **CHANCE}[name]
    ]


def _owner_remedy(name: str) -> str:
    owners = " or ".join({**OWNERS, **CHANCE}[name])
    return f"take it as an argument; only {owners} may" if owners else "take it as an argument"


def _outside_names(source: Source) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_code_lines(source), start=1):
        for name in OWNERS:
            if re.search(rf"(?<![\w]){re.escape(name)}\b", line):
                yield number, name
        for name in ("time.time", "os.environ", "os.getenv"):
            module, _, function = name.partition(".")
            if re.match(rf"\s*from\s+{module}\s+import\s.*\b{function}\b", line):
                yield number, name
        for name in CHANCE:
            if re.match(rf"\s*(import|from)\s+{name}\b", line):
                yield number, name


def _code_lines(source: Source) -> list[str]:
    """The lines with strings and comments blanked, so that prose may speak of time.time."""
    lines = [list(line) for line in source.lines]
    for token in source.tokens:
        if token.type in {tokenize.STRING, tokenize.COMMENT}:
            _blank(lines, token)
    return ["".join(line) for line in lines]


def _blank(lines: list[list[str]], token: tokenize.TokenInfo) -> None:
    (first, begin), (last, end) = token.start, token.end
    for row in range(first, last + 1):
        line = lines[row - 1]
        left = begin if row == first else 0
        right = end if row == last else len(line)
        line[left:right] = " " * (right - left)


def check_print(tree: Tree) -> list[Finding]:
    """print() belongs to the commands; whoever runs unattended logs."""
    allowed = {source.path for source in tree.match(*PRINT_FILES)}
    return _in_code(
        tree,
        re.compile(r"(?<![\w.])print\s*\("),
        lambda source: source.path not in allowed,
        rule="print outside the commands",
        remedy="log it (ledger/logs.py) or return it",
    )


def check_zone_files(tree: Tree) -> list[Finding]:
    """zoneinfo is read in the named files: two readers of one zone would be two truths."""
    allowed = {source.path for source in tree.match(*ZONE_FILES)}
    return _in_code(
        tree,
        re.compile(r"^\s*(from|import)\s+zoneinfo\b"),
        lambda source: source.path not in allowed,
        rule="zoneinfo outside the calendars",
        remedy="ask ratingcore.calendar or ledger.rules.cycles",
    )


def _in_code(
    tree: Tree,
    pattern: re.Pattern[str],
    applies: Callable[[Source], bool],
    *,
    rule: str,
    remedy: str,
) -> list[Finding]:
    return [
        source.find(number, rule, remedy)
        for source in tree.modules
        if applies(source)
        for number, line in enumerate(_code_lines(source), start=1)
        if pattern.search(line)
    ]


def check_sql_stands_in_sql_files(tree: Tree) -> list[Finding]:
    """SQL text stands in queries/*.sql and migrations/*.sql, nowhere in Python."""
    remedy = "name the query in ledger/store/queries/ and call its typed function"
    return [
        source.find(node.lineno, "SQL text in Python", remedy)
        for source in tree.modules
        if source.suffix == ".py"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _SQL.search(node.value)
    ]
