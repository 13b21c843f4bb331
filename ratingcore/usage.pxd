"""What `meter` uses of the counting walk."""

from libc.stdint cimport int64_t

from ratingcore.compile cimport Timeline
from ratingcore.pool cimport Pool
from ratingcore.state cimport Line, State


cdef int follow_line(
    Timeline timeline, Pool pool, State *state, const Line *line, int64_t stop
) except -1
