"""Types of the compiled module `ratingcore.packing`; the rest is the meter's."""

PACK_FORMAT: int
PACK_FORMAT_FULL: int
PACK_SIZE_MAX: int

def packed_started_at(data: bytes) -> int: ...
