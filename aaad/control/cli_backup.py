"""`aaactl backup` and `aaactl restore`: the books in a folder, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aaad.control.cli_output import config_path, fail, json_option, line, show
from aaad.control.cli_store import carry_out

if TYPE_CHECKING:
    from ledger.backup import Manifest
    from ledger.places import Places


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@json_option
def backup(*, folder: Path, as_json: bool) -> None:
    """Write the books into FOLDER, new or empty, beside the running daemon or without one.

    Which books, --config says (default: /etc/aaad/aaad.toml). FOLDER gets the books as of one
    instant in a SQLite file and a manifest: checksums, how far each journal is posted, and the ids
    of the keys that the credentials are sealed with. The keys themselves are in no backup: keep
    them apart. Keep the journal's folder as well: it brings an older backup up to date.
    """
    from aaad.control.progress import ProgressBar  # noqa: PLC0415 - a command loads what it needs
    from ledger.backup import back_up  # noqa: PLC0415
    from ledger.clock import Clock  # noqa: PLC0415

    places = _places()
    with ProgressBar("") as bar:
        manifest = carry_out(
            back_up(
                places.store.url,
                folder,
                password=places.store.password,
                clock=Clock(),
                progress=bar,
            )
        )
    show(_facts(manifest), as_json=as_json, human=_print_backup)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_option
def restore(*, folder: Path, as_json: bool) -> None:
    """Bring the backup in FOLDER into the store that --config names, which must be empty.

    The store may be of the other kind than the backup's. Says what the journal has beyond the
    backup: a start of aaad replays it, or `aaactl journal replay`.
    """
    from aaad.control.progress import ProgressBar  # noqa: PLC0415 - a command loads what it needs
    from aaad.server.journal_outlook import journal_outlook  # noqa: PLC0415
    from ledger import backup as backups  # noqa: PLC0415

    places = _places()
    with ProgressBar("") as bar:
        manifest = carry_out(
            backups.restore(folder, places.store.url, password=places.store.password, progress=bar)
        )
    positions = {one.journal_number: one.applied_lsn for one in manifest.journals}
    outlooks = journal_outlook(
        places.journal_folder, store_id=manifest.store_id, positions=positions
    )
    answer = _facts(manifest) | {
        "replay": [
            {
                "journal_number": one.journal_number,
                "records": one.records,
                "problem": one.problem,
            }
            for one in outlooks
        ],
        "missing_keys": _missing_keys(manifest),
    }
    show(answer, as_json=as_json, human=_print_restored)


def _places() -> Places:
    from ledger.places import read_places  # noqa: PLC0415
    from ledger.settings import SettingsError  # noqa: PLC0415

    try:
        return read_places(config_path())
    except SettingsError as error:
        fail(str(error))


def _missing_keys(manifest: Manifest) -> list[str] | None:
    """Key ids that the configured key is not; None where that key cannot be read now."""
    from ledger.places import read_seal_key  # noqa: PLC0415
    from ledger.seal import Sealer  # noqa: PLC0415

    key = read_seal_key(config_path())
    if key is None:
        return None
    ours = Sealer(key).key_id.hex()
    return [key_id for key_id in manifest.sealing_keys if key_id != ours]


def _facts(manifest: Manifest) -> dict[str, Any]:
    return {
        "store_id": manifest.store_id,
        "taken_at": manifest.taken_at,
        "rows": sum(one.rows for one in manifest.books.values()),
        "octets": manifest.file.octets,
        "sha256": manifest.file.sha256,
        "sealing_keys": manifest.sealing_keys,
        "journals": [
            {"journal_number": one.journal_number, "applied_lsn": one.applied_lsn}
            for one in manifest.journals
        ],
    }


def _print_facts(answer: Any) -> None:
    taken = datetime.fromtimestamp(answer["taken_at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    line(f"Books of store {answer['store_id']}, {taken}: {answer['rows']} rows.")


def _print_backup(answer: Any) -> None:
    _print_facts(answer)
    for journal in answer["journals"]:
        line(
            f"Journal {journal['journal_number']} is posted up to record {journal['applied_lsn']}: "
            "keep its segments from there on."
        )
    for key in answer["sealing_keys"]:
        line(f"Its passwords are sealed with key {key}, which is not in it: keep that key apart.")


def _print_restored(answer: Any) -> None:
    _print_facts(answer)
    for journal in answer["replay"]:
        number = journal["journal_number"]
        if journal["problem"]:
            line(f"Journal {number}: {journal['problem']}")
        else:
            line(f"Journal {number}: {journal['records']} records will be replayed at the start.")
    keys = answer["missing_keys"]
    if keys is None:
        line("The seal key cannot be read now. It must be: " + ", ".join(answer["sealing_keys"]))
    for key in keys or ():
        line(f"Passwords are sealed with key {key}, and [seal] key_file holds another.")
