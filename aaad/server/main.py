"""aaad --config FILE [--check]: the process around the daemon: options, signals, the service
manager.

SIGTERM and SIGINT drain and exit 0, SIGHUP reloads. Exit codes: 0 ended in order, 1 could not start
or cannot go on, 2 the configuration has mistakes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import click
import uvloop

from aaad import VERSION
from aaad.control.endpoint import control_socket
from aaad.control.socket import SocketUnusable
from aaad.server.daemon import Daemon
from aaad.server.inspection import Inspection
from aaad.server.journal import JournalError
from aaad.server.metrics_page import MetricsPage
from aaad.server.notify import Notifier
from ledger.clock import Clock, ClockFileError
from ledger.logs import configure_logs, get_logger
from ledger.settings import Settings, SettingsError, load_settings
from ledger.store.contract import StoreError

EXIT_FAILED = 1
EXIT_USAGE = 2
REPLAYING = ("EXTEND_TIMEOUT_USEC=60000000", "STATUS=replaying the journal")
"""A replay that makes progress is given another minute by the service manager."""

YOUNG_OBJECTS_MAX = 20_000
"""New objects before the cycle collector looks at them: 700, Python's own, are those of one drain,
and looking costs a microsecond a request.
"""

CONFIG_DEFAULT = "/etc/aaad/aaad.toml"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "path",
    default=CONFIG_DEFAULT,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration; conf/aaad.toml explains every key.",
)
@click.option("--check", is_flag=True, help="Report every mistake of the configuration and exit.")
@click.version_option(VERSION, prog_name="aaad")
def main(path: Path, check: bool) -> None:
    """The RADIUS server that knows what a session costs while it runs."""
    try:
        settings = load_settings(path)
    except SettingsError as error:
        for finding in error.findings:
            click.echo(str(finding), err=True)
        sys.exit(EXIT_USAGE)
    if check:
        click.echo(f"{path}: no mistakes")
        return
    try:
        clock = Clock(settings.clock.file)
    except ClockFileError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_USAGE)
    configure_logs(clock=clock, level=settings.log.level)
    sys.exit(uvloop.run(run(settings, clock)))


async def run(settings: Settings, clock: Clock) -> int:
    """The daemon from start to end; the exit code."""
    log = get_logger()
    notifier = Notifier()
    try:
        daemon = await Daemon.start(settings, clock, on_progress=lambda: notifier.send(*REPLAYING))
    except (StoreError, JournalError, OSError, ValueError) as error:
        log.error("cannot_start", error=str(error))
        return EXIT_FAILED
    try:
        return await serve(daemon, notifier)
    finally:
        await daemon.close()
        notifier.close()


async def serve(daemon: Daemon, notifier: Notifier) -> int:
    """Answer until somebody asks for the end, then end in order."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: reload(daemon, notifier))
    control = control_socket(
        Inspection(daemon, on_drain=stop.set), group=daemon.settings.control.reading_group
    )
    try:
        await control.start()
    except SocketUnusable as error:
        daemon.log.error("cannot_start", error=str(error))
        return EXIT_FAILED
    page = MetricsPage(daemon)
    if (endpoint := daemon.settings.metrics.listen) is not None:
        await page.start(endpoint)
    settle_memory()
    daemon.serve()
    notifier.send("READY=1", "STATUS=serving")
    watchdog = loop.create_task(keep_alive(notifier))
    await wait_for_end(stop, daemon)
    watchdog.cancel()
    if daemon.fatal.done():
        daemon.log.critical("ends_without_answers", error=daemon.fatal.result())
        sys.stdout.flush()
        os._exit(EXIT_FAILED)  # nothing may be answered, posted or written after this
    notifier.send("STOPPING=1", "STATUS=draining")
    await control.close()
    await page.close()
    await daemon.stop()
    return 0


def settle_memory() -> None:
    """What the start made stays: the cycle collector need not walk a million sessions again and
    again. What a request makes is freed by its reference counts.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX)


async def wait_for_end(stop: asyncio.Event, daemon: Daemon) -> None:
    """Until somebody asks for the end, or the daemon cannot go on."""
    daemon.fatal.add_done_callback(lambda _: stop.set())
    await stop.wait()


async def keep_alive(notifier: Notifier) -> None:
    """Tell the watchdog that the event loop turns."""
    while notifier.watchdog_interval_s is not None:
        notifier.send("WATCHDOG=1")
        await asyncio.sleep(notifier.watchdog_interval_s)


def reload(daemon: Daemon, notifier: Notifier) -> None:
    """SIGHUP: clients, dictionaries, price lists. A configuration with mistakes changes nothing."""
    notifier.send("RELOADING=1")
    try:
        daemon.reload()
    except SettingsError as error:
        for finding in error.findings:
            daemon.log.error("configuration_mistake", finding=str(finding))
    notifier.send("READY=1")


if __name__ == "__main__":
    main()
