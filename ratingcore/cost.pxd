"""What the pricing modules use of the cost of cells."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport PriceRow, Timeline
from ratingcore.state cimport Cell, State
from ratingcore.wide cimport wide_t


cdef int add_cells(
    Timeline timeline, const State *state, bint at_cut, wide_t *exact, wide_t *taken
) except -1
cdef int add_use(
    Timeline timeline, wide_t *exact, const Cell *cell, int64_t quantity, int64_t micros
) except -1
cdef wide_t lowered(
    Timeline timeline, int32_t version, int32_t discounts, int64_t bound
) noexcept
cdef int64_t rounded_part(
    Timeline timeline, const PriceRow *price, int32_t number, int64_t units, wide_t *exact
) except? -1
cdef int64_t round_to(wide_t exact, wide_t divisor, int mode, int64_t unit_micros) except? -1
