"""`aaactl quota`: how long, or how much, an amount buys under a price list. No daemon, no store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aaad.control.cli_choices import read_amount, read_quantity
from aaad.control.cli_output import fail, json_option, line, read_instant, show
from aaad.control.cli_pool import pool_options, read_pool
from aaad.control.cli_pricelist import PRICE_LIST_FILE, load_file
from aaad.control.cli_rate import find_tariff
from aaad.control.sentences import quantity
from aaad.control.text import money
from ratingcore.compile import compile_timeline
from ratingcore.errors import RatingError
from ratingcore.meter import OCTETS_MAX, SESSION_SECONDS_MAX, Meter
from ratingcore.tariff import Metric
from ratingcore.words import instant

VOLUMES = (Metric.INPUT_OCTETS, Metric.OUTPUT_OCTETS)


@click.command()
@click.option("--pricelist", "path", type=PRICE_LIST_FILE, required=True, help="The price list.")
@click.option("--tariff", "name", required=True, help="Name of a tariff of the list.")
@click.option("--start", required=True, help="ISO 8601, with offset or in the tariff's zone.")
@click.option("--available", required=True, help="What may be spent, as 20.00.")
@click.option(
    "--metric",
    type=click.Choice([Metric.SECONDS.value, *(one.value for one in VOLUMES)]),
    default=Metric.SECONDS.value,
    help="What is bought (default: time).",
)
@click.option("--cap", help="At most so much, as 24h or 10GB (default: all that a session can).")
@click.option("--zone", help="The account's zone, for a tariff that goes by it.")
@pool_options
@json_option
def quota(
    *,
    path: Path,
    name: str,
    start: str,
    available: str,
    metric: str,
    cap: str | None,
    zone: str | None,
    allowances: tuple[str, ...],
    used: int,
    counters: tuple[str, ...],
    discounts: tuple[str, ...],
    as_json: bool,
) -> None:
    """How long, or how much, an amount buys: in whole blocks, under prices as they will change.

    Octets are bought at once, at the prices of the start.
    """
    tariff = find_tariff(load_file(path), name, zone)
    started_at = read_instant(start, zone=tariff.zone)
    available_micros = read_amount(available)
    assert available_micros is not None, "the option is required"
    most = SESSION_SECONDS_MAX if metric == Metric.SECONDS else OCTETS_MAX
    cap_units = read_quantity(cap, metric)
    try:
        meter = Meter(
            compile_timeline([(0, tariff)]),
            started_at,
            pool=read_pool(
                tariff, allowances=allowances, used=used, counters=counters, discounts=discounts
            ),
        )
        granted = _grant(meter, metric, available_micros, most if cap_units is None else cap_units)
    except RatingError as error:
        fail(str(error))
    report = {
        "tariff": tariff.name,
        "currency": tariff.currency,
        "zone": tariff.zone,
        "started_at": started_at,
        "available_micros": available_micros,
        "metric": metric,
        "granted": granted,
    }
    show(report, as_json=as_json, human=_print_quota)


def _grant(meter: Meter, metric: str, available_micros: int, cap: int) -> int:
    if metric == Metric.SECONDS:
        return meter.grant_seconds(available_micros, cap)
    return meter.grant_octets(available_micros, cap, sent=metric == Metric.INPUT_OCTETS)


def _print_quota(report: Any) -> None:
    bought = quantity(report["granted"], report["metric"])
    line(
        f"{money(report['available_micros'], report['currency'])} under {report['tariff']} from "
        f"{instant(report['started_at'], report['zone'])}: {bought}"
    )
