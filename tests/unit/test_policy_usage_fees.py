"""Proves what `aaad.policy.usage` charges for a session's beginning: once, nothing where it was
taken over, and for one of zero length only where the price list says so.
"""

from __future__ import annotations

from aaad.radius.codes import AcctStatusType
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.tariff import ConnectionFee, Metric, Price, Tariff, Tier, TimeBand
from tests.usage_builders import DAY_S, NOON, Story, report, terms

START, STOP = AcctStatusType.START, AcctStatusType.STOP


def with_fee(*, on_zero_length: bool) -> Timeline:
    prices = (Price(Metric.SECONDS, (Tier(0, 1_000, 1),)),)
    fee = ConnectionFee(50_000, on_zero_length)
    band = TimeBand("any time", (), 0, DAY_S, prices, fee)
    return compile_timeline([(0, Tariff("fee", "UTC", "USD", (band,)))])


def charges(story: Story) -> list[int]:
    return [event.piece.charge_micros for event in story.only.unposted]


def told(timeline: Timeline, seconds: int) -> Story:
    story = Story(timeline=timeline)
    story.tell(report(START))
    for _ in range(2):  # the second Stop is a repetition
        story.tell(report(STOP, received_at=NOON + seconds, session_time_s=seconds))
    return story


def test_a_session_pays_its_connection_fee_once() -> None:
    assert charges(told(with_fee(on_zero_length=False), 10)) == [60_000]


def test_a_session_of_zero_length_pays_it_only_if_said_so() -> None:
    assert charges(told(with_fee(on_zero_length=False), 0)) == []
    assert charges(told(with_fee(on_zero_length=True), 0)) == [50_000]


def test_a_session_that_is_taken_over_does_not_pay_it() -> None:
    story = Story(timeline=with_fee(on_zero_length=True), terms=terms(activated_at=NOON))
    story.tell(report(STOP, received_at=NOON + 60, session_time_s=9_999))
    assert charges(story) == []
