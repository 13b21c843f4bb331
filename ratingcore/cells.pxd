"""What `usage` and `blocks` use of the cells."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport PriceRow, Timeline
from ratingcore.state cimport Cell, State


cdef int32_t tier_of(Timeline timeline, const PriceRow *price, int64_t quantity) noexcept
cdef Cell *add_to_cell(
    State *state, int32_t number, int64_t quantity, int64_t first_s, int64_t last_s
) except NULL
cdef int count_units(
    Timeline timeline, State *state, const PriceRow *price,
    int64_t low, int64_t high, int64_t first_s, int64_t last_s,
) except -1
