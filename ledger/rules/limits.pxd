"""C types of `limits.py`: usage is int64, so that a tally is a few words and a look a few compares.
"""

cimport cython
from libc.stdint cimport int64_t


cpdef bint reached(int64_t used, int64_t quantity) noexcept

cdef class Totals:
    cdef readonly int64_t seconds
    cdef readonly int64_t input_octets
    cdef readonly int64_t output_octets
    cdef readonly int64_t charge_micros

    cpdef Totals plus(self, Totals other)

cdef class LimitUse:
    cdef readonly object limit
    cdef readonly int64_t service_id
    cdef readonly int64_t used

# A tally refers to that of its account and nothing refers back: no cycle can hold one.
@cython.final
@cython.no_gc
cdef class Tally:
    cdef readonly int64_t service_id
    cdef readonly int64_t period_start_at
    cdef readonly int64_t seconds
    cdef readonly int64_t input_octets
    cdef readonly int64_t output_octets
    cdef readonly int64_t charge_micros
    cdef public Tally whole
    cdef public int64_t free_until_at
    cdef int64_t from_at
    cdef int64_t until_at
    cdef int64_t seconds_mark
    cdef int64_t octets_mark
    cdef int64_t input_mark
    cdef int64_t output_mark
    cdef int64_t money_mark
    cdef int64_t owed_mark

    cpdef Totals totals(self)
    cpdef int add(
        self, int64_t seconds, int64_t input_octets, int64_t output_octets,
        int64_t charge_micros,
    ) except -1
    cpdef int forget_marks(self) except -1
    cpdef bint is_due(self, int64_t at, int64_t owed_micros) except -1
    cdef bint _is_marked(self, int64_t owed_micros) except -1
    cdef int _clear_marks(self, int64_t quantity) except -1
    cdef int _mark(self, metric, int64_t quantity) except -1
