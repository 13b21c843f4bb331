"""What the journal's records mean: the raw packet as it came, or a decision that time made.

An Accounting-Request is kept as its own octets with the client it came from, so that a replay
decodes what was received, by the code that decodes it live.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aaad.policy.report import read_report
from aaad.radius.decoder import Packet, decode
from aaad.server.applicable import Accounting, Applicable, Silence
from aaad.server.journal import Record
from ledger.clients import BRAND_DEFAULT
from ledger.rules.logins import BrandSettings, canonical_login

ACCOUNTING = 1
SILENCE = 2
US = 1_000_000

_encode = msgspec.msgpack.Encoder().encode
_decode_accounting = msgspec.msgpack.Decoder(tuple[str, str, str, bytes]).decode
_decode_silence = msgspec.msgpack.Decoder(tuple[int, int]).decode


def pack_accounting(*, client: str, brand: str, source: str, data: bytes) -> bytes:
    """The body of an accounting record."""
    return _encode((client, brand, source, data))


def pack_silence(*, session_id: int, heard_at: int) -> bytes:
    """The body of a silence record."""
    return _encode((session_id, heard_at))


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
        report,
        received_us,
        brand.name,
        canonical_login(brand, report.user_name),
        body,
    )


def read_record(record: Record, brands: Mapping[str, BrandSettings]) -> Applicable:
    """A journal record as it is applied again. Raises ValueError for a kind that nobody wrote."""
    if record.kind == SILENCE:
        session_id, heard_at = _decode_silence(record.body)
        return Silence(record.lsn, record.received_us, session_id, heard_at)
    if record.kind != ACCOUNTING:
        raise ValueError(f"journal record {record.lsn}: kind {record.kind} is not known here")
    client, brand, source, data = _decode_accounting(record.body)
    return accounting_of(
        decode(data),
        lsn=record.lsn,
        received_us=record.received_us,
        client=client,
        brand=brands.get(brand) or brands[BRAND_DEFAULT],
        source=source,
        body=record.body,
    )
