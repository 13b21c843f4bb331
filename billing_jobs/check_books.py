"""check-books: every invariant of the books, every night: posted = sum of impacts, accrued = sum of
open sessions ...
"""

from __future__ import annotations

from billing_jobs.runner import Run
from ledger.books import check_books as faults_of


async def check_books(run: Run) -> bool:
    """One log line for each broken invariant; whether there was none."""
    faults = await faults_of(run.store)
    for fault in faults:
        run.log.error("invariant_broken", fault=fault)
    run.log.info("books_checked", faults=len(faults))
    return not faults
