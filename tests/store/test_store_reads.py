"""Bulk reads, pages, the outbox and price list versions: what is asked for, bounded, and nothing
else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger import sessions
from ledger.model import OutboxMessage, SessionStatus
from ledger.outbox import (
    LEASE_S,
    claim_messages,
    finish_message,
    insert_message,
    return_message,
)
from ledger.posting import post
from ledger.pricelists import PriceListRefused, fetch_brands, fetch_versions, store_version
from ledger.sessions import (
    fetch_event_by_key,
    fetch_events,
    fetch_open_sessions,
    fetch_sessions_by_key,
)
from ledger.store import Store
from ledger.subscribers import (
    PRICE_LIST_CHANGED,
    fetch_account_states,
    fetch_changes,
    fetch_subscribers,
    fetch_subscribers_by_account,
)
from tests.store.builders import (
    BRAND,
    NOW,
    PERIOD,
    advanced,
    batch,
    cut,
    opening,
    register,
    session,
)


async def test_many_logins_are_one_answer_and_strangers_are_missing(store: Store) -> None:
    first_id, _ = await register(store, logins=(b"a1", b"a2"))
    second_id, _ = await register(store, logins=(b"b1",))
    async with store.read() as reader:
        found = await fetch_subscribers(reader, brand=BRAND, logins=["a2", "b1", "zed"])
        other = await fetch_subscribers(reader, brand="other", logins=["a2"])
        whole = await fetch_subscribers_by_account(reader, [first_id, second_id, 5])
    assert {login: one.account.account_id for login, one in found.items()} == {
        "a2": first_id,
        "b1": second_id,
    }
    assert other == {}
    assert sorted(one.service.login for one in whole) == ["a1", "a2", "b1"]
    for one in whole:
        assert {p.service_id for p in one.purchases} == {one.service.service_id}


async def test_states_hold_the_periods_asked_for(store: Store) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    async with store.transaction() as tx:
        await post(
            tx,
            batch(first, advanced(replace(first.new, session_id=78), seconds=0, charge_micros=0)),
        )
        await post(tx, batch(advanced(first.new, seconds=5, charge_micros=6)))
        states = await fetch_account_states(tx, {account_id: (PERIOD, PERIOD - 1), 99: (PERIOD,)})
        without = await fetch_account_states(tx, {account_id: (PERIOD - 1,)})
    assert [c.seconds for c in states[account_id].counters] == [5]
    assert [b.accrued_micros for b in states[account_id].balances] == [6]
    assert without[account_id].counters == ()
    assert states[99].balances == ()


async def test_open_sessions_come_in_pages_without_gap_or_repetition(store: Store) -> None:
    account_id, service_id = await register(store)
    rows = [
        session(account_id, service_id, session_id=n, acct_session_id=b"%d" % n)
        for n in range(100, 107)
    ]
    async with store.transaction() as tx:
        await post(tx, batch(*map(opening, rows)))
        await post(tx, batch(cut(rows[3], seconds=1, charge_micros=1, ends=True)))
    seen, after = [], (0, 0)
    async with store.read() as reader:
        while page := await fetch_open_sessions(reader, after=after, page_size=2):
            assert len(page) <= 2
            seen += [row.session_id for row in page]
            after = (page[-1].account_id, page[-1].session_id)
    assert seen == [100, 101, 102, 104, 105, 106]


async def test_a_key_that_repeats_answers_its_newest_sessions_only(store: Store) -> None:
    account_id, service_id = await register(store)
    count = sessions.SESSIONS_OF_KEY_MAX + 3
    rows = [
        session(account_id, service_id, session_id=100 + n, started_at=NOW + 1000 * n)
        for n in range(count)
    ]
    async with store.transaction() as tx:
        await post(tx, batch(*map(opening, rows)))
        await post(tx, batch(cut(rows[-1], seconds=1, charge_micros=1, ends=True)))
        found = await fetch_sessions_by_key(tx, [("bras-1", b"0000002A"), ("bras-1", b"none")])
    assert sorted(row.session_id for row in found) == list(range(103, 100 + count))
    assert {row.session_id for row in found if row.status is SessionStatus.CLOSED} == {
        100 + count - 1
    }


async def test_events_are_paged_from_the_newest_with_their_impacts(store: Store) -> None:
    account_id, service_id = await register(store)
    row = session(account_id, service_id)
    async with store.transaction() as tx:
        await post(tx, batch(opening(row)))
        for _ in range(5):
            posting = cut(row, seconds=10, charge_micros=7, ends=False)
            await post(tx, batch(posting))
            row = posting.new
        newest = await fetch_events(tx, account_id, page_size=3)
        older = await fetch_events(tx, account_id, before=newest[-1].event_id, page_size=3)
        first = await fetch_event_by_key(tx, account_id=account_id, event_key=older[2].event_key)
    assert [event.event_key for event in newest + older[:2]] == [
        f"usage/77/{piece}" for piece in (4, 3, 2, 1, 0)
    ]
    assert [impact.amount_micros for event in newest for impact in event.impacts] == [7, 7, 7]
    assert first == older[2]


def mail(key: str, created_at: int) -> OutboxMessage:
    return OutboxMessage(
        outbox_key=key,
        account_id=9,
        kind="mail",
        name="welcome",
        data={"to": "Ann"},
        created_at=created_at,
    )


async def test_a_message_is_claimed_by_one_and_by_another_after_its_lease(store: Store) -> None:
    async with store.transaction() as tx:
        assert await insert_message(tx, mail("second", NOW + 1))
        assert await insert_message(tx, mail("first", NOW))
        assert not await insert_message(tx, mail("first", NOW))
        mine = await claim_messages(tx, kind="mail", owner="a", at=NOW + 5, count_max=1)
        rest = await claim_messages(tx, kind="mail", owner="b", at=NOW + 5)
        none = await claim_messages(tx, kind="mail", owner="b", at=NOW + 4 + LEASE_S)
        again = await claim_messages(tx, kind="mail", owner="b", at=NOW + 5 + LEASE_S)
    assert [one.message for one in mine] == [mail("first", NOW)]
    assert [one.message.outbox_key for one in rest] == ["second"]
    assert none == []
    assert [(one.message.outbox_key, one.attempts) for one in again] == [
        ("first", 2),
        ("second", 2),
    ]
    async with store.transaction() as tx:
        assert not await finish_message(tx, mine[0].message, owner="a", at=NOW + 400)
        assert await finish_message(tx, mine[0].message, owner="b", at=NOW + 400)
        assert not await finish_message(tx, mine[0].message, owner="b", at=NOW + 401)


async def test_a_message_given_back_waits_for_its_retry(store: Store) -> None:
    async with store.transaction() as tx:
        await insert_message(tx, mail("first", NOW))
        (claimed,) = await claim_messages(tx, kind="mail", owner="a", at=NOW)
        message = claimed.message
        assert await return_message(tx, message, owner="a", retry_at=NOW + 60, error="refused")
        assert await claim_messages(tx, kind="mail", owner="a", at=NOW + 59) == []
        assert len(await claim_messages(tx, kind="mail", owner="a", at=NOW + 60)) == 1


async def test_price_lists_are_versions_that_never_change_the_past(store: Store) -> None:
    async def load(text: str, effective_at: int) -> int:
        async with store.transaction() as tx:
            stored = await store_version(
                tx, brand=BRAND, text=text, effective_at=effective_at, at=NOW, actor="csr ann"
            )
        return stored.version

    assert await load("one", 0) == 1  # nothing was priced before a brand's first list
    assert await load("two", NOW + 50) == 2
    assert await load("three", NOW) == 3
    assert await load("two", NOW + 50) == 2
    with pytest.raises(PriceListRefused, match="needs rerating"):
        await load("four", NOW - 1)
    with pytest.raises(PriceListRefused, match="at most"):
        await load("x" * 4_000_001, NOW + 60)
    async with store.read() as reader:
        versions = await fetch_versions(reader, brand=BRAND)
        assert await fetch_versions(reader, brand="other") == []
        assert await fetch_brands(reader) == [BRAND]
        _, changed = await fetch_changes(reader, after=0)
    assert [(v.version, v.text, v.effective_at) for v in versions] == [
        (1, "one", 0),
        (3, "three", NOW),
        (2, "two", NOW + 50),
    ]
    assert changed == (PRICE_LIST_CHANGED,)
