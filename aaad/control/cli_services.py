"""`aaactl service, limit`: what logs in, and how far it may go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aaad.control.cli_choices import (
    account_choice,
    account_options,
    brand_option,
    login_argument,
    login_octets,
    metric_choice,
    read_fields,
    read_quantity,
    service_choice,
)
from aaad.control.cli_output import (
    call,
    facts,
    json_option,
    line,
    read_instant,
    read_password,
    show,
)
from aaad.control.sentences import quantity
from ratingcore.words import instant

offer_option = click.option("--offer", help="Name of the offer in the price list.")
scheme_option = click.option(
    "--scheme",
    type=click.Choice(["sealed", "nt_hash", "argon2"]),
    help="How the password is kept: sealed (default) for all methods, nt_hash for PAP and "
    "MS-CHAP, argon2 for PAP only.",
)
password_file_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the password; without it, it is asked for or read from a pipe.",
)


@click.group()
def service() -> None:
    """Services: what logs in."""


@service.command("add")
@account_options
@click.option("--new-login", required=True, help="Login of the new service.")
@offer_option
@scheme_option
@password_file_option
@json_option
def add_service(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    new_login: str,
    offer: str | None,
    scheme: str | None,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Add a service to an account; its password is asked for."""
    choice = account_choice(account_id, login, brand)
    new = registration(new_login, offer, scheme, password_file)
    show(call("service.add", account=choice, service=new), as_json=as_json, human=_print_answer)


@service.command("show")
@login_argument
@brand_option
@json_option
def show_service(*, login: str, brand: str | None, as_json: bool) -> None:
    """A service with what it owns."""
    answer = call("service.show", **service_choice(login, brand))
    show(answer, as_json=as_json, human=_print_answer)


