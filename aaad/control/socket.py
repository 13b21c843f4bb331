"""The control socket: an asyncio UNIX server that takes one command after another from each
connection.

Everything is bounded: connections, frames, the time to send a frame, the time of a command, the
time a connection may idle. A bad frame ends its connection and nothing else. A bug in a command
ends that connection too: the event loop's exception handler logs it, and the peer sees the
connection close.

The socket file is bound beside its place, given its mode and group there, and renamed into place:
it is never seen with other permissions, and a stale file of a killed daemon is replaced in one
step.
"""

from __future__ import annotations

import asyncio
import grp
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aaad.control import protocol
from aaad.control.peer import Peer, identify
from aaad.control.protocol import BadFrame, CommandFailed, ErrorCode, Request

CONNECTIONS_MAX = 64
"""Connections at once: operators, scripts and an exporter; each may hold one request of the
largest size.
"""

IDLE_MAX_S = 300.0
"""Seconds that a connection may stay without a command, as a shell left open over lunch."""

FRAME_MAX_S = 10.0
"""Seconds from a frame's first octets to its last: local, so a slow sender is a broken one."""

COMMAND_MAX_S = 90.0
"""Seconds of one command: above the longest, a Disconnect-Request resent to a NAS that never
answers.
"""

SOCKET_MODE = 0o660
PATH_OCTETS_MAX = 107
"""sun_path of unix(7) holds 108 octets, the last is NUL."""

Execute = Callable[[Request, Peer], Awaitable[object]]
"""Carries out one request of one peer; raises `CommandFailed` when it does not."""


class SocketUnusable(Exception):
    """The control socket cannot be made there; the message says why and what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """The time limits of a connection, in seconds."""

    idle_s: float = IDLE_MAX_S
    frame_s: float = FRAME_MAX_S
    command_s: float = COMMAND_MAX_S


class ControlSocket:
    """The server. `start`, then `close`; `execute` carries out what arrives."""

    def __init__(
        self,
        path: Path,
        execute: Execute,
        *,
        group: str = "",
        identify_peer: Callable[[socket.socket], Peer] = identify,
        limits: TimeLimits | None = None,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        """`group`: who may connect beside the daemon's user (the reading group); empty: the
        daemon's group.
        """
        self._path = path
        self._execute = execute
        self._group = group
        self._identify_peer = identify_peer
        self._limits = limits or TimeLimits()
        self._connections_max = connections_max
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def start(self) -> None:
        """Listens. Raises `SocketUnusable` when the place is taken or not ours."""
        listener = _bound_socket(self._path, self._group)
        self._inode = self._path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._connected, sock=listener)

    async def close(self) -> None:
        """Stops listening, ends every connection, removes the socket file if it is ours."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        with suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None, "asyncio calls this in a task"
        self._connections.add(connection)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the peer left, stalled or idled too long: there is nobody to tell
        except asyncio.CancelledError:
            pass  # `close` ends the connection; asyncio would log the cancelled task as an error
        except Exception as error:  # a bug of a command: Pythons before 3.11.5 would log it late
            context = {"message": "a control command failed by a bug", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        finally:
            self._connections.discard(connection)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes commands until the peer is done, breaks the framing or idles too long."""
        if len(self._connections) > self._connections_max:
            await self._send(writer, protocol.encode_failure(_too_many(self._connections_max)))
            return
        async with asyncio.timeout(self._limits.frame_s):
            connection = writer.get_extra_info("socket")
            peer = await asyncio.to_thread(self._identify_peer, connection)
        while True:
            async with asyncio.timeout(self._limits.idle_s):
                prefix = await reader.readexactly(protocol.LENGTH_OCTETS)
            try:
                request = await self._read_request(reader, prefix)
            except BadFrame as error:
                failure = CommandFailed(ErrorCode.BAD_REQUEST, str(error))
                await self._send(writer, protocol.encode_failure(failure))
                return
            await self._send(writer, await self._reply(request, peer))

    async def _read_request(self, reader: asyncio.StreamReader, prefix: bytes) -> Request:
        octets = protocol.body_octets(prefix, octets_max=protocol.REQUEST_OCTETS_MAX)
        async with asyncio.timeout(self._limits.frame_s):
            body = await reader.readexactly(octets)
        return protocol.parse_request(body)

    async def _reply(self, request: Request, peer: Peer) -> bytes:
        """The reply's frame. What a command raises beside `CommandFailed` is a bug and goes on
        up.
        """
        try:
            async with asyncio.timeout(self._limits.command_s):
                return protocol.encode_result(await self._execute(request, peer))
        except CommandFailed as failure:
            return protocol.encode_failure(failure)
        except BadFrame as error:  # the result is too long
            return protocol.encode_failure(CommandFailed(ErrorCode.REFUSED, str(error)))
        except TimeoutError:
            return protocol.encode_failure(_too_slow(request.command, self._limits.command_s))

    async def _send(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        writer.write(frame)
        async with asyncio.timeout(self._limits.frame_s):
            await writer.drain()


def _too_many(connections_max: int) -> CommandFailed:
    return CommandFailed(
        ErrorCode.UNAVAILABLE,
        f"all {connections_max} connections of the control socket are in use",
        "close idle ones, or try again in a moment",
    )


def _too_slow(command: str, seconds: float) -> CommandFailed:
    return CommandFailed(
        ErrorCode.UNAVAILABLE,
        f"`{command}` was not done within {seconds:g} s and was given up",
        "see `aaactl status`: is the store reachable?",
    )


def _bound_socket(path: Path, group: str) -> socket.socket:
    """A listening socket at `path` with its mode and group; see the module's docstring."""
    _check_place(path)
    beside = path.with_name(path.name + ".new")
    if len(os.fsencode(beside)) > PATH_OCTETS_MAX:
        raise SocketUnusable(
            f"the control socket's path {path} is too long for a UNIX socket; choose a shorter one"
        )
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        beside.unlink(missing_ok=True)
        listener.bind(str(beside))
        beside.chmod(SOCKET_MODE)
        _give_group(beside, group)
        beside.rename(path)
    except OSError as error:
        listener.close()
        raise SocketUnusable(
            f"the control socket {path} cannot be made: {error}; is its folder there and writable?"
        ) from error
    except SocketUnusable:
        listener.close()
        raise
    return listener


def _check_place(path: Path) -> None:
    """Refuses a place where something else than a dead socket is."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketUnusable(f"{path} exists and is no socket; move it or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return  # nobody listens: the file of a daemon that was killed
    raise SocketUnusable(f"another daemon listens at {path}; stop it or choose another path")


def _give_group(path: Path, group: str) -> None:
    if not group:
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except (KeyError, PermissionError):
        raise SocketUnusable(
            f"the control socket cannot be given to the group {group!r}; create the group and "
            f"make the daemon's user a member of it"
        ) from None
