"""`aaactl pricelist`: check and show files without a daemon, load and list versions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from aaad.control.cli_output import call, fail, json_option, line, read_instant, show, table
from aaad.control.price_diff import compare
from aaad.control.reply_check import attribute_check
from aaad.control.sentences import quantity
from aaad.control.text import money
from aaad.control.week_grid import week_grid
from aaad.radius.dictionary import DictionaryError, load_dictionary
from ledger.document import Finding
from ledger.model import Offer
from ledger.pricelist import PriceList, PriceListError, parse_pricelist
from ratingcore.errors import RatingError
from ratingcore.tariff import WEEKDAY_NAMES, Price, Tariff, TimeBand
from ratingcore.words import instant, price_text

FILE_OCTETS_MAX = 4_000_000
"""Octets of a price list: what the store keeps of one, and a request can carry."""

PRICE_LIST_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

_dictionary_option = click.option(
    "--dictionary",
    "dictionary_paths",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="FreeRADIUS dictionary, file or folder, beside the built-in ones; may be repeated.",
)


@click.group()
def pricelist() -> None:
    """Price lists: checked and shown from files, loaded into the books."""


@pricelist.command("check")
@click.argument("file", type=PRICE_LIST_FILE)
@_dictionary_option
@json_option
def check_pricelist(*, file: Path, dictionary_paths: tuple[Path, ...], as_json: bool) -> None:
    """Check FILE; show every mistake with its key and remedy. Exit 1 when there is any."""
    try:
        found = load_file_or_findings(file, dictionary_paths)
    except DictionaryError as error:
        fail(str(error))
    findings = () if isinstance(found, PriceList) else found
    show([asdict(one) for one in findings], as_json=as_json, human=lambda _: _print(findings))
    if findings:
        raise SystemExit(1)
    if not as_json and isinstance(found, PriceList):
        line(f"{file}: {len(found.offers)} offers and {len(found.tariffs)} tariffs, no mistakes")


@pricelist.command("show")
@click.argument("file", type=PRICE_LIST_FILE)
@json_option
def show_pricelist(*, file: Path, as_json: bool) -> None:
    """Show the offers and tariffs of FILE in words."""
    found = load_file(file)
    plain = {
        "name": found.name,
        "currency": found.currency,
        "prices": found.prices.value,
        "offers": [asdict(offer) for offer in found.offers.values()],
        "tariffs": [asdict(tariff) for tariff in found.tariffs.values()],
    }
    show(plain, as_json=as_json, human=lambda _: _print_pricelist(found))


@pricelist.command("load")
@click.argument("file", type=PRICE_LIST_FILE)
@click.option("--effective", required=True, help="ISO 8601 with offset: from when its prices hold.")
@click.option("--brand", help="Whose price list it is (default: the brand `default`).")
@json_option
def load_pricelist(*, file: Path, effective: str, brand: str | None, as_json: bool) -> None:
    """Check FILE in the daemon and make it the price list from an instant on."""
    answer = call(
        "pricelist.load",
        text=read_text(file),
        source=str(file),
        effective_at=read_instant(effective),
        brand=brand,
    )
    show(answer, as_json=as_json, human=_print_loaded)


@pricelist.command("list")
@click.option("--brand", help="Whose price lists (default: the brand `default`).")
@json_option
def list_pricelists(*, brand: str | None, as_json: bool) -> None:
    """The versions in the books, in the order in which they take effect."""
    answer = call("pricelist.list", brand=brand)
    show(answer, as_json=as_json, human=_print_versions)


@pricelist.command("diff")
@click.argument("before", type=PRICE_LIST_FILE)
@click.argument("after", type=PRICE_LIST_FILE)
@click.option("--from", "begin", required=True, help="ISO 8601 with offset: begin of the sample.")
@click.option("--zone", default="UTC", help="For tariffs that go by the account's (default: UTC).")
@json_option
def diff_pricelists(*, before: Path, after: Path, begin: str, zone: str, as_json: bool) -> None:
    """Price a sample of sessions under the tariffs of BEFORE and AFTER and show what changes."""
    old, new = load_file(before), load_file(after)
    begin_at = read_instant(begin)
    try:
        differences = [
            compare(old.tariffs[name], new.tariffs[name], begin_at=begin_at, zone=zone)
            for name in old.tariffs
            if name in new.tariffs
        ]
    except RatingError as error:
        fail(str(error))
    report = {
        "currency": [old.currency, new.currency],
        "removed": [name for name in old.tariffs if name not in new.tariffs],
        "added": [name for name in new.tariffs if name not in old.tariffs],
        "tariffs": [asdict(one) for one in differences],
    }
    show(report, as_json=as_json, human=_print_differences)


def load_file(path: Path) -> PriceList:
    """The price list in a file; ends the program with every mistake otherwise."""
    found = load_file_or_findings(path, ())
    if isinstance(found, PriceList):
        return found
    _print(found)
    raise SystemExit(1)


def load_file_or_findings(
    path: Path, dictionary_paths: tuple[Path, ...]
) -> PriceList | tuple[Finding, ...]:
    """The price list in a file, or all its mistakes. Raises DictionaryError."""
    known_attribute = attribute_check(load_dictionary(dictionary_paths))
    try:
        return parse_pricelist(read_text(path), source=str(path), known_attribute=known_attribute)
    except PriceListError as error:
        return error.findings


def read_text(path: Path) -> str:
    """A file's text; ends the program when it is too long, not UTF-8 or not readable."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_OCTETS_MAX + 1)
        text = content.decode("utf-8")
    except OSError as error:
        fail(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{path}: is not UTF-8 at octet {error.start}", remedy="save it as UTF-8")
    if len(content) > FILE_OCTETS_MAX:
        fail(f"{path}: has more than {FILE_OCTETS_MAX} octets", remedy="split it by brand")
    return text


def _print(findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        line(finding)


def _print_pricelist(found: PriceList) -> None:
    line(f"{found.name}: prices in {found.currency}, {found.prices.value} of tax")
    for offer in found.offers.values():
        _print_offer(offer, found.currency)
    for tariff in found.tariffs.values():
        line()
        line(f"tariff {tariff.name} (zone {tariff.zone}):")
        rows = [_band_row(band, tariff) for band in tariff.bands]
        table(("band", "days", "from", "to", "price"), rows)
        console = Console(highlight=False)
        for grid_line in week_grid(tariff):
            console.print(grid_line)


def _print_offer(offer: Offer, currency: str) -> None:
    line()
    tariff = offer.tariff or "none: its usage goes to suspense"
    line(f"offer {offer.name}: tariff {tariff}")
    for limit in offer.limits:
        thresholds = [
            f"{name} {quantity(value, limit.metric, currency)}"
            for name, value in (("soft", limit.soft), ("hard", limit.hard))
            if value is not None
        ]
        line(f"  limit {limit.name}, each cycle: {', '.join(thresholds)}")
    for name, value in offer.reply.items():
        line(f"  reply {name} = {value}")


def _band_row(band: TimeBand, tariff: Tariff) -> tuple[str, ...]:
    days = " ".join(WEEKDAY_NAMES[day][:3] for day in band.weekdays) or "every day"
    prices = "; ".join(_price_text(price, tariff.currency) for price in band.prices)
    return (band.name, days, _clock(band.from_s), _clock(band.to_s), prices)


def _price_text(price: Price, currency: str) -> str:
    parts = []
    for tier in price.tiers:
        words = price_text(tier.amount_micros, per=tier.per, metric=price.metric, currency=currency)
        above = f" above {quantity(tier.from_quantity, price.metric)}" if tier.from_quantity else ""
        parts.append(f"{words}{above}")
    return f"{price.metric.replace('_', ' ')} {', '.join(parts)}"


def _print_differences(report: Any) -> None:
    old, new = report["currency"]
    rows = [
        (
            one["tariff"],
            f"{one['changed']} of {one['sessions']}",
            one["not_rated"],
            money(one["before_micros"], old),
            money(one["after_micros"], new),
            f"{instant(one['started_at'])}, {quantity(one['seconds'], 'seconds')}: "
            f"{money(one['example_before_micros'], old)} -> "
            f"{money(one['example_after_micros'], new)}",
        )
        for one in report["tariffs"]
    ]
    columns = ("tariff", "sessions changed", "not rated", "before", "after", "most")
    table(columns, rows, right="not rated,before,after")
    for what in ("removed", "added"):
        if report[what]:
            line(f"{what}: {', '.join(report[what])}")


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"


def _print_loaded(answer: Any) -> None:
    line(
        f"version {answer['version']} of {answer['brand']} holds from "
        f"{instant(answer['effective_at'])} on"
    )


def _print_versions(answer: Any) -> None:
    rows = [
        (
            one["version"],
            instant(one["effective_at"]),
            instant(one["stored_at"]),
            one["actor"],
            one["sha256"][:12],
        )
        for one in answer["versions"]
    ]
    table(("version", "holds from", "stored", "by", "SHA-256"), rows, right="version")
