"""What `meter` uses of the counting walk."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport Timeline
from ratingcore.pool cimport Pool
from ratingcore.state cimport Line, State


cdef int follow_line(
    Timeline timeline, Pool pool, State *state, const Line *line, int64_t stop
) except -1
cdef int pass_over(
    Timeline timeline, Pool pool, State *state, int64_t instant, int32_t flags
) except -1
