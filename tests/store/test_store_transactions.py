"""What a transaction promises on both stores: all or nothing, one at a time, and readers see one
state of the books."""

from __future__ import annotations

import asyncio

import pytest

from ledger.store import Store, StoreUnavailable, open_store
from tests.store.builders import NOW, register


async def add_boot(store: Store, nas: str = "bras-1") -> None:
    async with store.transaction() as tx:
        await tx.execute("raise_boot", ("bras", nas, NOW))


async def boots(store: Store) -> list[tuple[str, str, int]]:
    async with store.read() as reader:
        return await reader.fetch("fetch_boots")


async def test_a_block_that_raises_leaves_nothing(store: Store) -> None:
    class Interrupted(Exception):
        pass

    async def interrupted() -> None:
        async with store.transaction() as tx:
            await tx.execute("raise_boot", ("bras", "bras-1", NOW))
            raise Interrupted

    with pytest.raises(Interrupted):
        await interrupted()
    assert await boots(store) == []
    await add_boot(store)
    assert len(await boots(store)) == 1


async def test_a_cancelled_transaction_leaves_nothing_and_blocks_nobody(store: Store) -> None:
    inside, never = asyncio.Event(), asyncio.Event()

    async def stuck() -> None:
        async with store.transaction() as tx:
            await tx.execute("raise_boot", ("bras", "stuck", NOW))
            inside.set()
            await never.wait()

    task = asyncio.create_task(stuck())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add_boot(store)
    assert await boots(store) == [("bras", "bras-1", NOW)]


async def test_tasks_take_turns_and_never_share_a_transaction(store: Store) -> None:
    async def read_then_write(nas: str) -> int:
        async with store.transaction() as tx:
            seen = len(await tx.fetch("fetch_boots"))
            await asyncio.sleep(0)
            await tx.execute("raise_boot", ("bras", nas, NOW))
            return seen

    seen = await asyncio.gather(*(read_then_write(f"nas-{number}") for number in range(8)))
    assert sorted(seen) == list(range(8))


async def test_a_reader_sees_one_state_of_the_books(store: Store) -> None:
    async with store.read() as reader:
        before = await reader.fetch("fetch_boots")
        await add_boot(store)
        assert await reader.fetch("fetch_boots") == before
    assert len(await boots(store)) == 1


async def test_a_reader_cannot_write(store: Store) -> None:
    async with store.read() as reader:
        with pytest.raises(StoreUnavailable, match="readonly"):
            await reader.fetch("claim_outbox", ("mail", "me", NOW, NOW, 1))


async def test_a_job_and_the_daemon_write_side_by_side(store: Store, store_url: str) -> None:
    job = await open_store(store_url, checkpoints=False, node=1)
    try:
        await register(store, logins=(b"one",))
        await register(job, logins=(b"two",))
        async with store.read() as reader:
            rows = await reader.fetch("fetch_accounts", (0, "", 10))
        assert len(rows) == 2
    finally:
        await job.close()


async def test_rows_that_change_are_counted_one_by_one_and_in_numbers(store: Store) -> None:
    rows = [("bras", f"nas-{number}", NOW) for number in range(5)]
    async with store.transaction() as tx:
        assert await tx.execute_many("raise_boot", []) == 0
        assert await tx.execute_many("raise_boot", rows[:1]) == 1
        assert await tx.execute_many("raise_boot", rows) == 4  # the first does not rise again
        assert await tx.execute("raise_boot", ("bras", "nas-0", NOW + 1)) == 1
    assert len(await boots(store)) == 5


async def test_months_may_be_made_ready_again_and_again(store: Store) -> None:
    for at in (NOW, NOW, NOW + 40 * 86_400):
        await store.make_room(at=at)
    await add_boot(store)


async def test_time_wakes_who_waits_for_a_change_in_vain(store: Store) -> None:
    await asyncio.wait_for(store.wait_for_change(timeout_s=0.001), 10)
