"""`python -m benchmarks.load access|accounting`: a load on a RADIUS server, bounded and counted."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
import orjson

from benchmarks.load.exchange import Exchange
from benchmarks.load.logins import METHODS, Logins
from benchmarks.load.options import SECONDS_MAX, Options, options_of, shared
from benchmarks.load.packets import Secret
from benchmarks.load.people import make_people, read_people, set_mschap2, write_people
from benchmarks.load.ports import Ports
from benchmarks.load.report import COUNTERS, book_of, cpu_us, figures_of, wrong
from benchmarks.load.sessions import INTERIMS_MAX, Sessions
from benchmarks.load.users import Users

EXIT_WRONG = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Plays NASes against a RADIUS server and checks every answer.

    Exit 1 when anything was lost or wrong.
    """


@main.command()
@click.argument("count", type=click.IntRange(1, 4_000_000))
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
def users(count: int, path: Path) -> None:
    """Write a file of COUNT users, to be loaded into the server and given to --users."""
    write_people(path, make_people(count))


@main.command()
@shared
@click.option("--port", type=click.IntRange(1, 65_535), default=1812, show_default=True)
@click.option("--method", type=click.Choice(METHODS), default="pap", show_default=True)
@click.option("--in-order", is_flag=True, help="The users in their order, not drawn: a warm-up.")
def access(method: str, in_order: bool, **given: Any) -> None:
    """Logins of users drawn evenly; every one must be accepted."""
    options = options_of(**given)
    people = read_people(options.users)
    crowd = Users(people)
    if method == "mschapv2":
        set_mschap2(crowd, people)
    work = Logins(crowd, method=method, nases=options.nases, seed=options.seed, in_order=in_order)
    finish(options, run(options, exchange_for(options, work)))


@main.command()
@shared
@click.option("--port", type=click.IntRange(1, 65_535), default=1813, show_default=True)
@click.option(
    "--open",
    "count",
    type=click.IntRange(1, 4_000_000),
    default=128,
    show_default=True,
    help="Sessions that are open all the time; each has one report under way at most.",
)
@click.option(
    "--interims",
    type=click.IntRange(0, INTERIMS_MAX),
    default=8,
    show_default=True,
    help="Interim-Updates of a session between Start and Stop.",
)
@click.option(
    "--books",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Gets all that was acknowledged, as JSON: what a checker compares.",
)
@click.option(
    "--load-state",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Go on with the sessions that --save-state left; other options as there.",
)
@click.option("--save-state", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--starts-only", is_flag=True, help="Open all sessions, send nothing else.")
@click.option("--assume-started", is_flag=True, help="Take all Starts as sent: they are there.")
def accounting(
    *,
    count: int,
    interims: int,
    books: Path | None,
    load_state: Path | None,
    save_state: Path | None,
    starts_only: bool,
    assume_started: bool,
    **given: Any,
) -> None:
    """Reports of sessions: one Start, --interims Interim-Updates, one Stop, then the next.

    All sessions are opened first; the figures are of what follows.
    """
    options = options_of(**given)
    sessions = Sessions(
        Users(read_people(options.users)),
        count=count,
        interims=interims,
        nases=options.nases,
        seed=options.seed,
        began_at=int(time.time()),
    )
    exchange = exchange_for(options, sessions)
    if load_state:
        sessions.load(load_state.read_bytes())
    elif assume_started:
        sessions.assume_started()
    else:
        exchange.run(time_ms=SECONDS_MAX * 1000, requests=count, window=options.window)
    figures = figures_of(exchange, cpu_us=0) if starts_only else run(options, exchange)
    if save_state:
        save_state.write_bytes(sessions.save())
    if books:
        books.write_bytes(orjson.dumps(book_of(sessions.book())))
    finish(options, figures)


def exchange_for(options: Options, work: Logins | Sessions) -> Exchange:
    """The loop, its source ports open."""
    secret = Secret(options.secret_file.read_bytes().removesuffix(b"\n"))
    ports = Ports((options.host, options.port), options.ports)
    return Exchange(ports, secret, work, timeout_ms=options.timeout_ms, tries=options.tries)


def run(options: Options, exchange: Exchange) -> dict[str, Any]:
    """The measured part."""
    before_us = cpu_us()
    exchange.run(
        time_ms=options.seconds * 1000,
        requests=options.requests,
        window=options.window,
        rate=options.rate,
    )
    return figures_of(exchange, cpu_us=cpu_us() - before_us)


def finish(options: Options, figures: dict[str, Any]) -> None:
    """Say what was found, and exit."""
    if options.as_json:
        click.echo(orjson.dumps(figures))
    else:
        for name, meaning in COUNTERS:
            click.echo(f"{name:20} {figures[name]:12,}  {meaning}")
        latency = figures["latency_us"]
        click.echo(f"{'answers a second':20} {figures['answers_per_s']:12,}")
        for name, value in latency.items():
            click.echo(f"{'latency ' + name:20} {value:12,}  us")
        per_request = figures["generator_cpu_ns_per_request"]
        click.echo(f"{'own CPU':20} {per_request:12,}  ns a request")
    sys.exit(EXIT_WRONG if figures["lost"] or wrong(figures) else 0)


if __name__ == "__main__":
    main()
