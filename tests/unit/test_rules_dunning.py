"""FLAMS's path from overdue to collections, night by night, and what protects the customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.model import AccountStatus
from ledger.rules.dunning import (
    DunningAction,
    DunningFacts,
    DunningStep,
    QuietDays,
    decide,
)

ACTIVE, SUSPENDED = AccountStatus.ACTIVE, AccountStatus.SUSPENDED
CLOSED, COLLECTIONS = AccountStatus.CLOSED, AccountStatus.COLLECTIONS
REMIND, SUSPEND = DunningAction.REMIND, DunningAction.SUSPEND
CLOSE, COLLECT, SETTLE = DunningAction.CLOSE, DunningAction.COLLECT, DunningAction.SETTLE

STEPS = (
    DunningStep(name="settled", state=COLLECTIONS, action=SETTLE),
    DunningStep(name="collections", state=CLOSED, action=COLLECT, owed_above_micros=2_500),
    DunningStep(name="close", state=SUSPENDED, action=CLOSE, state_days=15),
    DunningStep(name="suspend", state=ACTIVE, action=SUSPEND, overdue_days=11, warned_days=6),
    DunningStep(name="grace", state=ACTIVE, action=REMIND, promise_within_days=3, every_days=1),
    DunningStep(name="overdue", state=ACTIVE, action=REMIND, overdue_days=1, every_days=2),
)
NO_QUIET = QuietDays()
DUE = date(2026, 3, 1)
OVERDUE = date(2026, 3, 2)


def facts(today: date, **rest: object) -> DunningFacts:
    known: dict[str, object] = {
        "state": ACTIVE,
        "state_since": date(2026, 1, 15),
        "overdue_micros": 1_995,
        "overdue_since": OVERDUE,
    }
    return DunningFacts(today=today, **(known | rest))  # type: ignore[arg-type]


def step(of: DunningFacts, quiet: QuietDays = NO_QUIET) -> str | None:
    taken = decide(STEPS, of, quiet).step
    return taken.name if taken else None


def test_the_story_of_an_account_that_never_pays() -> None:
    """F36 to F43: reminded every other night, suspended on the 11th day overdue, closed 15 days
    later, and too little owed for collections.
    """
    taken: list[tuple[str, str]] = []
    of = facts(DUE)
    for night in range(40):
        of = replace(of, today=DUE + timedelta(days=night))
        of = replace(of, overdue_micros=0 if of.today < OVERDUE else 1_995)
        if (name := step(of)) is None:
            continue
        taken.append((name, of.today.isoformat()))
        match name:
            case "overdue":
                of = replace(
                    of,
                    reminded_on={"overdue": of.today},
                    first_reminded_on=of.first_reminded_on or of.today,
                )
            case "suspend":
                of = replace(of, state=SUSPENDED, state_since=of.today, suspended_for_overdue=True)
            case "close":
                of = replace(of, state=CLOSED, state_since=of.today)
    assert taken == [
        ("overdue", "2026-03-02"),
        ("overdue", "2026-03-04"),
        ("overdue", "2026-03-06"),
        ("overdue", "2026-03-08"),
        ("overdue", "2026-03-10"),
        ("suspend", "2026-03-12"),
        ("close", "2026-03-27"),
    ]


def test_more_than_the_threshold_goes_to_collections_and_leaves_them_when_paid() -> None:
    """F43, F45."""
    closed = facts(date(2026, 4, 1), state=CLOSED)
    assert step(replace(closed, overdue_micros=2_500)) is None
    assert step(replace(closed, overdue_micros=2_501)) == "collections"
    collecting = replace(closed, state=COLLECTIONS)
    assert step(collecting) is None
    assert step(replace(collecting, overdue_micros=0)) == "settled"


LATE = facts(
    date(2026, 3, 20), first_reminded_on=OVERDUE, reminded_on={"overdue": date(2026, 3, 19)}
)


def test_a_promise_wins_through_its_whole_day() -> None:
    """F39 to F41: reminded of it three days before, suspended the night after."""
    promised = replace(LATE, promise_on=date(2026, 3, 24))
    nights = {day: step(replace(promised, today=date(2026, 3, day))) for day in range(19, 26)}
    assert nights == {
        19: None, 20: None, 21: "grace", 22: "grace", 23: "grace", 24: "grace", 25: "suspend",
    }  # fmt: skip


def test_nobody_is_suspended_on_a_quiet_day() -> None:
    assert LATE.today.weekday() == 4
    assert step(LATE, QuietDays(weekdays=frozenset({4, 5, 6}))) is None
    assert step(LATE, QuietDays(dates=frozenset({LATE.today}))) is None
    assert step(LATE) == "suspend"


def test_the_warning_period_must_really_have_run() -> None:
    """The jobs stood still for two weeks: the first reminder goes out now, and its days count."""
    unwarned = replace(LATE, first_reminded_on=None, reminded_on={})
    assert step(unwarned) == "overdue"
    warned = replace(
        unwarned, first_reminded_on=unwarned.today, reminded_on={"overdue": unwarned.today}
    )
    assert [step(replace(warned, today=LATE.today + timedelta(days=n))) for n in (1, 5, 6)] == [
        None,
        "overdue",
        "suspend",
    ]


def test_an_unanswered_charge_stops_everything_but_settling() -> None:
    assert step(replace(LATE, charge_unanswered=True)) is None
    paid = facts(LATE.today, state=COLLECTIONS, overdue_micros=0, charge_unanswered=True)
    assert step(paid) == "settled"


def test_only_what_was_suspended_for_being_overdue_is_closed_for_it() -> None:
    suspended = replace(LATE, state=SUSPENDED, state_since=date(2026, 3, 1))
    assert step(suspended) is None
    assert step(replace(suspended, suspended_for_overdue=True)) == "close"


def test_the_checks_say_why_not() -> None:
    decision = decide(STEPS, replace(LATE, promise_on=LATE.today), NO_QUIET)
    assert decision.step is not None
    assert decision.step.name == "grace"
    failed = [check.condition for check in decision.checks if not check.holds]
    assert failed == ["no promise holds"]


@pytest.mark.parametrize("state", [SUSPENDED, CLOSED, COLLECTIONS])
def test_who_owes_nothing_is_left_alone(state: AccountStatus) -> None:
    paid = replace(LATE, state=state, overdue_micros=0, suspended_for_overdue=True)
    assert step(paid) in {None, "settled"}


@given(
    today=st.integers(0, 60),
    promise=st.none() | st.integers(-10, 30),
    first=st.none() | st.integers(0, 60),
    owed=st.integers(-100, 5_000),
    quiet=st.frozensets(st.integers(0, 6)),
    unanswered=st.booleans(),
)
def test_no_one_who_is_protected_is_ever_suspended(
    today: int, promise: int | None, first: int | None, owed: int, quiet: frozenset[int],
    unanswered: bool,
) -> None:  # fmt: skip
    now = OVERDUE + timedelta(days=today)
    of = facts(
        now,
        overdue_micros=owed,
        promise_on=None if promise is None else now + timedelta(days=promise),
        first_reminded_on=None if first is None else now - timedelta(days=first),
        charge_unanswered=unanswered,
    )
    if step(of, QuietDays(weekdays=quiet)) == "suspend":
        assert owed > 0
        assert not unanswered
        assert now.weekday() not in quiet
        assert promise is None or promise < 0
        assert first is not None
        assert first >= 6
        assert today >= 10
