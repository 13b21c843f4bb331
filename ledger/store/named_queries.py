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
PARAMETER = re.compile(r"'[^']*'|(?<![:\w]):(?P<name>[a-z][a-z0-9_]*)")
INSERT = re.compile(
    r"\A(?P<head>INSERT\s+INTO\s+(?P<table>\w+)\s+\((?P<columns>[^)]*)\)\s)"
    r"VALUES \((?P<values>[^()]*)\)(?P<tail>.*)\Z",
    re.DOTALL,
)
"""An insert of one row, for the stores to derive one of many rows from."""


TEXT_PARAMETERS = frozenset(
    {
        "account_ids",
        "acct_session_id",
        "actor",
        "brand",
        "client",
        "currency",
        "data",
        "details",
        "due_on",
        "email",
        "error",
        "event_key",
        "event_type",
        "from_gl",
        "item_kind",
        "keys",
        "kind",
        "legal_entity",
        "limit_name",
        "login",
        "logins",
        "method",
        "metric",
        "name",
        "nas",
        "new_login",
        "offer",
        "outbox_key",
        "overdue_since",
        "owner",
        "parties",
        "pattern",
        "periods",
        "profile",
        "promised_on",
        "reason",
        "received_on",
        "reference",
        "reply",
        "resource",
        "scheme",
        "sent_on",
        "sha256",
        "source",
        "status",
        "status_reason",
        "step",
        "store_id",
        "tax_code",
        "tax_status",
        "terminate_cause",
        "text",
        "threshold",
        "to_gl",
        "today",
        "user_name",
        "zone",
    }
)
"""Parameters that are text, lists as JSON among them. A name means one thing in all queries."""

OCTET_PARAMETERS = frozenset({"body", "counters", "meter", "secret"})
"""Parameters that are octets. All others are integers."""


class Dialect(StrEnum):
    """The databases that queries are written for."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class QueryError(ValueError):
    """The files of queries have mistakes; the message lists them all."""


@dataclass(frozen=True, slots=True)
class Query:
    """One named query: its text with named parameters, and as a database is sent it, with them
    numbered in the order of the heading."""

    name: str
    parameters: tuple[str, ...]
    text: str
    sql: str


def postgresql_type(parameter: str) -> str:
    """The type that PostgreSQL is told: left to itself it takes `:x = 0` for four octets."""
    if parameter in TEXT_PARAMETERS:
        return "text"
    return "bytea" if parameter in OCTET_PARAMETERS else "bigint"


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
    return Query(name, parameters, text, _number_parameters(text, parameters, dialect))


def _faults(text: str, parameters: tuple[str, ...]) -> list[str]:
    used = {match["name"] for match in PARAMETER.finditer(text) if match["name"]}
    faults = [f"uses :{name}, which its heading lacks" for name in sorted(used - set(parameters))]
    faults += [f"does not use its parameter {name}" for name in sorted(set(parameters) - used)]
    if len(set(parameters)) != len(parameters):
        faults.append("names a parameter twice")
    if not text.endswith(";") or text.count(";") != 1:
        faults.append("is not exactly one statement that ends in ';'")
    return faults


def _number_parameters(text: str, parameters: tuple[str, ...], dialect: Dialect) -> str:
    if dialect is Dialect.SQLITE:
        numbers = {name: f"?{number}" for number, name in enumerate(parameters, start=1)}
    else:
        numbers = {
            name: f"${number}::{postgresql_type(name)}"
            for number, name in enumerate(parameters, start=1)
        }
    return PARAMETER.sub(lambda match: numbers.get(match["name"] or "", match[0]), text)
