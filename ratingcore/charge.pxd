"""What the modules above use of pricing."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport Timeline, VersionRow
from ratingcore.state cimport State
from ratingcore.wide cimport wide_t

cdef enum:
    # what holds a charge
    NO_BOUND = 0
    AT_MINIMUM = 1
    AT_MAXIMUM = 2
    IS_WAIVED = 3


cdef int64_t charge_at_cut(Timeline timeline, const State *state) except? -1
cdef int64_t charge_so_far(Timeline timeline, const State *state) except? -1
cdef int64_t rounded_total(Timeline timeline, const State *state, bint at_cut) except? -1
cdef wide_t exact_charge(Timeline timeline, const State *state, bint at_cut) except? -1
cdef int64_t settled(const State *state, bint at_cut) except -1
cdef wide_t charge_divisor(Timeline timeline, const State *state) noexcept
cdef VersionRow *charging_version(Timeline timeline, const State *state) noexcept
cdef bint is_waived(Timeline timeline, const State *state) noexcept
cdef int hold(Timeline timeline, const State *state, wide_t *exact, bint at_cut) except -1
cdef wide_t bound_edge(Timeline timeline, const State *state, int64_t bound) noexcept
cdef int64_t rounded(Timeline timeline, const State *state, wide_t exact) except? -1
