"""`aaactl store`: the books as a whole: checked, copied to another database, distributed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aaad.control.cli_output import call, fail, json_option, line, show

if TYPE_CHECKING:
    from ledger.store import Store

Result = TypeVar("Result")

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def store() -> None:
    """The books as a whole."""


@store.command()
@click.option("--store", "url", help="Check this store itself; without, the running daemon's.")
@click.option("--password-file", type=_FILE, help="The password of a PostgreSQL --store.")
@json_option
def check(*, url: str | None, password_file: Path | None, as_json: bool) -> None:
    """Check every invariant of the books, beside the running daemon. Exit 1 when one is broken."""
    if url is None:
        answer = call("store.check")
    else:
        answer = {"faults": carry_out(_check(url, read_secret(password_file)))}
    show(answer, as_json=as_json, human=_print_faults)
    if answer["faults"]:
        fail(f"{len(answer['faults'])} faults: restore from a backup, or ask for help with them")


@store.command()
@click.option("--from", "source", required=True, metavar="URL", help="The store to copy.")
@click.option("--to", "target", required=True, metavar="URL", help="An empty or new store.")
@click.option("--from-password-file", type=_FILE, help="The password of a PostgreSQL --from.")
@click.option("--to-password-file", type=_FILE, help="The password of a PostgreSQL --to.")
@json_option
def copy(
    *,
    source: str,
    target: str,
    from_password_file: Path | None,
    to_password_file: Path | None,
    as_json: bool,
) -> None:
    """Copy all books into another database: SQLite or PostgreSQL, either way.

    Both are held alone: end the daemon first (`aaactl drain`). Journal position and store id move
    too, so that a daemon whose configuration names the new store goes on with its journal. A copy
    that was cut goes on where it ended. The old store is left as it is.
    """
    passwords = read_secret(from_password_file), read_secret(to_password_file)
    answer = carry_out(_copy(source, target, passwords))
    show(answer, as_json=as_json, human=_print_copied)


@store.command()
@click.option("--store", "url", required=True, metavar="URL", help="A PostgreSQL store.")
@click.option("--password-file", type=_FILE, help="Its password.")
@click.option("--dry-run", is_flag=True, help="Print the statements and change nothing.")
@json_option
def distribute(*, url: str, password_file: Path | None, dry_run: bool, as_json: bool) -> None:
    """Divide a PostgreSQL store by account over the nodes of a Citus cluster.

    The store may be empty or filled; nobody else may have it open. Needs the extension citus in the
    database. A run that was cut is begun again and does what is left.
    """
    from ledger.store.distribute import distribute as run  # noqa: PLC0415

    password = read_secret(password_file)

    def tell(statement: str) -> None:
        if not as_json:
            line(statement)

    found = carry_out(run(url, password=password, dry_run=dry_run, on_statement=tell))
    answer = {"citus": found.extension, "statements": list(found.statements), "dry_run": dry_run}
    show(answer, as_json=as_json, human=_print_distributed)


def carry_out(work: Coroutine[Any, Any, Result]) -> Result:
    """Run work on a store; what an operator can do something about ends the program with it."""
    from ledger.store import StoreError  # noqa: PLC0415 - a command loads what it needs

    try:
        return asyncio.run(work)
    except (StoreError, ValueError) as error:
        fail(str(error))


def read_secret(path: Path | None) -> bytes | None:
    """A password's octets without the line end, as the daemon reads its own."""
    return None if path is None else path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")


async def open_existing(url: str, *, password: bytes | None, alone: bool) -> Store:
    """Open a store that is there: opening would make a new file of a mistyped name."""
    from ledger.store import StoreUnavailable, open_store, sqlite_path  # noqa: PLC0415

    if not _exists(sqlite_path(url)):
        raise StoreUnavailable(f"store {url} does not exist: look at the URL")
    return await open_store(url, checkpoints=alone, password=password, alone=alone)


def _exists(path: str | None) -> bool:
    return path is None or Path(path).is_file()


async def _check(url: str, password: bytes | None) -> list[str]:
    from ledger.books import check_books  # noqa: PLC0415

    opened = await open_existing(url, password=password, alone=False)
    try:
        return await check_books(opened)
    finally:
        await opened.close()


async def _copy(
    source: str, target: str, passwords: tuple[bytes | None, bytes | None]
) -> dict[str, Any]:
    from aaad.control.progress import ProgressBar  # noqa: PLC0415
    from ledger.store import open_store  # noqa: PLC0415
    from ledger.store.copying import copy_books  # noqa: PLC0415

    here = await open_existing(source, password=passwords[0], alone=True)
    try:
        there = await open_store(target, checkpoints=True, password=passwords[1], alone=True)
        try:
            with ProgressBar("rows") as bar:
                copied = await copy_books(here, there, progress=bar)
        finally:
            await there.close()
        return {
            "store_id": here.store_id,
            "rows": copied.rows,
            "resumed_rows": copied.resumed_rows,
            "tables": {
                name: {"rows": one.rows, "sha256": one.sha256}
                for name, one in sorted(copied.sums.items())
            },
        }
    finally:
        await here.close()


def _print_copied(answer: Any) -> None:
    line(f"{answer['rows']} rows copied; both checksums agree in every table.")
    if answer["resumed_rows"]:
        line(f"{answer['resumed_rows']} of them were there from an attempt that was cut.")
    line("Now name the new store as `url` in [store] of the configuration, and start aaad.")


def _print_distributed(answer: Any) -> None:
    if not answer["citus"]:
        line("-- The extension citus is not in this database yet.")
    elif not answer["statements"]:
        line("-- Everything is distributed already.")


def _print_faults(answer: Any) -> None:
    for fault in answer["faults"]:
        line(fault)
    if not answer["faults"]:
        line("The books are right.")
