"""A TOML document read key by key, with all its mistakes gathered.

Settings and price lists share it: each key is asked for once, by its type and range; a wrong value
becomes a finding and the reader goes on with a stand-in, so that one run shows every mistake. A key
that nobody asked for is a finding too. Whoever reads a document raises when `Document.finish`
returns findings: a stand-in never gets out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from ledger.escape import printable

FINDINGS_MAX: Final = 200
"""Findings kept of one document: more than anybody reads at once, and a bound on hostile input."""

DOCUMENT_SIZE_MAX: Final = 16 * 1024 * 1024
"""Characters of a document: 16 Mi hold some hundred thousand NASes."""

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One mistake: where it stands, what is wrong, and what to do."""

    source: str  # the file
    key: str  # dotted path, array members counted from 1: clients[2].secret_file
    value: str  # as it would be written in TOML; empty where it must not be shown or is missing
    problem: str
    remedy: str

    def __str__(self) -> str:
        value = f" = {self.value}" if self.value else ""
        return f"{self.source}: {self.key}{value}: {self.problem}; {self.remedy}"


class Document:
    """One TOML document being read, and the findings about it."""

    def __init__(self, source: str, content: Mapping[str, object]) -> None:
        self.source = source
        self.findings: list[Finding] = []
        self.left_out = 0
        self._tables: list[Table] = []
        self.root = self.table("", content)

    @classmethod
    def parse(cls, text: str, *, source: str) -> Document:
        """The document of a TOML text; a text that is no TOML gives an empty one with a finding."""
        problem, remedy = "is too large", f"keep it within {DOCUMENT_SIZE_MAX} characters"
        if len(text) <= DOCUMENT_SIZE_MAX:
            try:
                return cls(source, tomllib.loads(text))
            except (tomllib.TOMLDecodeError, RecursionError) as error:
                problem, remedy = f"cannot be read: {error}", "correct the line named"
        document = cls(source, {})
        document.add("(TOML)", "", problem, remedy)
        return document

    @classmethod
    def load(cls, path: Path) -> Document:
        """The document in a file; a file that cannot be read gives an empty one with a finding."""
        source = str(path)
        size_max = DOCUMENT_SIZE_MAX * 4 + 1  # UTF-8 has four octets a character at most
        try:
            with path.open("rb") as stream:
                content = stream.read(size_max)
            return cls.parse(content.decode("utf-8"), source=source)
        except OSError as error:
            problem = f"cannot be opened: {error.strerror}"
            remedy = "name an existing file that this user may read"
        except UnicodeDecodeError as error:
            problem, remedy = f"is not UTF-8 at octet {error.start}", "save it as UTF-8"
        document = cls(source, {})
        document.add("(file)", "", problem, remedy)
        return document

    def table(self, key: str, content: Mapping[str, object]) -> Table:
        """A table of the document; its unknown keys are found by `finish`."""
        table = Table(self, key, content)
        self._tables.append(table)
        return table

    def add(self, key: str, value: str, problem: str, remedy: str) -> None:
        """Keeps a finding; beyond FINDINGS_MAX they are only counted."""
        if len(self.findings) >= FINDINGS_MAX:
            self.left_out += 1
            return
        self.findings.append(
            Finding(source=self.source, key=key, value=value, problem=problem, remedy=remedy)
        )

    @property
    def mistakes(self) -> int:
        """Mistakes found so far: a reader that sees it grow has a stand-in among its values."""
        return len(self.findings) + self.left_out

    def finish(self) -> tuple[Finding, ...]:
        """All findings, unknown keys included."""
        for table in self._tables:
            table.report_unknown()
        self._tables.clear()
        if self.left_out:
            self.findings.append(
                Finding(
                    source=self.source,
                    key="(more)",
                    value="",
                    problem=f"{self.left_out} more findings are not shown",
                    remedy="correct those above first",
                )
            )
            self.left_out = 0
        return tuple(self.findings)


