"""Types of the compiled module `ratingcore.batch`."""

from collections.abc import Sequence
from typing import Protocol

from ratingcore.compile import Timeline
from ratingcore.errors import RatingError
from ratingcore.pool import Pool

NOT_RATED: int

class Buffer(Protocol):
    """Whatever has a buffer of so many 64-bit (of `tariff` and `pool`: 32-bit) integers."""

    def __buffer__(self, flags: int, /) -> memoryview: ...

def rate_batch(
    timelines: Sequence[Timeline],
    *,
    tariff: Buffer,
    started_at: Buffer,
    seconds: Buffer,
    charges: Buffer,
    input_octets: Buffer | None = None,
    output_octets: Buffer | None = None,
    pools: Sequence[Pool] = (),
    pool: Buffer | None = None,
) -> list[tuple[int, RatingError]]: ...
