"""What `meter` uses of packing."""

from ratingcore.compile cimport Timeline
from ratingcore.state cimport State


cdef bytes pack_state(Timeline timeline, const State *state)
cdef int unpack_state(Timeline timeline, State *state, bytes data) except -1
cdef int require_same_prices(Timeline timeline, object version, object fingerprint) except -1
