"""What travels on the control socket: length-prefixed msgpack frames, requests and replies. Pure.

A frame is a 32-bit big-endian length and that many octets of msgpack. A request is a map
{command, arguments}, a reply a map {result} or {error: {code, message, remedy}}. Both sides bound
what they take: a length above the bound is refused before one octet of the body is read, so a
hostile peer costs four octets. What breaks these rules is a `BadFrame`, and nothing else is ever
raised here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgpack

REQUEST_OCTETS_MAX = 4 << 20
"""Octets of a request: the largest is `pricelist load`, and a price list has its own bound below
this.
"""

REPLY_OCTETS_MAX = 16 << 20
"""Octets of a reply: a full page of sessions with all their text is about one MiB."""

PAGE_SIZE_MAX = 1000
"""Rows of one reply: a page, never a whole table; the next page asks with `after`."""

PAGE_SIZE_DEFAULT = 200

_LENGTH = struct.Struct(">I")
LENGTH_OCTETS = _LENGTH.size


class ErrorCode(StrEnum):
    """Why a command was not carried out. `aaactl` prints the message; scripts read the code."""

    BAD_REQUEST = "bad_request"  # the frame or the arguments
    UNKNOWN_COMMAND = "unknown_command"
    NOT_PERMITTED = "not_permitted"
    NOT_FOUND = "not_found"
    REFUSED = "refused"  # understood, and against a rule of the books
    UNAVAILABLE = "unavailable"  # store away, too many connections, time-out


class BadFrame(Exception):
    """The peer broke the framing; the message says how. The connection cannot be used any
    further.
    """


class CommandFailed(Exception):
    """A command was not carried out: code, message naming thing and value, remedy. Both sides
    raise it.
    """

    def __init__(self, code: ErrorCode, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Request:
    """One command and its arguments by name."""

    command: str
    arguments: Mapping[str, object]


def encode_request(request: Request) -> bytes:
    """The frame of a request. Raises `BadFrame` when it is above `REQUEST_OCTETS_MAX`."""
    body = {"command": request.command, "arguments": dict(request.arguments)}
    return _frame(body, octets_max=REQUEST_OCTETS_MAX)


def encode_result(result: object) -> bytes:
    """The frame of a reply that succeeded. Raises `BadFrame` above `REPLY_OCTETS_MAX`."""
    return _frame({"result": result}, octets_max=REPLY_OCTETS_MAX)


def encode_failure(failure: CommandFailed) -> bytes:
    """The frame of a reply that failed."""
    error = {"code": failure.code.value, "message": failure.message, "remedy": failure.remedy}
    return _frame({"error": error}, octets_max=REPLY_OCTETS_MAX)


def body_octets(prefix: bytes, *, octets_max: int) -> int:
    """The length that a frame's first `LENGTH_OCTETS` octets announce. Raises `BadFrame` above
    the bound.
    """
    (octets,) = _LENGTH.unpack(prefix)
    if octets > octets_max:
        raise BadFrame(f"a frame of {octets} octets was announced, at most {octets_max} are taken")
    return int(octets)


def parse_request(body: bytes) -> Request:
    """The request in a frame's body. Raises `BadFrame` for all that is not one."""
    message = _unpack(body)
    command, arguments = message.get("command"), message.get("arguments", {})
    if not isinstance(command, str):
        raise BadFrame("a request needs its command as text")
    if not isinstance(arguments, dict) or not all(isinstance(name, str) for name in arguments):
        raise BadFrame("the arguments of a request are a map by name")
    return Request(command, arguments)


def parse_reply(body: bytes) -> object:
    """The result in a frame's body. Raises `CommandFailed` as the daemon said, `BadFrame` for no
    reply.
    """
    message = _unpack(body)
    if "result" in message:
        return message["result"]
    error = message.get("error")
    if not isinstance(error, dict):
        raise BadFrame("a reply holds a result or an error, this one holds neither")
    raise _failure(error)


def _failure(error: Mapping[object, object]) -> CommandFailed:
    code = error.get("code")
    if code not in set(ErrorCode):
        raise BadFrame(
            f"the error code {code!r} of the reply is not known; are both sides of one version?"
        )
    return CommandFailed(
        ErrorCode(str(code)), str(error.get("message", "")), str(error.get("remedy", ""))
    )


def _frame(message: Mapping[str, object], *, octets_max: int) -> bytes:
    try:
        body: bytes = msgpack.packb(message, use_bin_type=True)
    except (UnicodeEncodeError, OverflowError) as error:
        raise BadFrame(f"the message holds what cannot be sent: {error}") from None
    if len(body) > octets_max:
        raise BadFrame(
            f"the message has {len(body)} octets, at most {octets_max} are taken; ask for less"
        )
    return _LENGTH.pack(len(body)) + body


def _unpack(body: bytes) -> dict[object, object]:
    try:
        message = msgpack.unpackb(body, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise BadFrame(f"the frame is not msgpack: {type(error).__name__}") from None
    if not isinstance(message, dict):
        raise BadFrame("the frame holds no map")
    return message
