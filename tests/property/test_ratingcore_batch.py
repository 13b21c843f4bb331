"""Proves that `ratingcore.batch` gives the very charges of `quote`, row by row, for plain tariffs
and others, whatever kind of buffer holds the rows; and that it refuses rows by name."""

from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratingcore.batch import NOT_RATED, rate_batch
from ratingcore.compile import compile_timeline
from ratingcore.errors import AmountError, QuantityError
from ratingcore.meter import quote
from ratingcore.tariff import Metric
from tests.property.rating_cases import Case, cases
from tests.property.rating_tariffs import DAY_S
from tests.rating_samples import DOWNLOADS, HOURLY, NOON, flat, price

LENGTHS = st.integers(0, 3 * DAY_S)
OCTETS = st.integers(0, 10**8)
ROWS = st.lists(st.tuples(st.integers(0, 3 * DAY_S), LENGTHS, OCTETS, OCTETS), max_size=8)


def without_counters(case: Case) -> bool:
    prices = [p for _, tariff in case.versions for band in tariff.bands for p in band.prices]
    return not any(one.counter for one in prices)


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(cases(terms=False).filter(without_counters), min_size=1, max_size=3), ROWS)
def test_every_row_costs_what_its_quote_says(tariffs: list[Case], rows: list[tuple]):
    timelines = [compile_timeline(case.versions) for case in tariffs]
    table = [
        (number % len(tariffs), tariffs[number % len(tariffs)].started_at + after, *rest)
        for number, (after, *rest) in enumerate(rows)
    ]
    columns = list(zip(*table, strict=True)) or [(), (), (), (), ()]
    charges = array("q", bytes(8 * len(table)))
    refused = rate_batch(
        [compile_timeline(case.versions) for case in tariffs],
        tariff=array("i", columns[0]),
        started_at=array("q", columns[1]),
        seconds=memoryview(array("q", columns[2]).tobytes()).cast("q"),
        input_octets=array("q", columns[3]),
        output_octets=array("q", columns[4]),
        charges=charges,
    )
    assert refused == []
    assert list(charges) == [
        quote(
            timelines[number], at, seconds, input_octets=sent, output_octets=received
        ).charge_micros
        for number, at, seconds, sent, received in table
    ]


def test_rows_that_cannot_be_rated_are_refused_and_the_others_rated():
    dear = flat(price(Metric.SECONDS, (0, 1 << 62, 1)))
    later = compile_timeline([(NOON, HOURLY.versions[0][1])])
    rows = [
        (0, NOON, 3600),
        (0, NOON, -1),
        (3, NOON, 5),
        (-1, NOON, 5),
        (2, NOON - 1, 5),
        (1, NOON, 5),
        (0, 1 << 33, 0),
        (0, NOON, 1 << 32),
        (2, NOON, 1800),
    ]
    number, at, seconds = zip(*rows, strict=True)
    charges = array("q", bytes(8 * len(rows)))
    refused = rate_batch(
        [HOURLY, dear, later],
        tariff=array("i", number),
        started_at=array("q", at),
        seconds=array("q", seconds),
        charges=charges,
    )
    bad = [1, 2, 3, 4, 5, 6, 7]
    assert [row for row, _ in refused] == bad
    assert [charges[row] for row in bad] == [NOT_RATED] * len(bad)
    assert [charges[row] for row in (0, 8)] == [1_000_000, 500_000]
    assert {row: type(error) for row, error in refused}[5] is AmountError
    assert "row 1 is tariff 0" in str(refused[0][1])


def test_arrays_of_unequal_length_or_of_another_type_are_refused():
    good = {"tariff": array("i", [0]), "started_at": array("q", [NOON])}
    with pytest.raises(QuantityError, match="seconds has 2 rows and charges 1"):
        rate_batch([HOURLY], **good, seconds=array("q", [1, 2]), charges=array("q", [0]))
    with pytest.raises(QuantityError, match="input_octets has 0 rows"):
        rate_batch(
            [HOURLY],
            **good,
            seconds=array("q", [1]),
            input_octets=array("q"),
            charges=array("q", [0]),
        )
    with pytest.raises(ValueError, match="dtype mismatch"):
        rate_batch([HOURLY], **good, seconds=array("d", [1.0]), charges=array("q", [0]))


def integers(arrow, text: str) -> memoryview:
    """The values of an Arrow array without a copy; its slice may begin anywhere in the buffer."""
    width = arrow.type.byte_width
    values = memoryview(arrow.buffers()[1])[arrow.offset * width :][: len(arrow) * width]
    return values.cast(text)


def test_arrow_arrays_are_read_and_an_arrow_buffer_is_written():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    rows = 1000
    number = pa.array([row % 2 for row in range(rows + 7)], pa.int32())[7:]
    started_at = pa.array([NOON + row for row in range(rows + 3)], pa.int64())[3:]
    seconds = pa.array(range(rows), pa.int64())
    octets = pa.chunked_array([pa.array(range(rows), pa.int64())]).combine_chunks()
    charges = pa.allocate_buffer(8 * rows)
    refused = rate_batch(
        [HOURLY, DOWNLOADS],
        tariff=integers(number, "i"),
        started_at=integers(started_at, "q"),
        seconds=integers(seconds, "q"),
        output_octets=integers(octets, "q"),
        charges=memoryview(charges).cast("q"),
    )
    assert refused == []
    found = pa.Array.from_buffers(pa.int64(), rows, [None, charges]).to_pylist()
    timelines = [DOWNLOADS, HOURLY]
    assert found == [
        quote(timelines[row % 2], NOON + row, row, output_octets=row).charge_micros
        for row in range(rows)
    ]


def test_numpy_arrays_are_buffers():
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    charges = np.zeros(3, dtype=np.int64)
    rate_batch(
        [HOURLY],
        tariff=np.zeros(3, dtype=np.int32),
        started_at=np.full(3, NOON),
        seconds=np.array([0, 1800, 3600]),
        charges=charges,
    )
    assert charges.tolist() == [0, 500_000, 1_000_000]
