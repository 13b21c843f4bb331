"""What both kinds of load are told: where to, how much, how long, and how patiently."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

SECONDS_MAX = 3600
REQUESTS_MAX = 100_000_000
RATE_MAX = 1_000_000
SEEDS = 1 << 24
"""The seed is the upper part of Acct-Session-Id: runs on one server want different ones."""

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What both kinds of load are told."""

    host: str
    port: int
    secret_file: Path
    users: Path
    seconds: int
    requests: int
    window: int
    rate: int
    ports: int
    timeout_ms: int
    tries: int
    nases: int
    seed: int
    as_json: bool


WHERE = (
    click.option("--host", default="127.0.0.1", show_default=True, help="The server."),
    click.option(
        "--beyond-loopback", is_flag=True, help="Allow a server on another machine: one of yours."
    ),
    click.option(
        "--secret-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        required=True,
        help="File with the shared secret; its last line end is ignored.",
    ),
    click.option(
        "--users",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        required=True,
        help="File of users, `name password` a line (`users` makes one).",
    ),
    click.option("--json", "as_json", is_flag=True, help="Figures as one line of JSON."),
)


def _number(name: str, least: int, most: int | None, default: int, help_text: str) -> Decorator:
    return click.option(
        name,
        type=click.IntRange(least, most),
        default=default,
        show_default=True,
        help=help_text,
    )


HOW_MUCH = (
    _number("--seconds", 1, SECONDS_MAX, 10, "How long new requests are sent."),
    _number("--requests", 1, REQUESTS_MAX, REQUESTS_MAX, "How many are sent at most."),
    _number("--window", 1, None, 256, "Requests under way in a closed loop."),
    _number(
        "--rate",
        0,
        RATE_MAX,
        0,
        "Requests a second in an open loop, whatever comes back; 0: a closed loop.",
    ),
    _number("--ports", 1, 256, 16, "Source ports; each carries 256 requests."),
    _number("--timeout-ms", 1, 600_000, 2000, "Until an unanswered request goes out again."),
    _number("--tries", 1, 100, 5, "Sendings of one request before it is lost."),
    _number("--nases", 1, 65_536, 64, "NASes that are played, by name and address."),
    _number(
        "--seed", 0, SEEDS - 1, 1, "Decides what is sent, and the upper part of Acct-Session-Id."
    ),
)


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """The options of both kinds of load."""
    for option in reversed(WHERE + HOW_MUCH):
        command = option(command)
    return command


def options_of(*, port: int, beyond_loopback: bool, **given: Any) -> Options:
    """Checked. A typing error must not make a load on somebody else's server."""
    options = Options(port=port, **given)
    try:
        near = ipaddress.ip_address(options.host).is_loopback
    except ValueError as error:
        raise click.UsageError(f"--host {options.host}: give a numeric address") from error
    if not near and not beyond_loopback:
        raise click.UsageError(
            f"{options.host} is not this machine: add --beyond-loopback if that server is yours"
        )
    return options
