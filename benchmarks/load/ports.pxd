"""Source ports for the loop that sends through them."""

from libc.stdint cimport uint8_t, uint32_t

from aaad.server.linux_udp cimport iovec, mmsghdr
from benchmarks.load.packets cimport Packet

cdef enum:
    BATCH = 64
    PORTS_MAX = 256
    REPLY_MAX = 4096  # RFC 2865 s.3

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint32_t u32
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data


cdef class Ports:
    cdef readonly int count
    cdef list _sockets
    cdef object _poller
    cdef int _epoll
    cdef int _fds[PORTS_MAX]
    cdef epoll_event _ready[PORTS_MAX]
    cdef mmsghdr _outgoing[BATCH]
    cdef iovec _outgoing_vectors[BATCH]
    cdef int _loaded
    cdef mmsghdr _incoming[BATCH]
    cdef iovec _incoming_vectors[BATCH]
    cdef uint8_t _buffers[BATCH][REPLY_MAX]

    cdef bint load(self, Packet *packet) noexcept nogil
    cdef int send(self, int port) noexcept nogil
    cdef int wait(self, long timeout_ns) noexcept nogil
    cdef int ready(self, int index) noexcept nogil
    cdef int receive(self, int port) noexcept nogil
    cdef const uint8_t *reply(self, int index, int *size) noexcept nogil
