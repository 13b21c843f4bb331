"""make-bills: posts the fees that are due and makes the bills of every unit whose billing date has
passed (B57, B118, F33).

One transaction a unit: fees, lines, number, rounding, allocation of what the customer has paid
ahead. A missed night is caught up, each cycle with a bill of its own (C12). A bill waits until all
usage of its cycles is in the books (rule of exactness 10), unless --force.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from billing_jobs.runner import Run
from billing_jobs.units import for_each_unit
from ledger.bill_making import MadeBill, make_bill
from ledger.bill_units import BillUnit, fetch_account_purchases, set_look_at
from ledger.catalog import Catalog
from ledger.changes import Authorship
from ledger.fee_posting import post_fees
from ledger.model import Purchase
from ledger.rules.bills import cycles_to_bill, is_settled
from ledger.rules.cycles import local_midnight, next_midnight
from ledger.sessions import fetch_journal_positions
from ledger.store.contract import Transaction

SETTLING_INTERVALS = 2
"""Interim intervals that reports may be late by before a cycle's bill is made (exactness 10)."""


@dataclass(slots=True)
class Totals:
    """What the run made, for its summary."""

    fees: int = 0
    bills: int = 0
    waiting: int = 0
    billed_minor: dict[str, int] = field(default_factory=dict)


async def make_bills(run: Run) -> bool:
    """Post fees and make bills; whether every unit succeeded."""
    totals = Totals()

    async def work(tx: Transaction, unit: BillUnit, catalog: Catalog) -> None:
        await bill_unit(run, tx, unit, catalog, totals)

    tally = await for_each_unit(run, work)
    run.log.info(
        "bills_made",
        as_of=str(run.as_of),
        dry_run=run.options.dry_run,
        units=tally.units,
        failed=tally.failed,
        fees=totals.fees,
        bills=totals.bills,
        waiting=totals.waiting,
        billed_minor=totals.billed_minor,
    )
    return not tally.failed


async def bill_unit(
    run: Run, tx: Transaction, unit: BillUnit, catalog: Catalog, totals: Totals
) -> None:
    """All that is due of one unit."""
    by = Authorship(at=run.clock.now(), actor=f"aaabill {run.name}")
    purchases = await fetch_account_purchases(tx, unit.account_id)
    until = local_midnight(unit.zone, run.as_of)
    fees = await post_fees(tx, unit, purchases, catalog, until=until, by=by)
    totals.fees += len(fees.posted)
    due = cycles_to_bill(
        unit.billing,
        opened_at=unit.opened_at,
        billed_until_at=unit.billed_until_at,
        cycles_per_bill=unit.cycles_per_bill,
        as_of=run.as_of,
    )
    watermarks = [position.watermark_at for position in await fetch_journal_positions(tx)]
    settling_s = SETTLING_INTERVALS * run.settings.sessions.interim_interval_s
    for cycle in due:
        if not run.options.force and not is_settled(cycle, watermarks, settling_s=settling_s):
            totals.waiting += 1
            run.log.info("bill_waits_for_usage", account_id=unit.account_id, until=cycle.end_at)
            return
        made = await make_bill(tx, unit, cycle, legal_entity=unit.brand, by=by)
        if made is not None:
            _count(run, unit, made, totals)
    await set_look_at(tx, unit, _next_look_at(unit, purchases, until))


def _next_look_at(unit: BillUnit, purchases: list[Purchase], until: int) -> int:
    """When a run can next find something due: the midnight after a billing day, or after a day on
    which a purchase begins or ends. Every fee is due on one of these days (`ledger.rules.fees`).
    """
    instants = [unit.billing.cycle_of_bill(until).end_at]
    for purchase in purchases:
        instants += [at for at in (purchase.from_at, purchase.to_at) if at and at >= until]
    return next_midnight(min(instants), unit.zone)


def _count(run: Run, unit: BillUnit, made: MadeBill, totals: Totals) -> None:
    totals.bills += 1
    billed = totals.billed_minor.get(unit.currency, 0)
    totals.billed_minor[unit.currency] = billed + made.draft.total_minor
    run.log.info(
        "bill_made",
        account_id=unit.account_id,
        number=made.number,
        total_minor=made.draft.total_minor,
        due_minor=made.draft.due_minor,
        due_on=str(made.draft.due_on),
        lines=len(made.draft.lines),
    )
