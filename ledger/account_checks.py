"""Checks of what somebody wants to write about a customer: pure, and all mistakes at once.

Everything that ends up in a mail, a report or a CSV must be printable; a login is the exception:
it is octets that the network chose, kept escaped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ratingcore.calendar import load_zone
from ratingcore.errors import RatingError

LOGIN_OCTETS_MAX = 253
"""What User-Name can carry (RFC 2865, 5.1)."""

NAME_LENGTH_MAX = 200
EMAIL_LENGTH_MAX = 254
"""RFC 5321, 4.5.3.1.3, less the angle brackets."""

PROFILE_FIELDS_MAX = 100
PROFILE_KEY_LENGTH_MAX = 64
PROFILE_VALUE_LENGTH_MAX = 2_000
DUE_DAYS_MAX = 366
MICROS_MAX = (1 << 63) - 1

_BRAND = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong, with what to do instead."""

    field: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} is {self.value}: {self.remedy}"


class AccountError(ValueError):
    """A change of a customer was refused; nothing was changed. `mistakes` names every reason."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


def refuse(mistakes: Collection[Mistake]) -> None:
    """Raise AccountError when there are mistakes."""
    if mistakes:
        raise AccountError(*mistakes)


def check_brand(brand: str) -> Iterator[Mistake]:
    """A brand is a short plain word: it stands in file names and mails."""
    if not _BRAND.fullmatch(brand):
        yield Mistake("brand", repr(brand), "use 1 to 64 of a-z 0-9 . _ -, a letter or digit first")


def check_name(name: str) -> Iterator[Mistake]:
    """The name of a customer."""
    if not name.strip() or not name.isprintable() or len(name) > NAME_LENGTH_MAX:
        yield Mistake("name", repr(name), f"write 1 to {NAME_LENGTH_MAX} printable characters")


def check_currency(currency: str) -> Iterator[Mistake]:
    """An ISO 4217 code."""
    if not _CURRENCY.fullmatch(currency):
        yield Mistake("currency", repr(currency), "write the three capitals of ISO 4217, as in USD")


def check_zone(zone: str) -> Iterator[Mistake]:
    """An IANA zone that this machine knows."""
    try:
        load_zone(zone)
    except RatingError:
        yield Mistake("zone", repr(zone), "write an IANA name, as in America/New_York")


def check_bill_day(bill_day: int) -> Iterator[Mistake]:
    """1 to 31; later days clamp to the month's end (C8)."""
    if not 1 <= bill_day <= 31:
        yield Mistake("bill_day", str(bill_day), "choose a day of the month, 1 to 31")


def check_due_days(due_days: int) -> Iterator[Mistake]:
    """The terms of payment."""
    if not 0 <= due_days <= DUE_DAYS_MAX:
        yield Mistake("due_days", str(due_days), f"choose 0 to {DUE_DAYS_MAX} days")


def check_credit_limit(credit_limit_micros: int | None) -> Iterator[Mistake]:
    """An amount of the account's currency; 0 and below mean prepaid."""
    if credit_limit_micros is not None and abs(credit_limit_micros) > MICROS_MAX:
        yield Mistake("credit_limit", str(credit_limit_micros), "write a smaller amount, or none")


def check_email(email: str) -> Iterator[Mistake]:
    """Empty, or an address; whether it is delivered shows when mail is sent."""
    if not email:
        return
    if not email.isprintable() or len(email) > EMAIL_LENGTH_MAX or not _EMAIL.fullmatch(email):
        yield Mistake("email", repr(email), "write name@domain, or leave it empty")


def check_fields(field: str, fields: Mapping[str, str]) -> Iterator[Mistake]:
    """Profile fields or reply attributes: bounded, named and printable."""
    if len(fields) > PROFILE_FIELDS_MAX:
        yield Mistake(field, f"{len(fields)} fields", f"keep at most {PROFILE_FIELDS_MAX}")
    for key, value in fields.items():
        if not key or not key.isprintable() or len(key) > PROFILE_KEY_LENGTH_MAX:
            remedy = f"name it with 1 to {PROFILE_KEY_LENGTH_MAX} printable characters"
            yield Mistake(f"{field}.{key!r}", repr(value), remedy)
        if not value.isprintable() or len(value) > PROFILE_VALUE_LENGTH_MAX:
            remedy = f"write at most {PROFILE_VALUE_LENGTH_MAX} printable characters"
            yield Mistake(f"{field}.{key}", repr(value), remedy)


def check_login(login: str) -> Iterator[Mistake]:
    """A canonical login, of any characters."""
    octets = len(login.encode("utf-8", "surrogateescape"))
    if not 1 <= octets <= LOGIN_OCTETS_MAX:
        remedy = f"choose one of 1 to {LOGIN_OCTETS_MAX} octets"
        yield Mistake("login", f"{login!r} ({octets} octets)", remedy)


def check_offer(offer: str, offers: Collection[str]) -> Iterator[Mistake]:
    """An offer of the brand's price list."""
    if offer not in offers:
        names = ", ".join(sorted(offers)) or "none yet: load a price list"
        yield Mistake("offer", repr(offer), f"choose one of the price list: {names}")


def check_instant(field: str, instant: int) -> Iterator[Mistake]:
    """An instant that ids, zones and cycles can hold."""
    if not 0 <= instant < 1 << 33:
        yield Mistake(field, str(instant), "write an instant between 1970 and 2242")
