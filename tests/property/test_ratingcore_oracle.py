"""Proves that the compiled engine and the slow twin agree to the micro, and what a meter promises.

Random tariffs of six zones, sessions with reports, cuts, base lines, packing and price changes in
the middle. The mix of cases is asserted, so that the agreement is about nights and boundaries that
matter. `AAAD_LONG=1` runs 200,000 cases.
"""

import os
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratingcore.compile import Timeline, compile_timeline
from ratingcore.meter import Meter, Piece, quote
from ratingcore.tariff import Metric, Tariff
from tests.oracle.rating_oracle import Report, Session
from tests.property.rating_cases import DAY_S, Case, cases, crosses_jump

LONG = os.environ.get("AAAD_LONG") == "1"


def examples(count: int, long_count: int) -> settings:
    return settings(
        max_examples=long_count if LONG else count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def piece_as_plain(piece: Piece) -> dict:
    return {
        "started_at": piece.started_at,
        "ended_at": piece.ended_at,
        "input_octets": piece.input_octets,
        "output_octets": piece.output_octets,
        "charge_micros": piece.charge_micros,
        "segments": [
            (
                s.band,
                s.metric,
                s.tier_from,
                s.quantity,
                s.price_micros,
                s.per,
                s.amount_micros,
                s.started_at,
                s.ended_at,
                s.allowance_id,
            )
            for s in piece.segments
        ],
        "counted": list(piece.counted),
    }


def begin(case: Case, timeline: Timeline) -> Meter:
    return Meter(
        timeline,
        case.started_at,
        occurrences=case.occurrences,
        adopted=case.adopted,
        pool=case.pool(),
    )


def begin_twin(case: Case, versions=None) -> Session:
    return Session(
        versions or case.versions,
        case.started_at,
        case.occurrences,
        case.adopted,
        case.slow_pool(),
    )


def has_blocks(tariff: Tariff) -> bool:
    prices = [price for band in tariff.bands for price in band.prices]
    return any(p.increment or any(tier.increment for tier in p.tiers) for p in prices)


def tell(meter: Meter, report: Report) -> list[Piece]:
    if report.rebase:
        meter.rebase(report.input_octets, report.output_octets, report.until)
        return []
    pieces = list(
        meter.advance(
            report.until,
            input_octets=report.input_octets,
            output_octets=report.output_octets,
            cuts=report.cuts,
        )
    )
    closed = meter.close_piece() if report.close else None
    return [*pieces, closed] if closed else pieces


def test_engine_agrees_with_the_slow_twin_on_a_telling_mix():
    seen: Counter[str] = Counter()

    @examples(3_000, 200_000)
    @given(cases(), st.booleans())
    def check(case: Case, packed: bool) -> None:
        timeline = compile_timeline(case.versions)
        meter = begin(case, timeline)
        session = begin_twin(case)
        pieces: list[Piece] = []
        for report in case.reports:
            pieces += tell(meter, report)
            session.tell(report)
            if packed:
                meter = Meter.unpack(compile_timeline(case.versions), meter.pack(), meter.pool)
        left = meter.open_piece()
        assert [piece_as_plain(piece) for piece in pieces] == session.pieces
        assert (left and piece_as_plain(left)) == session.open_piece()
        assert meter.charge_micros == session.total()
        assert meter.open_charge_micros == session.open_charge()
        for piece in [*pieces, *([left] if left else [])]:
            assert sum(segment.amount_micros for segment in piece.segments) == piece.charge_micros
        seen["cases"] += 1
        zones = [tariff.zone for _, tariff in case.versions]
        seen["dst"] += any(crosses_jump(zone, case.started_at, case.until) for zone in zones)
        seen["segments"] += len(session.uses) >= 3
        seen["allowances"] += any(key[4] for key in session.uses)
        if meter.pool is not None:
            for allowance, left_over in session.pool.allowances:
                assert meter.pool.left(allowance.allowance_id) == left_over
            for counter, counted in session.pool.counters:
                assert meter.pool.counted(counter.counter_id) == counted
        seen["cost"] += meter.charge_micros > 0
        seen["blocks"] += any(has_blocks(tariff) for _, tariff in case.versions)

    check()
    assert seen["dst"] >= 0.20 * seen["cases"], seen
    assert seen["segments"] >= 0.30 * seen["cases"], seen
    assert seen["cost"] >= 0.70 * seen["cases"], seen
    assert seen["allowances"] >= 0.30 * seen["cases"], seen
    assert seen["blocks"] >= 0.20 * seen["cases"], seen


@examples(400, 20_000)
@given(cases(octets=False, plain=True))
def test_total_of_seconds_does_not_depend_on_reports(case: Case):
    timeline = compile_timeline(case.versions)
    meter = begin(case, timeline)
    for report in case.reports:
        tell(meter, report)
    once = begin(case, timeline)
    once.advance(case.until)
    assert meter.charge_micros == once.charge_micros
    assert meter.open_piece() == once.open_piece()
    if not case.adopted:
        length = case.until - case.started_at
        whole = quote(
            timeline,
            case.started_at,
            length,
            occurrences=case.occurrences,
            pool=case.pool(),
        )
        assert meter.open_piece() == whole


@examples(400, 20_000)
@given(cases(octets=True, plain=True), st.sets(st.integers(1, DAY_S), max_size=5))
def test_reports_and_cuts_on_a_straight_line_change_no_total(case: Case, moments: set[int]):
    """So many octets a second: reports at any second lie on the line exactly, and cuts as well."""
    timeline = compile_timeline(case.versions)
    rate_in, rate_out = 17, 4_001
    until = case.started_at + DAY_S
    reported = begin(case, timeline)
    cut = begin(case, timeline)
    for moment in sorted({*moments, DAY_S}):
        reported.advance(
            case.started_at + moment,
            input_octets=rate_in * moment,
            output_octets=rate_out * moment,
        )
    pieces = cut.advance(
        until,
        input_octets=rate_in * DAY_S,
        output_octets=rate_out * DAY_S,
        cuts=[case.started_at + moment for moment in sorted(moments)],
    )
    whole = begin(case, timeline)
    whole.advance(until, input_octets=rate_in * DAY_S, output_octets=rate_out * DAY_S)
    assert reported.charge_micros == cut.charge_micros == whole.charge_micros
    assert sum(p.charge_micros for p in pieces) + cut.open_charge_micros == whole.charge_micros
    assert sum(p.output_octets for p in pieces) <= rate_out * DAY_S


@examples(300, 10_000)
@given(cases(plain=True), st.lists(st.integers(0, 5 * DAY_S), min_size=2, max_size=6))
def test_longer_sessions_never_cost_less(case: Case, lengths: list[int]):
    """Priced by seconds; no octets, since faster ones may fall into a cheaper band."""
    timeline = compile_timeline(case.versions)
    charges = [
        quote(timeline, case.started_at, s, pool=case.pool()).charge_micros for s in sorted(lengths)
    ]
    assert charges == sorted(charges)


@examples(300, 10_000)
@given(cases(), st.integers(0, 20_000_000), st.integers(0, 10 * DAY_S))
def test_grant_is_the_inverse_of_the_charge(case: Case, available: int, cap: int):
    """The granted time fits and one second more does not, judged by the slow twin."""
    timeline = compile_timeline(case.versions)
    meter = begin(case, timeline)
    for report in case.reports:
        tell(meter, report)
    granted = meter.grant_seconds(available, cap)
    assert 0 <= granted <= cap

    def extra(seconds: int) -> int:
        session = begin_twin(case)
        for report in case.reports:
            session.tell(report)
        before = session.total()
        session.tell(
            Report(session.until + seconds, session.counters["input"], session.counters["output"])
        )
        return session.total() - before

    assert extra(granted) <= available
    if granted < cap:
        assert extra(granted + 1) > available


@examples(200, 10_000)
@given(cases(octets=True), st.integers(0, 20_000_000), st.integers(0, 10**9), st.booleans())
def test_grant_of_octets_is_the_inverse_of_the_charge(
    case: Case, available: int, cap: int, sent: bool
):
    """The granted octets fit and one more does not, judged by the slow twin."""
    meter = begin(case, compile_timeline(case.versions))
    for report in case.reports:
        tell(meter, report)
    granted = meter.grant_octets(available, cap, sent=sent)
    assert 0 <= granted <= cap

    def extra(octets: int) -> int:
        session = begin_twin(case)
        for report in case.reports:
            session.tell(report)
        before, counters = session.total(), dict(session.counters)
        counters["input" if sent else "output"] += octets
        session.tell(Report(session.until, counters["input"], counters["output"]))
        return session.total() - before

    assert granted == 0 or extra(granted) <= available
    if granted < cap:
        assert extra(granted + 1) > available


@examples(300, 10_000)
@given(cases())
def test_copy_and_pack_keep_everything(case: Case):
    """The same next report gives the same next pieces; a twin's moves leave the original."""
    timeline = compile_timeline(case.versions)
    meter = begin(case, timeline)
    for report in case.reports[:-1]:
        tell(meter, report)
    pool = meter.pool and meter.pool.copy()
    twins = [meter.copy(), Meter.unpack(timeline, meter.pack(), pool)]
    told = [tell(twin, case.reports[-1]) for twin in twins]
    before = meter.pack()
    assert told[0] == told[1] == tell(meter, case.reports[-1])
    assert twins[0].pack() == twins[1].pack() == meter.pack()
    assert Meter.unpack(timeline, before).pack() == before


@examples(200, 10_000)
@given(cases(plain=True))
def test_versions_appended_later_keep_what_was_counted(case: Case):
    first = compile_timeline(case.versions)
    meter = begin(case, first)
    for report in case.reports:
        tell(meter, report)
    changed = case.until + 3600
    if changed <= case.versions[-1][0]:
        return
    later = compile_timeline([*case.versions, (changed, case.versions[0][1])])
    moved = Meter.unpack(later, meter.pack(), meter.pool)
    meter.follow(later)
    assert moved.open_piece() == meter.open_piece()
    session = begin_twin(case, later.versions)
    more = Report(changed + DAY_S, meter.input_octets, meter.output_octets)
    for report in (*case.reports, more):
        session.tell(report)
    tell(meter, more)
    assert meter.charge_micros == session.total()


def test_cases_price_every_metric():
    seen: set[str] = set()

    @examples(200, 200)
    @given(cases())
    def look(case: Case) -> None:
        seen.update(p.metric for _, t in case.versions for band in t.bands for p in band.prices)

    look()
    assert seen == set(Metric)
