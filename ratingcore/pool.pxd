"""What the counting walk uses of a pool."""

from libc.stdint cimport int32_t, int64_t

cdef struct AllowanceRow:
    int64_t allowance_id
    int64_t left
    int64_t from_at
    int64_t until_at
    int32_t metric

cdef struct CounterRow:
    int64_t counter_id
    int64_t counted
    int64_t from_at
    int64_t until_at


cdef class Pool:
    cdef AllowanceRow *allowance_rows
    cdef CounterRow *counter_rows
    cdef int32_t allowance_count
    cdef int32_t counter_count
    cdef tuple _bands               # of each allowance: the names of its bands, or None
    cdef tuple _names               # of each counter
    cdef tuple _entitled            # (discount, from_at, until_at) of each entitlement
    cdef bint has_money             # some allowance is of money

    cdef int64_t border_after(self, int64_t at) noexcept
    cdef int32_t usable(self, int32_t first, int32_t metric, int64_t at, str band) except -2
    cdef bint entitled(self, str discount, int64_t at) except -1
    cdef CounterRow *counter_at(self, str name, int64_t at) except NULL
    cdef Pool twin(self)
    cdef int take_over(self, Pool other) noexcept
