"""Proves for any bytes that a login is text that both stores hold, that folding twice is folding
once, and that only names which differ as the brand allows share a login.
"""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.logins import BrandSettings, CaseRule, RealmRule, canonical_login

user_names = st.one_of(
    st.binary(max_size=253),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(
        st.sampled_from(
            [b"\0", b"\xff", b"\xee\xbc\x80", b"\xee\xbf\xbf", b"@", b"A", b"\xcc\x88"]
        ),
        max_size=6,
    ).map(b"".join),
)
brands = st.builds(
    BrandSettings,
    name=st.just("brand"),
    realm=st.sampled_from(RealmRule),
    case=st.sampled_from(CaseRule),
)
EXACT = BrandSettings(name="exact", case=CaseRule.KEEP)


@given(brands, user_names)
def test_a_login_can_be_stored(brand: BrandSettings, user_name: bytes) -> None:
    login = canonical_login(brand, user_name)
    assert "\0" not in login
    login.encode("utf-8")  # no surrogates
    assert unicodedata.is_normalized("NFC", login)


@given(user_names, user_names)
def test_names_share_a_login_only_as_the_rule_allows(one: bytes, other: bytes) -> None:
    same = canonical_login(EXACT, one) == canonical_login(EXACT, other)
    assert same == (_composed(one) == _composed(other))


def _composed(user_name: bytes) -> str:
    """The name in Normalization Form C, with what is no text kept apart as surrogates."""
    return unicodedata.normalize("NFC", user_name.decode("utf-8", "surrogateescape"))


@given(brands, user_names)
def test_case_does_not_matter_where_it_is_folded(brand: BrandSettings, user_name: bytes) -> None:
    swapped = user_name.swapcase()  # of bytes: ASCII letters only
    if brand.case is CaseRule.FOLD:
        assert canonical_login(brand, swapped) == canonical_login(brand, user_name)
