"""Allowances and counters on the command line: what a session would find to use up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from aaad.control.cli_choices import read_quantity
from ratingcore.allowance import Allowance, Counter
from ratingcore.pool import Pool
from ratingcore.tariff import Metric, Tariff

Function = TypeVar("Function", bound=Callable[..., Any])


def pool_options(function: Function) -> Function:
    """--allowance METRIC=QUANTITY, --used QUANTITY."""
    function = click.option(
        "--allowance",
        "allowances",
        multiple=True,
        metavar="METRIC=QUANTITY",
        help="What is free, as seconds=20h; may be repeated.",
    )(function)
    return click.option(
        "--used",
        type=click.IntRange(min=0),
        default=0,
        help="What the tariff's counters have counted so far in this cycle.",
    )(function)


def read_pool(tariff: Tariff, allowances: tuple[str, ...], used: int) -> Pool:
    """The pool of one session; wrong usage when an allowance is none."""
    names = {price.counter for band in tariff.bands for price in band.prices if price.counter}
    return Pool(
        [_read_allowance(number, text) for number, text in enumerate(allowances, start=1)],
        [Counter(number, name, used) for number, name in enumerate(sorted(names), start=1)],
    )


def _read_allowance(number: int, text: str) -> Allowance:
    name, equals, quantity_text = text.partition("=")
    if not equals or name not in frozenset(Metric):
        known = ", ".join(Metric)
        raise click.UsageError(
            f"{text!r} is no allowance; write METRIC=QUANTITY, with a METRIC of {known}"
        )
    quantity = read_quantity(quantity_text, name)
    assert quantity is not None, "a text was given"
    return Allowance(number, Metric(name), quantity)
