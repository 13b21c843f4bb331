"""`aaactl store`: the books as a whole."""

from __future__ import annotations

from typing import Any

import click

from aaad.control.cli_output import call, fail, json_option, line, show


@click.group()
def store() -> None:
    """The books as a whole."""


@store.command()
@json_option
def check(as_json: bool) -> None:
    """Check every invariant of the books beside the running daemon. Exit 1 when one is broken."""
    answer = call("store.check")
    show(answer, as_json=as_json, human=_print_faults)
    if answer["faults"]:
        fail(f"{len(answer['faults'])} faults: restore from a backup, or ask for help with them")


def _print_faults(answer: Any) -> None:
    for fault in answer["faults"]:
        line(fault)
    if not answer["faults"]:
        line("The books are right.")