@service.command("set")
@login_argument
@brand_option
@click.option("--new-login", help="New login.")
@click.option("--activated", help="ISO 8601 with offset: usage before costs nothing.")
@click.option(
    "--reply", multiple=True, metavar="NAME=VALUE", help="Reply attribute; empty removes."
)
@click.option("--profile", multiple=True, metavar="KEY=VALUE", help="Free field; empty removes.")
@json_option
def set_service(
    *,
    login: str,
    brand: str | None,
    new_login: str | None,
    activated: str | None,
    reply: tuple[str, ...],
    profile: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change values of a service; what is left out stays."""
    answer = call(
        "service.set",
        service=service_choice(login, brand),
        new_login=login_octets(new_login),
        activated_at=None if activated is None else read_instant(activated),
        reply=read_fields(reply),
        profile=read_fields(profile),
    )
    show(answer, as_json=as_json, human=_print_answer)


@service.command("offer")
@login_argument
@click.argument("offer")
@brand_option
@click.option("--effective", help="ISO 8601 with offset; now when left out.")
@json_option
def change_offer(
    *, login: str, offer: str, brand: str | None, effective: str | None, as_json: bool
) -> None:
    """Let a service own another OFFER."""
    answer = call(
        "service.offer",
        service=service_choice(login, brand),
        offer=offer,
        effective_at=None if effective is None else read_instant(effective),
    )
    show(answer, as_json=as_json, human=_print_answer)


@service.command("password")
@login_argument
@brand_option
@scheme_option
@password_file_option
@json_option
def change_password(
    *, login: str, brand: str | None, scheme: str | None, password_file: Path | None, as_json: bool
) -> None:
    """Give a service a new password; it is asked for, read from a pipe, or from a file."""
    answer = call(
        "service.password",
        service=service_choice(login, brand),
        password=read_password(password_file),
        scheme=scheme,
    )
    show(answer, as_json=as_json, human=_print_answer)


@service.command("suspend")
@login_argument
@brand_option
@click.option("--reason", default="manual", show_default=True)
@json_option
def suspend_service(*, login: str, brand: str | None, reason: str, as_json: bool) -> None:
    """Suspend one service."""
    answer = call("service.suspend", service=service_choice(login, brand), reason=reason)
    show(answer, as_json=as_json, human=_print_answer)


@service.command("reopen")
@login_argument
@brand_option
@click.option("--remedy", default="operator", show_default=True)
@json_option
def reopen_service(*, login: str, brand: str | None, remedy: str, as_json: bool) -> None:
    """Lift of a service's suspensions what the remedy lifts."""
    answer = call("service.reopen", service=service_choice(login, brand), remedy=remedy)
    show(answer, as_json=as_json, human=_print_answer)


@service.command("close")
@login_argument
@brand_option
@json_option
def close_service(*, login: str, brand: str | None, as_json: bool) -> None:
    """Close a service; its login stays taken."""
    answer = call("service.close", **service_choice(login, brand))
    show(answer, as_json=as_json, human=_print_answer)


@click.group()
def limit() -> None:
    """Own limits: of an account by its id, of one service by --login."""


@limit.command("set")
@account_options
@click.option("--name", required=True, help="Name; an offer's limit of this name is replaced.")
@click.option("--metric", type=metric_choice, required=True)
@click.option("--soft", help="Warns: 150h, 10GB, 20.00 or a plain number.")
@click.option("--hard", help="Cuts. Without --soft and --hard: no limit.")
@json_option
def set_limit(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    name: str,
    metric: str,
    soft: str | None,
    hard: str | None,
    as_json: bool,
) -> None:
    """Set a limit for every billing cycle."""
    answer = call(
        "limit.set",
        account=account_choice(account_id, login, brand),
        name=name,
        metric=metric,
        soft=read_quantity(soft, metric),
        hard=read_quantity(hard, metric),
    )
    show(answer, as_json=as_json, human=_print_limit)


@limit.command("topup")
@account_options
@click.option("--name", required=True, help="Name of the limit.")
@click.option("--metric", type=metric_choice, default="seconds", show_default=True)
@click.option("--quantity", "bought", required=True, help="What is added: 10h, 5GB, 20.00.")
@json_option
def top_up_limit(
    *,
    account_id: int | None,
    login: str | None,
    brand: str | None,
    name: str,
    metric: str,
    bought: str,
    as_json: bool,
) -> None:
    """Raise every threshold of a limit for the billing cycle that runs now."""
    answer = call(
        "limit.topup",
        account=account_choice(account_id, login, brand),
        name=name,
        metric=metric,
        quantity=read_quantity(bought, metric),
    )
    show(answer, as_json=as_json, human=_print_limit)


def registration(
    login: str, offer: str | None, scheme: str | None, password_file: Path | None
) -> dict[str, object]:
    """A service to be registered; its password is asked for."""
    if offer is None:
        raise click.UsageError("a service needs an --offer of the price list")
    fields: dict[str, object] = {
        "login": login_octets(login),
        "offer": offer,
        "password": read_password(password_file),
    }
    return fields if scheme is None else {**fields, "scheme": scheme}


def print_service(one: Any, zone: str) -> None:
    """A service in words."""
    reason = f" ({one['status_reason']})" if one["status_reason"] else ""
    facts(
        {
            "service": one["service_id"],
            "account": one["account_id"],
            "login": one["login"],
            "status": f"{one['status']}{reason}",
            "active from": instant(one["activated_at"], zone),
            "password": one["password_scheme"] or "none",
            **{f"reply {name}": value for name, value in one["reply"].items()},
            **{f"profile {name}": value for name, value in one["profile"].items()},
        }
    )
    for purchase in one["purchases"]:
        until = "" if purchase["to_at"] is None else f" to {instant(purchase['to_at'], zone)}"
        line(f"owns {purchase['offer']} from {instant(purchase['from_at'], zone)}{until}")


def _print_answer(answer: Any) -> None:
    print_service(answer["service"], "UTC")


def _print_limit(answer: Any) -> None:
    whose = f"service {answer['service_id']}" if answer["service_id"] else "the whole account"
    shown = {
        name: "none"
        if answer[name] is None
        else quantity(answer[name], answer["metric"], answer["currency"])
        for name in ("soft", "hard")
    }
    line(
        f"{answer['limit']} of {whose}: soft {shown['soft']}, hard {shown['hard']} "
        f"(revision {answer['revision']})"
    )
