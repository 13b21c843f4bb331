"""What goes wrong with PostgreSQL, and what an operator does about it.

Errors are told apart by their SQLSTATE (PostgreSQL's appendix A): a code that is not listed is a
bug of ours and stays what it is.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, TypeVar

import asyncpg

from ledger.store.contract import KeyExists, StoreUnavailable

_Result = TypeVar("_Result")

_REMEDIES: Final = {
    "08": "look whether the server runs and can be reached; the work is tried again",
    "25006": "the session is readonly: let the store's URL name the primary server",
    "28": "name the right user in the store's URL and its password in password_file",
    "3D": "make the database with createdb",
    "40": "another node wrote the same rows; the work is tried again",
    "42501": "grant this user the right, or make it the owner of the schema",
    "53": "free space on the server's disks, or raise its limits",
    "55P03": "another process writes for too long; the work is tried again",
    "57": "the server ends, starts or was told to cancel; the work is tried again",
    "58": "look at the server's disks and its log",
    "XX": "look at the server's log; stop all writers if it says that data are corrupt",
}
"""SQLSTATE or its class -> what helps."""

FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection whose server said goodbye while it was idle
    OSError,
    TimeoutError,
)
"""What asyncpg raises when a server refuses, is away, or is gone in the middle of a word."""


async def translated(call: Awaitable[_Result], place: str) -> _Result:
    """Await a call; an error that an operator can end becomes StoreUnavailable, others are bugs."""
    try:
        return await call
    except asyncpg.UniqueViolationError as error:
        raise KeyExists(f"store {place}: {error}") from error
    except FAILURES as error:
        if remedy(error) is None:
            raise
        raise unavailable(error, place) from error


def remedy(error: BaseException) -> str | None:
    """What helps against an error; None: nothing but mending our program."""
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        return _REMEDIES.get(code) or _REMEDIES.get(code[:2])
    if isinstance(error, asyncpg.InterfaceError) and not _is_lost(error):
        return None
    return _REMEDIES["08"]


def unavailable(error: BaseException, place: str) -> StoreUnavailable:
    """The error as the contract names it."""
    helps = remedy(error) or "the transaction was rolled back; the work is tried again"
    return StoreUnavailable(f"store {place}: {str(error) or type(error).__name__}: {helps}")


def _is_lost(error: asyncpg.InterfaceError) -> bool:
    """asyncpg names a lost or unusable connection and a wrong argument by one class."""
    return not isinstance(error, ValueError) and "argument" not in str(error)
