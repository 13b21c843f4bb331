"""The journal's records of some sessions, found again: another owner was faster with them, and what
was acknowledged here of them counts still.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aaad.policy.session import Session
from aaad.server.applicable import Accounting, Applicable
from aaad.server.journal import Journal
from aaad.server.records import read_record
from ledger.rules.logins import BrandSettings


class RecordsAgain:
    """Reads most of them aside from the loop, and what came meanwhile on it."""

    def __init__(
        self, journal: Journal, brands: Mapping[str, BrandSettings], sessions: Collection[Session]
    ) -> None:
        self.found: list[Applicable] = []
        self._journal = journal
        self._brands = brands
        self._ids = {session.session_id for session in sessions}
        self._keys = {(session.nas, session.acct_session_id) for session in sessions}
        self._next_lsn = 0

    def read(self, first_lsn: int) -> None:
        """What is durable now, from `first_lsn` on. In a thread: it may be a minute of records."""
        self._next_lsn = first_lsn
        self.read_on(self._journal.durable_lsn)

    def read_on(self, last_lsn: int) -> None:
        """What lies between the last that was read and `last_lsn`; nothing beyond that is kept."""
        if self._next_lsn <= last_lsn:
            for record in self._journal.records(self._next_lsn - 1):
                if record.lsn > last_lsn:
                    break
                self._take(read_record(record, self._brands))
            self._next_lsn = last_lsn + 1
        while self.found and _lsn(self.found[-1]) > last_lsn:
            self.found.pop()

    def _take(self, record: Applicable) -> None:
        if not isinstance(record, Accounting):
            is_wanted = record.session_id in self._ids
        else:
            is_wanted = (record.report.nas, record.report.acct_session_id) in self._keys
        if is_wanted:
            self.found.append(record)


def _lsn(record: Applicable) -> int:
    return record.report.lsn if isinstance(record, Accounting) else record.lsn
