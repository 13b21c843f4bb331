"""The control socket of a daemon: place and groups from the settings, commands from the table.

What the daemon starts and closes; everything else of `aaad.control` hangs on it.
"""

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


def control_socket(
    daemon: Daemon,
    *,
    group: str = "",
    identify_peer: Callable[[socket.socket], Peer] = identify,
) -> ControlSocket:
    """The control socket, not started yet.

    `group` is who may connect beside the daemon's own user: the reading group, of which
    administrators are members too. On a machine that has no such group the socket stays with the
    daemon's own: nobody gets more rights by that. Rights follow the settings in force at each
    request, so a reload changes them.
    """

    async def carry_out(request: Request, peer: Peer) -> object:
        return await execute(
            COMMANDS, daemon=daemon, rule=access_rule(daemon), request=request, peer=peer
        )

    path = daemon.settings.control.socket
    known = group if _exists(group) else ""
    return ControlSocket(path, carry_out, group=known, identify_peer=identify_peer)


def access_rule(daemon: Daemon) -> AccessRule:
    """Who may do what, by the settings in force; this process's own user may do everything."""
    control = daemon.settings.control
    return AccessRule(
        reading_group=control.reading_group,
        administering_group=control.administering_group,
        daemon_uid=os.getuid(),
    )


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True
