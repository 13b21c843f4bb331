"""C types of journal.py."""

cimport cython

from aaad.server.journal_group cimport Group

cdef Py_ssize_t OVERHEAD_MAX
cdef Py_ssize_t _MARK_BYTES


@cython.final
cdef class _UnappliedBytes:
    cdef readonly long long bytes
    cdef object _marks
    cdef long long _total
    cdef long long _marked_total
    cdef long long _applied_total
    cdef long long _last_lsn

    cdef int add(self, long long lsn, long long size) except -1
    cdef int _mark(self) except -1


cdef class Journal:
    cdef readonly object counters
    cdef readonly str torn_tail
    cdef readonly object _files
    cdef Group _group
    cdef long long _retention_us
    cdef long long _max_unapplied_bytes
    cdef readonly long long next_lsn
    cdef readonly long long last_received_us
    cdef _UnappliedBytes _unapplied
    cdef bint _is_announced
    cdef object _loop
    cdef object _thread
    cdef object _failure
    cdef str _stopped
    cdef object _wake
    cdef bint _has_group
    cdef bint _is_closing
    cdef object _prune_order

    cpdef long long append(self, long long received_us, long long kind, bytes body) except -1
