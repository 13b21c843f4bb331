"""Group for the journal, which appends to it once a record."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef class Group:
    cdef uint8_t *octets
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef uint32_t salt
    cdef uint64_t received_us
    cdef readonly Py_ssize_t records

    cpdef Py_ssize_t append(
        self, uint64_t lsn, uint64_t received_us, uint64_t kind, bytes body) except -1
    cpdef tuple take(self)
    cdef int reserve(self, Py_ssize_t more) except -1
