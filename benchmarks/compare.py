"""`python -m benchmarks.compare`: servers side by side, and one table.

For each work every server is filled once; then the servers run in turn, each time on a fresh copy
of its data and in alternating order, and the median of the runs is shown. CPU a request is user and
system time of server and database, until everything is stored. Accounting of aaad has one more run,
in which its books are questioned at once.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measurement, Plan, measure, prepare
from benchmarks.servers.aaad import AaadServer
from benchmarks.servers.beds import beds_for
from benchmarks.servers.contract import Server
from benchmarks.servers.freeradius import FreeRadiusServer
from benchmarks.servers.pyrad_server import PyradServer
from benchmarks.work import WORKS, Work

SERVERS: tuple[Server, ...] = (AaadServer(), FreeRadiusServer(), PyradServer())
FIRST = "aaad"
RUNS, SECONDS = 5, 15
RUNS_QUICK, SECONDS_QUICK = 1, 4
EXIT_INVALID = 1

Results = dict[str, list[Measurement]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--work",
    "names",
    multiple=True,
    type=click.Choice([work.name for work in WORKS]),
    help="Only this work; may be given again.",
)
@click.option(
    "--server",
    "servers",
    multiple=True,
    type=click.Choice([server.name for server in SERVERS]),
    help="Only this server; may be given again.",
)
@click.option("--runs", type=click.IntRange(1, 100), default=RUNS, show_default=True)
@click.option("--seconds", type=click.IntRange(1, 600), default=SECONDS, show_default=True)
@click.option(
    "--quick",
    is_flag=True,
    help="One short run each; aaad's store is judged after its end instead of after 65 s.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where data is kept while it runs; default: a temporary folder.",
)
def main(
    *,
    names: Sequence[str],
    servers: Sequence[str],
    runs: int,
    seconds: int,
    quick: bool,
    folder: Path | None,
) -> None:
    """Compare servers on this machine. Exit 1 when a run was invalid."""
    if quick:
        runs, seconds = RUNS_QUICK, SECONDS_QUICK
    console = Console()
    works = [work for work in WORKS if not names or work.name in names]
    chosen = [server for server in SERVERS if not servers or server.name in servers]
    results: dict[str, Results] = {}
    plan = Plan(seconds=seconds, waits=not quick)
    with tempfile.TemporaryDirectory(prefix="aaad-bench-", dir=folder) as temporary:
        for work in works:
            place = Path(temporary) / work.name
            results[work.name] = run_work(
                work, chosen, place, runs=runs, plan=plan, console=console
            )
    table = table_of(works, results)
    console.print(table)
    if say_what_is_invalid(works, results, console):
        sys.exit(EXIT_INVALID)


def run_work(
    work: Work,
    servers: Sequence[Server],
    folder: Path,
    *,
    runs: int,
    plan: Plan,
    console: Console,
) -> Results:
    """All runs of all servers in one work."""
    results: Results = {}
    with ExitStack() as stack:
        kind = "postgresql" if work.store == "postgresql" else "sqlite"
        try:
            beds = stack.enter_context(beds_for(kind, folder))
        except LookupError as reason:
            console.print(f"{work.title}: left out: {reason}")
            return results
        able = [server for server in servers if server.can(work)]
        templates = {server.name: prepare(server, work, beds) for server in able}
        for number in range(runs + 1):
            for server in able if number % 2 == 0 else reversed(able):
                of_run = replace(plan, questions=number == 0)
                if of_run.questions and not _is_questioned(server, work, plan):
                    continue
                template = templates[server.name]
                measured = measure(server, work, beds, template, plan=of_run)
                results.setdefault(server.name, []).append(measured)
                console.print(_line(work, server, measured))
    return results


def _is_questioned(server: Server, work: Work, plan: Plan) -> bool:
    """aaad's books are asked within 5 s in a run of its own, but for a quick comparison."""
    return work.is_accounting and plan.waits and server.name == FIRST


def _line(work: Work, server: Server, measured: Measurement) -> str:
    figures = measured.figures
    verdict = "valid" if not measured.findings else f"INVALID: {measured.findings[0]}"
    own_ns = figures["generator_cpu_ns_per_request"]
    cpu = (
        "questioned" if measured.questioned else f"{measured.cpu_per_request_ns / 1000:.1f} us CPU"
    )
    return (
        f"{work.title}: {server.name}: {figures['answers_per_s']:,}/s, "
        f"{cpu} (generator {own_ns / 1000:.1f}), "
        f"settled after {measured.settled_s} s, {verdict}"
    )


def table_of(works: Sequence[Work], results: dict[str, Results]) -> Table:
    """Medians, and ratios to aaad."""
    table = Table(title="Medians; CPU is user + system of server and database, a request")
    table.add_column("work")
    table.add_column("server")
    for column in ("answers/s", "p50 ms", "p99 ms", "p99.9 ms", "lost", "CPU us"):
        table.add_column(column, justify="right")
    table.add_column("CPU, aaad = 1", justify="right")
    for work in works:
        of_work = results[work.name]
        first = _measured(of_work.get(FIRST, []))
        base_ns = _median(m.cpu_per_request_ns for m in first) if first else 0
        for name, all_runs in of_work.items():
            runs = _measured(all_runs)
            cpu_ns = _median(m.cpu_per_request_ns for m in runs)
            valid = all(not m.findings for m in all_runs)
            table.add_row(
                work.title,
                name if valid else f"{name} (INVALID)",
                f"{_median(m.figures['answers_per_s'] for m in runs):,}",
                *(
                    f"{_median(m.figures['latency_us'][p] for m in runs) / 1000:.1f}"
                    for p in ("p50", "p99", "p999")
                ),
                str(sum(m.figures["lost"] for m in all_runs)),
                f"{cpu_ns / 1000:.1f}",
                f"{cpu_ns / base_ns:.2f}" if base_ns else "",
            )
        table.add_section()
    return table


def say_what_is_invalid(
    works: Sequence[Work], results: dict[str, Results], console: Console
) -> bool:
    """Every finding of every run, loudly; whether there was any."""
    found = False
    for work in works:
        for name, runs in results[work.name].items():
            for number, measured in enumerate(runs, start=1):
                for finding in measured.findings:
                    found = True
                    console.print(
                        f"[bold red]INVALID[/] {work.title}, {name}, run {number}: {finding}"
                    )
    return found


def _measured(runs: Sequence[Measurement]) -> list[Measurement]:
    return [measured for measured in runs if not measured.questioned]


def _median(values: Iterator[int]) -> int:
    return int(statistics.median(values))


if __name__ == "__main__":
    main()
