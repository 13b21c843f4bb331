"""Conservation under any interleaving of stale and fresh postings, judged against a model of a few
lines.

Goal: whatever order, staleness and grouping, `posted` is the sum of impacts, `accrued` the sum
over open sessions, counters the sum of both; a stale posting changes nothing. Method: a model
keeps one dict a session; hypothesis drives both, and `check_books` and the model must agree.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.books import check_books
from ledger.model import SessionPosting, SessionRow, SessionStatus
from ledger.posting import post
from ledger.store import Store, open_store
from ledger.subscribers import fetch_account_states
from tests.store.builders import PERIOD, advanced, batch, cut, opening, register, session

SESSIONS = 3

steps = st.tuples(
    st.integers(0, SESSIONS - 1),
    st.sampled_from(["advance", "cut", "end"]),
    st.integers(0, 3),  # how many versions the poster's memory is behind
    st.integers(0, 5_000),
    st.integers(0, 9_000_000),
)
batches = st.lists(st.lists(steps, min_size=1, max_size=SESSIONS), min_size=1, max_size=8)


@dataclass
class Model:
    """What the books should say: all versions of each session, and what is posted."""

    rows: dict[int, list[SessionRow]] = field(default_factory=dict)
    posted: int = 0
    seconds: int = 0

    def accrued(self) -> int:
        return sum(versions[-1].accrued_micros for versions in self.rows.values())

    def apply(self, posting: SessionPosting) -> None:
        self.rows[posting.new.session_id].append(posting.new)
        self.posted += sum(event.piece.charge_micros for event in posting.events)
        self.seconds += sum(
            event.piece.ended_at - event.piece.started_at for event in posting.events
        )

    def open_seconds(self) -> int:
        return sum(versions[-1].open_seconds for versions in self.rows.values())


def next_posting(
    known: SessionRow, kind: str, seconds: int, charge_micros: int
) -> SessionPosting | None:
    if known.status is SessionStatus.CLOSED:
        return None
    if kind == "advance":
        return advanced(known, seconds=seconds, charge_micros=charge_micros)
    return cut(known, seconds=seconds, charge_micros=charge_micros, ends=kind == "end")


def make_batch(
    model: Model, wanted: list[tuple[int, str, int, int, int]]
) -> tuple[list[SessionPosting], set[int]]:
    """Postings, one a session, and which of them are stale."""
    postings: dict[int, SessionPosting] = {}
    stale = set()
    for number, kind, behind, seconds, charge in wanted:
        versions = model.rows[100 + number]
        known = versions[max(0, len(versions) - 1 - behind)]
        posting = next_posting(known, kind, seconds, charge)
        if posting is None or posting.new.session_id in postings:
            continue
        postings[posting.new.session_id] = posting
        if known is not versions[-1]:
            stale.add(posting.new.session_id)
    return list(postings.values()), stale


async def post_all(store: Store, *postings: SessionPosting) -> frozenset[int]:
    async with store.transaction() as tx:
        return (await post(tx, batch(*postings))).lost_session_ids


async def play(store: Store, script: list[list[tuple[int, str, int, int, int]]]) -> None:
    account_id, service_id = await register(store)
    model = Model()
    for number in range(SESSIONS):
        row = session(
            account_id, service_id, session_id=100 + number, acct_session_id=b"%d" % number
        )
        model.rows[row.session_id] = [row]
    await post_all(store, *(opening(rows[0]) for rows in model.rows.values()))
    for wanted in script:
        postings, stale = make_batch(model, wanted)
        assert await post_all(store, *postings) == stale
        for posting in postings:
            if posting.new.session_id not in stale:
                model.apply(posting)
    async with store.read() as reader:
        state = (await fetch_account_states(reader, {account_id: (PERIOD,)}))[account_id]
    (balance,) = state.balances
    assert (balance.posted_micros, balance.accrued_micros) == (model.posted, model.accrued())
    assert sum(one.seconds for one in state.counters) == model.seconds + model.open_seconds()
    assert sum(one.charge_micros for one in state.counters) == model.posted + model.accrued()
    assert await check_books(store) == []


async def open_and_play(script: list[list[tuple[int, str, int, int, int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(f"sqlite://{folder}/books.db", checkpoints=True)
        try:
            await play(store, script)
        finally:
            await store.close()


@settings(max_examples=40, deadline=None)
@given(batches)
def test_any_interleaving_of_stale_postings_conserves_money(
    script: list[list[tuple[int, str, int, int, int]]],
) -> None:
    asyncio.run(open_and_play(script))
