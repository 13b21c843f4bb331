"""C types of `nas_table.py`."""

cimport cython
from libc.stdint cimport int64_t

from aaad.policy.report cimport Report
from aaad.policy.usage cimport NasFacts


cdef class Observed:
    cdef public str client
    cdef public str nas
    cdef public str address
    cdef public int64_t heard_at
    cdef public object heard_since
    cdef public int64_t reports
    cdef public int64_t clamped_clocks
    cdef public int64_t presumed_ends
    cdef public int64_t unanswered_orders

cdef class NasTable:
    cdef object _settings
    cdef dict _booted
    cdef dict _observed
    cdef readonly dict _facts

    @cython.locals(facts=NasFacts)
    cpdef NasFacts facts(self, str client, str nas)
    @cython.locals(key=tuple, observed=Observed)
    cpdef object heard(self, Report report)
