"""What every job shares: its settings, the store, one run at a time, and an honest exit code.

Exit codes: 0 done, 1 some part failed, 2 usage or configuration, 75 the same job runs elsewhere
(EX_TEMPFAIL: systemd may try again later).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import click
from structlog.typing import FilteringBoundLogger

from ledger.clock import Clock
from ledger.logs import configure_logs, get_logger
from ledger.settings import Settings, SettingsError, load_settings
from ledger.store import open_store
from ledger.store.contract import Store, StoreError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_LOCKED = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person or timer asks of a run. `as_of`: the day of the run; None: today, UTC."""

    config: Path
    as_of: date | None = None
    dry_run: bool = False
    account_id: int | None = None  # this account alone
    force: bool = False  # make bills before all usage is in
    confirm: bool = False  # suspend more accounts than the dunning table allows in one night


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a job: what it works with, and what was asked of it."""

    name: str
    store: Store
    settings: Settings
    clock: Clock
    log: FilteringBoundLogger
    as_of: date
    options: Options


Job = Callable[[Run], Awaitable[bool]]
"""Does its work; whether all of it succeeded."""


def run_job(name: str, job: Job, options: Options) -> None:
    """Run a job to its end and exit with its code."""
    try:
        settings = load_settings(options.config)
    except SettingsError as error:
        for finding in error.findings:
            click.echo(str(finding), err=True)
        sys.exit(EXIT_USAGE)
    clock = Clock(settings.clock.file)
    configure_logs(clock=clock, level=settings.log.level)
    lock = _lock(name, settings)
    if lock is None:
        click.echo(f"{name}: runs elsewhere; this run does nothing", err=True)
        sys.exit(EXIT_LOCKED)
    try:
        succeeded = asyncio.run(_run(name, job, settings, clock, options))
    finally:
        os.close(lock)
    sys.exit(0 if succeeded else EXIT_FAILED)


async def _run(name: str, job: Job, settings: Settings, clock: Clock, options: Options) -> bool:
    log = get_logger(job=name)
    try:
        store = await open_store(
            settings.store.url, checkpoints=False, password=settings.store.password
        )
    except StoreError as error:
        log.error("store_not_opened", error=str(error))
        return False
    run = Run(
        name=name,
        store=store,
        settings=settings,
        clock=clock,
        log=log,
        as_of=options.as_of or utc_date(clock.now()),
        options=options,
    )
    try:
        return await job(run)
    except StoreError as error:
        log.error("job_failed", error=str(error))
        return False
    finally:
        await store.close()


def _lock(name: str, settings: Settings) -> int | None:
    """The job's lock beside the store, held until the process ends; None if another run has it.

    Beside the journals where the store is no file: there it holds on this node.
    """
    url = urlsplit(settings.store.url)
    beside = Path(url.path) if url.scheme == "sqlite" else settings.journal.folder / "jobs"
    path = beside.with_suffix(f".{name}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def utc_date(at: int) -> date:
    """The day of a run that names none."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + at // 86_400)
