"""The source ports of a load: connected UDP sockets, sent and received through in batches.

A port has 256 identifiers (RFC 2865 s.3), so a window of thousands needs many. Each socket is
connected, which spares the kernel a lookup for each datagram and lets nobody else answer.
"""

from libc.errno cimport EAGAIN, ENOBUFS, errno
from libc.stdint cimport uint8_t
from libc.string cimport memset
from posix.time cimport timespec

import select
import socket

from aaad.server.linux_udp cimport MSG_DONTWAIT, iovec, mmsghdr, recvmmsg, sendmmsg
from benchmarks.load.packets cimport Packet

cdef extern from "<poll.h>" nogil:
    enum:
        POLLOUT
    cdef struct pollfd:
        int fd
        short events
    int poll(pollfd *polled, unsigned long count, int timeout_ms)

cdef extern from "<sys/epoll.h>" nogil:
    enum:
        EPOLLIN
        EPOLL_CTL_ADD
    int epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
    int epoll_pwait2(
        int epoll, epoll_event *events, int events_max, const timespec *timeout,
        const void *signals)

cdef enum:
    SEND_WAIT_MS = 10  # for room in a full send buffer
    SEND_WAITS_MAX = 100

BUFFER_OCTETS = 4 * 1024 * 1024
"""Of each socket, both ways, as far as the kernel grants it: a burst of answers must find room."""


cdef class Ports:
    """`count` sockets from the machine's own addresses to one server."""

    def __cinit__(self, tuple server not None, int count):
        if not 1 <= count <= PORTS_MAX:
            raise ValueError(f"{count} source ports: give 1 to {PORTS_MAX}")
        self.count = count
        self._sockets = []
        self._loaded = 0
        memset(self._outgoing, 0, sizeof(self._outgoing))
        memset(self._incoming, 0, sizeof(self._incoming))
        for index in range(BATCH):
            self._outgoing[index].msg_hdr.msg_iov = &self._outgoing_vectors[index]
            self._outgoing[index].msg_hdr.msg_iovlen = 1
            self._incoming[index].msg_hdr.msg_iov = &self._incoming_vectors[index]
            self._incoming[index].msg_hdr.msg_iovlen = 1
            self._incoming_vectors[index].iov_base = self._buffers[index]
            self._incoming_vectors[index].iov_len = REPLY_MAX
        self._poller = select.epoll()
        self._epoll = self._poller.fileno()
        family, _, _, _, address = socket.getaddrinfo(*server, type=socket.SOCK_DGRAM)[0]
        for index in range(count):
            self._open(index, family, address)

    def _open(self, index, family, address):
        one = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sockets.append(one)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_OCTETS)
        one.connect(address)
        self._fds[index] = one.fileno()
        cdef epoll_event event
        event.events = EPOLLIN
        event.data.u32 = index
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, self._fds[index], &event):
            raise OSError(errno, f"source port {index} cannot be waited for")

    def close(self):
        """Give the ports back."""
        for one in self._sockets:
            one.close()
        self._poller.close()

    cdef bint load(self, Packet *packet) noexcept nogil:
        """Put a packet into the outgoing batch; whether the batch is full now."""
        cdef iovec *vector = &self._outgoing_vectors[self._loaded]
        vector.iov_base = packet.data
        vector.iov_len = packet.size
        self._loaded += 1
        return self._loaded == BATCH

    cdef int send(self, int port) noexcept nogil:
        """Send what is loaded from one port; how many the kernel refused.

        A refused one is lost like any other datagram, and counted so when its time is over.
        """
        cdef int sent, done = 0, refused = 0, waits = 0, fd = self._fds[port]
        while done < self._loaded:
            sent = sendmmsg(fd, &self._outgoing[done], self._loaded - done, MSG_DONTWAIT)
            if sent > 0:
                done += sent
            elif (errno == EAGAIN or errno == ENOBUFS) and waits < SEND_WAITS_MAX:
                waits += 1
                _wait_for_room(fd)
            else:
                refused += 1
                done += 1
        self._loaded = 0
        return refused

    cdef int wait(self, long timeout_ns) noexcept nogil:
        """Until an answer is there; how many ports have one."""
        cdef timespec timeout
        timeout.tv_sec = timeout_ns // 1_000_000_000
        timeout.tv_nsec = timeout_ns % 1_000_000_000
        return epoll_pwait2(self._epoll, self._ready, PORTS_MAX, &timeout, NULL)

    cdef int ready(self, int index) noexcept nogil:
        """One of the ports that the last `wait` found."""
        return self._ready[index].data.u32

    cdef int receive(self, int port) noexcept nogil:
        """Take up to a batch of answers; how many. An ICMP error that the socket tells is none."""
        cdef int count = recvmmsg(self._fds[port], self._incoming, BATCH, MSG_DONTWAIT, NULL)
        return count if count > 0 else 0

    cdef const uint8_t *reply(self, int index, int *size) noexcept nogil:
        """An answer of the last `receive`."""
        size[0] = <int>self._incoming[index].msg_len
        return self._buffers[index]


cdef void _wait_for_room(int fd) noexcept nogil:
    cdef pollfd polled
    polled.fd = fd
    polled.events = POLLOUT
    poll(&polled, 1, SEND_WAIT_MS)
