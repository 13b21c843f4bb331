"""Posts the fees that the books lack, and reverses those that are owed no longer.

What a purchase owes follows from the purchase and the price lists alone (`ledger.rules.fees`), so
this may run at any time, twice, or after a night was missed: it posts differences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.bill_units import BillUnit
from ledger.catalog import Catalog
from ledger.changes import Authorship
from ledger.model import Event, Fee, FeeKind, Impact, Purchase
from ledger.posting import ItemKind, ItemRef, post_event
from ledger.posting_rows import ACCOUNTS_RECEIVABLE
from ledger.rules.cycles import Cycle
from ledger.rules.fees import FeeCharge, FeesAt, charges_of, charges_to_post
from ledger.store.contract import Transaction

FEE_EVENT = "fee"
REVERSAL_EVENT = "fee_reversal"
REVERSED = "/reversed"
"""Ends the key of the event that takes a fee back."""


@dataclass(frozen=True, slots=True)
class PostedFees:
    """What a run changed in the books of one account."""

    posted: tuple[FeeCharge, ...]
    reversed_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFee:
    """A fee event in the books, as far as its reversal needs it."""

    key: str
    service_id: int
    amount_micros: int
    from_gl: str
    tax_code: str
    source: str
    item: ItemRef


async def post_fees(
    tx: Transaction,
    unit: BillUnit,
    purchases: Sequence[Purchase],
    catalog: Catalog,
    *,
    until: int,
    by: Authorship,
) -> PostedFees:
    """Bring the fees of an account's purchases up to what is due before `until`."""
    standing, posted = await _standing_fees(tx, unit.account_id)
    owed = [
        charge
        for purchase in purchases
        for charge in charges_of(purchase, _fees_at(catalog, purchase), unit.billing, until=until)
    ]
    missing, obsolete = charges_to_post(owed, posted)
    for charge in missing:
        await _post(tx, unit, charge, by=by)
    for key in obsolete:
        await _reverse(tx, unit, standing[key], by=by)
    return PostedFees(missing, obsolete)


def source_of(charge: FeeCharge) -> str:
    """How a bill's line names a fee."""
    return f"fee/{charge.purchase.offer}/{charge.fee.kind}"


def _fees_at(catalog: Catalog, purchase: Purchase) -> FeesAt:
    def fees_at(at: int) -> Sequence[Fee]:
        offer = catalog.offer(purchase.offer, at)
        return offer.fees if offer else ()

    return fees_at


async def _standing_fees(
    tx: Transaction, account_id: int
) -> tuple[dict[str, StandingFee], dict[str, int]]:
    """The fee events by key, and what stands of each after reversals."""
    standing: dict[str, StandingFee] = {}
    posted: dict[str, int] = defaultdict(int)
    for row in await tx.fetch("fetch_posted_fees", (account_id,)):
        key, service_id, amount_micros, from_gl, tax_code, source, item_kind, cycle_start_at = row
        posted[key.removesuffix(REVERSED)] += amount_micros
        standing[key] = StandingFee(
            key=key,
            service_id=service_id,
            amount_micros=amount_micros,
            from_gl=from_gl,
            tax_code=tax_code,
            source=source,
            item=ItemRef(kind=ItemKind(item_kind), cycle_start_at=cycle_start_at),
        )
    return standing, posted


async def _post(tx: Transaction, unit: BillUnit, charge: FeeCharge, *, by: Authorship) -> None:
    fee, purchase = charge.fee, charge.purchase
    event_id = tx.ids.make(by.at * 1000)
    data = {
        "offer": purchase.offer,
        "fee": fee.kind,
        "purchase_id": purchase.purchase_id,
        "quantity": purchase.quantity,
        "full_amount_micros": fee.amount_micros,
        "from_at": charge.from_at,
        "to_at": charge.to_at,
    }
    event = Event(
        event_id=event_id,
        event_key=charge.key,
        account_id=unit.account_id,
        service_id=purchase.service_id,
        event_type=FEE_EVENT,
        service_at=charge.at,
        posted_at=by.at,
        actor=by.actor,
        data=data,
        impacts=(
            Impact(
                event_id=event_id,
                account_id=unit.account_id,
                resource=unit.currency,
                amount_micros=charge.amount_micros,
                from_gl=fee.gl_code,
                to_gl=ACCOUNTS_RECEIVABLE,
                source=source_of(charge),
                tax_code=fee.tax_code,
            ),
        ),
    )
    written = await post_event(tx, event, items=(_item(fee, charge.cycle),))
    assert written, f"fee {charge.key} stands in the books, but was not read there"


def _item(fee: Fee, cycle: Cycle) -> ItemRef:
    match fee.kind:
        case FeeKind.PURCHASE:
            kind = ItemKind.PURCHASE
        case FeeKind.CANCELLATION:
            kind = ItemKind.CANCEL
        case FeeKind.CYCLE:
            kind = ItemKind.CYCLE_ARREARS if fee.in_arrears else ItemKind.CYCLE_FORWARD
    return ItemRef(kind=kind, cycle_start_at=cycle.start_at)


async def _reverse(tx: Transaction, unit: BillUnit, fee: StandingFee, *, by: Authorship) -> None:
    """Take a fee back in the cycle in which it was charged: the next bill shows it there."""
    event_id = tx.ids.make(by.at * 1000)
    event = Event(
        event_id=event_id,
        event_key=f"{fee.key}{REVERSED}",
        account_id=unit.account_id,
        service_id=fee.service_id,
        event_type=REVERSAL_EVENT,
        service_at=by.at,
        posted_at=by.at,
        actor=by.actor,
        data={"of": fee.key},
        impacts=(
            Impact(
                event_id=event_id,
                account_id=unit.account_id,
                resource=unit.currency,
                amount_micros=-fee.amount_micros,
                from_gl=fee.from_gl,
                to_gl=ACCOUNTS_RECEIVABLE,
                source=fee.source,
                tax_code=fee.tax_code,
            ),
        ),
    )
    written = await post_event(tx, event, items=(fee.item,))
    assert written, f"fee {fee.key} is reversed already, but was read as standing"
