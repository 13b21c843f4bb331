"""The shape of files: lengths, docstrings, unfinished work, paths that one machine has."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator

from tests.tidy.source import Finding, Source, Tree

FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 500
CYTHON_LINES_MAX = 400
LINE_LENGTH_MAX = 100

CODE_SUFFIXES = frozenset({".py", ".pyx", ".pxd", ".h", ".sh", ".sql"})
_UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
_MACHINE_PATH = re.compile(r"(?<![\w./$}])/(?:work|root|home)/\w")
_NO_FUNCTION = frozenset({"class", "extern", "struct", "union", "enum", "packed", "fused"})


def check_line_length(tree: Tree) -> list[Finding]:
    """No line of code over 100 columns, but for a query's heading, one line by its format."""
    return [
        source.find(number, f"{len(line)} columns", f"break the line before {LINE_LENGTH_MAX}")
        for source in tree.files
        if source.suffix in CODE_SUFFIXES
        for number, line in enumerate(source.lines, start=1)
        if len(line) > LINE_LENGTH_MAX and not line.startswith("-- name: ")
    ]


def check_module_length(tree: Tree) -> list[Finding]:
    """A module is one idea: at most 500 lines, 400 where it is compiled."""
    return [
        source.find(1, f"{len(source.lines)} lines, {limit} at most", "split it by idea")
        for source in tree.files
        if source.suffix in CODE_SUFFIXES
        if len(source.lines) > (limit := _module_limit(source))
    ]


def _module_limit(source: Source) -> int:
    return CYTHON_LINES_MAX if source.suffix == ".pyx" else MODULE_LINES_MAX


def check_function_length(tree: Tree) -> list[Finding]:
    """A function fits one look: at most 70 lines, signature and docstring included."""
    return [
        source.find(line, f"{name} has {length} lines", f"split it below {FUNCTION_LINES_MAX}")
        for source in tree.files
        if source.suffix in {".py", ".pyx"}
        for name, line, length in _functions(source)
        if length > FUNCTION_LINES_MAX
    ]


def _functions(source: Source) -> Iterator[tuple[str, int, int]]:
    """(name, first line, lines) of each function."""
    if source.suffix == ".py":
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1
    else:
        yield from _cython_functions(source)


def _cython_functions(source: Source) -> Iterator[tuple[str, int, int]]:
    """A header line ending in a colon, up to the last line of the block that it opens."""
    depth, last_line = 0, 0
    logical: list[tokenize.TokenInfo] = []
    open_functions: list[tuple[str, int, int]] = []
    for token in source.tokens:
        if token.type in {tokenize.INDENT, tokenize.DEDENT}:
            depth += 1 if token.type == tokenize.INDENT else -1
            while (
                open_functions and open_functions[-1][2] >= depth and token.type == tokenize.DEDENT
            ):
                name, first, _ = open_functions.pop()
                yield name, first, last_line - first + 1
        elif token.type == tokenize.NEWLINE:
            if name := _function_name(logical):
                open_functions.append((name, logical[0].start[0], depth))
            logical, last_line = [], token.end[0]
        elif token.type not in {tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER}:
            logical.append(token)


def _function_name(logical: list[tokenize.TokenInfo]) -> str:
    """The name if this logical line opens a function, else nothing."""
    words = [token.string for token in logical]
    if not words or words[-1] != ":" or words[0] not in {"def", "cdef", "cpdef", "async"}:
        return ""
    if words[1] in _NO_FUNCTION or "(" not in words:
        return ""
    return words[words.index("(") - 1]


def check_module_docstring(tree: Tree) -> list[Finding]:
    """The first thing in a module says what it is."""
    return [
        source.find(1, "no module docstring", "say what the module is and why it is shaped so")
        for source in tree.files
        if source.suffix in {".py", ".pyx"} and not _has_docstring(source)
    ]


def _has_docstring(source: Source) -> bool:
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING}
    first = next((token for token in source.tokens if token.type not in skipped), None)
    return first is not None and first.type == tokenize.STRING


def check_nothing_unfinished(tree: Tree) -> list[Finding]:
    """Unfinished work is an issue, not a comment."""
    return [
        source.find(
            number, f"{match[0]} in the tree", "finish it, or open an issue and delete the mark"
        )
        for source in tree.files
        for number, line in enumerate(source.lines, start=1)
        if (match := _UNFINISHED.search(line))
    ]


def check_no_machine_path(tree: Tree) -> list[Finding]:
    """No path that exists in one person's home or on one machine."""
    return [
        source.find(
            number, f"path of one machine: {match[0]}...", "make it relative or an argument"
        )
        for source in tree.files
        for number, line in enumerate(source.lines, start=1)
        if (match := _MACHINE_PATH.search(line))
    ]
