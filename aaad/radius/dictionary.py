"""Attributes by name and by number: our own tables, and any FreeRADIUS dictionary an operator has.

pyrad reads the syntax. Before it does, includes are resolved and type names are lower-cased here,
because FreeRADIUS's own tree holds a `String` that pyrad refuses, and so that an error names the
file and line it is in. Of a name defined twice the last definition holds, and an operator's files
come after ours. A number keeps the name that it was given first: FreeRADIUS's tree has the old
Ascend codes, which would rename attributes of the RFCs. What pyrad cannot encode (RFC 6929
extended types) is listed in `skipped`.
"""

import difflib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pyrad.dictionary import Dictionary as PyradDictionary
from pyrad.dictionary import ParseError

OWN_FOLDER: Final = Path(__file__).parent / "dictionaries"
INCLUDE_DEPTH_MAX: Final = 16  # FreeRADIUS nests two deep; a file that includes itself ends here
NUMBER_TYPES: Final = frozenset({"integer", "signed", "short", "byte", "integer64", "date"})

_UNNAMED = re.compile(r"attr-(?:26\.(?P<vendor>\d{1,10})\.)?(?P<number>\d{1,3})", re.IGNORECASE)
_NO_VALUES: Final[Mapping[str, int]] = MappingProxyType({})


class DictionaryError(ValueError):
    """A dictionary that cannot be read; the message names file, line and remedy."""


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """One attribute: `vendor` is 0 for the standard ones, `type` a name of FreeRADIUS's syntax.

    `encrypt` is 0, 1 (as User-Password), 2 (salted, RFC 2868) or 3 (Ascend); `has_tag` as RFC 2868.
    """

    name: str
    vendor: int
    number: int
    type: str
    values: Mapping[str, int] = field(default_factory=lambda: _NO_VALUES, hash=False)
    encrypt: int = 0
    has_tag: bool = False

    def value_of(self, name: str) -> int | None:
        """The number of a named value, whatever its case."""
        folded = name.casefold()
        return next((n for known, n in self.values.items() if known.casefold() == folded), None)

    def name_of(self, number: int) -> str | None:
        """The first name of a value."""
        return next((name for name, known in self.values.items() if known == number), None)


class Dictionary:
    """Attribute definitions by name, in any case, and by (vendor, number)."""

    __slots__ = ("_by_name", "_by_number", "_vendors", "skipped")

    def __init__(
        self,
        definitions: Sequence[AttributeDefinition],
        *,
        vendors: Mapping[int, str],
        skipped: Sequence[str] = (),
    ) -> None:
        self._by_name = {each.name.casefold(): each for each in definitions}
        self._by_number: dict[tuple[int, int], AttributeDefinition] = {}
        for each in definitions:
            self._by_number.setdefault((each.vendor, each.number), each)
        self._vendors = dict(vendors)
        self.skipped: Final = tuple(skipped)

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[AttributeDefinition]:
        return iter(self._by_name.values())

    def by_name(self, name: str) -> AttributeDefinition | None:
        """The definition of `name`; `Attr-200` and `Attr-26.9.1` name any number as octets."""
        found = self._by_name.get(name.casefold())
        return found or _unnamed(name)

    def by_number(self, vendor: int, number: int) -> AttributeDefinition | None:
        """The definition of a vendor's number; vendor 0 for the standard ones."""
        return self._by_number.get((vendor, number))

    def require(self, name: str) -> AttributeDefinition:
        """As by_name(); raises ValueError with the names that come near."""
        found = self.by_name(name)
        if found is not None:
            return found
        near = difflib.get_close_matches(name.casefold(), self._by_name, n=3)
        names = ", ".join(self._by_name[each].name for each in near)
        hint = f"did you mean {names}?" if near else "add a dictionary that defines it"
        raise ValueError(f"unknown attribute {name!r}: {hint}")

    def vendor_name(self, vendor: int) -> str:
        """The vendor's name, else its number as text."""
        return self._vendors.get(vendor, str(vendor))


