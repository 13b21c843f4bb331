"""Proves how each brand reads a User-Name, whatever its bytes."""

from __future__ import annotations

import pytest

from ledger.rules.logins import BrandSettings, CaseRule, RealmRule, canonical_login

KEEP_FOLD = BrandSettings(name="a")
KEEP_KEEP = BrandSettings(name="b", case=CaseRule.KEEP)
STRIP_FOLD = BrandSettings(name="c", realm=RealmRule.STRIP)
STRIP_KEEP = BrandSettings(name="d", realm=RealmRule.STRIP, case=CaseRule.KEEP)


@pytest.mark.parametrize(
    ("brand", "user_name", "login"),
    [
        (KEEP_FOLD, b"Anna@Example.NET", "anna@example.net"),
        (KEEP_KEEP, b"Anna@Example.NET", "Anna@Example.NET"),
        (STRIP_FOLD, b"Anna@Example.NET", "anna"),
        (STRIP_KEEP, b"Anna@Example.NET", "Anna"),
        (STRIP_FOLD, b"anna@sub@example.net", "anna@sub"),
        (STRIP_FOLD, b"@example.net", "@example.net"),
        (STRIP_FOLD, b"anna", "anna"),
        (STRIP_FOLD, b"anna@", "anna"),
        (STRIP_FOLD, b"", ""),
        (KEEP_FOLD, b"J\xc3\x9cRGEN", "j\u00fcrgen"),
        (KEEP_FOLD, "JU\u0308RGEN".encode(), "j\u00fcrgen"),
        (KEEP_KEEP, "Ju\u0308rgen".encode(), "J\u00fcrgen"),
        (KEEP_FOLD, b"'; DROP TABLE account; --", "'; drop table account; --"),
        (KEEP_FOLD, b"a\0b", "a\uef00b"),
        (KEEP_FOLD, b"a\xffb", "a\uefffb"),
        (KEEP_FOLD, "a\uefffb".encode(), "a\uefee\uefbf\uefbfb"),
    ],
)
def test_each_rule(brand: BrandSettings, user_name: bytes, login: str) -> None:
    assert canonical_login(brand, user_name) == login
