"""What `usage` uses of blocks, and of what a start costs."""

from libc.stdint cimport int32_t

from ratingcore.compile cimport Timeline
from ratingcore.state cimport State, Stretch


cdef int count_start(Timeline timeline, State *state, bint used) except -1
cdef int count_blocks(
    Timeline timeline, State *state, int32_t index, const Stretch *stretch
) except -1
cdef int complete_blocks(Timeline timeline, State *state, const Stretch *stretch) except -1
