"""`aaactl sessions, session show, disconnect`: what runs now and what it costs so far."""

from __future__ import annotations

from typing import Any

import click

from aaad.control.cli_choices import brand_option, login_octets
from aaad.control.cli_output import call, facts, fail, json_option, line, show, table
from aaad.control.protocol import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from aaad.control.sentences import charge_sentences, limit_sentence
from aaad.control.text import money, octets
from ratingcore.words import duration_text, instant


@click.command()
@click.option("--account", "account_id", type=int, help="Of this account only.")
@click.option("--login", help="Of this login only.")
@brand_option
@click.option("--nas", help="On this NAS only.")
@click.option("--after", type=int, default=0, help="Continue after this session.")
@click.option(
    "--limit",
    type=click.IntRange(1, PAGE_SIZE_MAX),
    default=PAGE_SIZE_DEFAULT,
    show_default=True,
    help="Sessions at most.",
)
@json_option
def sessions(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    nas: str | None,
    after: int,
    limit: int,
    as_json: bool,
) -> None:
    """The sessions that run now, with what each costs so far."""
    answer = call(
        "session.list",
        account_id=account_id,
        login=login_octets(login),
        brand=brand,
        nas=nas,
        after=after,
        limit=limit,
    )
    show(answer["sessions"], as_json=as_json, human=lambda found: _print_sessions(found, limit))


def _print_sessions(found: Any, limit: int) -> None:
    rows = [
        (
            one["session_id"],
            one["login"],
            one["nas"],
            one["framed_address"],
            instant(one["started_at"], one["zone"]),
            duration_text(one["session_time_s"]),
            octets(one["input_octets"]),
            octets(one["output_octets"]),
            money(one["charge_micros"], one["currency"]),
        )
        for one in found
    ]
    columns = ("session", "login", "NAS", "address", "since", "time", "sent", "received", "charge")
    table(columns, rows, right="time, sent, received, charge")
    if len(rows) == limit:
        line(f"There may be more: aaactl sessions --after {rows[-1][0]}")


@click.group()
def session() -> None:
    """One running session."""


@session.command("show")
@click.argument("session_id", type=int)
@json_option
def show_session(*, session_id: int, as_json: bool) -> None:
    """What a session costs so far and why, its limits, and the orders sent about it."""
    show(call("session.show", session_id=session_id), as_json=as_json, human=_print_session)


def _print_session(report: Any) -> None:
    one = report["session"]
    zone = one["zone"]
    facts(
        {
            "session": one["session_id"],
            "login": one["login"],
            "name as sent": one["user_name"] if one["user_name"] != one["login"] else "",
            "account": one["account_id"],
            "NAS": one["nas"],
            "NAS port": one["nas_port"],
            "Acct-Session-Id": one["acct_session_id"],
            "address": one["framed_address"],
            "calls from": one["calling_station_id"],
            "since": instant(one["started_at"], zone),
            "last report": instant(one["last_at"], zone),
            "time": duration_text(one["session_time_s"]),
            "sent": octets(one["input_octets"]),
            "received": octets(one["output_octets"]),
            "tariff": one["tariff"],
        }
    )
    line()
    line("charge so far:")
    sentences = charge_sentences(
        report["segments"],
        currency=one["currency"],
        zone=zone,
        total_micros=one["charge_micros"],
    )
    for sentence in sentences:
        line(f"  {sentence}")
    _print_limits(report["limits"], currency=one["currency"], zone=zone)
    _print_orders(report["orders"], zone)


def _print_limits(limits: Any, *, currency: str, zone: str) -> None:
    if limits:
        line()
        line("limits:")
    for limit in limits:
        line(f"  {limit_sentence(limit, currency=currency, zone=zone)}")


def _print_orders(orders: Any, zone: str) -> None:
    if orders:
        line()
        line("orders:")
    for order in orders:
        when = instant(order["ordered_at"], zone)
        line(
            f"  {when} {order['kind']} because {order['reason']}: {order['outcome']} "
            f"after {order['attempts']} attempts"
        )


@click.command()
@click.argument("session_id", type=int)
@json_option
def disconnect(*, session_id: int, as_json: bool) -> None:
    """Send a Disconnect-Request for a session and wait for the NAS's answer.

    Exit 0 when the NAS acknowledged, 1 when it refused or never answered.
    """
    report = call("session.disconnect", session_id=session_id)
    show(report, as_json=as_json, human=_print_disconnect)
    if report["outcome"] != "ack":
        fail(f"session {session_id} was not disconnected", remedy=_REMEDIES[report["outcome"]])


_REMEDIES = {
    "nak": "the Error-Cause says why; the NAS may not know this session any more",
    "no_address": "name the NAS's [nases.dynauth] address in the configuration",
    "timeout": "check the NAS's dynamic authorization port, its secret, and that it accepts us",
}


def _print_disconnect(report: Any) -> None:
    cause = f" ({report['error_cause']})" if report["error_cause"] else ""
    line(f"{report['address']}: {report['outcome']}{cause} after {report['attempts']} attempts")
