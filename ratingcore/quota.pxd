"""What `meter` uses of the quota walk."""

from libc.stdint cimport int64_t

from ratingcore.compile cimport Timeline
from ratingcore.pool cimport Pool
from ratingcore.state cimport State
from ratingcore.wide cimport wide_t


cdef int64_t affordable_seconds(
    Timeline timeline, int64_t at, int64_t used_s, wide_t exact, wide_t limit, int64_t cap_s
) except -1
cdef int64_t most_units(
    Timeline timeline, Pool pool, const State *state, int metric, int64_t available, int64_t cap
) except -1
