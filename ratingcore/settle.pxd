"""What the counting walk uses of caps and allowances of money."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport Timeline
from ratingcore.pool cimport Pool
from ratingcore.state cimport State


cdef bint settles(Timeline timeline, Pool pool) noexcept
cdef int64_t settle(
    Timeline timeline, Pool pool, State *state, int32_t band, int64_t instant, int64_t before
) except? -1
