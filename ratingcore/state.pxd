"""What a meter remembers, as C structs: a million may be alive, so fields are few and cells short.

`usage` writes it, `charge` prices it, `packing` carries it to another process; `meter` owns it.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t


cdef struct Cell:
    int64_t quantity        # used since the session's start
    int64_t cut_quantity    # of that, before the last cut
    uint32_t first_s        # first use after the last cut, in seconds after started_at
    uint32_t last_s         # end of the last use, likewise
    int32_t number          # of the tier in the timeline

cdef struct State:
    Cell *cells             # in the order of their first use
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
    int32_t cell_count
    int32_t cell_room
    int32_t span            # where `until` was found last, a hint

cdef struct Line:
    # the straight line from the last report to this one
    int64_t from_at
    int64_t until
    int64_t input_from
    int64_t input_until
    int64_t output_from
    int64_t output_until
