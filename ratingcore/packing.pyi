"""Types of the compiled module `ratingcore.packing`: a part of the meter, it offers nothing to Python."""

PACK_FORMAT: int
PACK_SIZE_MAX: int
