"""Proves that a grant is the inverse of the charge: what is granted fits, and one more does not.

Judged by the slow twin, and by the quote of a session of that length.
"""

from hypothesis import given
from hypothesis import strategies as st

from ratingcore.compile import compile_timeline
from ratingcore.meter import Meter, quote
from tests.oracle.rating_oracle import Report, Session
from tests.property.rating_cases import Case, cases
from tests.property.rating_play import begin_twin, examples, played

AVAILABLE = st.one_of(st.integers(0, 2_000_000), st.integers(0, 20_000_000))
CAP_SHARES = st.integers(0, 400)
"""Percent of the session's length: how long a grant may be at most."""


def played_twin(case: Case) -> Session:
    session = begin_twin(case)
    for report in case.reports:
        session.tell(report)
    return session


@examples(500, 10_000)
@given(cases(), AVAILABLE, CAP_SHARES)
def test_grant_is_the_inverse_of_the_charge(case: Case, available: int, cap_percent: int):
    meter = played(case, compile_timeline(case.versions))
    cap = case.length_s * cap_percent // 100
    granted = meter.grant_seconds(available, cap)
    assert 0 <= granted <= cap

    def extra(seconds: int) -> int:
        session = played_twin(case)
        before = session.total()
        session.tell(
            Report(session.until + seconds, session.counters["input"], session.counters["output"])
        )
        return session.total() - before

    assert extra(granted) <= available
    if granted < cap:
        assert extra(granted + 1) > available


@examples(1_000, 20_000)
@given(cases(plain=True), AVAILABLE, CAP_SHARES)
def test_grant_and_quote_are_inverse(case: Case, available: int, cap_percent: int):
    """At the start of a session: the grant may be quoted, and one second more costs too much."""
    timeline = compile_timeline(case.versions)
    meter = Meter(timeline, case.started_at, pool=case.pool())
    cap = case.length_s * cap_percent // 100
    granted = meter.grant_seconds(available, cap)

    def cost(seconds: int) -> int:
        return quote(timeline, case.started_at, seconds, pool=case.pool()).charge_micros

    assert granted == 0 or cost(granted) <= available
    if granted < cap:
        assert cost(granted + 1) > available


@examples(500, 10_000)
@given(cases(octets=True), AVAILABLE, st.integers(0, 10**9), st.booleans())
def test_grant_of_octets_is_the_inverse_of_the_charge(
    case: Case, available: int, cap: int, sent: bool
):
    meter = played(case, compile_timeline(case.versions))
    granted = meter.grant_octets(available, cap, sent=sent)
    assert 0 <= granted <= cap

    def extra(octets: int) -> int:
        session = played_twin(case)
        before, counters = session.total(), dict(session.counters)
        counters["input" if sent else "output"] += octets
        session.tell(Report(session.until, counters["input"], counters["output"]))
        return session.total() - before

    assert granted == 0 or extra(granted) <= available
    if granted < cap:
        assert extra(granted + 1) > available
