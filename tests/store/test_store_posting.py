"""The one writer of balances: compare-and-set a session, folded sums, what fires once, what never
goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger import posting
from ledger.books import check_books
from ledger.model import (
    BootInstant,
    Event,
    Impact,
    LimitCrossing,
    PostingBatch,
    PostingResult,
    SuspenseRecord,
    Threshold,
    UsageMetric,
)
from ledger.outbox import claim_messages
from ledger.posting import ItemKind, ItemRef, forget_suspense, post, post_event
from ledger.sessions import (
    JournalPosition,
    fetch_boots,
    fetch_events,
    fetch_journal_positions,
    fetch_session,
    fetch_sessions_by_key,
    fetch_suspense,
)
from ledger.store import Store
from ledger.subscribers import AccountState, fetch_account_states
from tests.store.builders import (
    NOW,
    PERIOD,
    advanced,
    batch,
    cut,
    opening,
    register,
    session,
)
from tests.store.conftest import run_on_books


async def post_batch(store: Store, made: PostingBatch) -> PostingResult:
    async with store.transaction() as tx:
        return await post(tx, made)


async def state_of(store: Store, account_id: int) -> AccountState:
    async with store.read() as reader:
        states = await fetch_account_states(reader, {account_id: (PERIOD,)})
    return states[account_id]


def crossing(account_id: int, threshold: Threshold, revision: int = 0) -> LimitCrossing:
    return LimitCrossing(
        account_id=account_id,
        service_id=0,
        limit="hours",
        period_start_at=PERIOD,
        threshold=threshold,
        revision=revision,
        metric=UsageMetric.SECONDS,
        threshold_quantity=540_000,
        used_quantity=540_010,
        crossed_at=NOW,
    )


async def test_a_session_accrues_and_its_end_moves_accrued_to_posted(store: Store) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    second = advanced(first.new, seconds=3600, charge_micros=1_000_000)
    await post_batch(store, batch(first))
    await post_batch(store, batch(second))

    running = await state_of(store, account_id)
    assert [(b.posted_micros, b.accrued_micros) for b in running.balances] == [(0, 1_000_000)]
    assert [(c.seconds, c.charge_micros) for c in running.counters] == [(3600, 1_000_000)]

    last = cut(second.new, seconds=1800, charge_micros=500_000, ends=True)
    result = await post_batch(store, batch(last))

    ended = await state_of(store, account_id)
    assert result == PostingResult(lost_session_ids=frozenset(), fired=())
    assert [(b.posted_micros, b.accrued_micros) for b in ended.balances] == [(1_500_000, 0)]
    assert [(c.seconds, c.charge_micros) for c in ended.counters] == [(5400, 1_500_000)]
    async with store.read() as reader:
        usage = (await fetch_events(reader, account_id))[0]
        row = await fetch_session(reader, account_id=account_id, session_id=77)
    assert row == last.new
    assert usage.event_key == "usage/77/0"
    assert usage.data["tariff"] == "dialup-hours"
    assert usage.data["piece"]["segments"][0]["quantity"] == 5400  # type: ignore[index]
    assert usage.impacts == (
        Impact(
            event_id=usage.event_id,
            account_id=account_id,
            resource="USD",
            amount_micros=1_500_000,
            from_gl="usage-fees",
            to_gl="accounts-receivable",
            source="tariff/dialup-hours",
            tax_code="std",
        ),
    )
    assert await check_books(store) == []


async def test_a_batch_posted_again_changes_nothing(store: Store) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    last = cut(first.new, seconds=60, charge_micros=5, ends=True)
    await post_batch(store, batch(first))
    await post_batch(store, batch(last))
    before = await state_of(store, account_id)

    again_first = await post_batch(store, batch(first))
    again_last = await post_batch(store, batch(last))

    assert again_first.lost_session_ids == again_last.lost_session_ids == {77}
    assert await state_of(store, account_id) == before
    assert await check_books(store) == []


async def test_a_loser_drops_out_with_all_it_brings_and_the_others_win(store: Store) -> None:
    account_id, service_id = await register(store)
    other_id, other_service = await register(store, logins=(b"bob",))
    stale = opening(session(account_id, service_id))
    fine = opening(session(other_id, other_service, session_id=78, acct_session_id=b"B"))
    await post_batch(store, batch(stale, fine))
    await post_batch(store, batch(advanced(stale.new, seconds=10, charge_micros=10)))

    result = await post_batch(
        store,
        batch(
            cut(stale.new, seconds=99, charge_micros=99, ends=True),
            advanced(fine.new, seconds=20, charge_micros=20),
            crossings=(crossing(account_id, Threshold.HARD), crossing(other_id, Threshold.SOFT)),
        ),
    )

    assert result.lost_session_ids == {77}
    assert result.fired == (crossing(other_id, Threshold.SOFT),)
    loser, winner = await state_of(store, account_id), await state_of(store, other_id)
    assert [(b.posted_micros, b.accrued_micros) for b in loser.balances] == [(0, 10)]
    assert [(b.posted_micros, b.accrued_micros) for b in winner.balances] == [(0, 20)]
    assert loser.crossings == ()
    assert await check_books(store) == []


async def test_a_start_that_stands_under_another_session_id_loses(store: Store) -> None:
    account_id, service_id = await register(store)
    row = session(account_id, service_id)
    await post_batch(store, batch(opening(row)))

    twin = opening(replace(row, session_id=500))
    repeated_id = opening(replace(row, session_id=501, started_at=NOW + 4000))
    result = await post_batch(store, batch(twin, repeated_id))

    assert result.lost_session_ids == {500}
    async with store.read() as reader:
        found = await fetch_sessions_by_key(reader, [(row.nas, row.acct_session_id)])
    assert {one.session_id for one in found} == {77, 501}


async def test_two_starts_alike_in_one_batch_are_one_session(store: Store) -> None:
    account_id, service_id = await register(store)
    row = session(account_id, service_id)
    result = await post_batch(store, batch(opening(row), opening(replace(row, session_id=78))))
    assert result.lost_session_ids == {78}


async def test_a_presumed_end_is_taken_back_when_the_nas_speaks_again(store: Store) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    ended = cut(first.new, seconds=60, charge_micros=6, ends=True)
    await post_batch(store, batch(first))
    await post_batch(store, batch(ended))

    open_again = replace(ended.new, status=first.new.status, ended_at=None, terminate_cause="")
    result = await post_batch(store, batch(advanced(open_again, seconds=60, charge_micros=6)))

    assert result.lost_session_ids == frozenset()
    async with store.read() as reader:
        row = await fetch_session(reader, account_id=account_id, session_id=77)
    assert row is not None
    assert (row.status, row.ended_at, row.accrued_micros) == (first.new.status, None, 6)
    assert await check_books(store) == []


async def test_a_piece_that_costs_nothing_is_an_event_without_impact(store: Store) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    await post_batch(store, batch(first))
    await post_batch(store, batch(cut(first.new, seconds=60, charge_micros=0, ends=True)))
    async with store.read() as reader:
        usage = (await fetch_events(reader, account_id))[0]
    assert usage.event_type == "usage"
    assert usage.impacts == ()
    assert await check_books(store) == []


async def test_a_limit_fires_once_with_its_mail_and_a_hard_one_with_its_audit(store: Store) -> None:
    account_id, _ = await register(store)
    soft, hard = crossing(account_id, Threshold.SOFT), crossing(account_id, Threshold.HARD)
    first = await post_batch(store, batch(crossings=(soft, hard)))
    second = await post_batch(store, batch(crossings=(soft, hard)))
    raised = await post_batch(store, batch(crossings=(replace(soft, revision=1),)))

    assert (first.fired, second.fired) == ((soft, hard), ())
    assert raised.fired == (replace(soft, revision=1),)
    async with store.transaction() as tx:
        mails = await claim_messages(tx, kind="mail", owner="deliver", at=NOW)
        orders = await claim_messages(tx, kind="network", owner="enforcer", at=NOW)
    assert sorted(mail.message.name for mail in mails) == [
        "limit_reached",
        "limit_warning",
        "limit_warning",
    ]
    assert orders == []  # the daemon enforced at once: the order is kept as done
    assert (await state_of(store, account_id)).crossings[0].used_quantity == 540_010


async def test_what_the_journal_says_never_goes_back(store: Store) -> None:
    boot = BootInstant(client="bras", nas="bras-1", booted_at=NOW)
    await post_batch(store, batch(applied_lsn=9, last_lsn=12, watermark_at=NOW, boots=(boot,)))
    older = replace(boot, booted_at=NOW - 5)
    await post_batch(store, batch(applied_lsn=4, watermark_at=NOW - 9, boots=(older,)))
    async with store.read() as reader:
        assert await fetch_boots(reader) == [boot]
        assert await fetch_journal_positions(reader) == [
            JournalPosition(journal_number=1, applied_lsn=9, last_lsn=12, watermark_at=NOW)
        ]


async def test_suspense_is_kept_once_with_its_octets(store: Store) -> None:
    record = SuspenseRecord(
        journal_number=1,
        lsn=5,
        received_at=NOW,
        reason="unknown_user",
        client="bras",
        nas="n\x00\udcff",
        user_name=b"\x00\xff'; DROP TABLE session; --",
        body=b"\x00\x01",
    )
    await post_batch(store, batch(suspense=(record,)))
    await post_batch(store, batch(suspense=(record,)))
    async with store.read() as reader:
        assert await fetch_suspense(reader) == [record]
        assert await fetch_suspense(reader, after=(1, 5)) == []


async def test_suspense_that_a_replay_decides_anew_is_let_go(store: Store) -> None:
    record = SuspenseRecord(
        journal_number=1,
        lsn=5,
        received_at=NOW,
        reason="unknown_user",
        client="bras",
        nas="bras-1",
        user_name=b"ann",
        body=b"",
    )
    kept = [replace(record, lsn=4), replace(record, lsn=9), replace(record, journal_number=2)]
    await post_batch(store, batch(suspense=(record, replace(record, lsn=8), *kept)))
    await forget_suspense(store, 1, range(5, 9))
    async with store.read() as reader:
        assert await fetch_suspense(reader) == kept


async def test_more_sessions_than_a_slice_are_one_transaction(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "SLICE", 2)
    owners = [await register(store, logins=(b"user%d" % n,)) for n in range(3)]
    rows = [session(*owners[n % 3], session_id=80 + n, acct_session_id=b"%d" % n) for n in range(7)]
    await post_batch(store, batch(*map(opening, rows)))
    ends = [cut(row, seconds=60, charge_micros=5, ends=True) for row in rows]
    stale = replace(ends[5], stored_version=9)
    result = await post_batch(store, batch(*ends[:5], stale, ends[6]))
    assert result.lost_session_ids == {85}
    totals = [(await state_of(store, account_id)).balances[0] for account_id, _ in owners]
    assert [balance.posted_micros for balance in totals] == [15, 10, 5]
    assert await check_books(store) == []


async def test_an_event_with_its_key_is_posted_once(store: Store) -> None:
    account_id, _ = await register(store)
    item = ItemRef(kind=ItemKind.ADJUSTMENT, cycle_start_at=PERIOD)
    posted = []
    for _ in range(2):
        async with store.transaction() as tx:
            event_id = tx.ids.make(NOW * 1000)
            impacts = tuple(
                Impact(
                    event_id=event_id,
                    account_id=account_id,
                    resource="USD",
                    amount_micros=amount,
                    from_gl="goodwill",
                    to_gl="accounts-receivable",
                    source="adjustment",
                )
                for amount in (-2_000_000, 500_000)
            )
            event = Event(
                event_id=event_id,
                event_key="adjustment/42",
                account_id=account_id,
                service_id=0,
                event_type="adjustment",
                service_at=NOW,
                posted_at=NOW,
                actor="csr ann",
                data={"reason": "outage"},
                impacts=impacts,
            )
            posted.append(await post_event(tx, event, items=(item, item)))
    assert posted == [True, False]
    state = await state_of(store, account_id)
    assert [balance.posted_micros for balance in state.balances] == [-1_500_000]
    assert await check_books(store) == []


async def test_ids_stay_unique_when_the_clock_goes_back_and_the_store_is_opened_again(
    store: Store, store_url: str
) -> None:
    from ledger.store import open_store

    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    await post_batch(store, batch(first))
    await post_batch(store, batch(cut(first.new, seconds=1, charge_micros=1, ends=False)))
    await store.close()
    again = await open_store(store_url, checkpoints=True)
    try:
        async with again.read() as reader:
            row = await fetch_session(reader, account_id=account_id, session_id=77)
        assert row is not None
        late = cut(row, seconds=1, charge_micros=1, ends=True)
        await post_batch(again, batch(late, posted_at=NOW - 86_400))
        async with again.read() as reader:
            usage = [e for e in await fetch_events(reader, account_id) if e.event_type == "usage"]
        assert len({event.event_id for event in usage}) == 2
        assert await check_books(again) == []
    finally:
        await again.close()


async def test_check_books_finds_what_somebody_broke(store: Store, store_url: str) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    second = advanced(first.new, seconds=10, charge_micros=10)
    await post_batch(store, batch(first))
    await post_batch(store, batch(second))
    await post_batch(store, batch(cut(second.new, seconds=5, charge_micros=5, ends=True)))
    run_on_books(
        store_url,
        "UPDATE balance SET posted_micros = posted_micros + 1",
        "UPDATE item SET amount_micros = amount_micros - 3",
        "UPDATE usage_counter SET seconds = seconds + 7",
        "UPDATE session SET accrued_micros = 2, pieces = 3",
        "DELETE FROM login",
        "INSERT INTO balance VALUES (12345, 'USD', 0, 0)",
        "DELETE FROM journal_position",
        "INSERT INTO login VALUES ('isp', 'nobody', 12345, 1)",
        "UPDATE account_change SET counter = 9",
        f"INSERT INTO limit_crossing VALUES ({account_id}, 5, 'hours', 0, 'hard', 0, 'seconds', "
        "9, 8, 0)",
        "UPDATE impact SET from_gl = to_gl",
        "INSERT INTO usage_counter VALUES (9223372036854775807, 1, 0, 1, 0, 0, 0)",
    )

    faults = "\n".join(await check_books(store))

    assert f"account {account_id} USD: posted is +1 micros off" in faults
    assert "is -3 micros of USD off" in faults
    assert "counters are +7 s, +0 and +0 octets, +0 micros off" in faults
    assert "session 77 has ended and still accrues" in faults
    assert "session 77 made 3 pieces, 1 events are posted" in faults
    assert f"the login of service {service_id} leads elsewhere" in faults
    assert "account 12345 has rows and is not registered" in faults
    assert f"account {2**63 - 1} has rows and is not registered" in faults
    assert "journal 1: position -1" in faults
    assert "login nobody of brand isp leads to no service" in faults
    assert f"account {account_id}: its change 9 is still to come" in faults
    assert f"account {account_id}: the hard threshold of hours fired below it" in faults
    assert "moves nothing" in faults


async def test_check_books_finds_keys_that_lost_their_events(store: Store, store_url: str) -> None:
    """On PostgreSQL, where they stand apart; a file cannot break so."""
    account_id, _ = await register(store)
    if store_url.startswith("postgresql:"):
        run_on_books(
            store_url,
            f"INSERT INTO event_key VALUES ({account_id}, 'payment/1', 7)",
            f"DELETE FROM event_key WHERE account_id = {account_id} AND event_id <> 7",
        )
        faults = await check_books(store)
        assert f"account {account_id}: event 7 and its key do not fit" in faults
        assert len(faults) > 1
    assert all(f"account {account_id}: event" in fault for fault in await check_books(store))
