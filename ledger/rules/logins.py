"""The canonical login: how a User-Name, which is bytes, names a service (DESIGN.md, Identity).

Each brand says whether the realm (RFC 7542) belongs to the login and whether case matters. Accounts
are registered under the canonical login and requests are looked up by it; the name that the NAS
sent is stored beside it and answered unchanged. The result is text that both stores can hold, and
names that differ in more than the brand's rule allows never share one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BYTE_MARK: Final = 0xEF00
"""A byte that is no text (invalid UTF-8, NUL) stands as this private character plus its value."""


class RealmRule(StrEnum):
    """What becomes of "@example.net"."""

    KEEP = "keep"
    STRIP = "strip"


class CaseRule(StrEnum):
    """Whether "Anna" and "anna" are one login."""

    FOLD = "fold"
    KEEP = "keep"

_STRIP: Final = RealmRule.STRIP
_FOLD: Final = CaseRule.FOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandSettings:
    """A brand (B97) and how its logins are read."""

    name: str
    realm: RealmRule = RealmRule.KEEP
    case: CaseRule = CaseRule.FOLD


def canonical_login(brand: BrandSettings, user_name: bytes) -> str:
    """The login that a User-Name means under a brand's rule. Never fails, whatever the bytes."""
    login = _text(user_name)
    if brand.realm is _STRIP:
        name, _, _ = login.rpartition("@")
        login = name or login  # "@realm" names nobody else: it is kept whole
    if login.isascii():
        return login.lower() if brand.case is _FOLD else login
    # RFC 7542: Normalization Form C, or one name typed on two machines is two logins
    login = unicodedata.normalize("NFC", login)
    if brand.case is _FOLD:
        login = unicodedata.normalize("NFC", login.casefold())
    return login


def _text(user_name: bytes) -> str:
    """The name as text that a store can hold: one text for one name, and back again."""
    text = user_name.decode("utf-8", "surrogateescape")
    return text if text.isascii() and "\0" not in text else text.translate(_STORABLE)


def _mark(encoded: bytes) -> str:
    return "".join(chr(BYTE_MARK + byte) for byte in encoded)


# The marks' own characters are marked byte by byte too: no name can pretend to be another's bytes.
_STORABLE: Final = {
    0: _mark(b"\0"),
    **{0xDC00 + byte: _mark(bytes((byte,))) for byte in range(0x80, 0x100)},
    **{point: _mark(chr(point).encode()) for point in range(BYTE_MARK, BYTE_MARK + 0x100)},
}
