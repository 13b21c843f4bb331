"""A session as a row of the store, in both directions: the one place that knows the columns' order.

Compiled as it is, for every posting passes here. What is only shown to people stands together in
`details`, a JSON list of DETAILS: binding or sending one text is cheaper than nine values, and the
views of the store name each.
"""

from __future__ import annotations

import orjson

from ledger.model import SessionRow, SessionStatus
from ledger.store.contract import Row, SqlValue
from ledger.store.text import escape_octets, escape_text, unescape_octets, unescape_text

DETAILS = (
    "user_name",
    "client",
    "nas_address",
    "nas_port",
    "framed_address",
    "calling_station_id",
    "called_station_id",
    "class",
    "interim_interval_s",
)
"""What stands in `details`, in this order; the views say the numbers."""

OPEN = SessionStatus.OPEN

SqlRow = tuple[SqlValue, ...]
StartKey = tuple[str, str, int, int]


def insert_values(row: SessionRow) -> SqlRow:
    """The parameters of insert_session."""
    return (
        row.account_id,
        row.session_id,
        row.service_id,
        escape_text(row.nas),
        escape_octets(row.acct_session_id),
        row.started_at,
        *_state(row),
        *_end(row),
    )


def advance_values(row: SessionRow, stored_version: int) -> SqlRow:
    """The parameters of advance_session."""
    return (row.account_id, row.session_id, stored_version, *_state(row))


def settle_values(row: SessionRow, stored_version: int) -> SqlRow:
    """The parameters of settle_session."""
    return (row.account_id, row.session_id, stored_version, *_state(row), *_end(row))


def start_key(row: SessionRow) -> StartKey:
    """What is unique of a session besides its id."""
    return (
        escape_text(row.nas),
        escape_octets(row.acct_session_id),
        row.started_at,
        row.account_id,
    )


def session_of(row: Row) -> SessionRow:
    """A session from a row of fetch_session."""
    (
        user_name,
        client,
        nas_address,
        nas_port,
        framed_address,
        calling_station_id,
        called_station_id,
        class_,
        interim_interval_s,
    ) = orjson.loads(row[22])
    return SessionRow(
        account_id=row[0],
        session_id=row[1],
        service_id=row[2],
        nas=unescape_text(row[3]),
        acct_session_id=unescape_octets(row[4]),
        user_name=unescape_octets(user_name),
        started_at=row[5],
        status=SessionStatus.OPEN if row[23] == "open" else SessionStatus.CLOSED,
        version=row[6],
        journal_number=row[7],
        lsn=row[8],
        last_at=row[9],
        heard_at=row[10],
        session_time_s=row[11],
        input_octets=row[12],
        output_octets=row[13],
        counters=row[14],
        meter=row[15],
        pieces=row[16],
        period_start_at=row[17],
        open_seconds=row[18],
        open_input_octets=row[19],
        open_output_octets=row[20],
        accrued_micros=row[21],
        client=client,
        nas_address=nas_address,
        nas_port=unescape_text(nas_port),
        framed_address=framed_address,
        calling_station_id=unescape_octets(calling_station_id),
        called_station_id=unescape_octets(called_station_id),
        class_=bytes.fromhex(class_),
        interim_interval_s=interim_interval_s,
        ended_at=row[24],
        terminate_cause=row[25],
        presumed=bool(row[26]),
    )


def _state(row: SessionRow) -> SqlRow:
    """What a report may change."""
    return (
        row.version,
        row.journal_number,
        row.lsn,
        row.last_at,
        row.heard_at,
        row.session_time_s,
        row.input_octets,
        row.output_octets,
        row.counters,
        row.meter,
        row.pieces,
        row.period_start_at,
        row.open_seconds,
        row.open_input_octets,
        row.open_output_octets,
        row.accrued_micros,
        _details(row),
    )


def _details(row: SessionRow) -> str:
    listed = (
        escape_octets(row.user_name),
        row.client,
        row.nas_address,
        escape_text(row.nas_port),
        row.framed_address,
        escape_octets(row.calling_station_id),
        escape_octets(row.called_station_id),
        row.class_.hex(),
        row.interim_interval_s,
    )
    return orjson.dumps(listed).decode()


def _end(row: SessionRow) -> SqlRow:
    """Whether and how a session ended."""
    return (
        "open" if row.status is OPEN else "closed",
        row.ended_at,
        row.terminate_cause,
        int(row.presumed),
    )
