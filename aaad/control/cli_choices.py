"""How the commands about customers say who is meant: an account by its id, or a login of it.

Logins are octets: what the shell passes that is no UTF-8 reaches the daemon unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from ledger.units import UnitError, parse_duration, parse_octets
from ratingcore.errors import RatingError
from ratingcore.money import parse_amount

Function = TypeVar("Function", bound=Callable[..., Any])

brand_option = click.option("--brand", help="Brand of the login (default: `default`).")
login_argument = click.argument("login")
metric_choice = click.Choice(["seconds", "octets", "input_octets", "output_octets", "money"])


def account_options(function: Function) -> Function:
    """ACCOUNT, or --login with --brand."""
    function = click.argument("account_id", type=int, required=False, metavar="[ACCOUNT]")(function)
    function = click.option("--login", help="The account that has this login.")(function)
    return brand_option(function)


def account_choice(
    account_id: int | None, login: str | None, brand: str | None
) -> dict[str, object]:
    """The account that is meant; wrong usage unless exactly one of id and login is given."""
    if (account_id is None) == (login is None):
        raise click.UsageError("name the account by its id or by --login")
    choice = {"account_id": account_id, "login": login_octets(login), "brand": brand}
    return {name: value for name, value in choice.items() if value is not None}


def service_choice(login: str, brand: str | None) -> dict[str, object]:
    """The service of a login."""
    choice: dict[str, object] = {"login": login_octets(login)}
    return choice if brand is None else {**choice, "brand": brand}


def login_octets(login: str | None) -> bytes | None:
    """A login as the octets that the shell passed."""
    return None if login is None else login.encode("utf-8", "surrogateescape")


def read_fields(pairs: tuple[str, ...]) -> Mapping[str, str] | None:
    """`KEY=VALUE` options as a map; None when there are none. An empty value removes the field."""
    fields = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{pair!r} is no KEY=VALUE")
        fields[key] = value
    return fields or None


def read_amount(text: str | None) -> int | None:
    """An amount of money as micros."""
    if text is None:
        return None
    try:
        return parse_amount(text)
    except RatingError as error:
        raise click.UsageError(str(error)) from None


def read_quantity(text: str | None, metric: str) -> int | None:
    """A quantity of a metric: `150 h`, `10 GB`, `20.00`, or a plain number of its smallest unit."""
    if text is None:
        return None
    if metric == "money":
        return read_amount(text)
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return parse_duration(text) if metric == "seconds" else parse_octets(text)
    except UnitError as error:
        raise click.UsageError(f"{text!r} {error}; write 150h, 10GB or a plain number") from None
