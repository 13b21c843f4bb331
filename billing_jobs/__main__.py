"""aaabill: the jobs, one command each. systemd timers run them; so may a person, at any time."""

from __future__ import annotations

from pathlib import Path

import click

from billing_jobs.check_books import check_books
from billing_jobs.runner import run_job

CONFIG_DEFAULT = "/etc/aaad/aaad.toml"

config_option = click.option(
    "--config",
    default=CONFIG_DEFAULT,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration of aaad.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The jobs of billing staff and timers. Exit 0 done, 1 some part failed, 2 usage, 75 locked."""


@main.command("check-books")
@config_option
def check_books_command(config: Path) -> None:
    """Check every invariant of the books; the log names what is broken."""
    run_job("check-books", check_books, config)


if __name__ == "__main__":
    main()
