"""Makes the bill of one span of a bill unit, in one transaction: lines, number, rounding, what is
due, and the credits that settle it (docs/decisions/bills.md).

A bill is final when it exists: its number is taken in the transaction that writes it, so numbers
have no gaps per legal entity, and nothing of it but what is still open ever changes (exactness 11).
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from ledger.bill_units import BillUnit
from ledger.changes import Authorship
from ledger.credits import Settlement, insert_credit, settle_open_bills, unsettled_minor
from ledger.ids import make_id
from ledger.model import Event, Impact, OutboxMessage
from ledger.outbox import insert_message
from ledger.posting import ItemKind, ItemRef, post_event
from ledger.posting_rows import ACCOUNTS_RECEIVABLE
from ledger.rules.bills import Amount, BillDraft, BillLine, bill_lines, draft_bill, micros_of
from ledger.rules.cycles import Cycle, local_date
from ledger.store.contract import Transaction

BILL_EVENT = "bill"
ROUNDING = "rounding"
"""G/L account of what rounding lines to minor units takes or gives."""

INVOICE_MAIL = "invoice"
BILL_CREDIT = "bill"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBill:
    """A bill that was made."""

    bill_id: int
    number: int
    draft: BillDraft
    settlements: tuple[Settlement, ...]


async def make_bill(
    tx: Transaction, unit: BillUnit, cycle: Cycle, *, legal_entity: str, by: Authorship
) -> MadeBill | None:
    """The bill of a span; None, and the span is closed all the same, when it would be empty."""
    lines = await _lines(tx, unit, cycle)
    await tx.execute("set_billed_until", (unit.account_id, unit.bill_unit_id, cycle.end_at))
    if not lines:
        return None
    draft = draft_bill(
        cycle,
        lines,
        currency=unit.currency,
        zone=unit.zone,
        due_days=unit.due_days,
        previous_minor=await unsettled_minor(tx, unit.account_id, unit.currency),
        balance_forward=unit.balance_forward,
    )
    bill_id = tx.ids.make(by.at * 1000)
    number = await _take_number(tx, legal_entity)
    await _insert(tx, unit, draft, bill_id, number, legal_entity=legal_entity, by=by)
    await _post_rounding(tx, unit, draft, bill_id, number, by=by)
    await tx.execute(
        "settle_items", (unit.account_id, unit.bill_unit_id, unit.currency, cycle.end_at)
    )
    if draft.total_minor < 0:
        await insert_credit(
            tx,
            account_id=unit.account_id,
            event_id=bill_id,
            kind=BILL_CREDIT,
            method=BILL_CREDIT,
            reference=f"{legal_entity}/{number}",
            currency=unit.currency,
            received_on=local_date(unit.zone, cycle.end_at),
            amount_minor=-draft.total_minor,
            by=by,
        )
    settlements = await settle_open_bills(tx, unit.account_id, unit.currency, by=by)
    await insert_message(tx, _invoice_mail(unit, bill_id, number, by))
    return MadeBill(bill_id=bill_id, number=number, draft=draft, settlements=settlements)


async def _lines(tx: Transaction, unit: BillUnit, cycle: Cycle) -> tuple[BillLine, ...]:
    """What is posted up to the span's end and stands on no bill yet."""
    owner = (unit.account_id, unit.bill_unit_id, unit.currency, cycle.end_at)
    items = await tx.fetch("fetch_unbilled_items", owner)
    if not items:
        return ()
    since_at = min(cycle_start_at for _, cycle_start_at in items)
    from_id = make_id(since_at * 1000, 0, 0)
    rows = await tx.fetch("fetch_unbilled_amounts", (*owner, since_at, from_id))
    amounts = (
        Amount(
            item_kind=item_kind,
            cycle_start_at=cycle_start_at,
            source=source,
            tax_code=tax_code,
            amount_micros=amount_micros,
        )
        for item_kind, cycle_start_at, source, tax_code, amount_micros in rows
    )
    return bill_lines(amounts, unit.currency)


async def _take_number(tx: Transaction, legal_entity: str) -> int:
    """The next bill number of a legal entity; a transaction that is rolled back gives it back."""
    await tx.execute("take_bill_number", (legal_entity,))
    ((number,),) = await tx.fetch("fetch_bill_number", (legal_entity,))
    return int(number)


async def _insert(
    tx: Transaction,
    unit: BillUnit,
    draft: BillDraft,
    bill_id: int,
    number: int,
    *,
    legal_entity: str,
    by: Authorship,
) -> None:
    parties = orjson.dumps({"from": legal_entity, "to": unit.name}).decode()
    row = (
        unit.account_id,
        bill_id,
        unit.bill_unit_id,
        legal_entity,
        number,
        unit.currency,
        draft.cycle.start_at,
        draft.cycle.end_at,
        by.at,
        draft.due_on.isoformat(),
        parties,
        draft.total_minor,
        draft.previous_minor,
        draft.due_minor,
        max(0, draft.total_minor),
    )
    await tx.execute("insert_bill", row)
    await tx.execute_many(
        "insert_bill_line",
        [
            (
                unit.account_id,
                bill_id,
                position,
                line.item_kind,
                line.cycle_start_at,
                line.source,
                line.tax_code,
                line.amount_micros,
                line.amount_minor,
                micros_of(line.amount_minor, unit.currency),
            )
            for position, line in enumerate(draft.lines, start=1)
        ],
    )


async def _post_rounding(
    tx: Transaction, unit: BillUnit, draft: BillDraft, bill_id: int, number: int, *, by: Authorship
) -> None:
    """The event of the bill; its impacts make each line's item the amount that is billed."""
    rounded = [line for line in draft.lines if _difference(line, unit)]
    event = Event(
        event_id=bill_id,
        event_key=f"bill/{unit.bill_unit_id}/{draft.cycle.end_at}",
        account_id=unit.account_id,
        service_id=0,
        event_type=BILL_EVENT,
        service_at=draft.cycle.end_at,
        posted_at=by.at,
        actor=by.actor,
        data={"number": number, "total_minor": draft.total_minor, "due_on": str(draft.due_on)},
        impacts=tuple(
            Impact(
                event_id=bill_id,
                account_id=unit.account_id,
                resource=unit.currency,
                amount_micros=_difference(line, unit),
                from_gl=ROUNDING,
                to_gl=ACCOUNTS_RECEIVABLE,
                source=line.source,
                tax_code=line.tax_code,
            )
            for line in rounded
        ),
    )
    items = [
        ItemRef(
            kind=ItemKind(line.item_kind),
            cycle_start_at=line.cycle_start_at,
            bill_unit_id=unit.bill_unit_id,
        )
        for line in rounded
    ]
    written = await post_event(tx, event, items=items)
    assert written, f"bill {event.event_key} stands in the books already"


def _difference(line: BillLine, unit: BillUnit) -> int:
    """What rounding adds to a line, in micros."""
    return micros_of(line.amount_minor, unit.currency) - line.amount_micros


def _invoice_mail(unit: BillUnit, bill_id: int, number: int, by: Authorship) -> OutboxMessage:
    return OutboxMessage(
        outbox_key=f"{INVOICE_MAIL}/{bill_id}",
        account_id=unit.account_id,
        kind="mail",
        name=INVOICE_MAIL,
        data={"bill_id": bill_id, "number": number},
        created_at=by.at,
    )
