"""`aaactl status, client, nas, reload, drain, clock`: the daemon itself."""

from __future__ import annotations

from typing import Any

import click

from aaad.control.cli_output import call, facts, json_option, line, read_instant, show, table
from ratingcore.words import duration_text, instant


@click.command()
@json_option
def status(as_json: bool) -> None:
    """What the daemon does, what it discarded and why, and what needs attention."""
    show(call("status"), as_json=as_json, human=_print_status)


def _print_status(report: Any) -> None:
    up = duration_text(report["now_at"] - report["started_at"])
    line(f"aaad {report['version']} is {report['state']}, up {up}")
    for name, figures in report["sections"].items():
        line()
        line(f"{name}:")
        facts({f"  {figure}": value for figure, value in figures.items()})
    if report["discards"]:
        line()
        rows = [(one["reason"], one["count"], one["remedy"]) for one in report["discards"]]
        table(("discarded", "count", "remedy"), rows, right="count")
    line()
    for one in report["attention"]:
        line(f"ATTENTION: {one['what']}")
        line(f"  remedy: {one['remedy']}")
    if not report["attention"]:
        line("Nothing needs attention.")


@click.group()
def client() -> None:
    """Who sends us packets: sources and their shared secrets."""


@client.command("list")
@json_option
def list_clients(as_json: bool) -> None:
    """All clients with their requests and discards since the start."""
    show(call("client.list"), as_json=as_json, human=_print_clients)


def _print_clients(answer: Any) -> None:
    rows = [
        (
            one["client"],
            " ".join(one["prefixes"]),
            one["message_authenticator"],
            one["requests"],
            one["discards"],
            _heard(one["heard_at"]),
        )
        for one in answer["clients"]
    ]
    columns = ("client", "source", "Message-Authenticator", "requests", "discards", "last heard")
    table(columns, rows, right="requests, discards")


@click.group()
def nas() -> None:
    """Who serves the users: NASes, their sessions and their behaviour."""


@nas.command("list")
@json_option
def list_nases(as_json: bool) -> None:
    """All NASes with their running sessions."""
    show(call("nas.list"), as_json=as_json, human=_print_nases)


def _print_nases(answer: Any) -> None:
    rows = [
        (
            one["nas"],
            one["client"],
            one["address"],
            one["dynauth"],
            one["sessions"],
            _heard(one["heard_at"]),
            _heard(one["booted_at"]),
        )
        for one in answer["nases"]
    ]
    columns = ("NAS", "client", "address", "Disconnect to", "sessions", "last heard", "booted")
    table(columns, rows, right="sessions")


@nas.command("report")
@json_option
def report_nases(as_json: bool) -> None:
    """How well each NAS behaves: clocks that are wrong, ends it never told, orders unanswered."""
    show(call("nas.list"), as_json=as_json, human=_print_nas_report)


def _print_nas_report(answer: Any) -> None:
    figures = ("reports", "clamped_clocks", "presumed_ends", "unanswered_orders")
    rows = [(one["nas"], *(one[figure] for figure in figures)) for one in answer["nases"]]
    columns = ("NAS", "reports", "wrong clock", "ends presumed", "orders unanswered")
    table(columns, rows, right=",".join(columns[1:]))


@click.command()
@json_option
def reload(as_json: bool) -> None:
    """Read clients, dictionaries and price list again; mistakes change nothing."""
    show(call("reload"), as_json=as_json, human=_print_changes)


def _print_changes(answer: Any) -> None:
    for change in answer["changes"]:
        line(change)
    if not answer["changes"]:
        line("Read again; nothing had changed.")


@click.command()
def drain() -> None:
    """Finish what is under way, take nothing new, and end the daemon."""
    call("drain")
    line("aaad drains and will end.")


@click.group()
def clock() -> None:
    """The daemon's clock; a test may set it ([test] clock = true)."""


@clock.command("show")
@json_option
def show_clock(as_json: bool) -> None:
    """What time it is for the daemon."""
    show(call("clock.show"), as_json=as_json, human=_print_clock)


@clock.command("set")
@click.argument("iso8601")
@json_option
def set_clock(*, iso8601: str, as_json: bool) -> None:
    """Set the clock of a test to an instant with its offset, as 2026-03-06T22:00:00-05:00."""
    answer = call("clock.set", at=read_instant(iso8601))
    show(answer, as_json=as_json, human=_print_clock)


@clock.command("advance", context_settings={"ignore_unknown_options": True})
@click.argument("seconds", type=int)
@json_option
def advance_clock(*, seconds: int, as_json: bool) -> None:
    """Move the clock of a test by SECONDS."""
    show(call("clock.advance", seconds=seconds), as_json=as_json, human=_print_clock)


def _print_clock(answer: Any) -> None:
    line(instant(answer["now_at"]))
    if answer["settable"]:
        line(f"settable; {answer['offset_s']} s ahead of the machine's clock")


def _heard(at: int | None) -> str:
    return "never" if at is None else instant(at)
