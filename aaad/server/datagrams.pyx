"""UDP in batches: one recvmmsg, one sendmmsg, for up to 64 datagrams (Linux).

A system call per datagram costs more than decoding a RADIUS packet, and one readiness event per
datagram more than both. The batch keeps all buffers for its whole life; a datagram is copied once,
into the `bytes` that the codec reads. Each peer keeps the address that was asked (IP_PKTINFO,
RFC 3542), so that the answer leaves from it: a client drops an answer from any other.

The GIL is free during both calls: the journal's writer thread runs then.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EBADF, ECONNREFUSED, EINTR, ENOTSOCK, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from os import strerror

from aaad.server.linux_udp cimport (
    CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, MSG_DONTWAIT, SO_RXQ_OVFL, SOL_SOCKET, cmsghdr, iovec,
    mmsghdr, msghdr, recvmmsg, sendmmsg,
)
from aaad.server.peers cimport Address, Ends, Peer, PeerTable, name_size, read_asked, write_asked

# Enough to spread the cost of a call (64 measures as well as more) and to fit in the L2 cache with
# packets of usual size.
cdef enum:
    BATCH = 64
    # RFC 2865 section 3: a packet is at most 4,096 octets. One octet more shows what is longer.
    BUFFER = 4097
    # pktinfo of IPv6 (20 octets) and the counter of drops (4), each with its header, and slack;
    # in words of 8 octets, as the alignment of a control header wants it.
    CONTROL_WORDS = 16
    CONTROL = 8 * CONTROL_WORDS
    # A socket reports an ICMP error once, instead of what was asked; then it goes on.
    ERRORS_IN_A_ROW_MAX = 16

BATCH_SIZE_MAX = BATCH
DATAGRAM_SIZE_MAX = BUFFER - 1


cdef class DatagramBatch:
    """The buffers of one socket. Not safe for two threads.

    `kernel_drops` counts datagrams that found the receive buffer full, since the socket was made;
    `receive_errors` what the socket reported instead of a datagram; `send_errors` datagrams that
    the kernel refused to send, and `last_send_error` why.
    """

    cdef int _fd
    cdef uint32_t _drops_seen
    cdef readonly object kernel_drops
    cdef readonly object receive_errors
    cdef readonly object send_errors
    cdef readonly str last_send_error
    cdef PeerTable _peers
    cdef mmsghdr _incoming[BATCH]   # ready for the next call, always
    cdef mmsghdr _outgoing[BATCH]
    cdef iovec _vectors[BATCH]
    cdef iovec _replies[BATCH]
    cdef Address _addresses[BATCH]
    cdef uint64_t _controls[BATCH][CONTROL_WORDS]
    cdef uint64_t _asked[BATCH][CONTROL_WORDS]
    cdef char _buffers[BATCH][BUFFER]

    def __cinit__(self, int fd):
        cdef int index
        self._fd = fd
        self._peers = PeerTable()
        self.kernel_drops = 0
        self.receive_errors = 0
        self.send_errors = 0
        self.last_send_error = ""
        for index in range(BATCH):
            self._vectors[index].iov_base = self._buffers[index]
            self._vectors[index].iov_len = BUFFER
            self._incoming[index].msg_hdr.msg_iov = &self._vectors[index]
            self._incoming[index].msg_hdr.msg_iovlen = 1
            self._outgoing[index].msg_hdr.msg_iov = &self._replies[index]
            self._outgoing[index].msg_hdr.msg_iovlen = 1
            self._prepare(index)

    def receive(self) -> list:
        """Take up to 64 waiting datagrams: [(data, peer)], empty if there is none.

        Data of 4,097 octets is the front of a datagram above RADIUS's limit. Raises OSError only
        for a socket that is unusable (closed, for instance).
        """
        cdef int index, count = self._receive()
        cdef list received = []
        cdef mmsghdr *message
        for index in range(count):
            message = &self._incoming[index]
            if message.msg_hdr.msg_namelen != 0:  # else there is nobody to answer
                data = PyBytes_FromStringAndSize(self._buffers[index], message.msg_len)
                received.append((data, self._peer(message)))
            self._prepare(index)
        return received

    def send(self, messages) -> int:
        """Send (data, peer) pairs, each from the address that its peer asked.

        Returns how many from the front are done: sent, or refused by the kernel and counted in
        `send_errors`. The rest found the send buffer full: offer them again when it is writable.
        """
        cdef list pairs = list(messages)
        cdef Py_ssize_t total = len(pairs), start = 0
        cdef int count, done
        while start < total:
            count = <int>min(total - start, BATCH)
            self._load(pairs, start, count)
            done = self._send(count)
            start += done
            if done < count:
                break
        return start

    cdef int _receive(self) except -1:
        """Fill the buffers; how many datagrams there are."""
        cdef int count, error, attempt
        for attempt in range(ERRORS_IN_A_ROW_MAX):
            with nogil:
                count = recvmmsg(self._fd, self._incoming, BATCH, MSG_DONTWAIT, NULL)
                error = errno
            if count >= 0:
                return count
            if error == EAGAIN:
                break
            _raise_if_unusable(error, self._fd)
            self.receive_errors += 1
        return 0

    cdef void _prepare(self, int index) noexcept:
        """Set what the kernel overwrites as it receives."""
        cdef msghdr *header = &self._incoming[index].msg_hdr
        header.msg_name = &self._addresses[index]
        header.msg_namelen = sizeof(Address)
        header.msg_control = self._controls[index]
        header.msg_controllen = CONTROL
        header.msg_flags = 0

    cdef Peer _peer(self, mmsghdr *message):
        cdef Ends ends
        cdef cmsghdr *control = CMSG_FIRSTHDR(&message.msg_hdr)
        memset(&ends, 0, sizeof(Ends))
        memcpy(&ends.address, message.msg_hdr.msg_name, message.msg_hdr.msg_namelen)
        while control != NULL:
            if control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_RXQ_OVFL:
                self._count_drops((<uint32_t *>CMSG_DATA(control))[0])
            else:
                read_asked(&ends, control)
            control = CMSG_NXTHDR(&message.msg_hdr, control)
        return self._peers.find(&ends)

    cdef _count_drops(self, uint32_t drops):
        self.kernel_drops += <uint32_t>(drops - self._drops_seen)  # the kernel's counter wraps
        self._drops_seen = drops

    cdef _load(self, list pairs, Py_ssize_t start, int count):
        cdef int index
        cdef bytes data
        cdef Peer peer
        cdef msghdr *header
        for index in range(count):
            data, peer = pairs[start + index]
            if data is None or peer is None:
                raise TypeError("a message is (bytes, Peer)")
            self._replies[index].iov_base = PyBytes_AS_STRING(data)
            self._replies[index].iov_len = PyBytes_GET_SIZE(data)
            header = &self._outgoing[index].msg_hdr
            header.msg_name = &peer.ends.address
            header.msg_namelen = name_size(&peer.ends.address)
            header.msg_control = self._asked[index]
            write_asked(header, &peer.ends)

    cdef int _send(self, int count) except -1:
        """Send what is loaded; how many are done."""
        cdef int sent, error, done = 0, errors = 0
        while done < count:
            with nogil:
                sent = sendmmsg(self._fd, &self._outgoing[done], count - done, MSG_DONTWAIT)
                error = errno
            if sent > 0:
                done += sent
                errors = 0
                continue
            if error == EAGAIN:
                break
            if (error == ECONNREFUSED or error == EINTR) and errors < ERRORS_IN_A_ROW_MAX:
                errors += 1  # not about this datagram: an ICMP error that the socket had to tell
                continue
            _raise_if_unusable(error, self._fd)
            self.send_errors += 1
            self.last_send_error = strerror(error)
            done += 1
        return done


cdef int _raise_if_unusable(int error, int fd) except -1:
    """Errors that no other datagram would fare better with are raised, all others pass."""
    if error == EBADF or error == ENOTSOCK:
        raise OSError(error, f"file descriptor {fd} is not an open UDP socket")
    return 0
