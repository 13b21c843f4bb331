"""Commands about running sessions: list, show, disconnect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aaad.control.command import After, Call, Id, Name, PageSize
from aaad.control.commands.customers import Login, brand_settings
from aaad.control.contract import DisconnectReport, SessionReport
from aaad.control.protocol import PAGE_SIZE_DEFAULT, CommandFailed, ErrorCode
from ledger.clients import BRAND_DEFAULT
from ledger.rules.logins import canonical_login


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions are asked for; what is left out filters nothing."""

    account_id: Id | None = None
    login: Login | None = None
    brand: Name = BRAND_DEFAULT
    nas: Name | None = None
    after: After = 0
    limit: PageSize = PAGE_SIZE_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionNumber:
    """Which session."""

    session_id: Id


async def list_sessions(call: Call, arguments: SessionFilter) -> Mapping[str, object]:
    """One page of the running sessions."""
    login = None
    if arguments.login is not None:
        login = canonical_login(brand_settings(call, arguments.brand), arguments.login)
    sessions = await call.daemon.sessions(
        account_id=arguments.account_id,
        login=login,
        nas=arguments.nas,
        after=arguments.after,
        limit=arguments.limit,
    )
    return {"sessions": list(sessions)}


async def show_session(call: Call, arguments: SessionNumber) -> SessionReport:
    """One running session in full."""
    report = await call.daemon.session(arguments.session_id)
    if report is None:
        raise _no_session(arguments.session_id)
    return report


async def disconnect(call: Call, arguments: SessionNumber) -> DisconnectReport:
    """A Disconnect-Request for a session, and what came of it."""
    report = await call.daemon.disconnect(arguments.session_id, actor=call.actor)
    if report is None:
        raise _no_session(arguments.session_id)
    return report


def _no_session(session_id: int) -> CommandFailed:
    return CommandFailed(
        ErrorCode.NOT_FOUND,
        f"no session {session_id} runs",
        "see `aaactl sessions`; what ended one has cost stands in `aaactl events ACCOUNT`",
    )
