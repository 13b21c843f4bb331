"""Logins for the loop that sends them."""

from libc.stdint cimport uint8_t, uint64_t

from benchmarks.load.packets cimport Packet, Secret
from benchmarks.load.users cimport Users


cdef class Logins:
    cdef Users _users
    cdef int _method
    cdef uint64_t _chance
    cdef uint64_t _nases
    cdef uint64_t _sent
    cdef bint _in_order

    cdef void put_request(
        self, Packet *packet, uint8_t identifier, Secret secret) noexcept nogil
