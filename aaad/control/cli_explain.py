"""`aaactl explain`: why a login is let in or refused, and why a charge is what it is."""

from __future__ import annotations

from typing import Any

import click

from aaad.control.cli_choices import account_choice, account_options, brand_option, service_choice
from aaad.control.cli_output import call, json_option, line, show, table
from aaad.control.sentences import charge_sentences
from aaad.control.text import octets
from ratingcore.words import clock_span, instant


@click.group()
def explain() -> None:
    """Every check with its input and verdict; every segment of a price."""


@explain.command("login")
@click.argument("login")
@brand_option
@json_option
def explain_login(*, login: str, brand: str | None, as_json: bool) -> None:
    """Every check that LOGIN would go through now with the right password."""
    answer = call("explain.login", **service_choice(login, brand))
    show(answer["checks"], as_json=as_json, human=_print_checks)


@explain.command("charge")
@click.argument("event_id", type=int)
@account_options
@json_option
def explain_charge(
    *, event_id: int, account_id: int | None, login: str | None, brand: str | None, as_json: bool
) -> None:
    """A usage EVENT of an ACCOUNT (see `aaactl events`), segment by segment."""
    choice = account_choice(account_id, login, brand)
    answer = call("explain.charge", account=choice, event_id=event_id)
    show(answer, as_json=as_json, human=_print_charge)


def _print_checks(checks: Any) -> None:
    rows = [(one["check"], one["input"], one["verdict"], one["remedy"]) for one in checks]
    table(("check", "looks at", "verdict", "remedy"), rows)
    failed = [one["check"] for one in checks if one["verdict"] == "failed"]
    line(f"refused by {failed[0]}" if failed else "a login with the right password is let in")


def _print_charge(answer: Any) -> None:
    piece, zone = answer["piece"], answer["zone"]
    event = answer["event"]
    span = clock_span(piece["started_at"], piece["ended_at"], zone)
    line(f"event {event['event_id']}: usage under {answer['tariff']}, {span}")
    line(f"from {instant(piece['started_at'], zone)} to {instant(piece['ended_at'], zone)}")
    line(f"sent {octets(piece['input_octets'])}, received {octets(piece['output_octets'])}")
    sentences = charge_sentences(
        piece["segments"],
        currency=answer["currency"],
        zone=zone,
        total_micros=piece["charge_micros"],
        impacts=piece.get("impacts", ()),
    )
    for sentence in sentences:
        line(f"  {sentence}")
