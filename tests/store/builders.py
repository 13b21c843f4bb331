"""Customers, sessions and batches for the tests of the books: what a test does not say is
typical."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.accounts import AccountRules, NewAccount, NewService, register_account
from ledger.changes import Authorship
from ledger.credentials import prepare_password
from ledger.model import (
    CredentialScheme,
    PostingBatch,
    SessionPosting,
    SessionRow,
    SessionStatus,
    UsageEvent,
)
from ledger.seal import Sealer
from ledger.store import Store
from ledger.subscribers import fetch_subscribers_by_account
from ratingcore.piece import Piece, Segment

NOW = 1_700_000_000
PERIOD = 1_698_796_800
BRAND = "isp"
SEALER = Sealer(bytes(range(32)))
BY = Authorship(at=NOW, actor="csr ann")


def canonical(user_name: bytes) -> str:
    """The rule of the tests: ASCII case does not count."""
    return user_name.lower().decode("utf-8", "surrogateescape")


RULES = AccountRules(canonical=canonical, offers=("dialup", "premium"), sealer=SEALER)


def new_service(login: bytes = b"ann", **given: Any) -> NewService:
    """A service with a password that is sealed."""
    password = prepare_password(CredentialScheme.SEALED, b"secret")
    values: dict[str, Any] = {"login": login, "offer": "dialup", "password": password, **given}
    return NewService(**values)


def new_account(**given: Any) -> NewAccount:
    """A customer with one service."""
    values: dict[str, Any] = {
        "brand": BRAND,
        "name": "Ann Smith",
        "currency": "USD",
        "zone": "America/New_York",
        "bill_day": 1,
        "services": (new_service(),),
        **given,
    }
    return NewAccount(**values)


async def register(store: Store, *, logins: tuple[bytes, ...] = (b"ann",)) -> tuple[int, int]:
    """Register an account; its id and that of its first service."""
    new = new_account(services=tuple(new_service(login) for login in logins))
    async with store.transaction() as tx:
        account_id = await register_account(tx, new, rules=RULES, by=BY)
        subscribers = await fetch_subscribers_by_account(tx, [account_id])
    return account_id, subscribers[0].service.service_id


def session(account_id: int, service_id: int, **given: Any) -> SessionRow:
    """An open session after its first report."""
    values: dict[str, Any] = {
        "account_id": account_id,
        "session_id": 77,
        "service_id": service_id,
        "nas": "bras-1",
        "acct_session_id": b"0000002A",
        "user_name": b"Ann",
        "started_at": NOW,
        "status": SessionStatus.OPEN,
        "version": 1,
        "journal_number": 1,
        "lsn": 1,
        "last_at": NOW,
        "heard_at": NOW,
        "session_time_s": 0,
        "input_octets": 0,
        "output_octets": 0,
        "counters": b"counters",
        "meter": b"meter",
        "pieces": 0,
        "period_start_at": PERIOD,
        "open_seconds": 0,
        "open_input_octets": 0,
        "open_output_octets": 0,
        "accrued_micros": 0,
        **given,
    }
    return SessionRow(**values)


def opening(row: SessionRow) -> SessionPosting:
    """The first posting of a session."""
    return SessionPosting(new=row, stored_version=0)


def advanced(stored: SessionRow, *, seconds: int, charge_micros: int) -> SessionPosting:
    """A report that adds seconds and micros to an open session."""
    new = replace(
        stored,
        version=stored.version + 1,
        lsn=stored.lsn + 1,
        session_time_s=stored.session_time_s + seconds,
        open_seconds=stored.open_seconds + seconds,
        accrued_micros=stored.accrued_micros + charge_micros,
    )
    return SessionPosting(new=new, stored_version=stored.version)


def cut(stored: SessionRow, *, seconds: int, charge_micros: int, ends: bool) -> SessionPosting:
    """A report that turns what is open, and so much more, into an event; the last one or not."""
    total_s = stored.open_seconds + seconds
    charge = stored.accrued_micros + charge_micros
    ended_at = NOW + stored.session_time_s + seconds
    new = replace(
        stored,
        version=stored.version + 1,
        lsn=stored.lsn + 1,
        session_time_s=stored.session_time_s + seconds,
        open_seconds=0,
        accrued_micros=0,
        pieces=stored.pieces + 1,
        status=SessionStatus.CLOSED if ends else SessionStatus.OPEN,
        ended_at=ended_at if ends else None,
        terminate_cause="User-Request" if ends else "",
    )
    return SessionPosting(
        new=new,
        stored_version=stored.version,
        events=(usage_event(stored, seconds=total_s, charge_micros=charge, ended_at=ended_at),),
    )


def usage_event(
    stored: SessionRow, *, seconds: int, charge_micros: int, ended_at: int
) -> UsageEvent:
    """The event of a piece with one segment."""
    started_at = ended_at - seconds
    segment = Segment(
        band="day",
        metric="seconds",
        tier_from=0,
        quantity=seconds,
        price_micros=1_000_000,
        per=3600,
        amount_micros=charge_micros,
        started_at=started_at,
        ended_at=ended_at,
    )
    return UsageEvent(
        account_id=stored.account_id,
        service_id=stored.service_id,
        session_id=stored.session_id,
        number=stored.pieces,
        piece=Piece(started_at, ended_at, 0, 0, charge_micros, (segment,)),
        currency="USD",
        period_start_at=stored.period_start_at,
        revenue_gl="usage-fees",
        tax_code="std",
        tariff="dialup-hours",
    )


def batch(*sessions: SessionPosting, **given: Any) -> PostingBatch:
    """A batch of journal 1."""
    values: dict[str, Any] = {
        "posted_at": NOW,
        "journal_number": 1,
        "applied_lsn": 1,
        "last_lsn": 1,
        "watermark_at": NOW,
        "sessions": sessions,
        **given,
    }
    return PostingBatch(**values)
