"""Proves that a journal record means at a replay what it meant when it was written."""

import pytest

from aaad.radius.packet import decode
from aaad.server.applicable import Accounting, Silence
from aaad.server.journal import Record
from aaad.server.records import (
    ACCOUNTING,
    SILENCE,
    accounting_of,
    pack_accounting,
    pack_silence,
    read_record,
)
from ledger.rules.logins import BrandSettings, RealmRule
from tests.e2e.wire import Status
from tests.server_ports import accounting_request
from tests.server_world import BRAND, CLIENT, T0, US, report

STRIPPING = BrandSettings(name="stripping", realm=RealmRule.STRIP)
BRANDS = {brand.name: brand for brand in (BRAND, STRIPPING)}


def test_an_accounting_record_is_what_was_received() -> None:
    data = accounting_request(Status.INTERIM_UPDATE, login="Ann@Example.net")
    body = pack_accounting(client=CLIENT, brand="stripping", source="192.0.2.9", data=data)
    live = accounting_of(
        decode(data),
        lsn=5,
        received_us=T0 * US + 7,
        client=CLIENT,
        brand=STRIPPING,
        source="192.0.2.9",
        body=body,
    )
    assert read_record(Record(5, T0 * US + 7, ACCOUNTING, body), BRANDS) == live
    assert (live.login, live.report.user_name) == ("ann", b"Ann@Example.net")
    assert (live.report.received_at, live.report.lsn, live.report.client) == (T0, 5, CLIENT)


def test_a_silence_record_is_the_decision() -> None:
    body = pack_silence(session_id=1 << 62, heard_at=T0)
    assert read_record(Record(9, T0 * US, SILENCE, body), {}) == Silence(9, T0 * US, 1 << 62, T0)


def test_a_brand_that_is_gone_reads_by_the_default_rules() -> None:
    record = report(1, Status.START, login="Ann", at=T0)
    body = pack_accounting(client="c", brand="gone", source="::1", data=_data(record))
    read = read_record(Record(1, T0 * US, ACCOUNTING, body), BRANDS)
    assert isinstance(read, Accounting)
    assert (read.brand, read.login) == ("default", "ann")


def _data(record: Record) -> bytes:
    """The datagram stands last in a body, after its length."""
    return record.body[record.body.index(b"\x04\x01\x00") :]


def test_a_kind_that_nobody_wrote_is_refused() -> None:
    with pytest.raises(ValueError, match="record 3: kind 77"):
        read_record(Record(3, 0, 77, b""), BRANDS)