class Table:
    """One table of a document. Each method asks for one key; `default` None makes it required."""

    def __init__(self, document: Document, key: str, content: Mapping[str, object]) -> None:
        self.key = key
        self._document = document
        self._content = content
        self._asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._content

    def keys(self) -> Iterable[str]:
        """The names in this table, in the order of the document."""
        return self._content.keys()

    def path(self, name: str) -> str:
        """The dotted key of a name in this table."""
        shown = name if name.replace("-", "").replace("_", "").isalnum() else f'"{printable(name)}"'
        return f"{self.key}.{shown}" if self.key else shown

    def find(self, name: str, problem: str, remedy: str, *, shown: bool = True) -> None:
        """Reports a mistake in a key of this table. `shown` False keeps its value out of it."""
        value = show_value(self._content[name]) if shown and name in self._content else ""
        self._document.add(self.path(name), value, problem, remedy)

    @property
    def mistakes(self) -> int:
        """Mistakes of the whole document so far."""
        return self._document.mistakes

    def report(self, key: str, problem: str, remedy: str) -> None:
        """Reports a mistake below this table, at a dotted key relative to it."""
        self._document.add(f"{self.key}.{key}", "", problem, remedy)

    def take(self, name: str) -> object:
        """The raw value of a key that has a type of its own; None when absent."""
        self._asked.add(name)
        return self._content.get(name)

    def text(self, name: str, *, default: str | None = None) -> str:
        """A string without control characters."""
        value = self._typed(name, str, "a string", 'write it in quotes: "..."', default)
        if value is None:
            return ""
        if any(ord(character) < 0x20 or character == "\x7f" for character in value):
            self.find(name, "holds control characters", "remove them")
        if not value and default != "":
            self.find(name, "is empty", "give it a value")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None when absent."""
        self._asked.add(name)
        return self.text(name) if name in self else None

    def integer(self, name: str, *, low: int, high: int, default: int | None = None) -> int:
        """An integer within low and high, both included."""
        value = self._typed(name, int, "an integer", f"write one from {low} to {high}", default)
        if value is None:
            return low
        if not low <= value <= high:
            self.find(name, "is out of range", f"write an integer from {low} to {high}")
            return low
        return value

    def optional_integer(self, name: str, *, low: int, high: int) -> int | None:
        """An integer, or None when absent."""
        self._asked.add(name)
        return self.integer(name, low=low, high=high) if name in self else None

    def boolean(self, name: str, *, default: bool | None = None) -> bool:
        """true or false."""
        value = self._typed(name, bool, "a boolean", "write true or false, without quotes", default)
        return bool(value)

    def choice(self, name: str, choices: type[Choice], *, default: Choice | None = None) -> Choice:
        """One of an enumeration's values."""
        remedy = "write one of " + ", ".join(f'"{choice}"' for choice in choices)
        self._asked.add(name)
        if name not in self and default is not None:
            return default
        value = self._typed(name, str, "a string", remedy, None)
        by_value = {choice.value: choice for choice in choices}
        if value is not None and value in by_value:
            return by_value[value]
        if value is not None:
            self.find(name, "is not known", remedy)
        return next(iter(choices))

    def instant(self, name: str) -> int | None:
        """A TOML date-time with offset as UTC epoch seconds; None when absent."""
        remedy = "write a date-time with its offset, as 2026-01-31T00:00:00Z"
        if name not in self:
            self._asked.add(name)
            return None
        value = self._typed(name, datetime, "a date-time", remedy, None)
        if value is None:
            return None
        if value.tzinfo is None:
            self.find(name, "has no offset from UTC", remedy)
            return None
        return int(value.timestamp())

    def parsed(
        self, name: str, parse: Callable[[str], T], *, remedy: str, required: bool = False
    ) -> T | None:
        """A string read by `parse`, whose ValueError says what is wrong.

        None when absent (a finding if `required`) and after a finding.
        """
        if name not in self and not required:
            self._asked.add(name)
            return None
        text = self._typed(name, str, "a string", remedy, None)
        return None if text is None else self._parse_member(name, text, parse, remedy)

    def texts(self, name: str, *, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """An array of strings."""
        self._asked.add(name)
        if name not in self._content:
            return default
        value = self._content[name]
        if isinstance(value, list) and all(isinstance(member, str) for member in value):
            return tuple(value)
        self.find(name, "is not an array of strings", 'write ["...", "..."]')
        return ()

    def parsed_each(
        self,
        name: str,
        parse: Callable[[str], T],
        *,
        remedy: str,
        default: tuple[str, ...] = (),
    ) -> tuple[T, ...]:
        """An array of strings, each read by `parse`; a wrong one is a finding and left out."""
        members = (
            self._parse_member(name, text, parse, remedy)
            for text in self.texts(name, default=default)
        )
        return tuple(member for member in members if member is not None)

    def table(self, name: str) -> Table:
        """A table within this one; an empty one when absent."""
        self._asked.add(name)
        content = self._content.get(name, {})
        if not isinstance(content, dict):
            self.find(name, "is not a table", f"write [{self.path(name)}] and its keys below")
            content = {}
        return self._document.table(self.path(name), content)

    def tables(self, name: str) -> tuple[Table, ...]:
        """An array of tables; empty when absent."""
        self._asked.add(name)
        value = self._content.get(name, [])
        if not isinstance(value, list) or not all(isinstance(member, dict) for member in value):
            self.find(name, "is not an array of tables", f"write [[{self.path(name)}]] for each")
            return ()
        return tuple(
            self._document.table(f"{self.path(name)}[{number}]", content)
            for number, content in enumerate(value, start=1)
        )

    def named_tables(self, name: str) -> dict[str, Table]:
        """A table of tables, by name."""
        outer = self.table(name)
        return {inner: outer.table(inner) for inner in tuple(outer.keys())}

    def report_unknown(self) -> None:
        """A finding for each key that was never asked for. Its value may be a secret: not shown."""
        known = sorted(self._asked)
        for name in self._content:
            if name in self._asked:
                continue
            near = get_close_matches(name, known, n=1)
            listed = ", ".join(known)
            remedy = f"did you mean {near[0]}?" if near else f"remove it, or use one of: {listed}"
            self.find(name, "is an unknown key", remedy, shown=False)

    def _missing(self, name: str, remedy: str) -> None:
        self._asked.add(name)
        self._document.add(self.path(name), "", "is missing", remedy)

    def _typed(
        self, name: str, kind: type[T], article_kind: str, remedy: str, default: T | None
    ) -> T | None:
        """The value if exactly of `kind` (a boolean is no integer), else None and a finding."""
        self._asked.add(name)
        if name not in self._content:
            if default is None:
                self._missing(name, remedy)
            return default
        value = self._content[name]
        if type(value) is not kind:
            self.find(name, f"is {_kind(value)}, not {article_kind}", remedy)
            return None
        return value

    def _parse_member(
        self, name: str, text: str, parse: Callable[[str], T], remedy: str
    ) -> T | None:
        try:
            return parse(text)
        except ValueError as error:
            self._document.add(self.path(name), show_value(text), str(error), remedy)
            return None


def _kind(value: object) -> str:
    """What TOML calls a value."""
    return _KINDS.get(type(value), "a date or time")


_KINDS: Final = {
    str: "a string",
    int: "an integer",
    float: "a float",
    bool: "a boolean",
    list: "an array",
    dict: "a table",
    datetime: "a date-time",
}


def show_value(value: object) -> str:
    """A value as it would stand in TOML, safe to print and short."""
    if isinstance(value, str):
        return f'"{printable(value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list):
        return "[...]" if value else "[]"
    if isinstance(value, dict):
        return "{...}" if value else "{}"
    return printable(str(value))
