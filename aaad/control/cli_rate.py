"""`aaactl rate`: what a session would cost under a price list, and why. No daemon, no store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from aaad.control.cli_output import fail, json_option, line, read_instant, show
from aaad.control.cli_pool import pool_options, read_pool
from aaad.control.cli_pricelist import PRICE_LIST_FILE, load_file
from aaad.control.sentences import charge_sentences, quantity
from ledger.price_tariffs import ACCOUNT_ZONE
from ledger.pricelist import PriceList
from ratingcore.compile import compile_timeline
from ratingcore.errors import RatingError
from ratingcore.meter import OCTETS_MAX, SESSION_SECONDS_MAX, quote
from ratingcore.piece import piece_as_data
from ratingcore.tariff import Tariff
from ratingcore.words import clock_span, instant


@click.command()
@click.option("--pricelist", "path", type=PRICE_LIST_FILE, required=True, help="The price list.")
@click.option("--tariff", "name", required=True, help="Name of a tariff of the list.")
@click.option("--start", required=True, help="ISO 8601, with offset or in the tariff's zone.")
@click.option("--seconds", type=click.IntRange(0, SESSION_SECONDS_MAX), required=True)
@click.option("--input-octets", type=click.IntRange(0, OCTETS_MAX), default=0, help="Sent.")
@click.option("--output-octets", type=click.IntRange(0, OCTETS_MAX), default=0, help="Received.")
@click.option("--zone", help="The account's zone, for a tariff that goes by it.")
@pool_options
@json_option
def rate(
    *,
    path: Path,
    name: str,
    start: str,
    seconds: int,
    input_octets: int,
    output_octets: int,
    zone: str | None,
    allowances: tuple[str, ...],
    used: int,
    counters: tuple[str, ...],
    discounts: tuple[str, ...],
    as_json: bool,
) -> None:
    """What a session would cost, and why: every segment and the total.

    Octets are taken to lie on a straight line over the session's time.
    """
    tariff = find_tariff(load_file(path), name, zone)
    started_at = read_instant(start, zone=tariff.zone)
    pool = read_pool(
        tariff, allowances=allowances, used=used, counters=counters, discounts=discounts
    )
    try:
        piece = quote(
            compile_timeline([(0, tariff)]),
            started_at,
            seconds,
            input_octets=input_octets,
            output_octets=output_octets,
            pool=pool,
        )
    except RatingError as error:
        fail(str(error))
    report = {
        "tariff": tariff.name,
        "currency": tariff.currency,
        "zone": tariff.zone,
        **piece_as_data(piece),
    }
    show(report, as_json=as_json, human=_print_quote)


def find_tariff(pricelist: PriceList, name: str, zone: str | None) -> Tariff:
    """A tariff by name, in its own zone or in the given zone of the account."""
    tariff = pricelist.tariffs.get(name)
    if tariff is None:
        known = ", ".join(pricelist.tariffs) or "none"
        raise click.UsageError(f"the price list has no tariff {name!r}; it has {known}")
    if tariff.zone != ACCOUNT_ZONE:
        if zone is not None:
            raise click.UsageError(f"the tariff {name!r} goes by {tariff.zone}; leave out --zone")
        return tariff
    if zone is None:
        raise click.UsageError(
            f"the tariff {name!r} goes by the account's clock; say which with --zone"
        )
    return replace(tariff, zone=zone)


def _print_quote(report: Any) -> None:
    zone = report["zone"]
    span = clock_span(report["started_at"], report["ended_at"], zone)
    seconds = quantity(report["ended_at"] - report["started_at"], "seconds")
    line(f"{report['tariff']} from {instant(report['started_at'], zone)}: {span}, {seconds}")
    sentences = charge_sentences(
        report["segments"],
        currency=report["currency"],
        zone=zone,
        total_micros=report["charge_micros"],
        impacts=report.get("impacts", ()),
    )
    for sentence in sentences:
        line(f"  {sentence}")
