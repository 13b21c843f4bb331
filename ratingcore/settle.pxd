"""What the counting walk uses of caps and allowances of money."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport Timeline
from ratingcore.pool cimport Pool
from ratingcore.state cimport State


cdef inline bint settles(Timeline timeline, Pool pool) noexcept:
    """Is there anything that caps or pays charges? Inline: every report asks."""
    return timeline.cap_count > 0 or (pool is not None and pool.has_money)


cdef int64_t settle(
    Timeline timeline, Pool pool, State *state, int32_t band, int64_t instant, int64_t before
) except? -1
