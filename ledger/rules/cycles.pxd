"""C types of `cycles.py`: a report asks its session's cycle whether an instant lies in it."""

from libc.stdint cimport int64_t

cdef class Cycle:
    cdef readonly int64_t start_at
    cdef readonly int64_t end_at
