"""What happens to an account that does not pay: reminders, suspension, closing, collections
(F35-F45).

The operator's table of steps is read from the top, worst first; the first step that fits is taken.
A step is a state, clocks in civil days of the account's zone, an amount, and what is done. What
protects the customer stands here and not in the table: a promise (grace date) wins while it lasts
(F39, C4), nobody is suspended on days the operator keeps free, nor before he has really been warned
for as long as the table says, nor while a charge of his is unanswered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from ledger.model import AccountStatus


class DunningAction(StrEnum):
    """What a step does."""

    REMIND = "remind"
    SUSPEND = "suspend"
    CLOSE = "close"
    COLLECT = "collect"
    SETTLE = "settle"  # out of collections: all is paid (F45)


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningStep:
    """One line of the table. A condition that is None always holds."""

    name: str
    state: AccountStatus
    action: DunningAction
    overdue_days: int | None = None  # the oldest overdue bill is overdue for at least so long
    state_days: int | None = None  # the account has been in its state for at least so long
    owed_above_micros: int | None = None  # more than this is overdue
    promise_within_days: int | None = None  # a grace date is no further away
    every_days: int | None = None  # of a reminder: at least so long after the last one
    warned_days: int | None = None  # of a suspension: the first reminder went out so long ago


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningFacts:
    """What the books know of an account that dunning asks for, in civil dates of its zone."""

    today: date
    state: AccountStatus
    state_since: date
    overdue_micros: int
    overdue_since: date | None  # the first day on which the oldest open bill was overdue
    suspended_for_overdue: bool = False
    promise_on: date | None = None  # the grace date: his word holds through this day
    first_reminded_on: date | None = None  # since it became overdue
    reminded_on: Mapping[str, date] = field(
        default_factory=dict
    )  # by step, since it became overdue
    charge_unanswered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietDays:
    """Days on which nobody is suspended: weekdays (0 is Monday) and dates."""

    weekdays: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    def __contains__(self, day: date) -> bool:
        return day.weekday() in self.weekdays or day in self.dates


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a step with its outcome, for `aaabill dunning --dry-run` and explain."""

    step: str
    condition: str
    holds: bool


@dataclass(frozen=True, slots=True)
class DunningDecision:
    """The step to take, or None, and what was asked on the way to it."""

    step: DunningStep | None
    checks: tuple[Check, ...]


def decide(steps: Sequence[DunningStep], facts: DunningFacts, quiet: QuietDays) -> DunningDecision:
    """The first step whose conditions hold and from which nothing protects the account."""
    checks: list[Check] = []
    for step in steps:
        if step.state is not facts.state:
            continue
        conditions = [*_conditions(step, facts), *_protections(step, facts, quiet)]
        checks += [Check(step.name, condition, holds) for condition, holds in conditions]
        if all(holds for _, holds in conditions):
            return DunningDecision(step, tuple(checks))
    return DunningDecision(None, tuple(checks))


def days_overdue(facts: DunningFacts) -> int:
    """Days since the oldest open bill became overdue, the first one included; 0: none is."""
    if facts.overdue_since is None or facts.overdue_micros <= 0:
        return 0
    return (facts.today - facts.overdue_since).days + 1


def promise_holds(facts: DunningFacts) -> bool:
    """Whether a grace date protects the account: through the whole of its day (F39)."""
    return facts.promise_on is not None and facts.today <= facts.promise_on


def _conditions(step: DunningStep, facts: DunningFacts) -> list[tuple[str, bool]]:
    conditions: list[tuple[str, bool]] = []
    if step.action is DunningAction.SETTLE:
        conditions.append(("nothing is overdue", facts.overdue_micros <= 0))
    elif step.owed_above_micros is None:
        conditions.append(("something is overdue", facts.overdue_micros > 0))
    else:
        text = f"more than {step.owed_above_micros} micros are overdue"
        conditions.append((text, facts.overdue_micros > step.owed_above_micros))
    if step.overdue_days is not None:
        overdue = days_overdue(facts)
        conditions.append((f"overdue for {step.overdue_days} days", overdue >= step.overdue_days))
    if step.state_days is not None:
        held = (facts.today - facts.state_since).days
        text = f"{facts.state} for {step.state_days} days"
        conditions.append((text, held >= step.state_days))
    if step.promise_within_days is not None:
        text = f"promised to pay within {step.promise_within_days} days"
        conditions.append((text, _promised_within(facts, step.promise_within_days)))
    if step.every_days is not None:
        text = f"not reminded within {step.every_days} days"
        conditions.append((text, _may_remind(step, facts)))
    return conditions


def _protections(
    step: DunningStep, facts: DunningFacts, quiet: QuietDays
) -> list[tuple[str, bool]]:
    """What must not stand in the way of a step."""
    if step.action is DunningAction.SETTLE:
        return []
    protections = [("no charge is unanswered", not facts.charge_unanswered)]
    if step.action is DunningAction.CLOSE:
        protections.append(("suspended for being overdue", facts.suspended_for_overdue))
    if step.action is DunningAction.REMIND:
        promised = step.promise_within_days is not None
        protections.append(("no promise speaks for it", promised or not promise_holds(facts)))
    if step.action in {DunningAction.SUSPEND, DunningAction.CLOSE}:
        protections.append(("no promise holds", not promise_holds(facts)))
    if step.action is DunningAction.SUSPEND:
        protections.append(("no day without suspensions", facts.today not in quiet))
        if step.warned_days is not None:
            text = f"warned {step.warned_days} days ago"
            protections.append((text, _warned(facts, step.warned_days)))
    return protections


def _promised_within(facts: DunningFacts, days: int) -> bool:
    if facts.promise_on is None:
        return False
    return facts.today <= facts.promise_on <= facts.today + timedelta(days=days)


def _may_remind(step: DunningStep, facts: DunningFacts) -> bool:
    last = facts.reminded_on.get(step.name)
    return last is None or step.every_days is None or (facts.today - last).days >= step.every_days


def _warned(facts: DunningFacts, days: int) -> bool:
    """Whether the first reminder really went out so long ago: after an outage the clock of the
    table has run, but nobody was told.
    """
    first = facts.first_reminded_on
    return first is not None and (facts.today - first).days >= days
