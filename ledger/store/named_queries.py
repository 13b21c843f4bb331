"""Named queries: loads queries/*.sql, checks every heading, and puts parameters into the dialect's
form.

A query begins with `-- name: fetch_subscribers (brand, logins)`; its text says `:brand`,
`:logins`. A second line `-- dialect: sqlite` keeps it to one dialect, where two differ. All
mistakes of all files are reported at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

QUERIES_FOLDER = Path(__file__).parent / "queries"

_HEADING = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*) \((?P<parameters>[a-z0-9_, ]*)\)$")
_DIALECT = re.compile(r"^-- dialect: (?P<dialect>[a-z]+)$")
_PARAMETER = re.compile(r"'[^']*'|(?<![:\w]):(?P<name>[a-z][a-z0-9_]*)")


class Dialect(StrEnum):
    """The databases that queries are written for."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class QueryError(ValueError):
    """The files of queries have mistakes; the message lists them all."""


@dataclass(frozen=True, slots=True)
class Query:
    """One named query, its parameters numbered in the order of its heading."""

    name: str
    parameters: tuple[str, ...]
    sql: str


def load_queries(dialect: Dialect, folder: Path = QUERIES_FOLDER) -> dict[str, Query]:
    """All queries of a dialect by name. Raises QueryError with every mistake found."""
    queries: dict[str, Query] = {}
    mistakes: list[str] = []
    for path in sorted(folder.glob("*.sql")):
        for start, block in _blocks(path, mistakes):
            query = _parse_block(block, f"{path.name}:{start}", dialect, mistakes)
            if query is None:
                continue
            if query.name in queries:
                mistakes.append(f"{path.name}:{start}: {query.name} exists already; rename one")
            queries[query.name] = query
    if not queries:
        mistakes.append(f"{folder}: no queries found; is the package installed whole?")
    if mistakes:
        raise QueryError("\n".join(mistakes))
    return queries


def _blocks(path: Path, mistakes: list[str]) -> list[tuple[int, list[str]]]:
    """A file cut at its headings, each block with the line where it begins."""
    blocks: list[tuple[int, list[str]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("-- name:"):
            blocks.append((number, [line]))
        elif blocks:
            blocks[-1][1].append(line)
        elif line.strip() and not line.startswith("--"):
            mistakes.append(f"{path.name}:{number}: SQL before the first '-- name:' heading")
    return blocks


def _parse_block(
    block: list[str], where: str, dialect: Dialect, mistakes: list[str]
) -> Query | None:
    heading = _HEADING.match(block[0])
    if heading is None:
        mistakes.append(f"{where}: {block[0]!r} is not '-- name: verb_thing (parameter, ...)'")
        return None
    body = block[1:]
    only = _DIALECT.match(body[0]) if body else None
    if only is not None:
        if only["dialect"] not in set(Dialect):
            mistakes.append(f"{where}: dialect {only['dialect']!r} is unknown")
        if only["dialect"] != dialect:
            return None
        body = body[1:]
    name = heading["name"]
    parameters = tuple(part.strip() for part in heading["parameters"].split(",") if part.strip())
    text = "\n".join(line for line in body if not line.startswith("--")).strip()
    mistakes.extend(f"{where}: {name} {fault}" for fault in _faults(text, parameters))
    return Query(name, parameters, _number_parameters(text, parameters, dialect))


def _faults(text: str, parameters: tuple[str, ...]) -> list[str]:
    used = {match["name"] for match in _PARAMETER.finditer(text) if match["name"]}
    faults = [f"uses :{name}, which its heading lacks" for name in sorted(used - set(parameters))]
    faults += [f"does not use its parameter {name}" for name in sorted(set(parameters) - used)]
    if len(set(parameters)) != len(parameters):
        faults.append("names a parameter twice")
    if not text.endswith(";") or text.count(";") != 1:
        faults.append("is not exactly one statement that ends in ';'")
    return faults


def _number_parameters(text: str, parameters: tuple[str, ...], dialect: Dialect) -> str:
    sign = "?" if dialect is Dialect.SQLITE else "$"
    numbers = {name: f"{sign}{number}" for number, name in enumerate(parameters, start=1)}
    return _PARAMETER.sub(lambda match: numbers.get(match["name"] or "", match[0]), text)
