"""Proves what discounts, caps, allowances of money and bonuses promise, on random tariffs: how a
session is cut, reported, packed or batched changes no figure, longer sessions never cost less,
grants are the inverse, no period costs more than its cap.
"""

from array import array
from collections import Counter as Seen
from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ratingcore.allowance import Allowance, Counter, Entitlement
from ratingcore.batch import NOT_RATED, rate_batch
from ratingcore.compile import Timeline, compile_timeline
from ratingcore.errors import TariffError
from ratingcore.meter import Meter, quote
from ratingcore.piece import Piece
from ratingcore.pool import Pool
from ratingcore.tariff import Bonus, Cap, Covers, Discount, MetricOrMoney, Period, Rounding
from tests.property.rating_cases import Case, cases
from tests.property.rating_tariffs import DAY_S

HALVES = st.integers(-3, 8)
PERCENTS = st.sampled_from((10_000_000, 50_000_000, 100_000_000, 12_500_000))
AMOUNTS = st.sampled_from((1, 50_000, 1_234_567))
CONDITIONS = st.sampled_from(((False, ""), (True, ""), (False, "accounts"), (True, "accounts")))
CAP_AMOUNTS = st.sampled_from((0, 1, 300_000, 2_000_001, 10**8))
MONEY = st.lists(st.sampled_from((1, 250_000, 3_000_000)), max_size=2)
GIVEN = settings(
    max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@dataclass(frozen=True)
class Terms:
    """A random case with discounts, caps, bonuses and a pool for them."""

    case: Case
    allowances: tuple[Allowance, ...]
    counters: tuple[Counter, ...]
    entitlements: tuple[Entitlement, ...]

    def pool(self) -> Pool:
        return Pool(self.allowances, self.counters, self.entitlements)

    def timeline(self) -> Timeline:
        return compile_timeline(self.case.versions)

    def quoted(self, seconds: int) -> int:
        at, pool = self.case.started_at, self.pool()
        return quote(self.timeline(), at, seconds, pool=pool).charge_micros


@st.composite
def discounts(draw: st.DrawFn, number: int) -> Discount:
    percent = draw(st.booleans())
    conditional, counter = draw(CONDITIONS)
    return Discount(
        f"discount {number}",
        draw(PERCENTS) if percent else 0,
        0 if percent else draw(AMOUNTS),
        draw(st.sampled_from(list(Covers))),
        counter,
        100 if counter else 0,
        conditional,
    )


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    case = draw(cases(terms=False))
    start = case.started_at
    caps = (
        Cap("day", Period.DAY, draw(CAP_AMOUNTS)),
        Cap("cycle", Period.CYCLE, draw(CAP_AMOUNTS)),
    )[: draw(st.integers(0, 2))]
    bonus = Bonus("points", 1_000_000, MetricOrMoney.MONEY, 700_000, rounding=Rounding(0, 1))
    versions = []
    for at, tariff in case.versions:
        given_off = tuple(draw(discounts(number)) for number in range(draw(st.integers(0, 3))))
        versions.append((at, replace(tariff, discounts=given_off, caps=caps, bonuses=(bonus,))))
    try:
        compile_timeline(versions)
    except TariffError:  # units without a common multiple
        assume(False)
    days = [0, *(start + half * DAY_S // 2 for half in range(-2, 9)), start + 10**8]
    counters = [
        replace(one, counter_id=number) for number, one in enumerate(case.counters, start=1)
    ]
    spans = [("day", from_at, until_at) for from_at, until_at in pairwise(days)]
    border = start + draw(HALVES) * 17_000
    spans += [("cycle", 0, start + 90_000), ("cycle", start + 90_000, start + 10**8)]
    counters += [Counter(50 + n, name, 0, *when) for n, (name, *when) in enumerate(spans)]
    counters += [
        Counter(90, "accounts", draw(st.sampled_from((100, 101))), 0, border),
        Counter(91, "accounts", draw(st.sampled_from((100, 101))), border),
    ]
    entitlements = tuple(
        Entitlement(f"discount {number}", begin, begin + draw(st.sampled_from((3600, DAY_S))))
        for number in range(3)
        for begin in [start + draw(HALVES) * 10_000]
    )
    money = [
        Allowance(80 + number, MetricOrMoney.MONEY, micros)
        for number, micros in enumerate(draw(MONEY))
    ]
    case = replace(case, versions=tuple(versions), occurrences=None, adopted=False)
    return Terms(case, (*case.allowances, *money), tuple(counters), entitlements)


def test_reports_cuts_and_packing_change_nothing():
    seen: Seen[str] = Seen()

    @GIVEN
    @given(terms(), st.sets(st.integers(1, 3 * DAY_S), max_size=4), st.booleans())
    def check(one: Terms, moments: set[int], packed: bool) -> None:
        whole = same_however_cut(one, moments, packed=packed)
        seen["cases"] += 1
        seen["impacts"] += bool(whole.impacts)
        seen.update({segment.metric for segment in whole.segments})

    check()
    for metric in ("discount", "cap", "money", "impacts"):
        assert seen[metric] >= 0.15 * seen["cases"], seen


def same_however_cut(one: Terms, moments: set[int], *, packed: bool) -> Piece:
    """Check one session told at once and in reports; return it as told at once."""
    timeline, start = one.timeline(), one.case.started_at
    length = max(moments, default=DAY_S)
    whole_pool, pool = one.pool(), one.pool()
    whole = quote(timeline, start, length, pool=whole_pool)
    meter = Meter(timeline, start, pool=pool)
    pieces = []
    for number, moment in enumerate(sorted(moments | {length})):
        pieces += meter.advance(start + moment, cuts=(start + moment // 2,) if number % 2 else ())
        if packed:
            meter = Meter.unpack(timeline, meter.pack(), pool)
        if number % 3 == 0 and (closed := meter.close_piece()):
            pieces.append(closed)
    left = meter.open_piece()
    pieces += [left] if left else []
    assert meter.charge_micros == whole.charge_micros
    assert sum(piece.charge_micros for piece in pieces) == whole.charge_micros
    for piece in (*pieces, whole):
        assert sum(segment.amount_micros for segment in piece.segments) == piece.charge_micros
    given_whole = sum(impact.amount_micros for impact in whole.impacts)
    assert given_whole == sum(i.amount_micros for piece in pieces for i in piece.impacts)
    for counter in one.counters:
        assert pool.counted(counter.counter_id) == whole_pool.counted(counter.counter_id)
    for allowance in one.allowances:
        assert pool.left(allowance.allowance_id) == whole_pool.left(allowance.allowance_id)
    capped = {cap.name: cap.amount_micros for cap in one.case.versions[0][1].caps}
    for counter in one.counters:
        if counter.name in capped:
            assert pool.counted(counter.counter_id) <= capped[counter.name]
    return whole


@GIVEN
@given(terms(), st.lists(st.integers(0, 3 * DAY_S), min_size=2, max_size=5))
def test_longer_sessions_never_cost_less(one: Terms, lengths: list[int]):
    charges = [one.quoted(length) for length in sorted(lengths)]
    assert charges == sorted(charges)


@GIVEN
@given(terms(), st.integers(0, 4_000_000), st.integers(0, 2 * DAY_S), st.integers(0, DAY_S))
def test_grants_are_the_inverse(one: Terms, available: int, cap: int, used: int):
    start = one.case.started_at
    meter = Meter(one.timeline(), start, pool=one.pool())
    meter.advance(start + used)
    granted = meter.grant_seconds(available, cap)
    assert one.quoted(used + granted) - meter.charge_micros <= available
    if granted < cap:
        assert one.quoted(used + granted + 1) - meter.charge_micros > available


@GIVEN
@given(st.lists(terms(), min_size=1, max_size=3), st.lists(st.integers(0, DAY_S), max_size=5))
def test_a_batch_uses_pools_up_as_sessions_do(many: list[Terms], lengths: list[int]):
    rows = [(number % len(many), length) for number, length in enumerate(lengths)]
    timelines = [one.timeline() for one in many]
    pools, batch_pools = ([one.pool() for one in many] for _ in range(2))
    charges = array("q", bytes(8 * len(rows)))
    refused = rate_batch(
        timelines,
        tariff=array("i", [number for number, _ in rows]),
        started_at=array("q", [many[number].case.started_at for number, _ in rows]),
        seconds=array("q", [length for _, length in rows]),
        charges=charges,
        pools=batch_pools,
        pool=array("i", [number for number, _ in rows]),
    )
    assert (refused, NOT_RATED in charges) == ([], False)
    for (number, length), charge in zip(rows, charges, strict=True):
        piece = quote(timelines[number], many[number].case.started_at, length, pool=pools[number])
        assert piece.charge_micros == charge
    for one, pool, batch_pool in zip(many, pools, batch_pools, strict=True):
        for counter in one.counters:
            assert pool.counted(counter.counter_id) == batch_pool.counted(counter.counter_id)
