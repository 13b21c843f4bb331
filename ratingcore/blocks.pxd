"""What `usage` uses of blocks, and of what a start costs."""

from libc.stdint cimport int32_t

from ratingcore.compile cimport Timeline
from ratingcore.pool cimport Pool
from ratingcore.state cimport State, Stretch


cdef int count_start(Timeline timeline, Pool pool, State *state, bint used) except -1
cdef int count_blocks(
    Timeline timeline, Pool pool, State *state, int32_t index, const Stretch *stretch
) except -1
cdef int complete_blocks(
    Timeline timeline, Pool pool, State *state, const Stretch *stretch
) except -1
