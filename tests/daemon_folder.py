"""A folder with all that the daemon needs to start in the test's own process: configuration,
secrets, books with customers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aaad.server.daemon import Daemon
from ledger.clock import Clock
from ledger.settings import load_settings
from tests.server_world import SECRET, T0, new_books

CONFIGURATION = """
{first}
[store]
url = "sqlite://{folder}/books.db"
[journal]
folder = "journal"
[control]
socket = "control.sock"
reading_group = "root"
administering_group = "root"
[radius]
authentication = ["127.0.0.1:0"]
accounting = ["127.0.0.1:0"]
reject_delay_ms = 0
[seal]
key_file = "seal-key"
[secrets]
folder = "."
[test]
clock = true
clock_file = "clock.toml"
[[clients]]
name = "lab"
prefixes = ["127.0.0.0/8"]
secret_file = "lab"
"""


def write_folder(folder: Path, first: str = "") -> Path:
    """Configuration and secrets; the configuration's path. `first` goes before all tables."""
    for name, text in (("seal-key", bytes(range(32)).hex()), ("lab", SECRET.decode())):
        secret = folder / name
        secret.touch(mode=0o600)
        secret.write_text(text + "\n")
    path = folder / "aaad.toml"
    path.write_text(CONFIGURATION.format(folder=folder, first=first))
    return path


async def start(folder: Path) -> Daemon:
    """A daemon over the books of this folder, its clock where it was; it does not serve yet."""
    settings = load_settings(folder / "aaad.toml")
    return await Daemon.start(settings, Clock(settings.clock.file))


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Daemon]:
    """A serving daemon in a new folder, at T0; stopped in order afterwards."""
    write_folder(folder)
    Clock(folder / "clock.toml").set(T0)
    await (await new_books(folder)).close()
    daemon = await start(folder)
    try:
        daemon.serve()
        yield daemon
    finally:
        await daemon.close()
