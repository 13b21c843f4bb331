"""Proves that a meter's total does not depend on how its session was reported, cut, packed, copied
or carried on under later prices."""

from hypothesis import given
from hypothesis import strategies as st

from ratingcore.compile import compile_timeline
from ratingcore.meter import Meter, quote
from tests.oracle.rating_oracle import Report
from tests.property.rating_cases import Case, cases
from tests.property.rating_play import begin, begin_twin, examples, played, tell
from tests.property.rating_tariffs import DAY_S


@examples(1_000, 20_000)
@given(cases(octets=False, plain=True))
def test_total_of_seconds_does_not_depend_on_reports(case: Case):
    timeline = compile_timeline(case.versions)
    meter = played(case, timeline)
    once = begin(case, timeline)
    once.advance(case.until)
    assert meter.charge_micros == once.charge_micros
    assert meter.open_piece() == once.open_piece()
    if not case.adopted:
        whole = quote(
            timeline,
            case.started_at,
            case.length_s,
            occurrences=case.occurrences,
            pool=case.pool(),
        )
        assert meter.open_piece() == whole


@examples(1_000, 20_000)
@given(cases(octets=False, plain=True), st.sets(st.integers(0, 10**6), max_size=5))
def test_cuts_anywhere_change_no_total_of_seconds(case: Case, shares: set[int]):
    """Cut anywhere, and whole."""
    timeline = compile_timeline(case.versions)
    cut = begin(case, timeline)
    cuts = sorted({case.started_at + case.length_s * share // 10**6 for share in shares})
    pieces = cut.advance(case.until, cuts=cuts)
    whole = begin(case, timeline)
    whole.advance(case.until)
    assert cut.charge_micros == whole.charge_micros
    assert sum(p.charge_micros for p in pieces) + cut.open_charge_micros == whole.charge_micros


@examples(1_000, 20_000)
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


@examples(1_000, 10_000)
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


@examples(300, 10_000)
@given(cases(plain=True))
def test_versions_appended_later_keep_what_was_counted(case: Case):
    first = compile_timeline(case.versions)
    meter = played(case, first)
    changed = max(case.until, case.versions[-1][0]) + 3600
    later = compile_timeline([*case.versions, (changed, case.versions[0][1])])
    moved = Meter.unpack(later, meter.pack(), meter.pool)
    meter.follow(later)
    assert moved.open_piece() == meter.open_piece()
    session = begin_twin(case, later.versions)
    more = Report(changed + case.length_s, meter.input_octets, meter.output_octets)
    for report in (*case.reports, more):
        session.tell(report)
    tell(meter, more)
    assert meter.charge_micros == session.total()
