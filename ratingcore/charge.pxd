"""What `meter` uses of pricing."""

from libc.stdint cimport int32_t, int64_t

from ratingcore.compile cimport PriceRow, Timeline, VersionRow
from ratingcore.piece cimport Piece
from ratingcore.state cimport State
from ratingcore.wide cimport wide_t


cdef int64_t charge_at_cut(Timeline timeline, const State *state) except? -1
cdef int64_t charge_so_far(Timeline timeline, const State *state) except? -1
cdef wide_t exact_charge(Timeline timeline, const State *state, bint at_cut) except? -1
cdef wide_t charge_divisor(Timeline timeline, const State *state) noexcept
cdef VersionRow *charging_version(Timeline timeline, const State *state) noexcept
cdef bint is_waived(Timeline timeline, const State *state) noexcept
cdef Piece make_piece(Timeline timeline, const State *state)
cdef int64_t rounded_part(
    Timeline timeline, const PriceRow *price, int32_t number, int64_t units, wide_t *exact
) except? -1
