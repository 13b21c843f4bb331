"""Plays one random session to the compiled engine, to its slow twin, or to both, and compares.

`agree` is the whole comparison: pieces, what is open, the charge, what is left of allowances.
"""

import os
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratingcore.compile import Timeline, compile_timeline
from ratingcore.meter import Meter, Piece
from ratingcore.tariff import Tariff
from tests.oracle.rating_oracle import Report, Session
from tests.property.rating_cases import Case, cases, crosses_jump

LONG = os.environ.get("AAAD_LONG") == "1"

MIX_PERCENT = {
    "cross a jump of the clock": 20,
    "have three segments": 30,
    "use allowances": 30,
    "cost something": 70,
    "are charged in blocks": 20,
    "have something taken off": 10,
    "reach a cap": 10,
    "give a bonus": 5,
}
"""At least so many of a hundred cases do: so that an agreement is about something."""


def examples(count: int, long_count: int) -> settings:
    return settings(
        max_examples=long_count if LONG else count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


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


def played(case: Case, timeline: Timeline) -> Meter:
    """The meter after all reports of the case."""
    meter = begin(case, timeline)
    for report in case.reports:
        tell(meter, report)
    return meter


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
        "impacts": [(i.resource, i.amount_micros, i.gl_code, i.tax_code) for i in piece.impacts],
    }


def has_blocks(tariff: Tariff) -> bool:
    prices = [price for band in tariff.bands for price in band.prices]
    return any(p.increment or any(tier.increment for tier in p.tiers) for p in prices)


def agree(case: Case, *, packed: bool) -> tuple[Meter, Session]:
    """Play the case to both; with `packed` the meter is packed and unpacked after each report."""
    meter = begin(case, compile_timeline(case.versions))
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
    if meter.pool is not None:
        for allowance, left_over in session.pool.allowances:
            assert meter.pool.left(allowance.allowance_id) == left_over
        for counter, counted in session.pool.counters:
            assert meter.pool.counted(counter.counter_id) == counted
    return meter, session


def agree_on_many(count: int, long_count: int, *, octets: bool) -> None:
    """Play so many random cases to both, and assert that the mix was telling."""
    seen: Counter[str] = Counter()

    @examples(count, long_count)
    @given(cases(octets=octets), st.booleans())
    def check(case: Case, packed: bool) -> None:
        _, session = agree(case, packed=packed)
        seen["cases"] += 1
        seen.update(told_by(case, session))

    check()
    for what, percent in MIX_PERCENT.items():
        assert 100 * seen[what] >= percent * seen["cases"], (what, seen)


def told_by(case: Case, session: Session) -> list[str]:
    """What of the mix a case has shown."""
    tariffs = [tariff for _, tariff in case.versions]
    bill, pieces = session.bill, [*session.pieces, session.open_piece() or {}]
    shown = {
        "cross a jump of the clock": any(
            crosses_jump(tariff.zone, case.started_at, case.until) for tariff in tariffs
        ),
        "have three segments": len(session.uses) >= 3,
        "use allowances": bool(bill.paid) or any(cell.allowance_id for cell in session.uses),
        "cost something": bill.charged > 0,
        "are charged in blocks": any(map(has_blocks, tariffs)),
        "have something taken off": any(bill.taken.values()),
        "reach a cap": bool(bill.let_go),
        "give a bonus": any(piece.get("impacts") for piece in pieces),
    }
    return [what for what, was_shown in shown.items() if was_shown]
