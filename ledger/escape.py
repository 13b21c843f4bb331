"""Text from the network made safe to show in a log line, a finding or a terminal.

DESIGN.md, Security. A user name is bytes that a stranger chose: it may hold terminal escapes, line
ends, direction marks, lone surrogates or bytes that are no UTF-8. Whatever cannot be printed
becomes a backslash escape, and a backslash is doubled, so two different names never look the same.
"""

from __future__ import annotations

import re

SHOWN_MAX = 512
"""Characters of one value that are shown: twice the longest attribute; no honest value is cut."""

_PLAIN = re.compile(r"[ !-\[\]-~]*")  # printable ASCII without the backslash


def printable(value: bytes | str) -> str:
    """`value` with everything unprintable escaped, cut at SHOWN_MAX characters.

    Bytes are read as UTF-8; bytes that are not are shown as `\\xNN`. What `str.isprintable` refuses
    (controls, direction marks, surrogates, private and unassigned characters, odd spaces) is shown
    as `\\xNN`, `\\uNNNN` or `\\UNNNNNNNN`.
    """
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    cut = text[:SHOWN_MAX]
    if _PLAIN.fullmatch(cut) is None:
        cut = "".join(map(_escape, cut))
    left_out = len(text) - SHOWN_MAX
    return f"{cut}... ({left_out} more)" if left_out > 0 else cut


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    point = ord(character)
    if 0xDC80 <= point <= 0xDCFF:  # surrogateescape: a byte that is no UTF-8
        return f"\\x{point - 0xDC00:02x}"
    if point <= 0x7F:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
