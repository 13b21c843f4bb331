"""C types of applicable.py."""

cimport cython

from aaad.policy.report cimport Report


@cython.final
@cython.no_gc  # of numbers, octets and a Report: it can be in no cycle
cdef class Accounting:
    cdef readonly Report report
    cdef readonly long long received_us
    cdef readonly str brand
    cdef readonly str login
    cdef readonly bytes body


@cython.final
cdef class Silence:
    cdef readonly long long lsn
    cdef readonly long long received_us
    cdef readonly long long session_id
    cdef readonly long long heard_at
