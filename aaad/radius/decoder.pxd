"""Packet and the attribute walk, for the modules that sign, verify and look up packets."""

from libc.stdint cimport uint8_t, uint16_t

cdef enum:
    HEADER_SIZE = 20
    AUTHENTICATOR_AT = 4
    PACKET_SIZE_MAX = 4096


cdef class Packet:
    cdef readonly bytes data
    cdef readonly int code
    cdef readonly int identifier
    cdef readonly int length
    cdef const uint8_t *octets    # the octets of `data`, which this packet keeps alive
    cdef uint16_t first[256]      # by attribute type: offset of its first attribute, 0 if none

    cpdef bint has(self, unsigned char type) noexcept
    cpdef bytes get(self, unsigned char type)
    cpdef list get_all(self, unsigned char type)
    cpdef object get_int(self, unsigned char type)
    cpdef long long number(self, unsigned char type, long long absent) noexcept
    cdef Py_ssize_t next_of(self, int type, Py_ssize_t after) noexcept


cpdef Packet decode(object datagram)
cdef Packet decode_octets(const uint8_t *octets, Py_ssize_t size, bytes owner)
cdef int walk(const uint8_t *octets, Py_ssize_t start, Py_ssize_t end, uint16_t *first) noexcept
