"""Walks the bill units that have something to do: a page at a time, a transaction for each.

A unit that fails is logged and skipped, and the others go on; the run then ends with exit code 1.
A unit that is done has nothing to do until a later instant, so a run that was cut goes on where it
was, and one that is repeated finds nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from billing_jobs.runner import Run
from ledger.account_checks import AccountError
from ledger.bill_units import (
    FIRST,
    UNITS_PAGE,
    BillUnit,
    UnitPosition,
    fetch_bill_unit,
    fetch_units_to_look_at,
)
from ledger.catalog import Catalog, CatalogError
from ledger.pricelists import fetch_brands, fetch_versions
from ledger.rules.cycles import local_midnight
from ledger.store.contract import StoreUnavailable, Transaction
from ledger.stored_catalog import catalog_of
from ratingcore.errors import RatingError

FARTHEST_ZONE = "Etc/GMT+12"
"""Where a day begins last. What has nothing due yet in its own zone is looked at and left alone."""


class DryRun(Exception):
    """Ends the transaction of a unit in a dry run: what it would have written is rolled back."""


@dataclass(slots=True)
class Tally:
    """What a walk did."""

    units: int = 0
    failed: int = 0


UnitWork = Callable[[Transaction, BillUnit, Catalog], Awaitable[None]]
"""What is done with a unit within its transaction."""


async def for_each_unit(run: Run, work: UnitWork) -> Tally:
    """Do `work` for every unit that has something to do before the day of the run."""
    tally = Tally()
    catalogs = await _catalogs(run)
    before_at = local_midnight(FARTHEST_ZONE, run.as_of) + 1
    after = FIRST
    while True:
        async with run.store.read() as reader:
            page = await fetch_units_to_look_at(reader, before_at=before_at, after=after)
        for position in page:
            after = position
            if run.options.account_id in (None, position.account_id):
                await _do(run, position, work, catalogs, tally)
        if len(page) < UNITS_PAGE:
            return tally


async def _do(
    run: Run,
    position: UnitPosition,
    work: UnitWork,
    catalogs: dict[str, Catalog],
    tally: Tally,
) -> None:
    tally.units += 1
    try:
        async with run.store.transaction() as tx:
            unit = await fetch_bill_unit(
                tx, account_id=position.account_id, bill_unit_id=position.bill_unit_id
            )
            assert unit is not None, "units are never deleted"
            await work(tx, unit, catalogs.get(unit.brand) or Catalog())
            _end_if_dry(run)
    except DryRun:
        return
    except StoreUnavailable:
        raise  # the next unit would fail alike
    except (AccountError, RatingError, ValueError, AssertionError) as error:
        tally.failed += 1
        run.log.exception("unit_failed", account_id=position.account_id, error=str(error))


def _end_if_dry(run: Run) -> None:
    if run.options.dry_run:
        raise DryRun


async def _catalogs(run: Run) -> dict[str, Catalog]:
    """The price lists of all brands; one that cannot be read fails its units, not the others."""
    catalogs = {}
    async with run.store.read() as reader:
        for brand in await fetch_brands(reader):
            try:
                catalogs[brand] = catalog_of(await fetch_versions(reader, brand=brand))
            except CatalogError as error:
                run.log.error("price_list_not_read", brand=brand, error=str(error))
    return catalogs
