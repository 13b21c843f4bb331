"""The histogram for the modules that fill it."""

from libc.stdint cimport uint64_t

cdef enum:
    # 64 buckets an octave: a percentile is at most 1/64 too high.
    SUB_BITS = 6
    SUB = 1 << SUB_BITS
    # Values up to 2^40 us, twelve days.
    OCTAVES = 35
    BUCKETS = SUB * OCTAVES


cdef class Histogram:
    cdef readonly object unit
    cdef uint64_t _counts[BUCKETS]
    cdef uint64_t _total
    cdef uint64_t _largest

    cdef void add(self, uint64_t value) noexcept nogil
