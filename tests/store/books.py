"""Books with a row in every kind of table, for the tests that move them."""

from __future__ import annotations

from ledger.model import BootInstant, LimitCrossing, SuspenseRecord, Threshold, UsageMetric
from ledger.posting import post
from ledger.store import Store
from tests.store.builders import NOW, PERIOD, batch, cut, opening, register, session

MONTH_S = 31 * 86_400
CUSTOMERS = 3
SESSIONS_EACH = 4


async def fill(store: Store) -> None:
    """Customers, sessions that run and that ended over three months, crossings, suspense, boots."""
    await store.make_room(at=NOW)
    for customer in range(CUSTOMERS):
        account_id, service_id = await register(store, logins=(b"user-%d\\\xff\x00" % customer,))
        for number in range(SESSIONS_EACH):
            await _play(store, account_id, service_id, customer * 100 + number + 1)
    crossing = LimitCrossing(
        account_id=account_id,
        service_id=service_id,
        limit="hours",
        period_start_at=PERIOD,
        threshold=Threshold.HARD,
        revision=0,
        metric=UsageMetric.SECONDS,
        threshold_quantity=3600,
        used_quantity=7200,
        crossed_at=NOW,
    )
    suspense = SuspenseRecord(
        journal_number=1,
        lsn=9,
        received_at=NOW,
        reason="unknown user",
        client="c",
        nas="n\x00",
        user_name=b"\xff",
        body=bytes(range(256)),
    )
    boot = BootInstant(client="c", nas="n", booted_at=NOW)
    async with store.transaction() as tx:
        await post(
            tx,
            batch(crossings=(crossing,), suspense=(suspense,), boots=(boot,), applied_lsn=40),
        )


async def _play(store: Store, account_id: int, service_id: int, number: int) -> None:
    row = session(
        account_id,
        service_id,
        session_id=number,
        acct_session_id=b"%08x" % number,
        user_name=b"Ann\xff\\",
        started_at=NOW + number,
    )
    first = opening(row)
    postings = [first]
    if number % 2:
        ended = cut(first.new, seconds=number * 60, charge_micros=number * 1_000_001, ends=True)
        postings.append(ended)
    for posting in postings:
        async with store.transaction() as tx:
            await post(tx, batch(posting, posted_at=NOW + number % SESSIONS_EACH * MONTH_S))
