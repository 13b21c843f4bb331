"""check-books: every invariant of the books, every night: posted = sum of impacts, accrued = sum of
open sessions ...
"""

from __future__ import annotations

from ledger.books import check_books as faults_of
from ledger.clock import Clock
from ledger.logs import get_logger
from ledger.settings import Settings
from ledger.store.contract import Store


async def check_books(store: Store, settings: Settings, clock: Clock) -> bool:
    """One log line for each broken invariant; whether there was none."""
    log = get_logger(job="check-books")
    faults = await faults_of(store)
    for fault in faults:
        log.error("invariant_broken", fault=fault)
    log.info("books_checked", faults=len(faults))
    return not faults
