"""Customers and price lists as support staff set them up: by aaactl."""

from __future__ import annotations

from tests.e2e.harness import Daemon

EFFECTIVE = "2020-01-01T00:00:00Z"
"""Price lists of the tests hold for all instants that a test speaks of."""


def load_price_list(daemon: Daemon, text: str, *, effective: str = EFFECTIVE) -> None:
    """Make `text` the price list of the default brand."""
    file = daemon.folder / "pricelist.toml"
    file.write_text(text)
    daemon.aaactl("pricelist", "load", str(file), "--effective", effective)


def register(
    daemon: Daemon,
    login: str,
    *,
    offer: str,
    password: str = "correct horse",  # of a test
    zone: str = "UTC",
    currency: str = "USD",
) -> int:
    """One account with one service; the account's id."""
    account = daemon.aaactl(
        "account", "register", "--name", login, "--currency", currency, "--zone", zone
    )
    account_id = int(account["account_id"])
    service = ("service", "add", str(account_id), "--login", login, "--offer", offer)
    daemon.aaactl(*service, stdin=password + "\n")
    return account_id
