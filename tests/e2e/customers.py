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
    *more: str,
    offer: str,
    password: str = "correct horse",  # of a test
    zone: str = "UTC",
    currency: str = "USD",
    bill_day: int = 1,
    scheme: str = "sealed",
) -> int:
    """One account with one service; the account's id."""
    answer = daemon.aaactl(
        "account",
        "register",
        f"--name={login}",
        f"--currency={currency}",
        f"--zone={zone}",
        f"--bill-day={bill_day}",
        f"--login={login}",
        f"--offer={offer}",
        f"--scheme={scheme}",
        *more,
        stdin=password + "\n",
    )
    return int(answer["account"]["account_id"])
