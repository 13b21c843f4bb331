"""Proves that a lost session's records are found again: all of them, no others, up to the last that
was applied."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aaad.server.applicable import Accounting
from aaad.server.journal import Journal
from aaad.server.records import ACCOUNTING, SILENCE, pack_accounting, pack_silence
from aaad.server.records_again import RecordsAgain
from ledger.clients import BRAND_DEFAULT
from ledger.settings import BRAND_RULE_DEFAULT
from tests.e2e.wire import Attribute, Code, Status, attribute, sign_accounting

BRANDS = {BRAND_DEFAULT: BRAND_RULE_DEFAULT}
SESSION: Any = SimpleNamespace(session_id=7, nas="nas-1", acct_session_id=b"a")


def accounting(name: str, nas: str = "nas-1") -> bytes:
    facts = (
        (Attribute.ACCT_STATUS_TYPE, int(Status.START)),
        (Attribute.USER_NAME, "ann"),
        (Attribute.NAS_IDENTIFIER, nas),
        (Attribute.ACCT_SESSION_ID, name),
    )
    body = b"".join(attribute(kind, value) for kind, value in facts)
    data = sign_accounting(Code.ACCOUNTING_REQUEST, 1, body, b"secret")
    return pack_accounting(client="c", brand=BRAND_DEFAULT, source="127.0.0.1", data=data)


async def journal_of(folder: Path, *bodies: bytes | int) -> Journal:
    """Octets are an accounting record; a number is a silence of that session."""
    journal = Journal.open(
        folder,
        store_id="s",
        journal_number=1,
        segment_size=1 << 20,
        retention_s=0,
        max_unapplied_bytes=1 << 20,
    )
    durable = asyncio.Event()
    last = len(bodies)
    journal.start(
        asyncio.get_running_loop(),
        lambda lsn: durable.set() if lsn == last else None,
        lambda error: None,
    )
    for body in bodies:
        if isinstance(body, int):
            journal.append(1, SILENCE, pack_silence(session_id=body, heard_at=1))
        else:
            journal.append(1, ACCOUNTING, body)
    await durable.wait()
    return journal


def lsns(again: RecordsAgain) -> list[int]:
    return [one.report.lsn if isinstance(one, Accounting) else one.lsn for one in again.found]


async def test_the_records_of_a_session_are_found_and_no_others(tmp_path: Path) -> None:
    bodies = (accounting("a"), accounting("b"), accounting("a", "nas-2"), 7, 8, accounting("a"))
    journal = await journal_of(tmp_path, *bodies)
    again = RecordsAgain(journal, BRANDS, [SESSION])
    again.read(1)
    assert lsns(again) == [1, 4, 6]
    later = RecordsAgain(journal, BRANDS, [SESSION])
    later.read(2)
    assert lsns(later) == [4, 6]
    await journal.close()


async def test_what_is_durable_and_not_applied_is_left_for_later(tmp_path: Path) -> None:
    journal = await journal_of(tmp_path, *(accounting("a") for _ in range(5)))
    again = RecordsAgain(journal, BRANDS, [SESSION])
    again.read(2)
    again.read_on(3)
    assert lsns(again) == [2, 3]
    again.read_on(3)
    assert lsns(again) == [2, 3]
    await journal.close()


async def test_what_became_durable_meanwhile_is_read_on(tmp_path: Path) -> None:
    journal = await journal_of(tmp_path, *(accounting("a") for _ in range(3)))
    again = RecordsAgain(journal, BRANDS, [SESSION])
    again.read(1)
    journal.append(1, ACCOUNTING, accounting("a"))
    await journal.close()
    again.read_on(4)
    assert lsns(again) == [1, 2, 3, 4]
