"""The records that `meter` makes."""

from libc.stdint cimport int64_t


cdef class Segment:
    cdef readonly str band
    cdef readonly str metric
    cdef readonly int64_t tier_from
    cdef readonly int64_t quantity
    cdef readonly int64_t price_micros
    cdef readonly int64_t per
    cdef readonly int64_t amount_micros
    cdef readonly int64_t started_at
    cdef readonly int64_t ended_at
    cdef readonly int64_t allowance_id


cdef class BalanceImpact:
    cdef readonly str resource
    cdef readonly int64_t amount_micros
    cdef readonly str gl_code
    cdef readonly str tax_code


cdef class Piece:
    cdef readonly int64_t started_at
    cdef readonly int64_t ended_at
    cdef readonly int64_t input_octets
    cdef readonly int64_t output_octets
    cdef readonly int64_t charge_micros
    cdef readonly tuple segments
    cdef readonly tuple counted
    cdef readonly tuple impacts
