"""Allowances, counters and discounts on the command line: what a session would find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from aaad.control.cli_choices import read_amount, read_quantity
from ratingcore.allowance import Allowance, Counter, Entitlement
from ratingcore.errors import RatingError
from ratingcore.pool import Pool
from ratingcore.tariff import MetricOrMoney, Tariff

Function = TypeVar("Function", bound=Callable[..., Any])


def pool_options(function: Function) -> Function:
    """--allowance METRIC=QUANTITY, --used QUANTITY, --counter NAME=N, --discount NAME."""
    function = click.option(
        "--allowance",
        "allowances",
        multiple=True,
        metavar="METRIC=QUANTITY",
        help="What is free, as seconds=20h; may be repeated.",
    )(function)
    function = click.option(
        "--counter",
        "counters",
        multiple=True,
        metavar="NAME=N",
        help="What one counter has counted, a cap's as an amount; may be repeated.",
    )(function)
    function = click.option(
        "--discount",
        "discounts",
        multiple=True,
        metavar="NAME",
        help="A discount whose conditions are met; may be repeated.",
    )(function)
    return click.option(
        "--used",
        type=click.IntRange(min=0),
        default=0,
        help="What the tariff's counters have counted so far in this cycle.",
    )(function)


def read_pool(
    tariff: Tariff,
    *,
    allowances: tuple[str, ...],
    used: int,
    counters: tuple[str, ...],
    discounts: tuple[str, ...],
) -> Pool:
    """The pool of one session; wrong usage when something in it is none of the tariff."""
    counted = {price.counter: used for band in tariff.bands for price in band.prices}
    counted |= {discount.counter: 0 for discount in tariff.discounts}
    counted.pop("", None)
    amounts = {cap.name: 0 for cap in tariff.caps}
    for text in counters:
        _read_counter(text, counted, amounts)
    known = [discount.name for discount in tariff.discounts]
    for name in discounts:
        if name not in known:
            has = ", ".join(known) or "none"
            raise click.UsageError(f"the tariff has no discount {name!r}; it has {has}")
    try:
        return Pool(
            [_read_allowance(number, text) for number, text in enumerate(allowances, start=1)],
            [
                Counter(number, name, quantity)
                for number, (name, quantity) in enumerate(sorted((counted | amounts).items()), 1)
            ],
            [Entitlement(name) for name in discounts],
        )
    except RatingError as error:
        raise click.UsageError(str(error)) from error


def _read_counter(text: str, counted: dict[str, int], amounts: dict[str, int]) -> None:
    """Put what was counted in its place: a number, or the micros of a cap."""
    name, _, quantity = text.rpartition("=")
    if name in amounts:
        amount_micros = read_amount(quantity)
        assert amount_micros is not None, "a text was given"
        amounts[name] = amount_micros
    elif name in counted and quantity.isascii() and quantity.isdecimal():
        counted[name] = int(quantity)
    else:
        known = ", ".join(sorted(counted | amounts)) or "none"
        raise click.UsageError(
            f"{text!r} is no counter; write NAME=N, with a NAME that the tariff counts: {known}"
        )


def _read_allowance(number: int, text: str) -> Allowance:
    name, equals, quantity_text = text.partition("=")
    if not equals or name not in frozenset(MetricOrMoney):
        known = ", ".join(MetricOrMoney)
        raise click.UsageError(
            f"{text!r} is no allowance; write METRIC=QUANTITY, with a METRIC of {known}"
        )
    quantity = read_quantity(quantity_text, name)
    assert quantity is not None, "a text was given"
    return Allowance(number, MetricOrMoney(name), quantity)
