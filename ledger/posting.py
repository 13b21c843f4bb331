"""The one writer of balances (rules of exactness 1, 5 and 12).

A batch of the daemon is one transaction: each session wins or loses its compare-and-set as a
whole, and what a loser brings (events, counters, accrued, crossings of its account) drops out
without failing the others. Everything is folded by key first, so that a batch is a dozen
statements whatever its size. Other nodes may post at the same time (PostgreSQL): what decides is
how many rows a statement changed, never what was read before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from ledger.model import (
    Event,
    Impact,
    LimitCrossing,
    OutboxMessage,
    PostingBatch,
    PostingResult,
    SessionPosting,
    SessionRow,
    SessionStatus,
    Threshold,
    UsageEvent,
)
from ledger.outbox import insert_message
from ledger.store.contract import SqlValue, StoreUnavailable, Transaction, json_list
from ledger.store.text import escape_octets, escape_text
from ratingcore.explain import piece_as_data

ACCOUNTS_RECEIVABLE = "accounts-receivable"
"""The G/L account in which stands what customers owe."""

USAGE_EVENT = "usage"
ACTOR_DAEMON = "aaad"

LIMIT_MAILS = {Threshold.SOFT: "limit_warning", Threshold.HARD: "limit_reached"}
ENFORCE_ORDER = "enforce_limit"

SORTINGS_MAX = 3
"""How often winners are told from losers while other nodes write the same sessions; a batch that
is still not sure is tried again later."""

_SqlRow = tuple[SqlValue, ...]


class ItemKind(StrEnum):
    """What a bill item sums (B87)."""

    USAGE = "usage"
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


_ItemImpact = tuple[Impact, ItemRef]


async def post(tx: Transaction, batch: PostingBatch) -> PostingResult:
    """Write a batch of the daemon; the caller's transaction commits it.

    Returns the sessions that lost their compare-and-set and the crossings that were new. Posting
    the same batch again changes nothing: its sessions lose, the rest is keyed.
    """
    lost = await _write_sessions(tx, batch.sessions)
    won = [posting for posting in batch.sessions if posting.new.session_id not in lost]
    usage = await _write_usage(tx, won, batch.posted_at)
    await _write_balances(tx, usage, won)
    await _write_counters(tx, won)
    losers = {p.new.account_id for p in batch.sessions if p.new.session_id in lost}
    crossings = [crossing for crossing in batch.crossings if crossing.account_id not in losers]
    fired = await _write_crossings(tx, crossings)
    await _write_journal_facts(tx, batch)
    return PostingResult(lost_session_ids=lost, fired=fired)


async def post_event(tx: Transaction, event: Event, *, items: Sequence[ItemRef] = ()) -> bool:
    """Write an event with its impacts: an adjustment, a top-up, a fee, a change of a customer.

    Idempotent by (account_id, event_key): returns False when the event exists already, and changes
    nothing. `items` are what sums the impacts, one for each.
    """
    if not await tx.execute("insert_event", _event_row(event)):
        return False
    if event.impacts:
        impacts = list(zip(event.impacts, items, strict=True))
        await _write_impacts(tx, impacts)
        await _write_balances(tx, impacts, ())
    return True


async def _write_sessions(tx: Transaction, postings: Sequence[SessionPosting]) -> frozenset[int]:
    """Write the rows that win their compare-and-set; the ids of those that lose."""
    assert len({p.new.session_id for p in postings}) == len(postings), "a session stands twice"
    await tx.execute("mark_sessions")
    lost: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()
    won = postings
    for _ in range(1 + SORTINGS_MAX):
        if await _write_rows(tx, won, closed=closed) == len(won):
            await tx.execute("keep_sessions")
            return lost
        await tx.execute("take_back_sessions")
        lost, closed = await _sort_out(tx, postings)
        won = [posting for posting in postings if posting.new.session_id not in lost]
    raise StoreUnavailable(
        f"{len(postings)} sessions changed under {SORTINGS_MAX} attempts to post them: "
        "does another node own them? the work is tried again"
    )


async def _write_rows(
    tx: Transaction, postings: Sequence[SessionPosting], *, closed: frozenset[int]
) -> int:
    """Insert and update rows; how many there were to write. `closed`: rows that stand closed."""
    inserts: list[_SqlRow] = []
    advances: list[_SqlRow] = []
    settles: list[_SqlRow] = []
    for posting in postings:
        row = posting.new
        key = (row.account_id, row.session_id, posting.stored_version)
        if not posting.stored_version:
            inserts.append((*_identity(row), *_state(row), *_end(row)))
        elif row.status is SessionStatus.OPEN and row.session_id not in closed:
            advances.append((*key, *_state(row)))
        else:
            settles.append((*key, *_state(row), *_end(row)))
    written = await tx.execute_many("insert_session", inserts)
    written += await tx.execute_many("advance_session", advances)
    written += await tx.execute_many("settle_session", settles)
    return written


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
    starts = json_list(_start_key(posting.new) for posting in inserts)
    taken = set(await tx.fetch("fetch_session_starts", (starts,)))
    lost = {p.new.session_id for p in postings if held.get(p.new.session_id, 0) != p.stored_version}
    for posting in inserts:
        if posting.new.session_id in lost:
            continue
        start = _start_key(posting.new)
        if start in taken:
            lost.add(posting.new.session_id)
        taken.add(start)
    return frozenset(lost), closed


def _start_key(row: SessionRow) -> tuple[str, str, int, int]:
    return (
        escape_text(row.nas),
        escape_octets(row.acct_session_id),
        row.started_at,
        row.account_id,
    )


def _identity(row: SessionRow) -> _SqlRow:
    """What a session keeps for life."""
    return (
        row.account_id,
        row.session_id,
        escape_text(row.nas),
        escape_octets(row.acct_session_id),
        escape_octets(row.user_name),
        row.started_at,
    )


def _state(row: SessionRow) -> _SqlRow:
    """What a report may change."""
    return (
        row.service_id,
        row.version,
        row.journal_number,
        row.lsn,
        row.last_at,
        row.heard_at,
        row.session_time_s,
        row.input_octets,
        row.output_octets,
        row.counters,
        row.meter,
        row.pieces,
        row.period_start_at,
        row.open_seconds,
        row.open_input_octets,
        row.open_output_octets,
        row.accrued_micros,
        row.client,
        row.nas_address,
        escape_text(row.nas_port),
        row.framed_address,
        escape_octets(row.calling_station_id),
        escape_octets(row.called_station_id),
        row.class_,
        row.interim_interval_s,
    )


def _end(row: SessionRow) -> _SqlRow:
    """Whether and how a session ended."""
    return (row.status.value, row.ended_at, row.terminate_cause, int(row.presumed))


async def _write_usage(
    tx: Transaction, won: Sequence[SessionPosting], posted_at: int
) -> list[_ItemImpact]:
    """Write usage events; those that cost something have an impact. Returns the impacts."""
    rows: list[_SqlRow] = []
    impacts: list[_ItemImpact] = []
    items: dict[int, ItemRef] = {}
    for posting in won:
        for usage in posting.events:
            event_id = tx.ids.make(posted_at * 1000)
            rows.append(_usage_row(usage, event_id, posted_at))
            if usage.piece.charge_micros:
                start = usage.period_start_at
                if start not in items:
                    items[start] = ItemRef(kind=ItemKind.USAGE, cycle_start_at=start)
                impacts.append((_usage_impact(usage, event_id), items[start]))
    await tx.execute_many("insert_usage_event", rows)
    await _write_impacts(tx, impacts)
    return impacts


def _usage_row(usage: UsageEvent, event_id: int, posted_at: int) -> _SqlRow:
    piece = usage.piece
    data = {"tariff": usage.tariff, "piece": piece_as_data(piece)}
    return (
        usage.account_id,
        event_id,
        usage.event_key,
        usage.service_id,
        USAGE_EVENT,
        piece.ended_at,
        posted_at,
        ACTOR_DAEMON,
        orjson.dumps(data).decode(),
        usage.session_id,
        usage.period_start_at,
        piece.ended_at - piece.started_at,
        piece.input_octets,
        piece.output_octets,
    )


def _usage_impact(usage: UsageEvent, event_id: int) -> Impact:
    return Impact(
        event_id=event_id,
        account_id=usage.account_id,
        resource=usage.currency,
        amount_micros=usage.piece.charge_micros,
        from_gl=usage.revenue_gl,
        to_gl=ACCOUNTS_RECEIVABLE,
        source=f"tariff/{usage.tariff}",
        tax_code=usage.tax_code,
    )


def _event_row(event: Event) -> _SqlRow:
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


async def _write_impacts(tx: Transaction, impacts: Sequence[_ItemImpact]) -> None:
    """Write impacts, and the items that sum them."""
    rows: list[_SqlRow] = []
    sums: dict[tuple[int, int, str, int, str], int] = {}
    position = 0
    event_id = 0
    for impact, item in impacts:
        position = position + 1 if impact.event_id == event_id else 1
        event_id = impact.event_id
        unit = item.bill_unit_id or impact.account_id
        kind = item.kind.value
        rows.append(
            (
                impact.account_id,
                event_id,
                position,
                impact.resource,
                impact.amount_micros,
                impact.from_gl,
                impact.to_gl,
                impact.tax_code,
                impact.source,
                unit,
                kind,
                item.cycle_start_at,
            )
        )
        key = (impact.account_id, unit, kind, item.cycle_start_at, impact.resource)
        sums[key] = sums.get(key, 0) + impact.amount_micros
    await tx.execute_many("insert_impact", rows)
    await tx.execute_many("add_to_item", sorted((*key, total) for key, total in sums.items()))


async def _write_balances(
    tx: Transaction, impacts: Sequence[_ItemImpact], won: Sequence[SessionPosting]
) -> None:
    """Move `posted` by the impacts and `accrued` by what the sessions say, one row an account
    where it can.

    Usage is priced in the account's currency, so what a session accrues joins the row of its
    impacts.
    """
    sums: dict[tuple[int, str], tuple[int, int]] = {}
    for impact, _ in impacts:
        owner = (impact.account_id, impact.resource)
        posted, accrued = sums.get(owner, (0, 0))
        sums[owner] = (posted + impact.amount_micros, accrued)
    currencies = {u.account_id: u.currency for p in won for u in p.events if u.piece.charge_micros}
    accrued_alone: dict[int, int] = {}
    for posting in won:
        account_id, delta = posting.new.account_id, posting.accrued_delta_micros
        if not delta:
            continue
        if account_id in currencies:
            owner = (account_id, currencies[account_id])
            posted, accrued = sums[owner]
            sums[owner] = (posted, accrued + delta)
        else:
            accrued_alone[account_id] = accrued_alone.get(account_id, 0) + delta
    rows = sorted((*owner, *sums_of_owner) for owner, sums_of_owner in sums.items())
    await tx.execute_many("add_to_balance", rows)
    written = await tx.execute_many("add_accrued", sorted(accrued_alone.items()))
    assert written == len(accrued_alone), (
        "a session was posted for an account that is not registered"
    )


async def _write_counters(tx: Transaction, won: Sequence[SessionPosting]) -> None:
    sums: dict[tuple[int, int, int], tuple[int, int, int, int]] = {}
    for posting in won:
        for counter in posting.counters:
            key = (counter.account_id, counter.service_id, counter.period_start_at)
            seconds, inputs, outputs, charge = sums.get(key, (0, 0, 0, 0))
            sums[key] = (
                seconds + counter.seconds,
                inputs + counter.input_octets,
                outputs + counter.output_octets,
                charge + counter.charge_micros,
            )
    rows = sorted((*key, *total) for key, total in sums.items())
    await tx.execute_many("add_to_usage_counter", rows)


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


async def _write_journal_facts(tx: Transaction, batch: PostingBatch) -> None:
    """Suspense, boots and how far this journal is posted; none of them ever goes back."""
    await tx.execute_many(
        "insert_suspense",
        [
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
        ],
    )
    boots: dict[tuple[str, str], int] = {}
    for boot in batch.boots:
        key = (boot.client, escape_text(boot.nas))
        boots[key] = max(boot.booted_at, boots.get(key, boot.booted_at))
    await tx.execute_many("raise_boot", sorted((*key, at) for key, at in boots.items()))
    position = (batch.journal_number, batch.applied_lsn, batch.watermark_at)
    await tx.execute("raise_journal_position", position)
