r"""`User-Name = "bob"` lines into attributes, in the notation of radclient.

A line, or a part of one between commas, is a name, `=` and a value; `#` begins a comment; a value
in double quotes may hold commas, `#` and the escapes \\ \" \n \r \t \xHH; a tag follows the name
after a colon. Message-Authenticator is accepted and dropped, since signing adds it; CHAP-Password
with a password instead of `0x...` is computed from it.
"""

import re
from collections.abc import Iterator
from typing import Final

from aaad.radius import attribute_types as types
from aaad.radius.dictionary import AttributeDefinition, Dictionary
from aaad.radius.passwords import chap_password
from aaad.radius.values import Hiding, encode_attribute

_PAIR: Final = re.compile(
    r"""
    \s* (?P<name>[A-Za-z0-9][\w.-]*) (?: :(?P<tag>\d{1,2}) )? \s*
    (?: [:+]?= ) \s*
    (?: "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<bare>[^,#"]*?) ) \s*
    (?: (?P<end> , | \#.* | $ ) )
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
_ESCAPES: Final = {"n": b"\n", "r": b"\r", "t": b"\t"}


def parse_pairs(text: str, dictionary: Dictionary, *, hiding: Hiding | None = None) -> bytes:
    """The attributes that `text` names, in its order.

    `hiding` is needed for User-Password and whatever else is encrypted, and for a computed
    CHAP-Password. Raises one ValueError that tells all mistakes, a line each.
    """
    encoded: list[bytes] = []
    mistakes: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            encoded += [_encode_pair(pair, dictionary, hiding) for pair in _split(line)]
        except ValueError as error:
            mistakes.append(f"line {number}: {error}")
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return b"".join(encoded)


def _split(line: str) -> Iterator[re.Match[str]]:
    at = 0
    while line[at:].strip(" \t,") and not line[at:].lstrip().startswith("#"):
        match = _PAIR.match(line, at)
        if match is None:
            raise ValueError(
                f'{line[at:].strip()!r}: write NAME = VALUE; put a value with , # or " in quotes'
            )
        yield match
        at = match.end()


def _encode_pair(pair: re.Match[str], dictionary: Dictionary, hiding: Hiding | None) -> bytes:
    definition = dictionary.require(pair["name"])
    number = 0 if definition.vendor else definition.number
    if number == types.MESSAGE_AUTHENTICATOR:
        return b""
    value: str | bytes = pair["bare"] if pair["quoted"] is None else _unescape(pair["quoted"])
    if number == types.CHAP_PASSWORD and not _is_hexadecimal(value):
        value = _chap(value, hiding)
    tag = None if pair["tag"] is None else int(pair["tag"])
    return encode_attribute(definition, _typed(definition, value), tag=tag, hiding=hiding)


def _unescape(quoted: str) -> bytes:
    """The octets between the quotes."""
    octets = b""
    at = 0
    for escape in _ESCAPE.finditer(quoted):
        octets += quoted[at : escape.start()].encode("utf-8", "surrogateescape")
        code = escape[1]
        if len(code) == 3:
            octets += bytes((int(code[1:], 16),))
        else:
            octets += _ESCAPES.get(code, code.encode("utf-8", "surrogateescape"))
        at = escape.end()
    return octets + quoted[at:].encode("utf-8", "surrogateescape")


def _typed(definition: AttributeDefinition, value: str | bytes) -> str | bytes:
    """Quotes around a number, name or address say nothing about octets."""
    if isinstance(value, bytes) and definition.type not in ("string", "octets"):
        return value.decode("utf-8", "surrogateescape")
    return value


def _is_hexadecimal(value: str | bytes) -> bool:
    return isinstance(value, str) and value[:2].lower() == "0x"


def _chap(password: str | bytes, hiding: Hiding | None) -> bytes:
    """The response to the Request Authenticator as challenge; its identifier is free: 0."""
    if hiding is None:
        raise ValueError("CHAP-Password = a hidden value: needs the authenticator; give 0x...")
    clear = password if isinstance(password, bytes) else password.encode("utf-8", "surrogateescape")
    return chap_password(clear, identifier=0, challenge=hiding.authenticator)
