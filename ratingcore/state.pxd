"""What a meter remembers, as C structs: a million may be alive, so fields are few and cells short.

`usage` writes it, `charge` prices it, `packing` carries it to another process; `meter` owns it.
What concerns it as a whole (copies, cuts) stands in `state.pyx`.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t


cdef struct Cell:
    int64_t quantity        # used since the session's start
    int64_t cut_quantity    # of that, before the last cut
    int64_t micros          # price of what was charged in blocks that are rounded by themselves
    int64_t cut_micros
    uint32_t first_s        # first use after the last cut, in seconds after started_at
    uint32_t last_s         # end of the last use, likewise
    int32_t number          # of the tier in the timeline, or what else this keeps (see below)
    int32_t discounts       # a bit for each of the version's discounts that lower it
    int64_t source          # id of the allowance that paid, or of the counter; 0: the tier's price

cdef enum:
    # numbers of cells that are no usage: their quantity is ...
    COUNTED = -1            # by how much the counter of that id was moved
    CAPPED = -2             # the micros that a cap let go; the source is its number, from 1
    PAID = -3               # the micros that the allowance of money of that id paid
    NUMBER_MIN = -3

cdef struct Block:
    # how far one metric is charged in blocks
    int64_t until           # the session's units up to here are charged, or in the open block
    int64_t from_quantity   # of the open block, which is charged when it is complete
    int32_t price           # of the open block, or -1 if none is open
    uint32_t first_s        # where the open block began
    int32_t discounts       # that lower the open block

cdef enum:
    # bits of State.flags
    FEE_TAKEN = 1           # the connection fee needs no more looking at
    OCCURRED = 2            # nor do the occurrences
    USED = 4                # a second or an octet was used: no session of zero length
    USED_AT_CUT = 8         # the same before the last cut
    ADOPTED = 16            # another server saw the start: nothing of it is charged
    WAIVED_AT_CUT = 32      # all before the last cut was free, as the session was so short then
    STARTED = 64            # the discounts that lower the bounds are known
    SETTLED = 128           # a cap or an allowance of money took something
    START_SHIFT = 8         # the bits from here on are those of the discounts that lower the bounds
    FLAGS_MAX = 0xFFFFFF

cdef struct State:
    Cell *cells             # in the order of their first use
    Block *blocks           # one for each metric; NULL before the first block
    int64_t started_at
    int64_t until           # of the last report, with its counters
    int64_t input_octets
    int64_t output_octets
    int64_t base_at         # quantities count from here ...
    int64_t base_input      # ... and from these counters
    int64_t base_output
    int64_t cut_at          # of the last cut, with its counters and its rounded charge
    int64_t cut_input
    int64_t cut_output
    int64_t cut_charge
    int64_t skipped_s       # of the counted seconds, those that a free start skipped
    int64_t occurrences     # that happen at the start; -1: one, as soon as something is used
    int32_t cell_count
    int32_t cell_room
    int32_t span            # where `until` was found last, a hint
    int32_t flags

cdef struct Stretch:
    # the session's units of each metric from one boundary to the next, and when they are used
    int64_t[5] low
    int64_t[5] high
    int64_t[5] first_s
    int64_t last_s
    int64_t instant         # that decides what is valid: the stretch's first second
    int32_t discounts       # that hold then

cdef struct Moment:
    # when some units are used, for the cells they go to
    int64_t first_s
    int64_t last_s
    int64_t instant
    int32_t discounts

cdef struct Line:
    # the straight line from the last report to this one
    int64_t from_at
    int64_t until
    int64_t input_from
    int64_t input_until
    int64_t output_from
    int64_t output_until


cdef int copy_state(const State *source, State *copy) except -1
cdef int assign_state(const State *source, State *copy) except -1
cdef void free_state(State *state) noexcept
cdef bint is_open(const State *state) noexcept
cdef int mark_cut(State *state, int64_t charge, bint waived) noexcept
cdef size_t owned_octets(const State *state) noexcept
