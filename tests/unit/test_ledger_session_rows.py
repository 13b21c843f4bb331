"""A session goes into its columns and comes back as it was, whatever octets the NAS sent."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ledger.model import SessionRow, SessionStatus
from ledger.session_rows import (
    DETAILS,
    advance_values,
    insert_values,
    session_of,
    settle_values,
    start_key,
)
from ledger.store.migrations import MIGRATIONS_FOLDER
from ledger.store.named_queries import Dialect, load_queries
from tests.store.builders import session

ODD = b'\x00\xff"\\\n\xc3\xa4'

ROWS = (
    session(1, 2),
    session(
        1,
        2,
        nas='pop\\"\udcff\x00',
        acct_session_id=ODD,
        user_name=ODD,
        client="lns",
        nas_address="2001:db8::1",
        nas_port='slot "7"',
        framed_address="10.0.0.1",
        calling_station_id=ODD,
        called_station_id=b"",
        class_=bytes(range(256)),
        interim_interval_s=300,
        input_octets=(1 << 63) - 1,
    ),
    session(
        1, 2, status=SessionStatus.CLOSED, ended_at=9, terminate_cause="Idle-Timeout", presumed=True
    ),
)


def parameters(query: str) -> tuple[str, ...]:
    return load_queries(Dialect.SQLITE)[query].parameters


@pytest.mark.parametrize("row", ROWS)
def test_a_row_comes_back_as_it_went_in(row: SessionRow) -> None:
    assert session_of(insert_values(row)) == row


def test_values_stand_in_the_order_of_the_queries() -> None:
    row = replace(ROWS[1], version=8, lsn=99)
    named = dict(zip(parameters("insert_session"), insert_values(row), strict=True))
    assert (named["account_id"], named["version"], named["lsn"]) == (1, 8, 99)
    assert (named["status"], named["ended_at"], named["presumed"]) == ("open", None, 0)
    for query, values in (
        ("advance_session", advance_values(row, 7)),
        ("settle_session", settle_values(row, 7)),
    ):
        changed = dict(zip(parameters(query), values, strict=True))
        assert changed.pop("stored_version") == 7
        assert changed.items() <= named.items(), query


@pytest.mark.parametrize("dialect", Dialect)
def test_the_views_know_the_places_of_details(dialect: Dialect) -> None:
    views = (MIGRATIONS_FOLDER / dialect / "0002_views.sql").read_text()
    shown = re.findall(r"s\.details(?:::json)? ->> (\d+) AS (\w+)", views)
    assert [DETAILS[int(place)] for place, _ in shown] == [name for _, name in shown]
    assert len(shown) == 7


def test_a_start_is_known_by_nas_id_instant_and_account() -> None:
    assert start_key(ROWS[0]) == ("bras-1", "0000002A", ROWS[0].started_at, 1)
