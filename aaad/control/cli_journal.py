"""`aaactl journal`: segments listed and verified from their files; needs no daemon, changes
nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

import click

from aaad.control.cli_output import fail, json_option, line, show, table
from aaad.server.journal_segments import JournalError, SegmentReport, list_segments, verify

_FOLDER = click.argument(
    "folder", type=click.Path(path_type=Path, exists=True, file_okay=False, readable=True)
)


@click.group()
def journal() -> None:
    """The journal's segments: what was acknowledged, on disk."""


@journal.command("list")
@_FOLDER
@json_option
def list_journal(*, folder: Path, as_json: bool) -> None:
    """The segments of every journal in FOLDER, by their headers."""
    found = [_plain(one) for one in list_segments(folder)]
    show(found, as_json=as_json, human=_print_segments)


@journal.command("verify")
@_FOLDER
@json_option
def verify_journal(*, folder: Path, as_json: bool) -> None:
    """Read every record in FOLDER. Exit 1 when a segment is damaged or missing.

    A torn tail at the end of the last segment is what a crash leaves, and no damage; while a daemon
    writes it may be the newest group.
    """
    try:
        reports = verify(folder)
    except JournalError as error:
        fail(str(error))
    show([_plain(one) for one in reports], as_json=as_json, human=_print_reports)
    broken = [one for one in reports if not _sound(one)]
    if broken:
        fail(f"{len(broken)} of {len(reports)} segments are not sound")


def _sound(report: SegmentReport) -> bool:
    return report.ending is not report.ending.DAMAGED and report.header is not None


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
