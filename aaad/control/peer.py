"""Who is at the other end of the control socket, and what that user may do.

The kernel says the uid (SO_PEERCRED), the user database its name and groups. Root and the
daemon's own user may do everything; members of the administering group too; members of the
reading group may read.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

_UCRED = struct.Struct("3i")  # struct ucred of socket(7): pid, uid, gid


class Right(IntEnum):
    """What a command needs and a peer has; a higher right contains the lower."""

    NONE = 0
    READ = 1
    ADMINISTER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The user at the other end. `name` is the actor that every change records."""

    uid: int
    name: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """Which groups may read and which may change. An empty name is no group."""

    reading_group: str
    administering_group: str
    daemon_uid: int

    def right_of(self, peer: Peer) -> Right:
        """The highest right of a peer."""
        named = peer.groups - {""}
        if peer.uid in (0, self.daemon_uid) or self.administering_group in named:
            return Right.ADMINISTER
        return Right.READ if self.reading_group in named else Right.NONE


def identify(connection: socket.socket) -> Peer:
    """The peer of a connected UNIX socket. May ask a name service: not for the event loop's
    thread.
    """
    ucred = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _pid, uid, gid = _UCRED.unpack(ucred)
    name, gids = _user(uid, gid)
    return Peer(uid=uid, name=name, groups=frozenset(_group_name(one) for one in gids))


def _user(uid: int, gid: int) -> tuple[str, list[int]]:
    """Name and groups of a user; one that the user database does not have is its number."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}", [gid]
    return name, os.getgrouplist(name, gid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid {gid}"
