"""Proves that using more never costs less: longer sessions, and more octets in the same time.

Prices are not negative and no discount is retroactive. Octets of a session that spans bands are
apportioned by time, so one octet more in a free band may move another one into a cheaper tier of
the next band, or under a block that began in the cheap one: there more octets may cost less, and
that is no error. So octets are compared within one band, while no allowance, counter or discount
begins or ends, and across bands where every octet of a band costs the same and no cap is shared
(once a cap is reached, more of what it lets through lies in the earlier band, where an allowance of
money may pay for it).
"""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ratingcore.compile import compile_timeline
from ratingcore.meter import quote
from ratingcore.tariff import Metric, Price, Tariff
from tests.property.rating_cases import Case, cases
from tests.property.rating_play import examples

SHARES = st.lists(st.integers(0, 10**6), min_size=2, max_size=6)
OCTETS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=2, max_size=6)


@examples(1_000, 20_000)
@given(cases(plain=True), SHARES)
def test_longer_sessions_never_cost_less(case: Case, shares: list[int]):
    """Priced by seconds; without octets, since faster ones may fall into a cheaper band."""
    timeline = compile_timeline(case.versions)
    charges = [
        quote(
            timeline, case.started_at, 2 * case.length_s * share // 10**6, pool=case.pool()
        ).charge_micros
        for share in sorted(shares)
    ]
    assert charges == sorted(charges)


def charges_of_more(case: Case, tariff: Tariff, octets: list[tuple[int, int]]) -> list[int]:
    """What sessions with ever more octets in the same time cost."""
    timeline = compile_timeline([(0, tariff)])
    sent = received = 0
    charges = []
    for more_sent, more_received in octets:
        sent, received = sent + more_sent, received + more_received
        piece = quote(
            timeline,
            case.started_at,
            case.length_s,
            input_octets=sent,
            output_octets=received,
            pool=case.pool(),
        )
        charges.append(piece.charge_micros)
    return charges


def steady(case: Case) -> Case:
    """The case with all that is shared valid at all times."""
    always = {"from_at": 0, "until_at": 1 << 33}
    counters = {one.name: one for one in reversed(case.counters)}
    return replace(
        case,
        allowances=tuple(replace(one, **always) for one in case.allowances),
        counters=tuple(replace(one, **always) for one in counters.values()),
        entitlements=tuple(replace(one, **always) for one in case.entitlements),
    )


@examples(1_000, 20_000)
@given(cases(octets=True, plain=True).map(steady), OCTETS)
def test_more_octets_in_one_band_never_cost_less(case: Case, octets: list[tuple[int, int]]):
    tariff = case.versions[0][1]
    one_band = replace(tariff, bands=tariff.bands[-1:], bonuses=())  # they may name other bands
    charges = charges_of_more(case, one_band, octets)
    assert charges == sorted(charges)


def each_octet_alike(price: Price) -> Price:
    """Octets without tiers and blocks; other metrics as they were."""
    if price.metric in (Metric.SECONDS, Metric.OCCURRENCES):
        return price
    return Price(price.metric, (replace(price.tiers[0], increment=None),))
