"""Finds sessions that have fallen silent, and has their end presumed by a journal record (rule of
exactness 16).

Silence counts only while we were up and the NAS was otherwise heard: a NAS that is cut off from us
keeps its sessions. Only sessions that have sent an interim report owe us the next one.
"""

from __future__ import annotations

from collections.abc import Iterator

from aaad.policy.session import Session
from aaad.server.nas_table import NasTable
from aaad.server.session_table import SessionTable


def silent_sessions(
    sessions: SessionTable, nases: NasTable, *, intervals: int
) -> Iterator[Session]:
    """Open sessions that missed `intervals` interim reports in a row, by what their NAS has sent
    since.
    """
    for session in sessions.open_sessions():
        if session.interim_interval_s <= 0:
            continue
        observed = nases.of(session.client, session.nas)
        if observed is None or observed.heard_since is None:
            continue
        listened_from = max(session.heard_at, observed.heard_since)
        overdue_at = listened_from + intervals * session.interim_interval_s
        if observed.heard_at > overdue_at:
            yield session
