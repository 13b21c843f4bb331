"""The control socket of a running daemon: the command table behind SO_PEERCRED and two groups."""

from __future__ import annotations

import grp
import os
import socket
from collections.abc import Callable

from aaad.control.command import execute
from aaad.control.commands.table import COMMANDS
from aaad.control.contract import Daemon
from aaad.control.peer import AccessRule, Peer, identify
from aaad.control.protocol import Request
from aaad.control.socket import ControlSocket
from ledger.settings import ControlSettings


async def open_control_socket(
    daemon: Daemon,
    settings: ControlSettings,
    *,
    identify_peer: Callable[[socket.socket], Peer] = identify,
) -> ControlSocket:
    """Listens for commands to `daemon`. Raises SocketUnusable.

    The socket file is given to the reading group, of which administrators are members too. On a
    machine that has no such group it stays with the daemon's own: nobody gets more rights by that.
    """

    async def run(request: Request, peer: Peer) -> object:
        rule = access_rule(daemon.settings.control)  # those in force: a reload changes them
        return await execute(COMMANDS, daemon=daemon, rule=rule, request=request, peer=peer)

    group = settings.reading_group if _exists(settings.reading_group) else ""
    control = ControlSocket(settings.socket, run, group=group, identify_peer=identify_peer)
    await control.start()
    return control


def access_rule(settings: ControlSettings) -> AccessRule:
    """Who may do what; this process's own user may do everything."""
    return AccessRule(
        reading_group=settings.reading_group,
        administering_group=settings.administering_group,
        daemon_uid=os.getuid(),
    )


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True
