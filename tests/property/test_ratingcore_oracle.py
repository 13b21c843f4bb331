"""Proves that the compiled engine and the slow twin agree to the micro on sessions that use time.

Random tariffs of six zones, sessions with reports, cuts, base lines, packing and price changes in
the middle; `test_ratingcore_oracle_octets` does the same with octets. The mix of cases is asserted.
`AAAD_LONG=1` runs 200,000 in both.
"""

from hypothesis import given

from ratingcore.tariff import Metric
from tests.property.rating_cases import Case, cases
from tests.property.rating_play import agree_on_many, examples


def test_engine_agrees_with_the_slow_twin_on_a_telling_mix():
    agree_on_many(5_000, 100_000, octets=False)


def test_cases_price_every_metric():
    seen: set[str] = set()

    @examples(200, 200)
    @given(cases())
    def look(case: Case) -> None:
        seen.update(p.metric for _, t in case.versions for band in t.bands for p in band.prices)

    look()
    assert seen == set(Metric)
