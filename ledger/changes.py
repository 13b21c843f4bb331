"""How a change of a customer is recorded: an event with who did it, and the counter that wakes the
daemon.

A change with a request key happens once: who asks again with the same key changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.model import Event, Impact
from ledger.posting import ItemRef, post_event
from ledger.store.contract import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """Who changes something, and when. `request_key` makes a repeated request harmless."""

    at: int
    actor: str
    request_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a change costs the customer, and where that stands in the books."""

    amount_micros: int
    currency: str
    from_gl: str
    to_gl: str
    tax_code: str
    source: str
    item: ItemRef


async def bump_change(tx: Transaction, account_id: int) -> None:
    """Tell every reader's memory that what it holds of an account is old."""
    await tx.execute("bump_change_counter")
    await tx.execute("mark_account_changed", (account_id,))


async def already_done(tx: Transaction, *, account_id: int, by: Authorship) -> bool:
    """Whether the request was carried out before."""
    if not by.request_key:
        return False
    return bool(await tx.fetch("fetch_event_by_key", (account_id, by.request_key)))


async def record_change(
    tx: Transaction,
    *,
    account_id: int,
    service_id: int = 0,
    event_type: str,
    data: Mapping[str, object],
    by: Authorship,
    charge: Charge | None = None,
) -> int:
    """Write the event of a change and wake the readers; the event's id."""
    event_id = tx.ids.make(by.at * 1000)
    impacts = () if charge is None else (_impact(event_id, account_id, charge),)
    event = Event(
        event_id=event_id,
        event_key=by.request_key or f"{event_type}/{event_id}",
        account_id=account_id,
        service_id=service_id,
        event_type=event_type,
        service_at=by.at,
        posted_at=by.at,
        actor=by.actor,
        data=data,
        impacts=impacts,
    )
    written = await post_event(tx, event, items=(charge.item,) if charge else ())
    assert written, f"event {event.event_key} exists already: ask already_done first"
    await bump_change(tx, account_id)
    return event_id


def _impact(event_id: int, account_id: int, charge: Charge) -> Impact:
    return Impact(
        event_id=event_id,
        account_id=account_id,
        resource=charge.currency,
        amount_micros=charge.amount_micros,
        from_gl=charge.from_gl,
        to_gl=charge.to_gl,
        tax_code=charge.tax_code,
        source=charge.source,
    )
