"""All sessions in memory: the open ones, those the store lacks something of, and the recently
closed.

Found by (NAS, Acct-Session-Id) for reports, by NAS for boots, by account for limits and
enforcement. Only posted, closed sessions may leave; the store remembers them, and
`Directory.load_sessions` brings them back when a late report asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from aaad.policy.session import Session

Key = TypeVar("Key", str, int)
SessionKey = tuple[str, bytes]

CLOSED_KEPT_MAX = 50_000
"""Closed sessions kept in memory for repeated and late reports; older ones are asked of the store.
"""


class SessionTable:
    """The sessions of one owner."""

    def __init__(self) -> None:
        self._by_id: dict[int, Session] = {}
        self._by_key: dict[SessionKey, list[Session]] = {}
        self._open_by_nas: dict[str, dict[int, Session]] = {}
        self._by_account: dict[int, dict[int, Session]] = {}
        self._open_of_account: dict[int, dict[int, Session]] = {}
        self._closed: OrderedDict[int, Session] = OrderedDict()
        self._incomplete: set[SessionKey] = set()

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def open_count(self) -> int:
        """Sessions that are open."""
        return len(self._by_id) - len(self._closed)

    def get(self, session_id: int) -> Session | None:
        """A session by our own id."""
        return self._by_id.get(session_id)

    def candidates(self, nas: str, acct_session_id: bytes) -> list[Session]:
        """Sessions, open and closed, that a report could belong to."""
        return self._by_key.get((nas, acct_session_id)) or []

    def is_complete(self, nas: str, acct_session_id: bytes) -> bool:
        """Whether the store holds no session of this key that is not here."""
        return (nas, acct_session_id) not in self._incomplete

    def note_incomplete(self, keys: Iterable[SessionKey]) -> None:
        """Not all sessions of these keys were read from the store, but those that are open."""
        self._incomplete.update(keys)

    def note_complete(self, keys: Iterable[SessionKey]) -> None:
        """All sessions of these keys were read from the store."""
        self._incomplete.difference_update(keys)

    def open_of_nas(self, nas: str) -> list[Session]:
        """The open sessions of one NAS."""
        return list(self._open_by_nas.get(nas, {}).values())

    def open_of_account(self, account_id: int) -> list[Session]:
        """The open sessions of one account."""
        return list(self._open_of_account.get(account_id, {}).values())

    def of_account(self, account_id: int) -> list[Session]:
        """All sessions in memory of one account."""
        return list(self._by_account.get(account_id, {}).values())

    def open_sessions(self) -> Iterator[Session]:
        """Every open session, oldest first."""
        return (session for session in list(self._by_id.values()) if session.is_open)

    def add(self, session: Session) -> None:
        """A session is opened, or was read from the store."""
        self._by_id[session.session_id] = session
        key = (session.nas, session.acct_session_id)
        self._by_key.setdefault(key, []).append(session)
        account_id = session.terms.account_id
        self._by_account.setdefault(account_id, {})[session.session_id] = session
        self.status_changed(session)

    def status_changed(self, session: Session) -> None:
        """A session ended or was reopened."""
        account_id = session.terms.account_id
        if session.is_open:
            self._open_by_nas.setdefault(session.nas, {})[session.session_id] = session
            self._open_of_account.setdefault(account_id, {})[session.session_id] = session
            self._closed.pop(session.session_id, None)
        else:
            _drop(self._open_by_nas, session.nas, session.session_id)
            _drop(self._open_of_account, account_id, session.session_id)
            self._closed[session.session_id] = session

    def evict(self) -> None:
        """Let the oldest closed sessions go that the store has in full."""
        excess = len(self._closed) - CLOSED_KEPT_MAX
        if excess <= 0:
            return
        for session in list(self._closed.values())[:excess]:
            if not session.dirty:
                self.remove(session)

    def remove(self, session: Session) -> None:
        """Forget a session; the store has it."""
        del self._by_id[session.session_id]
        self._closed.pop(session.session_id, None)
        key = (session.nas, session.acct_session_id)
        _discard(self._by_key, key, session)
        if key in self._by_key:
            self._incomplete.add(key)
        else:
            self._incomplete.discard(key)
        _drop(self._open_by_nas, session.nas, session.session_id)
        _drop(self._by_account, session.terms.account_id, session.session_id)
        _drop(self._open_of_account, session.terms.account_id, session.session_id)


def _discard(lists: dict[SessionKey, list[Session]], key: SessionKey, session: Session) -> None:
    remaining = [other for other in lists.get(key, []) if other is not session]
    if remaining:
        lists[key] = remaining
    else:
        lists.pop(key, None)


def _drop(maps: dict[Key, dict[int, Session]], key: Key, session_id: int) -> None:
    entries = maps.get(key)
    if entries is None:
        return
    entries.pop(session_id, None)
    if not entries:
        del maps[key]
