"""What the daemon and its tools read of sessions, events and journals: pages, each bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import orjson

from ledger.model import (
    BootInstant,
    Event,
    Impact,
    SessionRow,
    SuspenseRecord,
)
from ledger.session_rows import session_of
from ledger.store.contract import Reader, Row, json_list
from ledger.store.text import escape_octets, escape_text, unescape_octets, unescape_text

PAGE_MAX = 1_000
"""Rows a page holds at most: a read transaction of a few milliseconds."""

SESSIONS_OF_KEY_MAX = 8
"""Newest sessions of one key: ids repeat after power cuts, reports are of the latest few."""

NEWEST = (1 << 63) - 1
"""As `before`: begin with the newest event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPosition:
    """How far a journal is in the books: where its replay begins."""

    journal_number: int
    applied_lsn: int
    last_lsn: int
    watermark_at: int


async def fetch_sessions_by_key(
    reader: Reader, keys: Collection[tuple[str, bytes]]
) -> list[SessionRow]:
    """The newest sessions, open and closed, of each (NAS, Acct-Session-Id)."""
    listed = json_list((escape_text(nas), escape_octets(key)) for nas, key in keys)
    rows = await reader.fetch("fetch_sessions_by_key", (listed, SESSIONS_OF_KEY_MAX))
    return [session_of(row) for row in rows]


async def fetch_open_sessions(
    reader: Reader, *, after: tuple[int, int] = (0, 0), page_size: int = PAGE_MAX
) -> list[SessionRow]:
    """A page of open sessions, in the order of (account_id, session_id), beyond `after`."""
    count = min(page_size, PAGE_MAX)
    rows = await reader.fetch("fetch_open_sessions", (*after, count))
    return [session_of(row) for row in rows]


async def fetch_session(reader: Reader, *, account_id: int, session_id: int) -> SessionRow | None:
    """One session, or None."""
    rows = await reader.fetch("fetch_session", (account_id, session_id))
    return session_of(rows[0]) if rows else None


async def fetch_boots(reader: Reader) -> list[BootInstant]:
    """The latest boot of every (client, NAS)."""
    return [
        BootInstant(client=client, nas=unescape_text(nas), booted_at=booted_at)
        for client, nas, booted_at in await reader.fetch("fetch_boots")
    ]


async def fetch_journal_positions(reader: Reader) -> list[JournalPosition]:
    """The position of every journal that ever posted."""
    return [
        JournalPosition(
            journal_number=number, applied_lsn=lsn, last_lsn=last_lsn, watermark_at=watermark_at
        )
        for number, lsn, last_lsn, watermark_at in await reader.fetch("fetch_journal_positions")
    ]


async def fetch_suspense(
    reader: Reader, *, after: tuple[int, int] = (-1, -1), page_size: int = PAGE_MAX
) -> list[SuspenseRecord]:
    """A page of suspense, in the order of (journal_number, lsn), beyond `after`."""
    rows = await reader.fetch("fetch_suspense", (*after, min(page_size, PAGE_MAX)))
    return [
        SuspenseRecord(
            journal_number=number,
            lsn=lsn,
            received_at=received_at,
            reason=reason,
            client=client,
            nas=unescape_text(nas),
            user_name=unescape_octets(user_name),
            body=body,
        )
        for number, lsn, received_at, reason, client, nas, user_name, body in rows
    ]


async def count_suspense(reader: Reader) -> dict[str, int]:
    """How many records wait, by reason."""
    return dict(await reader.fetch("count_suspense"))


async def fetch_events(
    reader: Reader, account_id: int, *, before: int = NEWEST, page_size: int = PAGE_MAX
) -> list[Event]:
    """A page of an account's events with their impacts, newest first, older than event `before`."""
    rows = await reader.fetch("fetch_events", (account_id, before, min(page_size, PAGE_MAX)))
    return await _events(reader, account_id, rows)


async def fetch_event_by_key(reader: Reader, *, account_id: int, event_key: str) -> Event | None:
    """The event of a key, with its impacts, or None."""
    rows = await reader.fetch("fetch_event_by_key", (account_id, event_key))
    events = await _events(reader, account_id, rows)
    return events[0] if events else None


async def _events(reader: Reader, account_id: int, rows: list[Row]) -> list[Event]:
    if not rows:
        return []
    impacts: dict[int, list[Impact]] = defaultdict(list)
    bounds = (account_id, rows[-1][0], rows[0][0])
    for row in await reader.fetch("fetch_impacts", bounds):
        impacts[row[0]].append(_impact(row))
    return [_event(row, tuple(impacts[row[0]])) for row in rows]


def _event(row: Row, impacts: tuple[Impact, ...]) -> Event:
    event_id, account_id, key, service_id, event_type, service_at, posted_at, actor, data = row
    return Event(
        event_id=event_id,
        event_key=key,
        account_id=account_id,
        service_id=service_id,
        event_type=event_type,
        service_at=service_at,
        posted_at=posted_at,
        actor=actor,
        data=orjson.loads(data),
        impacts=impacts,
    )


def _impact(row: Row) -> Impact:
    event_id, account_id, resource, amount_micros, from_gl, to_gl, tax_code, source = row
    return Impact(
        event_id=event_id,
        account_id=account_id,
        resource=resource,
        amount_micros=amount_micros,
        from_gl=from_gl,
        to_gl=to_gl,
        tax_code=tax_code,
        source=source,
    )
