"""Commands about the daemon itself: status, clients, NASes, reload, drain, clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from aaad.control.command import Call, Instant, NoArguments
from aaad.control.contract import StatusReport
from aaad.control.protocol import CommandFailed, ErrorCode
from ledger.clock import ClockFileError, ClockNotSettable


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetting:
    """The instant that shall be now."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAdvance:
    """How far the clock is moved; backwards when negative."""

    seconds: Annotated[int, msgspec.Meta(ge=-(2**33), le=2**33)]


async def status(call: Call, _: NoArguments) -> StatusReport:
    """The daemon at one glance."""
    return await call.daemon.status()


async def list_clients(call: Call, _: NoArguments) -> Mapping[str, object]:
    """Who sends us packets."""
    return {"clients": list(call.daemon.clients())}


async def list_nases(call: Call, _: NoArguments) -> Mapping[str, object]:
    """Who serves the users."""
    return {"nases": list(call.daemon.nases())}


async def reload(call: Call, _: NoArguments) -> Mapping[str, object]:
    """Reads the configuration again."""
    return {"changes": list(await call.daemon.reload(actor=call.actor))}


async def drain(call: Call, _: NoArguments) -> Mapping[str, object]:
    """Begins to end."""
    await call.daemon.drain(actor=call.actor)
    return {"state": "draining"}


async def show_clock(call: Call, _: NoArguments) -> Mapping[str, object]:
    """What time it is for the daemon."""
    return _clock(call)


async def set_clock(call: Call, arguments: ClockSetting) -> Mapping[str, object]:
    """Sets the clock of a test."""
    _move(call, seconds=arguments.at - call.daemon.clock.now())
    return _clock(call)


async def advance_clock(call: Call, arguments: ClockAdvance) -> Mapping[str, object]:
    """Moves the clock of a test."""
    _move(call, seconds=arguments.seconds)
    return _clock(call)


def _move(call: Call, *, seconds: int) -> None:
    try:
        call.daemon.clock.advance(seconds)
    except (ClockNotSettable, ClockFileError, ValueError) as error:
        raise CommandFailed(ErrorCode.REFUSED, str(error)) from None


def _clock(call: Call) -> Mapping[str, object]:
    clock = call.daemon.clock
    return {"now_at": clock.now(), "settable": clock.settable, "offset_s": clock.offset_s}
