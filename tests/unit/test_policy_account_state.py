"""Proves what an account has used and owes: stored, not yet stored, and projected."""

from __future__ import annotations

from aaad.policy.account_state import (
    SILENT_PROJECTION_MAX_S,
    AccountState,
    gone_on,
    projected,
    projected_by_service,
)
from aaad.radius.codes import AcctStatusType
from ledger.model import (
    Account,
    Limit,
    LimitCrossing,
    Offer,
    OwnLimit,
    Service,
    Subscriber,
    Threshold,
    UsageMetric,
)
from ledger.rules.limits import Totals, crossing_key
from tests.usage_builders import DAY_S, NOON, Story, report, terms

PERIOD = 1_767_225_600  # 2026-01-01, the cycle of NOON
ACCOUNT = Account(
    account_id=10,
    brand="isp",
    name="Anna",
    currency="USD",
    zone="UTC",
    bill_day=1,
    credit_limit_micros=5_000_000,
)
HOURS = Limit(name="hours", metric=UsageMetric.SECONDS, soft=None, hard=7_200)


def running(seconds: int, **given: int) -> Story:
    """A session from noon on that has reported so many seconds."""
    story = Story(terms=terms(**given))
    story.tell(report(AcctStatusType.START))
    if seconds:
        told = report(
            AcctStatusType.INTERIM_UPDATE, received_at=NOON + seconds, session_time_s=seconds
        )
        story.tell(told)
    return story


def state(**given: object) -> AccountState:
    made = AccountState(ACCOUNT)
    values = {"owed_micros": 0, "usage": {}, "fired": (), "sessions": (), **given}
    made.load(**values)  # type: ignore[arg-type]
    return made


def test_stored_and_not_yet_stored_usage_add_up() -> None:
    session = running(60).only
    made = state(
        owed_micros=500,
        usage={(20, PERIOD): Totals(seconds=5, charge_micros=500)},
        sessions=[session],
    )
    assert made.owed_micros == 500 + 60_000
    assert made.of_service(20, PERIOD) == Totals(seconds=65, charge_micros=60_500)


def test_a_posted_session_is_not_counted_twice() -> None:
    session = running(60).only
    session.posted(session.posting())
    made = state(
        owed_micros=60_000,
        usage={(20, PERIOD): Totals(seconds=60, charge_micros=60_000)},
        sessions=[session],
    )
    assert made.owed_micros == 60_000
    assert made.of_service(20, PERIOD).seconds == 60


def test_what_is_added_can_be_taken_away() -> None:
    made = state()
    usage = {PERIOD: Totals(1, 2, 3, 4), PERIOD + 1: Totals(seconds=9)}
    made.add(20, usage)
    made.add(21, {PERIOD: Totals(seconds=10)})
    assert made.of_account(PERIOD) == Totals(11, 2, 3, 4)
    assert made.of_account(PERIOD + 1) == Totals(seconds=9)
    made.subtract(20, usage)
    assert made.of_account(PERIOD) == Totals(seconds=10)
    assert (made.owed_micros, made.of_service(20, PERIOD)) == (0, Totals())


def test_loading_again_replaces_figures_and_keeps_what_fired() -> None:
    crossing = LimitCrossing(
        account_id=10,
        service_id=20,
        limit="hours",
        period_start_at=PERIOD,
        threshold=Threshold.HARD,
        revision=0,
        metric=UsageMetric.SECONDS,
        threshold_quantity=1,
        used_quantity=2,
        crossed_at=NOON,
    )
    made = state(owed_micros=7, fired=[crossing])
    made.load(owed_micros=3, usage={}, fired=(), sessions=())
    assert made.owed_micros == 3
    assert made.fired == {crossing_key(crossing)}


def test_credit_is_what_the_limit_leaves() -> None:
    assert state(owed_micros=1_000_000).credit_left() == 4_000_000
    assert state(owed_micros=9_000_000).credit_left() == 0


def test_limits_count_their_scope_with_what_runs() -> None:
    subscriber = Subscriber(
        account=ACCOUNT,
        service=Service(service_id=20, account_id=10, brand="isp", login="anna"),
        credential=None,
        purchases=(),
        own_limits=(OwnLimit(account_id=10, service_id=0, limit=HOURS),),
    )
    offer = Offer(name="metered", tariff="plain", limits=(HOURS,))
    made = state(usage={(20, PERIOD): Totals(seconds=5), (21, PERIOD): Totals(seconds=50)})
    ahead = {20: Totals(seconds=100), 21: Totals(seconds=1_000)}
    uses = made.uses(subscriber, offer, PERIOD, running=ahead)
    assert {use.service_id: use.used for use in uses} == {20: 105, 0: 1_155}
    assert made.uses(subscriber, None, PERIOD)[0].used == 55


def test_a_running_session_is_assumed_to_run_on() -> None:
    session = running(60).only
    assert projected(session, NOON + 100) == Totals(seconds=40, charge_micros=40_000)
    assert projected(session, NOON + 60) == projected(session, NOON) == Totals()
    assert session.session_time_s == 60


def test_only_what_lies_in_the_period_is_projected_into_it() -> None:
    session = running(60).only
    assert projected(session, NOON + 100, since=NOON + 90) == Totals(
        seconds=10, charge_micros=10_000
    )
    assert projected(session, NOON + 100, since=NOON + 200) == Totals()


def test_a_silent_session_is_not_assumed_to_run_for_ever() -> None:
    session = running(60).only
    assert projected(session, NOON + 30 * DAY_S).seconds == SILENT_PROJECTION_MAX_S


def test_an_ended_session_does_not_run_on() -> None:
    story = running(60)
    story.tell(report(AcctStatusType.STOP, received_at=NOON + 70, session_time_s=70))
    assert projected(story.only, NOON + 100) == Totals()


def test_projections_add_up_by_service() -> None:
    sessions = [running(60).only, running(80).only, running(0, service_id=21).only]
    assert projected_by_service(sessions, NOON + 100) == {
        20: Totals(seconds=60, charge_micros=60_000),
        21: Totals(seconds=100, charge_micros=100_000),
    }


def test_a_meter_goes_on_in_a_copy() -> None:
    session = running(60).only
    assert gone_on(session, NOON + 100).charge_micros == 100_000
    assert gone_on(session, NOON) is session.meter
    assert session.meter.charge_micros == 60_000
