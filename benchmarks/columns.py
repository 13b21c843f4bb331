"""What NumPy and Arrow's compute kernels do with a batch whose tariffs can be said in columns.

That is one price of seconds by tiers, the same all week: a gather of each row's amounts, a product,
a division that rounds half to even. Time bands by a zone's clock cannot be said so. Neither library
is needed: a peer that is not installed is None.
"""

from array import array
from collections.abc import Callable, Sequence
from typing import Any

from ratingcore.tariff import Tariff, Tier

try:
    import numpy as np
except ImportError:
    np = None
try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ImportError:
    pa = None

Peer = Callable[[], object]
"""One run over the rows; returns the charges, something that list() reads."""

Columns = tuple[array, array]
"""The tariff's number and the seconds of each row."""


def tiers_of(tariff: Tariff) -> tuple[Tier, ...]:
    """The tiers of the only price of the only band."""
    ((price,),) = (band.prices for band in tariff.bands)
    return price.tiers


def numpy_peer(tariffs: Sequence[Tariff], columns: Columns) -> Peer | None:
    """NumPy over the same arrays."""
    if np is None:
        return None
    number, seconds = (np.asarray(column) for column in columns)
    lows, amounts, per = _table(tariffs)
    tables = [np.array(row, dtype=np.int64) for row in amounts]

    def run() -> Any:
        total = np.zeros(len(seconds), dtype=np.int64)
        for index, low in enumerate(lows):
            within = np.maximum(seconds - low, 0)
            if index + 1 < len(lows):
                within = np.minimum(within, lows[index + 1] - low)
            total += tables[index][number] * within
        charges, rest = np.divmod(total, per)
        charges += (2 * rest > per) | ((2 * rest == per) & (charges & 1 == 1))
        return charges

    return run


def pyarrow_peer(tariffs: Sequence[Tariff], columns: Columns) -> Peer | None:
    """Arrow's kernels over the same buffers, without a copy."""
    if pa is None:
        return None
    number = pa.Array.from_buffers(pa.int32(), len(columns[0]), [None, pa.py_buffer(columns[0])])
    seconds = pa.Array.from_buffers(pa.int64(), len(columns[1]), [None, pa.py_buffer(columns[1])])
    lows, amounts, per = _table(tariffs)
    tables = [pa.array(row, pa.int64()) for row in amounts]

    def run() -> Any:
        total: Any = 0
        for index, low in enumerate(lows):
            within = pc.max_element_wise(pc.subtract(seconds, low), 0)
            if index + 1 < len(lows):
                within = pc.min_element_wise(within, lows[index + 1] - low)
            total = pc.add(total, pc.multiply(pc.take(tables[index], number), within))
        charges = pc.divide(total, per)
        twice = pc.multiply(pc.subtract(total, pc.multiply(charges, per)), 2)
        odd = pc.equal(pc.bit_wise_and(charges, 1), 1)
        goes_up = pc.or_(pc.greater(twice, per), pc.and_(pc.equal(twice, per), odd))
        return pc.add(charges, goes_up.cast(pa.int64())).to_numpy()

    return run


def _table(tariffs: Sequence[Tariff]) -> tuple[list[int], list[list[int]], int]:
    """Thresholds, the amounts of each tier by tariff, and per; equal but for amounts."""
    tiers = [tiers_of(tariff) for tariff in tariffs]
    lows = [tier.from_quantity for tier in tiers[0]]
    amounts = [[row[index].amount_micros for row in tiers] for index in range(len(lows))]
    return lows, amounts, tiers[0][0].per
