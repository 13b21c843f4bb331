"""C types of `unposted.py`."""

cimport cython
from libc.stdint cimport int64_t

from aaad.policy.session cimport Session


# A dirty entry refers to its session, which refers back to nothing.
@cython.no_gc
cdef class Dirty:
    cdef readonly Session session
    cdef readonly int64_t first_lsn
    cdef readonly int64_t received_us

cdef class Unposted:
    cdef readonly int64_t applied_lsn
    cdef readonly int64_t applied_us
    cdef readonly list crossings
    cdef readonly list suspense
    cdef list _boots
    cdef dict _dirty
    cdef dict _urgent

    cpdef int session_changed(
        self, Session session, int64_t lsn, int64_t received_us
    ) except -1
    cpdef int applied(self, int64_t lsn, int64_t received_us) except -1
