"""Our tables are sound; an operator's files are read, override ours, and fail with their line."""

import logging
from pathlib import Path

import pytest

from aaad.radius import attribute_types as types
from aaad.radius.dictionary import OWN_FOLDER, DictionaryError, load_dictionary

DICTIONARY = load_dictionary()


def test_no_own_name_or_number_stands_twice_and_none_is_skipped() -> None:
    lines = [
        line.split()
        for path in OWN_FOLDER.iterdir()
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    names = [words[1].casefold() for words in lines if words and words[0] == "ATTRIBUTE"]
    numbers = {(each.vendor, each.number) for each in DICTIONARY}
    assert len(names) == len(set(names)) == len(numbers) == len(DICTIONARY) > 400
    assert DICTIONARY.skipped == ()


def test_every_own_value_belongs_to_a_number() -> None:
    for path in OWN_FOLDER.iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("VALUE"):
                _, attribute, name, number = line.split()
                assert DICTIONARY.require(attribute).value_of(name) == int(number), line


def test_names_are_found_in_any_case() -> None:
    found = DICTIONARY.by_name("USER-name")
    assert found is not None
    assert (found.name, found.vendor, found.number, found.type) == ("User-Name", 0, 1, "string")
    assert DICTIONARY.require("tunnel-type").has_tag
    assert DICTIONARY.require("MS-MPPE-Send-Key").encrypt == 2
    assert DICTIONARY.require("Service-Type").value_of("FRAMED-user") == 2
    assert DICTIONARY.require("Service-Type").name_of(2) == "Framed-User"
    assert DICTIONARY.vendor_name(types.MICROSOFT) == "Microsoft"
    assert DICTIONARY.vendor_name(4_000_000) == "4000000"


def test_a_number_without_a_name() -> None:
    standard = DICTIONARY.require("Attr-200")
    assert (standard.vendor, standard.number, standard.type) == (0, 200, "octets")
    vendor = DICTIONARY.require("attr-26.9999.7")
    assert (vendor.vendor, vendor.number) == (9999, 7)
    for name in ("Attr-0", "Attr-256", "Attr-26.4294967296.1", "Attr-"):
        assert DICTIONARY.by_name(name) is None


def test_an_unknown_name_is_answered_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match=r"'User-Nam'.*did you mean User-Name"):
        DICTIONARY.require("User-Nam")


def test_a_file_of_an_operator_is_added_and_overrides(tmp_path: Path) -> None:
    extra = tmp_path / "house"
    extra.write_text(
        "VENDOR House 65000\nBEGIN-VENDOR House\nATTRIBUTE House-Colour 1 String\n"
        "END-VENDOR House\nVALUE Service-Type House-User 99\nATTRIBUTE Filter-Id 11 octets\n"
        "ATTRIBUTE Our-Class 25 string\n",
        encoding="utf-8",
    )
    dictionary = load_dictionary([extra])
    colour = dictionary.require("house-colour")
    assert (colour.vendor, colour.number, colour.type) == (65000, 1, "string")
    assert dictionary.require("Service-Type").value_of("House-User") == 99
    overridden = dictionary.by_number(0, 11)
    assert overridden is not None
    assert (overridden.name, overridden.type) == ("Filter-Id", "octets")


def test_a_number_keeps_its_first_name(tmp_path: Path) -> None:
    extra = tmp_path / "house"
    extra.write_text("ATTRIBUTE Our-Class 25 string\n", encoding="utf-8")
    dictionary = load_dictionary([extra])
    assert dictionary.require("Our-Class").number == 25
    kept = dictionary.by_number(0, 25)
    assert kept is not None
    assert kept.name == "Class"


def test_a_folder_is_read_from_its_master_file_with_includes(tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_text(
        "$INCLUDE dictionary.one # why\n$INCLUDE- dictionary.absent\n", encoding="utf-8"
    )
    (tmp_path / "dictionary.one").write_text("ATTRIBUTE One 240 integer\n", encoding="utf-8")
    (tmp_path / "dictionary.two").write_text("ATTRIBUTE Two 239 integer\n", encoding="utf-8")
    dictionary = load_dictionary([tmp_path])
    assert dictionary.by_name("One") is not None
    assert dictionary.by_name("Two") is None
    (tmp_path / "dictionary").unlink()
    assert load_dictionary([tmp_path]).by_name("Two") is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\nATTRIBUTE Broken x integer\n", r"house, line 3: .*code: x"),
        ("ATTRIBUTE Broken 1 colour\n", r"house, line 1: .*type: colour"),
        ("BEGIN-VENDOR Nobody\n", r"house, line 1: .*Nobody"),
        ("VALUE Service-Type Broken red\n", r"house, line 1: .*red"),
        ("$INCLUDE absent\n", r"absent: No such file"),
        ("$INCLUDE house\n", r"is it a ring"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    extra = tmp_path / "house"
    extra.write_text(text, encoding="utf-8")
    with pytest.raises(DictionaryError, match=message):
        load_dictionary([extra])


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DictionaryError, match="no file named"):
        load_dictionary([tmp_path])


def test_what_cannot_be_encoded_is_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="pyrad")
    extra = tmp_path / "house"
    extra.write_text("ATTRIBUTE Long 241 extended\n", encoding="utf-8")
    assert load_dictionary([extra]).skipped == ("Long",)
