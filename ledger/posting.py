"""The one writer of balances (rules of exactness 1, 5 and 12).

A batch of the daemon is one transaction: each session wins or loses its compare-and-set as a
whole, and what a loser brings (events, crossings of its account) drops out without failing the
others. Everything is folded by key first (ledger.posting_rows), so that a batch is a dozen
statements whatever its size. Other nodes may post at the same time (PostgreSQL): what decides is
what a statement changed, never what was read before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from ledger.model import (
    Event,
    LimitCrossing,
    OutboxMessage,
    PostingBatch,
    PostingResult,
    SessionPosting,
    Threshold,
)
from ledger.outbox import insert_message
from ledger.posting_rows import (
    USAGE_ITEM,
    ItemKey,
    UsageRows,
    impact_row,
    session_steps,
    sum_steps,
)
from ledger.session_rows import SqlRow, start_key
from ledger.store.contract import KeyExists, Step, Store, StoreUnavailable, Transaction, json_list
from ledger.store.text import escape_octets, escape_text

LIMIT_MAILS = {Threshold.SOFT: "limit_warning", Threshold.HARD: "limit_reached"}
ENFORCE_ORDER = "enforce_limit"

SLICE = 256
"""Sessions whose rows are made in one go: a millisecond for which the event loop does not serve."""

SORTINGS_MAX = 3
"""How often winners are told from losers while other nodes write the same sessions; a batch that
is still not sure is tried again later."""


class ItemKind(StrEnum):
    """What a bill item sums (B87)."""

    USAGE = USAGE_ITEM
    CYCLE_FORWARD = "cycle_forward"
    CYCLE_ARREARS = "cycle_arrears"
    PURCHASE = "purchase"
    CANCEL = "cancel"
    TAX = "tax"
    ADJUSTMENT = "adjustment"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRef:
    """The item that sums impacts. bill_unit_id 0: the account's default unit."""

    kind: ItemKind
    cycle_start_at: int
    bill_unit_id: int = 0


async def post(tx: Transaction, batch: PostingBatch) -> PostingResult:
    """Write a batch of the daemon; the caller's transaction commits it.

    Returns the sessions that lost their compare-and-set and the crossings that were new. Posting
    the same batch again changes nothing: its sessions lose, the rest is keyed.
    """
    lost = await _write_sessions(tx, batch.sessions)
    won: Sequence[SessionPosting] = batch.sessions
    crossings: Sequence[LimitCrossing] = batch.crossings
    if lost:
        losers = {p.new.account_id for p in won if p.new.session_id in lost}
        crossings = [crossing for crossing in crossings if crossing.account_id not in losers]
        won = [posting for posting in won if posting.new.session_id not in lost]
    usage = UsageRows()
    for some in _slices(won):
        usage.add_all(some, tx.ids, batch.posted_at)
        await asyncio.sleep(0)
    for step in usage.steps():
        await tx.execute_all([step])
    await tx.execute_all(_journal_steps(batch))
    fired = await _write_crossings(tx, crossings)
    return PostingResult(lost_session_ids=lost, fired=fired)


async def post_event(tx: Transaction, event: Event, *, items: Sequence[ItemRef] = ()) -> bool:
    """Write an event with its impacts: an adjustment, a top-up, a fee, a change of a customer.

    Idempotent by (account_id, event_key): returns False when the event exists already, and changes
    nothing. `items` are what sums the impacts, one for each.
    """
    if not await tx.execute("insert_event", _event_row(event)):
        return False
    if event.impacts:
        await tx.execute_all(_impact_steps(event, items))
    return True


async def _write_sessions(tx: Transaction, postings: Sequence[SessionPosting]) -> frozenset[int]:
    """Write the rows that win their compare-and-set; the ids of those that lose."""
    if not postings:
        return frozenset()
    assert len({p.new.session_id for p in postings}) == len(postings), "a session stands twice"
    await tx.execute("mark_sessions")
    lost: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()
    won = postings
    for _ in range(1 + SORTINGS_MAX):
        if await _all_win(tx, won, closed):
            return lost
        await tx.execute("take_back_sessions")
        lost, closed = await _sort_out(tx, postings)
        won = [posting for posting in postings if posting.new.session_id not in lost]
    raise StoreUnavailable(
        f"{len(postings)} sessions changed under {SORTINGS_MAX} attempts to post them: "
        "does another node own them? the work is tried again"
    )


async def _all_win(
    tx: Transaction, postings: Sequence[SessionPosting], closed: frozenset[int]
) -> bool:
    """Write rows; whether each was inserted or changed."""
    for some in _slices(postings):
        steps = session_steps(some, closed=closed)
        try:
            written = await tx.execute_all(steps)
        except KeyExists:
            return False
        if written != [len(rows) for _, rows in steps]:
            return False
    return True


def _slices(postings: Sequence[SessionPosting]) -> Iterator[Sequence[SessionPosting]]:
    """So many at a time as rows are made of without a pause."""
    for start in range(0, len(postings), SLICE):
        yield postings[start : start + SLICE]


