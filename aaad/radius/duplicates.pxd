"""DuplicateTable for the gate, which calls it without going through Python."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, uint8_t, uint64_t

from aaad.radius.decoder cimport HEADER_SIZE, Packet

cdef enum:
    SOURCE_MAX = 22  # octets of an IPv6 address, its scope and a port


cdef struct Slot:
    uint8_t header[HEADER_SIZE]
    uint8_t source[SOURCE_MAX]
    uint8_t source_size
    double since_s
    PyObject *reply     # owned; NULL while pending
    int32_t bucket
    int32_t chained     # the next slot of the bucket, or of those that are unused
    int32_t older
    int32_t newer


cdef class DuplicateTable:
    cdef Slot *slots
    cdef int32_t *buckets   # the first slot of each
    cdef int32_t mask       # of a hash to a bucket
    cdef int32_t fresh      # slots from here on were never used
    cdef int32_t unused     # chain of those that were
    cdef int32_t oldest
    cdef int32_t newest
    cdef int32_t count
    cdef uint64_t[2] seed
    cdef readonly int32_t capacity
    cdef readonly double lifetime_s
    cdef readonly unsigned long long pending_hits
    cdef readonly unsigned long long reply_hits
    cdef readonly unsigned long long evictions

    cpdef object lookup(self, bytes source, Packet packet, double now_s)
    cpdef object complete(self, bytes source, Packet packet, bytes reply, double now_s)
    cpdef object forget(self, bytes source, Packet packet)
    cdef int32_t _bucket(self, bytes source, Packet packet) except -2
    cdef int32_t _find(self, bytes source, Packet packet) except -2
    cdef int _insert(self, bytes source, Packet packet, PyObject *reply, double now_s) except -1
    cdef void _append(self, int32_t at) noexcept
    cdef void _remove(self, int32_t at) noexcept
    cdef void _unlink(self, int32_t at) noexcept
    cdef void _expire(self, double now_s) noexcept
