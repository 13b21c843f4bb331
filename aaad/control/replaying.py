"""What the journal has beyond the books, posted without serving: the daemon's own start and end,
with no socket in between.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from aaad.server.daemon import REPLAY_BATCH, Daemon
from aaad.server.journal import JournalError
from aaad.server.journal_outlook import journal_outlook
from ledger.clock import Clock, ClockFileError
from ledger.logs import LogLevel, configure_logs
from ledger.sessions import fetch_journal_positions
from ledger.settings import Settings, SettingsError, load_settings
from ledger.store import StoreError, open_store
from ledger.store.copying import Progress


class ReplayFailed(Exception):
    """Nothing was replayed, or not all; the message says why, and what to do."""


def replay(config: Path, progress: Progress) -> dict[str, Any]:
    """Replay the journal of a configuration onto its store. Raises ReplayFailed."""
    try:
        settings = load_settings(config)
        clock = Clock(settings.clock.file)
        configure_logs(clock=clock, level=LogLevel.WARNING, stream=sys.stderr.buffer)
        return asyncio.run(_replay(settings, clock, progress))
    except (SettingsError, ClockFileError, StoreError, JournalError, OSError) as error:
        raise ReplayFailed(str(error)) from error


async def _replay(settings: Settings, clock: Clock, progress: Progress) -> dict[str, Any]:
    records = await _records_ahead(settings)
    progress.begin("replaying", records)
    deaf = replace(settings, radius=replace(settings.radius, authentication=(), accounting=()))
    daemon = await Daemon.start(deaf, clock, on_progress=lambda: progress.advance(REPLAY_BATCH))
    last_lsn = daemon.journal.durable_lsn
    await daemon.stop()
    posted_lsn = daemon.poster.position_lsn
    if posted_lsn < last_lsn:
        raise ReplayFailed(
            f"the books are at record {posted_lsn} of {last_lsn}: see the log for what kept the "
            "store; replay again, it goes on from there"
        )
    return {
        "journal_number": settings.journal.number,
        "records": records,
        "posted_lsn": posted_lsn,
    }


async def _records_ahead(settings: Settings) -> int:
    """How many records the store lacks: what the bar goes by. Raises JournalError, StoreError."""
    store = await open_store(
        settings.store.url, checkpoints=False, password=settings.store.password
    )
    try:
        async with store.read() as reader:
            found = await fetch_journal_positions(reader)
    finally:
        await store.close()
    positions = {one.journal_number: one.applied_lsn for one in found}
    outlooks = journal_outlook(
        settings.journal.folder, store_id=store.store_id, positions=positions
    )
    ours = [one for one in outlooks if one.journal_number == settings.journal.number]
    return sum(one.records for one in ours)
