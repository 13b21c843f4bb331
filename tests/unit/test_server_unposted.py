"""Proves the poster's queue against a naive model: the position never passes a record that is not
posted, whatever is taken, posted or put back in between.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aaad.policy.session import Session
from aaad.server.unposted import Dirty, Unposted
from ledger.model import BootInstant, LimitCrossing, SuspenseRecord, Threshold, UsageMetric
from ratingcore.meter import Meter
from tests.server_world import US
from tests.usage_builders import NOON, PLAIN, terms


def changed(session_id: int, *, is_open: bool = True, pieces: int = 0) -> Session:
    """What the queue asks of a session: its id, whether it runs, whether events wait."""
    return Session(
        session_id=session_id,
        terms=terms(),
        meter=Meter(PLAIN, NOON),
        nas="nas-1",
        acct_session_id=b"%d" % session_id,
        user_name=b"anna",
        started_at=NOON,
        last_at=NOON,
        heard_at=NOON,
        lsn=session_id,
        journal_number=1,
        is_open=is_open,
        unposted=(None,) * pieces,  # type: ignore[arg-type]
    )


def crossing() -> LimitCrossing:
    return LimitCrossing(
        account_id=1,
        service_id=1,
        limit="hours",
        period_start_at=0,
        threshold=Threshold.SOFT,
        revision=0,
        metric=UsageMetric.SECONDS,
        threshold_quantity=1,
        used_quantity=1,
        crossed_at=1,
    )


def suspense(lsn: int) -> SuspenseRecord:
    return SuspenseRecord(
        journal_number=1,
        lsn=lsn,
        received_at=1,
        reason="unknown user",
        client="lab",
        nas="nas-1",
        user_name=b"x",
        body=b"",
    )


def ids(taken: list[Dirty]) -> list[int]:
    return [dirty.session.session_id for dirty in taken]


def queue(*sessions: Session) -> Unposted:
    """Session number i was changed by record i, received at second i."""
    unposted = Unposted(0)
    for lsn, session in enumerate(sessions, start=1):
        unposted.session_changed(session, lsn=lsn, received_us=lsn * US)
        unposted.applied(lsn, lsn * US)
    return unposted


def test_an_empty_queue_stands_at_its_position() -> None:
    unposted = Unposted(7)
    assert (len(unposted), unposted.position_lsn, unposted.oldest_us) == (0, 7, None)
    assert unposted.take(received_until_us=None, count_max=9) == []


def test_the_first_change_counts_until_it_is_posted() -> None:
    session = changed(1)
    unposted = queue(session, session, session)
    assert (unposted.position_lsn, unposted.oldest_us) == (0, US)
    (dirty,) = unposted.take(received_until_us=None, count_max=9)
    assert (dirty.first_lsn, unposted.position_lsn) == (1, 3)


def test_running_sessions_wait_until_they_are_old() -> None:
    unposted = queue(changed(1), changed(2), changed(3))
    assert ids(unposted.take(received_until_us=2 * US, count_max=9)) == [1, 2]
    assert unposted.position_lsn == 2


def test_ended_sessions_and_finished_pieces_go_first() -> None:
    unposted = queue(changed(1), changed(2, is_open=False), changed(3, pieces=1))
    assert ids(unposted.take(received_until_us=0, count_max=9)) == [2, 3]
    assert unposted.position_lsn == 0, "session 1 waits still"


def test_who_crossed_a_limit_goes_with_it() -> None:
    running = changed(1)
    unposted = queue(running)
    unposted.crossed(crossing(), running)
    assert unposted.has_records
    assert ids(unposted.take(received_until_us=0, count_max=9)) == [1]


def test_a_batch_has_its_bound_and_the_rest_stays_urgent() -> None:
    unposted = queue(*(changed(number, is_open=False) for number in range(1, 6)))
    assert ids(unposted.take(received_until_us=0, count_max=2)) == [1, 2]
    assert ids(unposted.take(received_until_us=0, count_max=9)) == [3, 4, 5]


def test_what_is_put_back_is_as_old_and_as_urgent_as_before() -> None:
    ended = changed(1, is_open=False)
    unposted = queue(ended, changed(2))
    taken = unposted.take(received_until_us=0, count_max=9)
    unposted.session_changed(ended, lsn=3, received_us=3 * US)
    unposted.applied(3, 3 * US)
    assert unposted.position_lsn == 1
    unposted.put_back(taken)
    assert (unposted.position_lsn, unposted.oldest_us, len(unposted)) == (0, US, 2)
    assert ids(unposted.take(received_until_us=0, count_max=9)) == [1]


def test_a_lost_session_holds_the_position_until_its_records_are_applied_again() -> None:
    unposted = queue(changed(1), changed(2, is_open=False), changed(3))
    lost = unposted.find([2, 77])
    assert [dirty.first_lsn for dirty in lost] == [2]
    unposted.lose(lost)
    assert (unposted.position_lsn, unposted.applied_lsn) == (0, 1)
    assert ids(unposted.take(received_until_us=None, count_max=9)) == [1, 3]
    assert unposted.position_lsn == 1
    unposted.applied(3, 3 * US)
    assert unposted.position_lsn == 3


def test_records_leave_from_the_front() -> None:
    unposted = queue(changed(1))
    for lsn in (2, 3):
        unposted.suspend(suspense(lsn))
    unposted.posted(crossings=0, suspense=1, boots=0)
    assert [one.lsn for one in unposted.suspense] == [3]


def test_a_boot_is_posted_only_when_all_before_it_is() -> None:
    """A replay must not know a boot before it comes to it."""
    unposted = queue(changed(1))
    boots = [BootInstant(client="lab", nas="nas-1", booted_at=at) for at in (5, 9)]
    unposted.booted(boots[0], lsn=2)
    unposted.applied(2, 2 * US)
    assert unposted.boots == ()
    taken = unposted.take(received_until_us=None, count_max=9)
    assert unposted.boots == (boots[0],)
    unposted.session_changed(taken[0].session, lsn=3, received_us=3 * US)
    unposted.booted(boots[1], lsn=4)
    unposted.applied(4, 4 * US)
    assert unposted.boots == (boots[0],)
    unposted.posted(crossings=0, suspense=0, boots=1)
    assert unposted.boots == ()
    unposted.take(received_until_us=None, count_max=9)
    assert unposted.boots == (boots[1],)


class Queue(RuleBasedStateMachine):
    """The queue beside a model of where every record is: waiting, taken, posted."""

    def __init__(self) -> None:
        super().__init__()
        self.unposted = Unposted(0)
        self.lsn = 0
        self.waiting: dict[int, set[int]] = {}  # session -> records the books lack
        self.taken: dict[int, set[int]] = {}
        self.attempt: list[Dirty] = []

    @rule(session_id=st.integers(1, 4), is_open=st.booleans(), touches=st.booleans())
    def apply(self, session_id: int, is_open: bool, touches: bool) -> None:
        self.lsn += 1
        if touches:
            session = changed(session_id, is_open=is_open)
            self.unposted.session_changed(session, lsn=self.lsn, received_us=self.lsn * US)
            self.waiting.setdefault(session_id, set()).add(self.lsn)
        self.unposted.applied(self.lsn, self.lsn * US)

    @precondition(lambda self: not self.attempt)
    @rule(age=st.integers(0, 8), everything=st.booleans(), count_max=st.integers(1, 3))
    def take(self, age: int, everything: bool, count_max: int) -> None:
        until_us = None if everything else (self.lsn - age) * US
        self.attempt = self.unposted.take(received_until_us=until_us, count_max=count_max)
        assert len(self.attempt) <= count_max
        for session_id in ids(self.attempt):
            self.taken[session_id] = self.waiting.pop(session_id)
        if everything and not self.waiting:
            assert self.unposted.position_lsn == self.lsn

    @precondition(lambda self: self.attempt)
    @rule()
    def post(self) -> None:
        self.attempt = []
        self.taken = {}

    @precondition(lambda self: self.attempt)
    @rule()
    def fail(self) -> None:
        self.unposted.put_back(self.attempt)
        for session_id, lsns in self.taken.items():
            self.waiting.setdefault(session_id, set()).update(lsns)
        self.attempt = []
        self.taken = {}

    @invariant()
    def position_is_exact(self) -> None:
        lacking = [lsn for lsns in self.waiting.values() for lsn in lsns]
        assert self.unposted.position_lsn == min(lacking, default=self.lsn + 1) - 1
        assert self.unposted.oldest_us == (min(lacking) * US if lacking else None)
        assert len(self.unposted) == len(self.waiting)


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=25, stateful_step_count=30)


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=20), st.integers(1, 4))
def test_taking_by_batches_takes_each_session_once(
    changes: list[tuple[int, bool]], count_max: int
) -> None:
    unposted: Any = queue(*(changed(number, is_open=is_open) for number, is_open in changes))
    found: list[int] = []
    while taken := unposted.take(received_until_us=None, count_max=count_max):
        found += ids(taken)
    assert sorted(found) == sorted({number for number, _ in changes})
    assert unposted.position_lsn == len(changes)
