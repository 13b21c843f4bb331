"""The ordered, forward-only migrations, one folder a dialect: NNNN_name.sql, contiguous from 0001.

What was applied is recorded with its checksum: a file that was edited afterwards, or books newer
than this program, stop the start.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ledger.store.contract import SchemaMismatch

MIGRATIONS_FOLDER = Path(__file__).parent

_FILE_NAME = re.compile(r"^(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file."""

    number: int
    name: str
    sha256: str
    text: str


def load_migrations(folder: Path) -> tuple[Migration, ...]:
    """All migrations of a folder in order. Raises SchemaMismatch for a wrong name or number."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.match(path.name)
        if match is None:
            raise SchemaMismatch(f"migration {path.name} is not named NNNN_name.sql: rename it")
        text = path.read_text(encoding="utf-8")
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(match["number"]), match["name"], sha256, text))
    numbers = [migration.number for migration in found]
    if not found or numbers != list(range(1, len(found) + 1)):
        raise SchemaMismatch(f"migrations in {folder} are numbered {numbers}, not 1, 2, 3 ...")
    return tuple(found)


def pending_migrations(
    known: tuple[Migration, ...], applied: Mapping[int, str]
) -> tuple[Migration, ...]:
    """Those not applied yet; `applied` is number -> sha256. Raises SchemaMismatch."""
    for migration in known[: len(applied)]:
        if applied.get(migration.number) != migration.sha256:
            raise SchemaMismatch(
                f"migration {migration.number:04d}_{migration.name} was applied with another text: "
                "applied migrations are never edited; install the program that made these books"
            )
    if len(applied) > len(known):
        raise SchemaMismatch(
            f"the books have migration {max(applied)}, this program knows {len(known)}: "
            "install the newer program"
        )
    return known[len(applied) :]


def statements(text: str) -> list[str]:
    """A migration's statements, one by one, so that all of them fit one transaction."""
    found = []
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    if any(line and not line.startswith("--") for line in pending.splitlines()):
        raise SchemaMismatch(f"a migration ends in an unfinished statement: {pending.strip()!r}")
    return found
