"""Proves what an account has used and owes: stored, not yet stored, and projected."""

from __future__ import annotations

from aaad.policy.account_state import (
    SILENT_PROJECTION_MAX_S,
    AccountState,
    gone_on,
    projected,
    projected_by_service,
)
from aaad.policy.session import session_from_row
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
from tests.usage_builders import DAY_S, NOON, PLAIN, Story, report, terms

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


def test_services_of_an_account_count_apart_and_together() -> None:
    made = state(usage={(20, PERIOD): Totals(1, 2, 3, 4), (20, PERIOD + 1): Totals(seconds=9)})
    made.tally(21, PERIOD).add(10, 0, 0, 0)
    made.tally(20, PERIOD).add(5, 0, 0, 1)
    assert made.of_account(PERIOD) == Totals(16, 2, 3, 5)
    assert made.of_account(PERIOD + 1) == Totals(seconds=9)
    assert made.of_service(20, PERIOD) == Totals(6, 2, 3, 5)
    assert made.of_service(21, PERIOD) == Totals(seconds=10)
    assert made.of_service(22, PERIOD) == made.of_account(PERIOD + 2) == Totals()


def test_a_report_carries_what_it_brought() -> None:
    story = running(60)
    made = state()
    (tally,) = made.carry(story.only)
    assert (tally.totals(), made.owed_micros) == (Totals(60, 0, 0, 60_000), 60_000)
    assert made.carry(story.only) == [tally]
    told = report(AcctStatusType.STOP, received_at=NOON + 70, session_time_s=70, input_octets=5)
    story.tell(told)
    made.carry(story.only)
    assert (tally.totals(), made.owed_micros) == (Totals(70, 5, 0, 70_005), 70_005)
    assert made.carry(story.only) == []


def test_a_session_of_the_store_is_in_its_figures_already() -> None:
    session = running(60).only
    again = session_from_row(session.posting().new, session.terms, PLAIN)
    made = state(owed_micros=60_000, usage={(20, PERIOD): Totals(60, 0, 0, 60_000)})
    made.restored(again)
    made.carry(again)
    assert made.of_service(20, PERIOD) == Totals(60, 0, 0, 60_000)
    assert made.owed_micros == 60_000


def test_another_zone_moves_the_running_piece_to_its_cycle() -> None:
    session = running(60, zone="UTC").only
    made = state()
    made.carry(session)
    session.follow(terms(zone="Asia/Tokyo"), PLAIN)
    made.carry(session)
    of_tokyo = PERIOD - 9 * 3_600
    assert made.of_service(20, PERIOD) == Totals()
    assert made.of_service(20, of_tokyo).seconds == 60
    assert made.owed_micros == 60_000
    assert session.usage_not_stored() == {of_tokyo: Totals(60, 0, 0, 60_000)}


def test_loading_again_replaces_figures_and_what_fired() -> None:
    """What fired here and is not in the store was lost with its posting: it must fire again."""
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
    assert made.fired == {crossing_key(crossing)}
    made.load(owed_micros=3, usage={}, fired=(), sessions=())
    assert (made.owed_micros, made.fired) == (3, set())


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
