"""aaabill: the jobs, one command each. systemd timers run them; so may a person, at any time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from billing_jobs.check_books import check_books
from billing_jobs.dunning import dun
from billing_jobs.make_bills import make_bills
from billing_jobs.runner import Options, run_job

CONFIG_DEFAULT = "/etc/aaad/aaad.toml"

Command = TypeVar("Command", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    default=CONFIG_DEFAULT,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration of aaad.",
)


def run_options(command: Command) -> Command:
    """The options of every job that works for a day."""
    for option in (
        click.option(
            "--as-of",
            type=click.DateTime(["%Y-%m-%d"]),
            help="The day of the run: it bills the billing dates before it.  [default: today, UTC]",
        ),
        click.option("--dry-run", is_flag=True, help="Say what would change; write nothing."),
        click.option("--account", "account_id", type=int, help="This account alone."),
        config_option,
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The jobs of billing staff and timers. Exit 0 done, 1 some part failed, 2 usage, 75 locked."""


@main.command("check-books")
@config_option
def check_books_command(config: Path) -> None:
    """Check every invariant of the books; the log names what is broken."""
    run_job("check-books", check_books, Options(config=config))


@main.command("make-bills")
@run_options
@click.option("--force", is_flag=True, help="Do not wait for usage that may still be on its way.")
def make_bills_command(
    config: Path, as_of: datetime | None, dry_run: bool, account_id: int | None, force: bool
) -> None:
    """Post the fees that are due and make the bills of every billing date that has passed."""
    options = Options(
        config=config,
        as_of=as_of.date() if as_of else None,
        dry_run=dry_run,
        account_id=account_id,
        force=force,
    )
    run_job("make-bills", make_bills, options)


@main.command("dunning")
@run_options
@click.option("--confirm", is_flag=True, help="Suspend more accounts than the table allows.")
def dunning_command(
    config: Path, as_of: datetime | None, dry_run: bool, account_id: int | None, confirm: bool
) -> None:
    """Remind, suspend, close and hand to collections who does not pay, by the dunning table."""
    options = Options(
        config=config,
        as_of=as_of.date() if as_of else None,
        dry_run=dry_run,
        account_id=account_id,
        confirm=confirm,
    )
    run_job("dunning", dun, options)


if __name__ == "__main__":
    main()
