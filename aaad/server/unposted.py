"""What is applied but not in the books yet, in journal order: the poster's queue, without any IO.

A session is *dirty* since the first record that the books lack of it. Entries stand in the order of
that record, so the position that replay may begin at, and the age of the oldest, are read off the
first entry. Entries that are being posted stand apart: they come back if the transaction fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from aaad.policy.session import Session
from ledger.model import BootInstant, LimitCrossing, SuspenseRecord


@dataclass(eq=False)
class Dirty:
    """Since which record the books lack something of a session."""

    session: Session
    first_lsn: int
    received_us: int


class Unposted:
    """Dirty sessions, and what else awaits its row."""

    def __init__(self, position_lsn: int) -> None:
        self.applied_lsn = position_lsn
        self.applied_us = 0
        self.crossings: list[LimitCrossing] = []
        self.suspense: list[SuspenseRecord] = []
        self._boots: list[tuple[int, BootInstant]] = []  # each with the record that said so
        self._dirty: dict[int, Dirty] = {}  # by session id, in the order of first_lsn
        self._urgent: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._dirty)

    def session_changed(self, session: Session, lsn: int, received_us: int) -> None:
        """The books lack something of a session, since this record at the latest."""
        session_id = session.session_id
        if session_id not in self._dirty:
            self._dirty[session_id] = Dirty(session, lsn, received_us)
        if not session.is_open or session.unposted:
            self._urgent[session_id] = None

    def crossed(self, crossing: LimitCrossing, session: Session) -> None:
        """A limit fired: its row, and the usage that made it fire, go out with the next
        transaction.
        """
        self.crossings.append(crossing)
        self._urgent[session.session_id] = None

    def suspend(self, record: SuspenseRecord) -> None:
        """A record that fits nothing."""
        self.suspense.append(record)

    def booted(self, boot: BootInstant, *, lsn: int) -> None:
        """A NAS said Accounting-On/Off."""
        self._boots.append((lsn, boot))

    def applied(self, lsn: int, received_us: int) -> None:
        """Every record up to here is in memory."""
        self.applied_lsn = lsn
        self.applied_us = received_us

    @property
    def has_records(self) -> bool:
        """Whether anything but sessions waits."""
        return bool(self.crossings or self.suspense or self.boots)

    @property
    def boots(self) -> tuple[BootInstant, ...]:
        """The boots up to the position. A later one must not be in the books yet: a replay that
        knew it from the start would end sessions by it that had more to report before it.
        """
        position_lsn = self.position_lsn
        return tuple(boot for lsn, boot in self._boots if lsn <= position_lsn)

    @property
    def position_lsn(self) -> int:
        """Every record up to here is in the books, once what was taken is."""
        first = next(iter(self._dirty.values()), None)
        return self.applied_lsn if first is None else min(self.applied_lsn, first.first_lsn - 1)

    @property
    def oldest_us(self) -> int | None:
        """When the oldest record was received that the books lack; None if they lack nothing."""
        first = next(iter(self._dirty.values()), None)
        return None if first is None else first.received_us

    def take(self, *, received_until_us: int | None, count_max: int) -> list[Dirty]:
        """The urgent sessions and those dirty since before an instant (None: all), oldest first."""
        taken = []
        for session_id in list(islice(self._urgent, count_max)):
            del self._urgent[session_id]
            if (urgent := self._dirty.pop(session_id, None)) is not None:
                taken.append(urgent)
        for session_id, dirty in list(islice(self._dirty.items(), count_max - len(taken))):
            if received_until_us is not None and dirty.received_us > received_until_us:
                break
            del self._dirty[session_id]
            taken.append(dirty)
        return taken

    def put_back(self, taken: Iterable[Dirty]) -> None:
        """A transaction failed: what it took is dirty as before."""
        for dirty in taken:
            self._dirty[dirty.session.session_id] = dirty
            if not dirty.session.is_open or dirty.session.unposted:
                self._urgent[dirty.session.session_id] = None
        self._dirty = dict(sorted(self._dirty.items(), key=lambda item: item[1].first_lsn))

    def find(self, session_ids: Iterable[int]) -> list[Dirty]:
        """Those of these sessions that are dirty."""
        return [self._dirty[one] for one in session_ids if one in self._dirty]

    def lose(self, lost: Iterable[Dirty]) -> None:
        """What is in memory of these sessions is not true; all that the journal has of them, from
        the first record that the books lack on, will be applied again, up to the last one applied.
        """
        for dirty in lost:
            self._dirty.pop(dirty.session.session_id, None)
            self._urgent.pop(dirty.session.session_id, None)
            self.applied_lsn = min(self.applied_lsn, dirty.first_lsn - 1)

    def posted(self, *, crossings: int, suspense: int, boots: int) -> None:
        """The first so many of each are in the books."""
        del self.crossings[:crossings]
        del self.suspense[:suspense]
        del self._boots[:boots]
