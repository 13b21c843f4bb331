"""Proves how a TOML document is read: each type by itself, what is absent, what is unknown, what
is too much, and that no value of the document can break the report about it.
"""

from __future__ import annotations

from enum import StrEnum

import pytest

from ledger import document as module
from ledger.document import Document, Finding, show_value


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def document(text: str) -> Document:
    return Document.parse(text, source="x.toml")


def test_values_of_each_type() -> None:
    read = document("""
        text = "t"
        number = 5
        yes = true
        colour = "blue"
        at = 2026-01-01T01:00:00+01:00
        words = ["a", "b"]
        [table]
        inner = 1
        [[list]]
        inner = 2
        [named.one]
        inner = 3
        """)
    root = read.root
    assert root.text("text") == "t"
    assert root.integer("number", low=5, high=5) == 5
    assert root.boolean("yes") is True
    assert root.choice("colour", Colour) is Colour.BLUE
    assert root.instant("at") == 1_767_225_600
    assert root.texts("words") == ("a", "b")
    assert root.parsed_each("words", str.upper, remedy="") == ("A", "B")
    assert root.parsed("text", str.upper, remedy="") == "T"
    assert root.table("table").integer("inner", low=0, high=9) == 1
    (member,) = root.tables("list")
    assert (member.key, member.integer("inner", low=0, high=9)) == ("list[1]", 2)
    named = root.named_tables("named")["one"]
    assert (named.key, named.integer("inner", low=0, high=9)) == ("named.one", 3)
    assert read.finish() == ()


def test_what_is_absent() -> None:
    read = document("")
    root = read.root
    assert root.text("a", default="d") == "d"
    assert root.integer("b", low=0, high=9, default=7) == 7
    assert root.boolean("c", default=True) is True
    assert root.choice("d", Colour, default=Colour.BLUE) is Colour.BLUE
    assert root.instant("e") is None
    assert root.texts("f", default=("x",)) == ("x",)
    assert root.parsed("g", str.upper, remedy="") is None
    assert root.optional_text("h") is None
    assert root.optional_integer("i", low=0, high=9) is None
    assert root.tables("j") == ()
    assert root.named_tables("k") == {}
    assert read.finish() == ()
    for stand_in in (
        root.text("a"),
        root.integer("b", low=3, high=9),
        root.boolean("c"),
        root.choice("d", Colour),
        root.parsed("g", str.upper, remedy="write g", required=True),
    ):
        assert stand_in in ("", 3, False, Colour.RED, None)
    assert [(one.key, one.problem) for one in read.finish()] == [
        (key, "is missing") for key in "abcdg"
    ]


def test_the_value_of_an_unknown_key_is_not_shown() -> None:
    read = document('colour = "hunter2"\n["odd key"]\nx = "hunter2"')
    read.root.text("color", default="")
    assert [str(finding) for finding in read.finish()] == [
        "x.toml: colour: is an unknown key; did you mean color?",
        'x.toml: "odd key": is an unknown key; remove it, or use one of: color',
    ]


def test_findings_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FINDINGS_MAX", 2)
    read = document("a = 1\nb = 2\nc = 3\nd = 4")
    findings = read.finish()
    assert [finding.key for finding in findings] == ["a", "b", "(more)"]
    assert findings[2].problem == "2 more findings are not shown"


def test_a_document_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DOCUMENT_SIZE_MAX", 10)
    (finding,) = document("a = 12345678").finish()
    assert (finding.key, finding.problem) == ("(TOML)", "is too large")


def test_nesting_beyond_reason_is_a_finding() -> None:
    (finding,) = document("a = " + "[" * 100_000).finish()
    assert finding.key == "(TOML)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('a"\n\x1b', '"a"\\x0a\\x1b"'),
        (True, "true"),
        (5, "5"),
        (1.5, "1.5"),
        ([], "[]"),
        ([1], "[...]"),
        ({}, "{}"),
        ({"a": 1}, "{...}"),
    ],
)
def test_values_are_shown_short_and_safe(value: object, shown: str) -> None:
    assert show_value(value) == shown


def test_a_finding_is_one_line() -> None:
    finding = Finding(source="f", key="k", value="5", problem="is odd", remedy="make it even")
    assert str(finding) == "f: k = 5: is odd; make it even"
