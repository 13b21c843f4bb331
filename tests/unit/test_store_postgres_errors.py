"""ledger.store.postgres_errors: each failure of a server is told with its remedy; a bug stays
one."""

from __future__ import annotations

import asyncpg
import pytest

from ledger.store import KeyExists, StoreUnavailable
from ledger.store.postgres_errors import remedy, translated, unavailable

PLACE = "postgresql://aaad@db/books"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (asyncpg.DiskFullError("no space left"), "free space"),
        (asyncpg.LockNotAvailableError("lock timeout"), "writes for too long"),
        (asyncpg.DeadlockDetectedError("deadlock"), "tried again"),
        (asyncpg.AdminShutdownError("terminating"), "the server ends"),
        (asyncpg.InvalidPasswordError("wrong"), "password_file"),
        (asyncpg.InvalidCatalogNameError("no database"), "createdb"),
        (asyncpg.ReadOnlySQLTransactionError("cannot"), "primary"),
        (asyncpg.InsufficientPrivilegeError("denied"), "grant"),
        (ConnectionRefusedError(111, "refused"), "can be reached"),
        (TimeoutError(), "TimeoutError"),
        (asyncpg.InterfaceError("connection is closed"), "can be reached"),
        (asyncpg.InternalClientError("another operation is in progress"), "can be reached"),
    ],
)
async def test_what_an_operator_can_end_is_unavailable(error: BaseException, said: str) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(StoreUnavailable, match=said) as caught:
        await translated(fail(), PLACE)
    assert PLACE in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CheckViolationError("amount is not known"),
        asyncpg.UndefinedColumnError("no column"),
        asyncpg.DataError("an integer is required"),
        asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
    ],
)
async def test_a_bug_stays_what_it_is(error: Exception) -> None:
    async def fail() -> None:
        raise error

    assert remedy(error) is None
    with pytest.raises(type(error)):
        await translated(fail(), PLACE)


async def test_a_key_that_stands_already_is_named() -> None:
    async def fail() -> None:
        raise asyncpg.UniqueViolationError("duplicate key")

    with pytest.raises(KeyExists, match="duplicate key"):
        await translated(fail(), PLACE)


def test_a_refused_commit_is_tried_again() -> None:
    said = str(unavailable(asyncpg.CheckViolationError("late"), PLACE))
    assert said.endswith("rolled back; the work is tried again")
