"""`aaactl journal`: segments listed and verified, and what the books lack replayed.

None of them needs a daemon; `replay` needs that there is none.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

import click

from aaad.control.cli_output import config_path, fail, json_option, line, show, table
from aaad.control.progress import ProgressBar
from aaad.server.journal_segments import (
    Ending,
    JournalError,
    SegmentReport,
    list_segments,
    verify_each,
)

_FOLDER = click.argument(
    "folder",
    required=False,
    type=click.Path(path_type=Path, exists=True, file_okay=False, readable=True),
)


@click.group()
def journal() -> None:
    """The journal's segments: what was acknowledged, on disk.

    FOLDER is that of [journal] in the configuration that --config names, or /etc/aaad/aaad.toml.
    """


@journal.command("list")
@_FOLDER
@json_option
def list_journal(*, folder: Path | None, as_json: bool) -> None:
    """The segments of every journal in FOLDER, by their headers."""
    found = [_plain(one) for one in list_segments(folder or _configured_folder())]
    show(found, as_json=as_json, human=_print_segments)


@journal.command("verify")
@_FOLDER
@json_option
def verify_journal(*, folder: Path | None, as_json: bool) -> None:
    """Read every record in FOLDER. Exit 1 when a segment is damaged or missing.

    The first record that cannot be read is named, with what to do. A torn tail at the end of the
    last segment is what a crash leaves, and no damage: the next start cuts it off. While a daemon
    writes it may be the newest group.
    """
    try:
        reports = _verify(folder or _configured_folder())
    except (JournalError, OSError) as error:
        fail(str(error))
    show([_plain(one) for one in reports], as_json=as_json, human=_print_reports)
    broken = [one for one in reports if not _is_sound(one)]
    if broken:
        first = broken[0]
        fail(
            f"{len(broken)} of {len(reports)} segments are not sound; the first is "
            f"{first.path.name}: {first.problem}",
            remedy=(
                "restore this segment from a copy: aaad replays nothing beyond record "
                f"{first.last_lsn} without it, and does not start if the books lack that"
            ),
        )


@journal.command("replay")
@json_option
def replay_journal(*, as_json: bool) -> None:
    """Bring the books forward by what the journal has beyond them, and end.

    What aaad does at its start, without serving: after `aaactl restore`, to look at the books
    before the first packet; or for the journal of a node that will not come back. The daemon of
    that configuration must not run. Nothing is sent to any NAS.
    """
    from aaad.control.replaying import ReplayFailed, replay  # noqa: PLC0415 - loads the daemon

    try:
        with ProgressBar("records") as bar:
            answer = replay(config_path(), bar)
    except ReplayFailed as error:
        fail(str(error))
    show(answer, as_json=as_json, human=_print_replayed)


def _configured_folder() -> Path:
    from ledger.places import read_places  # noqa: PLC0415 - only without a FOLDER
    from ledger.settings import SettingsError  # noqa: PLC0415

    try:
        return read_places(config_path()).journal_folder
    except SettingsError as error:
        fail(str(error), remedy="name the journal's folder, or the configuration with --config")


def _verify(folder: Path) -> list[SegmentReport]:
    sizes = {one.path: one.size_bytes for one in list_segments(folder)}
    reports = []
    with ProgressBar("octets") as bar:
        bar.begin("reading", sum(sizes.values()))
        for report in verify_each(folder):
            reports.append(report)
            bar.advance(sizes.get(report.path, 0))
    return reports


def _is_sound(report: SegmentReport) -> bool:
    return report.ending is not Ending.DAMAGED and report.header is not None


def _plain(record: Any) -> Any:
    """A segment's record for JSON: paths and enumerations as text."""
    plain: dict[str, Any] = {}
    for name, value in asdict(record).items():
        plain[name] = str(value) if isinstance(value, Path) else value
        if isinstance(value, Enum):
            plain[name] = value.value
    return plain


def _print_segments(segments: Any) -> None:
    rows = []
    for one in segments:
        header = one["header"] or {}
        rows.append(
            (
                Path(one["path"]).name,
                one["size_bytes"],
                header.get("journal_number", ""),
                header.get("first_lsn", ""),
                header.get("store_id", ""),
                one["problem"],
            )
        )
    columns = ("segment", "octets", "journal", "first LSN", "store", "problem")
    table(columns, rows, right="octets, journal, first LSN")


def _print_reports(reports: Any) -> None:
    rows = []
    for one in reports:
        first = one["header"]["first_lsn"] if one["header"] else ""
        rows.append(
            (
                Path(one["path"]).name,
                one["records"],
                first,
                one["last_lsn"],
                one["ending"],
                one["problem"],
            )
        )
    columns = ("segment", "records", "first LSN", "last LSN", "ending", "problem")
    table(columns, rows, right="records, first LSN, last LSN")
    line(f"{sum(one['records'] for one in reports)} records")


def _print_replayed(answer: Any) -> None:
    line(
        f"{answer['records']} records replayed: the books are at record {answer['posted_lsn']} of "
        f"journal {answer['journal_number']}."
    )
