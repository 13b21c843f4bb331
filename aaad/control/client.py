"""The other end of the control socket: one blocking connection of `aaactl`, or of a script.

Only the standard library and the framing: what `aaactl` needs before it can talk has to load fast.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from aaad.control import protocol
from aaad.control.protocol import BadFrame, Request

SOCKET_PATH_DEFAULT = Path("/run/aaad/control.sock")
REPLY_MAX_S = 100.0
"""Seconds to wait for a reply: a little more than the daemon gives a command."""


class DaemonUnreachable(Exception):
    """Nobody answers at the control socket; the message names it and the remedy."""


class ControlClient:
    """One connection; a context manager."""

    def __init__(self, path: Path, *, timeout_s: float = REPLY_MAX_S) -> None:
        """Connects. Raises `DaemonUnreachable`."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise DaemonUnreachable(_why(path, error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def call(self, command: str, /, **arguments: object) -> object:
        """The result of one command. Raises `CommandFailed` as the daemon says, or
        `DaemonUnreachable`.
        """
        frame = protocol.encode_request(Request(command, arguments))
        try:
            with suppress(BrokenPipeError):  # who refuses a connection answers unasked, and closes
                self._socket.sendall(frame)
            prefix = self._receive(protocol.LENGTH_OCTETS)
            octets = protocol.body_octets(prefix, octets_max=protocol.REPLY_OCTETS_MAX)
            return protocol.parse_reply(self._receive(octets))
        except (OSError, BadFrame) as error:
            raise DaemonUnreachable(
                f"the daemon at {self._path} gave no answer to `{command}` ({error}); "
                f"its log says why (journalctl -u aaad)"
            ) from error

    def _receive(self, octets: int) -> bytes:
        parts = bytearray()
        while len(parts) < octets:
            part = self._socket.recv(octets - len(parts))
            if not part:
                raise ConnectionResetError("it closed the connection")
            parts += part
        return bytes(parts)


def _why(path: Path, error: OSError) -> str:
    """The message for a socket that cannot be connected to."""
    if isinstance(error, FileNotFoundError):
        return (
            f"no control socket at {path}: start aaad (systemctl start aaad), "
            f"or name its socket with --socket"
        )
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {path}: aaad is not running; start it (systemctl start aaad)"
    if isinstance(error, PermissionError):
        return f"no permission to use {path}; become a member of the reading group, or use sudo"
    return f"the control socket {path} cannot be reached: {error}"
