"""What a daemon that is started on a store will replay of a folder of journals, told beforehand.

For who restored a backup, moved a store, or wonders whether a journal has all that its store lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from aaad.server.journal_segments import (
    Ending,
    JournalError,
    SegmentReader,
    SegmentSummary,
    list_segments,
)


@dataclass(frozen=True, slots=True)
class JournalOutlook:
    """One journal. `problem` is text for an operator, empty when a start will replay it."""

    journal_number: int
    posted_lsn: int
    last_lsn: int
    problem: str

    @property
    def records(self) -> int:
        """How many records the store lacks."""
        return max(0, self.last_lsn - self.posted_lsn)


def journal_outlook(
    folder: Path, *, store_id: str, positions: Mapping[int, int]
) -> list[JournalOutlook]:
    """Each journal that the store knows or the folder has; `positions`: number -> posted LSN.

    Changes nothing. Raises OSError for a folder that cannot be read.
    """
    segments = list_segments(folder) if folder.is_dir() else []
    found = {
        number: list(group)
        for number, group in groupby(segments, key=_number)
        if number is not None
    }
    broken = [one for one in segments if one.header is None]
    outlooks = [
        _outlook(number, positions.get(number, 0), found.get(number, []), store_id)
        for number in sorted(found.keys() | positions.keys())
    ]
    return outlooks + [
        JournalOutlook(0, 0, 0, f"{one.path.name}: {one.problem}; restore it from a copy")
        for one in broken
    ]


def _number(segment: SegmentSummary) -> int | None:
    return None if segment.header is None else segment.header.journal_number


def _outlook(
    number: int, posted_lsn: int, segments: list[SegmentSummary], store_id: str
) -> JournalOutlook:
    if not segments:
        problem = "no segment of it is here: what was acknowledged after the books is lost without"
        return JournalOutlook(number, posted_lsn, 0, problem if posted_lsn else "")
    first, last = segments[0].header, segments[-1]
    assert first is not None, "segments without a header stand apart"
    assert last.header is not None, "segments without a header stand apart"
    strangers = {one.header.store_id for one in segments if one.header is not None} - {store_id}
    try:
        with SegmentReader(last.path) as reader:
            end = reader.read_to_end(is_last=True)
    except JournalError as error:
        return JournalOutlook(number, posted_lsn, 0, str(error))
    problem = ""
    if strangers:
        problem = f"it belongs to store {', '.join(sorted(strangers))}, not to {store_id}"
    elif first.previous_lsn > posted_lsn:
        missing = f"records {posted_lsn + 1} to {first.previous_lsn}"
        problem = f"{missing} are missing: restore the segments before {segments[0].path.name}"
    elif end.ending is Ending.DAMAGED:
        problem = f"{last.path.name}: {end.problem}; restore it from a copy"
    return JournalOutlook(number, posted_lsn, end.last_lsn, problem)
