"""What all commands of `aaactl` share: the call, the exit codes, JSON, tables and passwords.

Whatever a reply holds passes through `terminal_safe` before a terminal sees it. rich is loaded
only when a table is drawn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import click

from aaad.control.cli import EXIT_FAILED, EXIT_UNREACHABLE
from aaad.control.client import SOCKET_PATH_DEFAULT, ControlClient, DaemonUnreachable
from aaad.control.protocol import CommandFailed
from aaad.control.text import terminal_safe

CONFIG_DEFAULT = Path("/etc/aaad/aaad.toml")

PASSWORD_OCTETS_MAX = 128
"""User-Password's longest cleartext (RFC 2865 section 5.2)."""

TABLE_COLUMNS_PIPED = 200
"""Columns of a table that goes to a file or a pipe, where the terminal's width says nothing."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def call(command: str, /, **arguments: object) -> Any:
    """The daemon's result; ends the program with the message and the exit code otherwise."""
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        with ControlClient(_socket_path()) as client:
            return client.call(command, **given)
    except CommandFailed as failure:
        fail(failure.message, remedy=failure.remedy)
    except DaemonUnreachable as error:
        fail(str(error), exit_code=EXIT_UNREACHABLE)


def fail(message: str, *, remedy: str = "", exit_code: int = EXIT_FAILED) -> NoReturn:
    """Ends the program with a message on stderr."""
    click.echo(f"aaactl: {terminal_safe(message)}", err=True)
    if remedy:
        click.echo(f"  remedy: {terminal_safe(remedy)}", err=True)
    raise SystemExit(exit_code)


def emit_json(value: object) -> None:
    """Prints JSON, ASCII only: nothing in it can reach a terminal as a control sequence."""
    click.echo(json.dumps(value, indent=2, default=_as_json))


def _as_json(value: object) -> str:
    if isinstance(value, bytes):
        return terminal_safe(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def show(value: Any, *, as_json: bool, human: Callable[[Any], None]) -> None:
    """Prints a result for a script or for a person."""
    if as_json:
        emit_json(value)
    else:
        human(value)


def line(text: object = "", *, to_stderr: bool = False) -> None:
    """One line of output, escaped."""
    click.echo(terminal_safe(text), err=to_stderr)


def facts(values: Mapping[str, object]) -> None:
    """Names and values below each other, the values aligned; empty ones are left out."""
    shown = {name: value for name, value in values.items() if value not in ("", None)}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        line(f"{name.ljust(width)}  {terminal_safe(value)}")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = "") -> None:
    """A table. `right` names the right-aligned columns, separated by commas. `No entries.` when
    empty.
    """
    from rich import box  # noqa: PLC0415 - rich costs more time than most commands
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    cells = [[Text(terminal_safe(cell)) for cell in row] for row in rows]
    if not cells:
        line("No entries.")
        return
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    aligned_right = {name.strip() for name in right.split(",")}
    for column in columns:
        grid.add_column(column, justify="right" if column in aligned_right else "left")
    for row in cells:
        grid.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=TABLE_COLUMNS_PIPED)
    console.print(grid)


def read_instant(text: str, *, zone: str | None = None) -> int:
    """An instant from the command line; wrong usage when it is unclear."""
    from aaad.control.local_time import UnclearInstant, parse_instant  # noqa: PLC0415

    try:
        return parse_instant(text, zone=zone)
    except UnclearInstant as error:
        raise click.UsageError(str(error)) from None


def read_password(password_file: Path | None) -> bytes:
    """A password from a file, from a pipe, or asked for twice; never from the command line.

    The octets are taken as they are, but for a line end at their end.
    """
    if password_file is not None:
        password = _without_line_end(password_file.read_bytes())
    elif sys.stdin.isatty():
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        password = str(typed).encode("utf-8", "surrogateescape")
    else:
        password = _without_line_end(sys.stdin.buffer.readline())
    if not 0 < len(password) <= PASSWORD_OCTETS_MAX:
        fail(f"a password has 1 to {PASSWORD_OCTETS_MAX} octets, this one has {len(password)}")
    return password


def _without_line_end(octets: bytes) -> bytes:
    return octets.removesuffix(b"\n").removesuffix(b"\r")


def config_path() -> Path:
    """The configuration that --config names, or the usual one."""
    given: Path | None = click.get_current_context().find_root().obj[1]
    path = given or CONFIG_DEFAULT
    if not path.is_file():
        fail(f"{path} does not exist", remedy="name the configuration: aaactl --config FILE ...")
    return path


def _configured_socket(path: Path) -> Path:
    """The socket that a configuration names; the rest of it is the daemon's to judge.

    Its secret files are not for whoever may ask the daemon, so it is not loaded as a whole.
    """
    from ledger.document import Document  # noqa: PLC0415 - only with --config

    control = Document.load(path).root.table("control")
    return path.parent / control.text("socket", default=str(SOCKET_PATH_DEFAULT))


def _socket_path() -> Path:
    socket_path: Path | None
    configuration: Path | None
    socket_path, configuration = click.get_current_context().find_root().obj
    if socket_path is not None:
        return socket_path
    if configuration is not None:
        return _configured_socket(configuration)
    return SOCKET_PATH_DEFAULT
