"""Proves the session table against a naive model: whatever comes, ends, runs again and leaves,
every way of asking finds the same sessions as a list that is searched from end to end.

Few NASes and ids, so that keys come again; enough sessions that the tables grow and that those
which leave have others behind them.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aaad.policy.account_state import AccountState
from aaad.policy.session import Session
from aaad.server.session_table import SessionTable
from ledger.model import Account
from ratingcore.meter import Meter
from tests.usage_builders import NOON, PLAIN, terms

NASES = ("nas-1", "nas-2", "nas-3")
IDS = tuple(b"%d" % number for number in range(40))
ACCOUNTS = 5

Kind = st.sampled_from(("add", "add", "add", "end", "reopen", "remove", "remove"))
Steps = st.lists(st.tuples(Kind, st.integers(0, 10**6)), min_size=20, max_size=400)


def account(number: int) -> AccountState:
    return AccountState(
        Account(account_id=number + 1, brand="isp", name="", currency="USD", zone="UTC", bill_day=1)
    )


class Model:
    """The table, and the list."""

    def __init__(self) -> None:
        self.table = SessionTable()
        self.accounts = [account(number) for number in range(ACCOUNTS)]
        self.all: list[Session] = []
        self.made = 0

    def take(self, kind: str, which: int) -> None:
        if kind == "add":
            self.add(which)
        elif self.all:
            session = self.all[which % len(self.all)]
            if kind == "remove":
                self.table.remove(session)
                self.all.remove(session)
            elif session.is_open != (kind == "reopen"):
                session.is_open = kind == "reopen"
                self.table.status_changed(session)

    def add(self, which: int) -> None:
        self.made += 1
        session = Session(
            session_id=self.made << 16 | which % 7,
            terms=terms(account=self.accounts[which % ACCOUNTS]),
            meter=Meter(PLAIN, NOON),
            nas=NASES[which % len(NASES)],
            acct_session_id=IDS[which % len(IDS)],
            user_name=b"",
            started_at=NOON,
            heard_at=NOON,
            lsn=1,
            journal_number=1,
            client="",
        )
        self.all.append(session)
        self.table.add(session)

    def check(self) -> None:
        table, everyone = self.table, self.all
        assert len(table) == len(everyone)
        assert table.open_count == sum(bool(one.is_open) for one in everyone)
        assert all(table.get(one.session_id) is one for one in everyone)
        assert table.get(1) is None
        assert ids(table.open_sessions()) == ids(one for one in everyone if one.is_open)
        for nas in NASES:
            of_nas = [one for one in everyone if one.nas == nas]
            assert ids(table.open_of_nas(nas)) == ids(one for one in of_nas if one.is_open)
            for key in IDS:
                found = ids(one for one in of_nas if one.acct_session_id == key)
                assert [one.session_id for one in table.candidates(nas, key)] == found
        for state in self.accounts:
            of_account = [one for one in everyone if one.account is state]
            assert ids(table.of_account(state)) == ids(of_account)
            assert ids(table.open_of_account(state)) == ids(o for o in of_account if o.is_open)


def ids(sessions) -> list[int]:  # type: ignore[no-untyped-def]
    return sorted(session.session_id for session in sessions)


@given(steps=Steps)
def test_every_way_of_asking_finds_the_same_sessions(steps: list[tuple[str, int]]) -> None:
    model = Model()
    for number, (kind, which) in enumerate(steps):
        model.take(kind, which)
        if number % 16 == 0:
            model.check()
    model.check()


def test_a_walk_in_small_steps_meets_every_session() -> None:
    model = Model()
    for number in range(500):
        model.add(number)
    table = model.table
    met = [one for at in range(0, table.slots, 64) for one in table.page(at, 64)]
    assert ids(met) == ids(model.all)
