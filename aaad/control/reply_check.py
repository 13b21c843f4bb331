"""Whether a dictionary knows the reply attributes of a price list and their values. Pure.

Handed to `ledger.pricelist.parse_pricelist`, which may not know RADIUS. What passes here is what
the daemon can encode at a login, so a price list never fails there.
"""

from __future__ import annotations

from aaad.radius.attributes import encode_attribute
from aaad.radius.dictionary import Dictionary
from ledger.pricelist import KnownAttribute


def attribute_check(dictionary: Dictionary) -> KnownAttribute:
    """A check that returns None for an attribute that can be sent, else what is wrong with it."""

    def check(name: str, value: object) -> str | None:
        assert isinstance(value, str | int), "the price list reader lets nothing else through"
        try:
            encode_attribute(dictionary.require(name), value)
        except ValueError as error:
            return str(error)
        return None

    return check
