"""The control socket of a running daemon: the command table behind SO_PEERCRED and the two groups."""

from __future__ import annotations

from aaad.control.command import execute
from aaad.control.commands.table import COMMANDS
from aaad.control.contract import Daemon
from aaad.control.peer import Peer
from aaad.control.protocol import Request
from aaad.control.socket import ControlSocket, access_rule
from ledger.settings import ControlSettings


async def open_control_socket(daemon: Daemon, settings: ControlSettings) -> ControlSocket:
    """Listens for commands to `daemon`. Raises SocketUnusable."""
    rule = access_rule(
        reading_group=settings.reading_group, administering_group=settings.administering_group
    )

    async def run(request: Request, peer: Peer) -> object:
        return await execute(COMMANDS, daemon=daemon, rule=rule, request=request, peer=peer)

    control = ControlSocket(settings.socket, run, group=settings.reading_group)
    await control.start()
    return control
