"""The sessions of a load for the loop that reports them."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from benchmarks.load.packets cimport Packet
from benchmarks.load.users cimport Users

cdef enum Stage:
    NEW = 0  # its Start is the next report
    OPEN = 1
    ENDED = 2
    UNCERTAIN = 3  # a report was not answered: nobody knows what the server counted

cdef struct Session:
    uint64_t serial
    uint64_t input_octets  # as acknowledged
    uint64_t output_octets
    uint64_t next_input_octets  # as the report under way says
    uint64_t next_output_octets
    int64_t started_at
    uint32_t session_time
    uint32_t next_session_time
    uint32_t user
    uint32_t reports  # acknowledged ones
    uint32_t interims_left
    uint8_t stage


cdef class Sessions:
    cdef Users _users
    cdef Session *_open
    cdef uint32_t *_idle  # a ring: the session that has waited longest reports next
    cdef uint32_t _first
    cdef uint32_t _waiting
    cdef Session *_ended
    cdef size_t _ended_count
    cdef size_t _ended_room
    cdef readonly uint32_t count
    cdef uint64_t _serial
    cdef uint64_t _seed
    cdef int64_t _began_at
    cdef uint32_t _interims
    cdef uint32_t _nases

    cdef bint take(self, uint32_t *index) noexcept nogil
    cdef void put_report(self, uint32_t index, Packet *packet) noexcept nogil
    cdef int acknowledge(self, uint32_t index) except -1 nogil
    cdef void give_up(self, uint32_t index) noexcept nogil
    cdef void revive(self, uint32_t index) noexcept nogil
    cdef void _begin(self, uint32_t index, uint32_t interims) noexcept nogil
    cdef void _wait(self, uint32_t index) noexcept nogil
    cdef void _put_identity(self, const Session *session, Packet *packet) noexcept nogil
    cdef tuple _line(self, const Session *session)
    cdef int _keep(self, const Session *session) except -1 nogil
