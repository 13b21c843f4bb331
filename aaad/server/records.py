"""What the journal's records mean: the raw packet as it came, or a decision that time made.

An Accounting-Request is kept as its own octets with the client it came from, so that a replay
decodes what was received, by the code that decodes it live.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from aaad.policy.report import read_report
from aaad.radius.packet import Packet, decode
from aaad.server.applier import Accounting, Applicable, Silence
from aaad.server.journal import Record
from ledger.clients import BRAND_DEFAULT
from ledger.rules.logins import BrandSettings, canonical_login

ACCOUNTING = 1
SILENCE = 2
US = 1_000_000


def pack_accounting(*, client: str, brand: str, source: str, data: bytes) -> bytes:
    """The body of an accounting record."""
    body: bytes = msgpack.packb((client, brand, source, data))
    return body


def pack_silence(*, session_id: int, heard_at: int) -> bytes:
    """The body of a silence record."""
    body: bytes = msgpack.packb((session_id, heard_at))
    return body


def accounting_of(
    packet: Packet,
    *,
    lsn: int,
    received_us: int,
    client: str,
    brand: BrandSettings,
    source: str,
    body: bytes,
) -> Accounting:
    """A durable Accounting-Request, ready to be applied."""
    report = read_report(
        packet, lsn=lsn, received_at=received_us // US, client=client, source=source
    )
    return Accounting(
        report=report,
        received_us=received_us,
        brand=brand.name,
        login=canonical_login(brand, report.user_name),
        body=body,
    )


def read_record(record: Record, brands: Mapping[str, BrandSettings]) -> Applicable:
    """A journal record as it is applied again. Raises ValueError for a kind that nobody wrote."""
    if record.kind == SILENCE:
        session_id, heard_at = msgpack.unpackb(record.body)
        return Silence(record.lsn, record.received_us, session_id, heard_at)
    if record.kind != ACCOUNTING:
        raise ValueError(f"journal record {record.lsn}: kind {record.kind} is not known here")
    client, brand, source, data = msgpack.unpackb(record.body)
    return accounting_of(
        decode(data),
        lsn=record.lsn,
        received_us=record.received_us,
        client=client,
        brand=brands.get(brand) or brands[BRAND_DEFAULT],
        source=source,
        body=record.body,
    )
