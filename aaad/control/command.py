"""What a control command is: the right it needs, its arguments, and the function that runs it.

Arguments are a dataclass for each command; `read_arguments` checks names, types and bounds before
the function is called, so a handler only sees what it declared.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from aaad.control.contract import Daemon
from aaad.control.peer import AccessRule, Peer, Right
from aaad.control.protocol import (
    PAGE_SIZE_MAX,
    CommandFailed,
    ErrorCode,
    Request,
)
from aaad.radius.dictionary import DictionaryError
from ledger.account_checks import AccountError
from ledger.catalog import CatalogError
from ledger.credentials import PasswordError
from ledger.escape import printable
from ledger.pricelist import PriceListError
from ledger.pricelists import PriceListRefused
from ledger.settings import SettingsError
from ledger.store import CommitUnknown, StoreError

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
After = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=PAGE_SIZE_MAX)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]
Instant = Annotated[int, msgspec.Meta(ge=0, le=2**33)]

REFUSALS = (
    AccountError,
    CatalogError,
    DictionaryError,
    PasswordError,
    PriceListError,
    PriceListRefused,
    SettingsError,
)
"""What the books and the configuration raise for input they refuse; each message holds the
remedy.
"""

Arguments = TypeVar("Arguments")


@dataclass(frozen=True, slots=True)
class NoArguments:
    """A command that takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a command: the daemon, and the user that every change records."""

    daemon: Daemon
    actor: str


@dataclass(frozen=True, slots=True)
class Command(Generic[Arguments]):
    """An entry of the command table."""

    right: Right
    arguments: type[Arguments]
    run: Callable[[Call, Arguments], Awaitable[object]]


async def execute(
    commands: Mapping[str, Command[Any]],
    *,
    daemon: Daemon,
    rule: AccessRule,
    request: Request,
    peer: Peer,
) -> object:
    """Carries out one request of one peer, or raises `CommandFailed`."""
    command = commands.get(request.command)
    if command is None:
        raise CommandFailed(
            ErrorCode.UNKNOWN_COMMAND,
            f"the daemon has no command {printable(request.command)!r}",
            "are aaactl and aaad of one version?",
        )
    if rule.right_of(peer) < command.right:
        raise _not_permitted(request.command, command.right, rule, peer)
    arguments = read_arguments(command.arguments, request.arguments)
    try:
        return await command.run(Call(daemon=daemon, actor=peer.name), arguments)
    except CommitUnknown as error:
        remedy = "look whether the change is there before you repeat it"
        raise CommandFailed(ErrorCode.UNAVAILABLE, str(error), remedy) from error
    except StoreError as error:
        remedy = "nothing was changed; see `aaactl status`"
        raise CommandFailed(ErrorCode.UNAVAILABLE, str(error), remedy) from error
    except REFUSALS as error:
        raise CommandFailed(ErrorCode.REFUSED, str(error)) from error


def read_arguments(shape: type[Arguments], given: Mapping[str, object]) -> Arguments:
    """The arguments as `shape` declares them. Raises `CommandFailed` naming what does not fit."""
    known = {one.name: one for one in fields(shape)}  # type: ignore[arg-type] # a dataclass
    for name in given:
        if name not in known:
            raise _bad_argument(f"the argument {printable(name)!r} is not known")
    for name, one in known.items():
        required = one.default is MISSING and one.default_factory is MISSING
        if required and name not in given:
            raise _bad_argument(f"the argument {name!r} is missing")
    try:
        return msgspec.convert(dict(given), shape, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise _bad_argument(str(error)) from None


def _bad_argument(message: str) -> CommandFailed:
    return CommandFailed(ErrorCode.BAD_REQUEST, message)


def _not_permitted(name: str, right: Right, rule: AccessRule, peer: Peer) -> CommandFailed:
    group = rule.administering_group if right is Right.ADMINISTER else rule.reading_group
    remedy = f"become a member of the group {group!r}, or use sudo" if group else "use sudo"
    return CommandFailed(
        ErrorCode.NOT_PERMITTED, f"{printable(peer.name)} may not run `{name}`", remedy
    )
