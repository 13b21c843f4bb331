"""What the counting modules use of the cells."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport PriceRow, Timeline
from ratingcore.pool cimport CounterRow, Pool
from ratingcore.state cimport Cell, Moment, State


cdef int32_t discounts_at(
    Timeline timeline, Pool pool, int32_t version, int64_t instant
) except -1
cdef CounterRow *named_counter(Pool pool, str name, int64_t instant) except NULL
cdef int32_t tier_of(Timeline timeline, const PriceRow *price, int64_t quantity) noexcept
cdef Cell *add_to_cell(
    State *state, int32_t number, int64_t source, int64_t quantity, const Moment *moment
) except NULL
cdef int count_units(
    Timeline timeline, Pool pool, State *state, const PriceRow *price,
    int64_t low, int64_t high, Moment *moment,
) except -1
cdef int64_t tier_shift(
    Timeline timeline, Pool pool, const PriceRow *price, int64_t low, int64_t instant
) except? -1
cdef int64_t use_allowances(
    Timeline timeline, Pool pool, State *state, const PriceRow *price, int32_t number,
    int64_t quantity, Moment *moment,
) except -1
cdef int64_t covered_units(
    Timeline timeline, Pool pool, const PriceRow *price, int32_t number, int64_t instant
) except -1
cdef int go_on_counting(
    Timeline timeline, Pool pool, State *state, const PriceRow *price, int64_t quantity,
    const Moment *moment,
) except -1
