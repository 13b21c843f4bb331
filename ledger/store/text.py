"""Text as the books keep it: what the network names, escaped so that every octet string is plain
text.

A login, a NAS name or a session id may hold NULs, controls and invalid UTF-8 (as surrogate escapes
in a str). PostgreSQL text cannot hold those, JSON parameters cannot carry them, and a report must
not print them. So printable characters stand for themselves, a backslash is doubled, an octet that
is no UTF-8 becomes `\\xNN`, any other character `\\u{N}`. Both directions are exact.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:(\\)|x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})")
_FIRST_ESCAPED_OCTET = 0xDC80
_LAST_ESCAPED_OCTET = 0xDCFF
_SURROGATE_BASE = 0xDC00


def escape_text(text: str) -> str:
    """Text of any characters as printable text. `unescape_text` is its inverse."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_escape_character, text))


def unescape_text(text: str) -> str:
    """What `escape_text` was given."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_unescape_match, text)


def escape_octets(octets: bytes) -> str:
    """Octets as printable text: UTF-8 where they are, escapes where not."""
    return escape_text(octets.decode("utf-8", "surrogateescape"))


def unescape_octets(text: str) -> bytes:
    """What `escape_octets` was given."""
    return unescape_text(text).encode("utf-8", "surrogateescape")


def _escape_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    code = ord(character)
    if _FIRST_ESCAPED_OCTET <= code <= _LAST_ESCAPED_OCTET:
        return f"\\x{code - _SURROGATE_BASE:02x}"
    return f"\\u{{{code:x}}}"


def _unescape_match(match: re.Match[str]) -> str:
    backslash, octet, code = match.groups()
    if backslash:
        return "\\"
    if octet:
        return chr(_SURROGATE_BASE + int(octet, 16))
    return chr(int(code, 16))