async def _sort_out(
    tx: Transaction, postings: Sequence[SessionPosting]
) -> tuple[frozenset[int], frozenset[int]]:
    """Which sessions lose, and which stand closed in the books.

    A new session loses when its id or its (NAS, Acct-Session-Id, start) exists already.
    """
    keys = json_list((p.new.account_id, p.new.session_id) for p in postings)
    rows = await tx.fetch("fetch_session_versions", (keys,))
    held = {session_id: version for session_id, version, _ in rows}
    closed = frozenset(session_id for session_id, _, status in rows if status != "open")
    inserts = [posting for posting in postings if not posting.stored_version]
    starts = json_list(start_key(posting.new) for posting in inserts)
    taken = set(await tx.fetch("fetch_session_starts", (starts,)))
    lost = {p.new.session_id for p in postings if held.get(p.new.session_id, 0) != p.stored_version}
    for posting in inserts:
        if posting.new.session_id in lost:
            continue
        start = start_key(posting.new)
        if start in taken:
            lost.add(posting.new.session_id)
        taken.add(start)
    return frozenset(lost), closed


def _event_row(event: Event) -> SqlRow:
    return (
        event.account_id,
        event.event_id,
        event.event_key,
        event.service_id,
        event.event_type,
        event.service_at,
        event.posted_at,
        event.actor,
        orjson.dumps(dict(event.data)).decode(),
    )


def _impact_steps(event: Event, items_of: Sequence[ItemRef]) -> list[Step]:
    """The impacts of an event, and what they add to."""
    rows: list[SqlRow] = []
    items: dict[ItemKey, int] = {}
    balances: dict[tuple[int, str], int] = {}
    of_each = zip(event.impacts, items_of, strict=True)
    for position, (impact, item) in enumerate(of_each, start=1):
        owner = (impact.account_id, impact.resource)
        unit_id = item.bill_unit_id or impact.account_id
        key = (impact.account_id, unit_id, item.kind.value, item.cycle_start_at, impact.resource)
        rows.append(impact_row(impact, position, key))
        items[key] = items.get(key, 0) + impact.amount_micros
        balances[owner] = balances.get(owner, 0) + impact.amount_micros
    return [("insert_impact", rows), *sum_steps(items, balances)]


async def _write_crossings(
    tx: Transaction, crossings: Iterable[LimitCrossing]
) -> tuple[LimitCrossing, ...]:
    """Insert them; those that were new announce themselves, once (rule of exactness 12)."""
    fired = [crossing for crossing in crossings if await insert_crossing(tx, crossing)]
    for crossing in fired:
        for message, done_at in _announcements(crossing):
            await insert_message(tx, message, done_at=done_at)
    return tuple(fired)


async def insert_crossing(tx: Transaction, crossing: LimitCrossing) -> bool:
    """Record a crossing without announcing it; False when it is on record already."""
    row = (
        crossing.account_id,
        crossing.service_id,
        crossing.limit,
        crossing.period_start_at,
        crossing.threshold.value,
        crossing.revision,
        crossing.metric.value,
        crossing.threshold_quantity,
        crossing.used_quantity,
        crossing.crossed_at,
    )
    return await tx.execute("insert_limit_crossing", row) == 1


def _announcements(crossing: LimitCrossing) -> list[tuple[OutboxMessage, int | None]]:
    """The mail, and for a hard limit the order as audit: done, for the daemon enforces at once."""
    mail = _crossing_message(crossing, "mail", LIMIT_MAILS[crossing.threshold])
    if crossing.threshold is Threshold.SOFT:
        return [(mail, None)]
    order = _crossing_message(crossing, "network", ENFORCE_ORDER)
    return [(mail, None), (order, crossing.crossed_at)]


def _crossing_message(crossing: LimitCrossing, kind: str, name: str) -> OutboxMessage:
    data = {
        "service_id": crossing.service_id,
        "limit": crossing.limit,
        "metric": crossing.metric,
        "threshold": crossing.threshold,
        "threshold_quantity": crossing.threshold_quantity,
        "used_quantity": crossing.used_quantity,
        "period_start_at": crossing.period_start_at,
        "revision": crossing.revision,
    }
    key = (
        f"{name}/{crossing.service_id}/{crossing.limit}/{crossing.period_start_at}"
        f"/{crossing.threshold}/{crossing.revision}"
    )
    return OutboxMessage(
        outbox_key=key,
        account_id=crossing.account_id,
        kind=kind,
        name=name,
        data=data,
        created_at=crossing.crossed_at,
    )


async def forget_suspense(store: Store, journal_number: int, replayed: range) -> None:
    """Let go of the records that a replay is about to decide anew, by their LSNs: their user may be
    known by now, and then they are charged.
    """
    if replayed:
        async with store.transaction(shared=True) as tx:
            row = (journal_number, replayed.start, replayed.stop)
            await tx.execute("forget_suspense", row)


def _journal_steps(batch: PostingBatch) -> list[Step]:
    """Suspense, boots and how far this journal is posted; none of them ever goes back."""
    suspense: list[SqlRow] = [
        (
            record.journal_number,
            record.lsn,
            record.received_at,
            record.reason,
            record.client,
            escape_text(record.nas),
            escape_octets(record.user_name),
            record.body,
        )
        for record in batch.suspense
    ]
    boots: dict[tuple[str, str], int] = {}
    for boot in batch.boots:
        key = (boot.client, escape_text(boot.nas))
        boots[key] = max(boot.booted_at, boots.get(key, boot.booted_at))
    position = (batch.journal_number, batch.applied_lsn, batch.last_lsn, batch.watermark_at)
    return [
        ("insert_suspense", suspense),
        ("raise_boot", sorted((*key, at) for key, at in boots.items())),
        ("raise_journal_position", [position]),
    ]
