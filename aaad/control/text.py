"""Quantities and names as people read them. Pure.

`terminal_safe` is the gate to the terminal for all that came from the network or a customer: what
a terminal would obey (escape sequences, line ends, characters that turn the writing direction) is
shown as its escape. It may be applied twice, so every line passes it whatever was done before;
`ledger.escape.printable` tells any two names apart, and is what the daemon puts into its replies.
Numbers here are for reading only: in `--json` all are exact integers.
"""

from __future__ import annotations

from ratingcore.money import format_amount

_OCTET_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def terminal_safe(value: object) -> str:
    """Text that a terminal shows and never obeys. Octets are read as UTF-8, invalid ones stay
    visible.
    """
    octets_of = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    text = octets_of.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii") if character != "\\" else character


def money(amount_micros: int, currency: str) -> str:
    """`2_000_000` -> `2.00 USD`; decimals beyond the usual two are shown when there are any."""
    return f"{format_amount(amount_micros)} {currency}"


def octets(count: int) -> str:
    """`1234567` -> `1.23 MB`, rounded down; MB is 10^6."""
    for size, unit in _OCTET_UNITS:
        if count >= size:
            whole, rest = divmod(count, size)
            return f"{whole}.{rest * 100 // size:02} {unit}"
    return f"{count} octets"


def percent(used: int, limit: int) -> str:
    """How much of a limit is used, rounded down so that 100 % is reached only when it is."""
    return f"{used * 100 // limit} %" if limit > 0 else "-"
