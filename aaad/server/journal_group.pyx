"""Group: the records that one write and one sync make durable, framed into one buffer as they come.

The bytes of a record are journal_format's; here they are written, there they are read and judged.
The event loop's thread adds records and the writer thread takes them: each call is one step under
the GIL, so neither sees half a record.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef extern from "crc32.h" nogil:
    void crc32_prepare()
    uint32_t crc32_update(uint32_t crc, const uint8_t *data, size_t size)

cdef enum:
    FRAME = 8                    # word and CRC
    HEAD_MAX = 33                # msgpack around a body
    FIRST_CAPACITY = 1 << 16     # a few hundred records; doubled as often as a group needs it
    GROUP_START = 0x80000000
    ARRAY_OF_FOUR = 0x94
    UINT8 = 0xcc
    UINT16 = 0xcd
    UINT32 = 0xce
    UINT64 = 0xcf
    BIN8 = 0xc4
    BIN16 = 0xc5
    BIN32 = 0xc6

OVERHEAD_MAX = FRAME + HEAD_MAX

crc32_prepare()


def crc32(const uint8_t[::1] data not None, uint32_t crc=0):
    """The CRC of `data`, going on from `crc`: what zlib.crc32 computes."""
    return crc32_update(crc, &data[0] if data.shape[0] else NULL, data.shape[0])


cdef class Group:
    """Records in order; `salt` is where the CRC of each begins (journal_format.salt_of)."""

    def __cinit__(self, uint32_t salt):
        self.salt = salt

    def __dealloc__(self):
        free(self.octets)

    def __len__(self):
        return self.records

    cpdef Py_ssize_t append(
            self, uint64_t lsn, uint64_t received_us, uint64_t kind, bytes body) except -1:
        """Frame one record behind the others; how many octets it takes.

        Bounds: reserve() has made room for the longest frame of this body.
        """
        cdef Py_ssize_t body_size = PyBytes_GET_SIZE(body)
        self.reserve(FRAME + HEAD_MAX + body_size)
        cdef uint8_t *frame = self.octets + self.size
        cdef uint8_t *payload = frame + FRAME
        cdef uint8_t *at = payload
        at[0] = ARRAY_OF_FOUR
        at = _put_number(at + 1, lsn)
        at = _put_number(at, received_us)
        at = _put_number(at, kind)
        at = _put_body_size(at, body_size)
        memcpy(at, PyBytes_AS_STRING(body), body_size)
        cdef uint32_t length = <uint32_t>(at + body_size - payload)
        cdef uint32_t word = length | (GROUP_START if self.records == 0 else 0)
        _put32(frame, word)
        _put32(frame + 4, crc32_update(word ^ self.salt, payload, length))
        self.size += FRAME + length
        self.records += 1
        self.received_us = received_us
        return FRAME + length

    cpdef tuple take(self):
        """(octets, records, received_us of the last); what is appended next begins a new group."""
        cdef bytes taken = PyBytes_FromStringAndSize(<const char *>self.octets, self.size)
        cdef Py_ssize_t records = self.records
        self.size = 0
        self.records = 0
        return taken, records, self.received_us

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Make room for so many octets."""
        cdef Py_ssize_t capacity = self.capacity or FIRST_CAPACITY
        cdef uint8_t *octets
        if self.size + more <= self.capacity:
            return 0
        while capacity < self.size + more:
            capacity *= 2
        octets = <uint8_t *>realloc(self.octets, capacity)
        if octets == NULL:
            raise MemoryError(f"no memory for a journal group of {capacity} octets")
        self.octets = octets
        self.capacity = capacity
        return 0


cdef inline void _put32(uint8_t *at, uint32_t number) noexcept:
    at[0] = <uint8_t>(number >> 24)
    at[1] = <uint8_t>(number >> 16)
    at[2] = <uint8_t>(number >> 8)
    at[3] = <uint8_t>number


cdef uint8_t *_put_number(uint8_t *at, uint64_t number) noexcept:
    """The shortest msgpack of a number; where the next value goes. At most 9 octets."""
    if number < 0x80:
        at[0] = <uint8_t>number
        return at + 1
    if number < 1 << 8:
        at[0] = UINT8
        at[1] = <uint8_t>number
        return at + 2
    if number < 1 << 16:
        at[0] = UINT16
        at[1] = <uint8_t>(number >> 8)
        at[2] = <uint8_t>number
        return at + 3
    if number < <uint64_t>1 << 32:
        at[0] = UINT32
        _put32(at + 1, <uint32_t>number)
        return at + 5
    at[0] = UINT64
    _put32(at + 1, <uint32_t>(number >> 32))
    _put32(at + 5, <uint32_t>number)
    return at + 9


cdef uint8_t *_put_body_size(uint8_t *at, Py_ssize_t size) noexcept:
    """The head of a binary; where its octets go. At most 5 octets."""
    if size < 1 << 8:
        at[0] = BIN8
        at[1] = <uint8_t>size
        return at + 2
    if size < 1 << 16:
        at[0] = BIN16
        at[1] = <uint8_t>(size >> 8)
        at[2] = <uint8_t>size
        return at + 3
    at[0] = BIN32
    _put32(at + 1, <uint32_t>size)
    return at + 5