def load_dictionary(extra: Sequence[Path] = ()) -> Dictionary:
    """Our own tables and then each of `extra`: a file, or a folder.

    Of a folder the file `dictionary` is read with what it includes, or without one every
    `dictionary.*` by name. Raises DictionaryError.
    """
    raw = PyradDictionary()
    for path in (OWN_FOLDER, *extra):
        lines = [line for file in _files_of(path) for line in _read_lines(file, depth=0)]
        _parse(raw, lines)
    vendors = {number: name for name, number in _pairs(raw.vendors) if name}
    definitions = [
        _definition(each, raw) for each in raw.attributes.values() if not each.is_sub_attribute
    ]
    return Dictionary(definitions, vendors=vendors, skipped=sorted(raw.skipped_attributes))


@dataclass(frozen=True, slots=True)
class _Line:
    file: Path
    number: int
    text: str


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    master = path / "dictionary"
    files = [master] if master.is_file() else sorted(path.glob("dictionary.*"))
    if not files:
        raise DictionaryError(f"{path}: no file named dictionary or dictionary.* in this folder")
    return files


def _read_lines(file: Path, *, depth: int) -> Iterator[_Line]:
    """The lines of a file, those of its includes in their place."""
    if depth > INCLUDE_DEPTH_MAX:
        raise DictionaryError(f"{file}: more than {INCLUDE_DEPTH_MAX} includes deep: is it a ring?")
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DictionaryError(
            f"{file}: {error.strerror}; name a FreeRADIUS dictionary that the daemon may read"
        ) from error
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split(maxsplit=1)
        if len(words) == 2 and words[0].upper() in ("$INCLUDE", "$INCLUDE-"):
            included = file.parent / words[1].strip()
            if not words[0].endswith("-") or included.exists():
                yield from _read_lines(included, depth=depth + 1)
        else:
            yield _Line(file, number, _lower_type(line))


def _lower_type(line: str) -> str:
    """ATTRIBUTE name number Type: the type in lower case, the rest untouched."""
    words = line.partition("#")[0].split()
    if len(words) >= 4 and words[0].upper() == "ATTRIBUTE":
        words[3] = words[3].lower()
        return " ".join(words)
    return line


def _parse(raw: Any, lines: Sequence[_Line]) -> None:
    text = "\n".join(line.text for line in lines)
    try:
        raw.ReadDictionary(io.StringIO(text))
    except ParseError as error:
        at = lines[error.line - 1] if 0 < error.line <= len(lines) else lines[-1]
        raise DictionaryError(f"{at.file}, line {at.number}: {error.msg}; correct it") from error


def _definition(attribute: Any, raw: Any) -> AttributeDefinition:
    return AttributeDefinition(
        name=attribute.name,
        vendor=raw.vendors.GetForward(attribute.vendor),
        number=attribute.code,
        type=attribute.type,
        values=_named_values(attribute),
        encrypt=attribute.encrypt,
        has_tag=attribute.has_tag,
    )


def _named_values(attribute: Any) -> Mapping[str, int]:
    """pyrad keeps them encoded; names make sense for numbers only."""
    if attribute.type not in NUMBER_TYPES:
        return _NO_VALUES
    signed = attribute.type == "signed"
    return MappingProxyType(
        {
            name: int.from_bytes(encoded, "big", signed=signed)
            for name, encoded in _pairs(attribute.values)
        }
    )


def _pairs(bidict: Any) -> Iterator[tuple[str, Any]]:
    """The pairs of pyrad's two-way mapping, in the order of definition."""
    yield from bidict.forward.items()


def _unnamed(name: str) -> AttributeDefinition | None:
    match = _UNNAMED.fullmatch(name)
    if match is None:
        return None
    vendor, number = int(match["vendor"] or 0), int(match["number"])
    if vendor >= 2**32 or not 1 <= number <= 255:
        return None
    return AttributeDefinition(name=name, vendor=vendor, number=number, type="octets")
