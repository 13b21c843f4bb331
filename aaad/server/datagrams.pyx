"""UDP in batches: one recvmmsg, one sendmmsg, for up to 64 datagrams (Linux).

A system call per datagram costs more than decoding a RADIUS packet, and one readiness event per
datagram more than both. The batch keeps all buffers for its whole life; a datagram is copied once,
into the `bytes` that the codec reads. Each `Peer` keeps the address that was asked (IP_PKTINFO,
RFC 3542), so that the answer leaves from it: a client drops an answer from any other.

The GIL is free during both calls: the journal's writer thread runs then.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, EBADF, ECONNREFUSED, EINTR, ENOTSOCK, errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

import socket
from os import strerror

from aaad.server.linux_udp cimport (
    AF_INET, AF_INET6, CMSG_DATA, CMSG_FIRSTHDR, CMSG_LEN, CMSG_NXTHDR, CMSG_SPACE,
    IN6_IS_ADDR_LINKLOCAL, IN6_IS_ADDR_MULTICAST, IN6_IS_ADDR_V4MAPPED, IP_PKTINFO, IPPROTO_IP,
    IPPROTO_IPV6, IPV6_PKTINFO, MSG_DONTWAIT, SO_RXQ_OVFL, SOL_SOCKET, cmsghdr, htons, in6_pktinfo,
    in_addr, in_pktinfo, iovec, mmsghdr, msghdr, ntohs, recvmmsg, sendmmsg, sockaddr, sockaddr_in,
    sockaddr_in6,
)

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

# Both families begin alike: family, port. The local address is what pktinfo said.
cdef union Address:
    sockaddr any
    sockaddr_in v4
    sockaddr_in6 v6

cdef union Local:
    in_addr v4
    in6_pktinfo v6


cdef class Peer:
    """Who sent a datagram, and which of our addresses was asked.

    Equal and hashed by source address, port and scope; the address that was asked does not count.
    """

    cdef Address _address
    cdef Local _local
    cdef bint _has_local
    cdef str _host

    def __init__(self, str host, int port, *, str local_host=None):
        """A peer to send to; `local_host` is the address of ours that it must see as the source.

        Both are numeric addresses of one family; a link-local one names its scope (fe80::1%eth0).
        Raises ValueError naming what is not an address or not a port.
        """
        if not 0 <= port <= 65535:
            raise ValueError(f"port {port} of {host} is not one of 0 to 65535")
        _fill(&self._address, host, port)
        if local_host is None:
            return
        cdef Address local
        _fill(&local, local_host, 0)
        if local.any.sa_family != self._address.any.sa_family:
            raise ValueError(f"{local_host} and {host} are not of the same address family")
        self._has_local = True
        if local.any.sa_family == AF_INET:
            self._local.v4 = local.v4.sin_addr
        else:
            self._local.v6.ipi6_addr = local.v6.sin6_addr
            self._local.v6.ipi6_ifindex = local.v6.sin6_scope_id

    @property
    def address(self) -> bytes:
        """The source address: 4 octets, or 16; an IPv4 address mapped into IPv6 is 4."""
        cdef const uint8_t *octets
        cdef int size = _octets(&self._address, &octets)
        return PyBytes_FromStringAndSize(<const char *>octets, size)

    @property
    def port(self) -> int:
        """The source port."""
        return ntohs(self._address.v4.sin_port)

    @property
    def host(self) -> str:
        """The source address as text, with its scope if it is link-local."""
        if self._host is None:
            self._host = self._text()
        return self._host

    @property
    def local_address(self) -> bytes:
        """The address of ours that was asked, packed; empty if not known."""
        if not self._has_local:
            return b""
        if self._address.any.sa_family == AF_INET:
            return PyBytes_FromStringAndSize(<const char *>&self._local.v4, 4)
        return PyBytes_FromStringAndSize(<const char *>&self._local.v6.ipi6_addr, 16)

    def __eq__(self, other):
        if not isinstance(other, Peer):
            return NotImplemented
        return _same(&self._address, &(<Peer>other)._address)

    def __hash__(self):
        return hash((self.address, self._address.v4.sin_port, _scope(&self._address)))

    def __repr__(self):
        return f"Peer({self.host!r}, {self.port})"

    cdef str _text(self):
        cdef bytes address = self.address
        if len(address) == 4:
            return socket.inet_ntop(socket.AF_INET, address)
        text = socket.inet_ntop(socket.AF_INET6, address)
        cdef uint32_t scope = _scope(&self._address)
        if scope == 0:
            return text
        try:
            return f"{text}%{socket.if_indextoname(scope)}"
        except OSError:  # the interface has gone; its number still tells peers apart
            return f"{text}%{scope}"


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
    cdef mmsghdr _messages[BATCH]
    cdef iovec _vectors[BATCH]
    cdef Address _addresses[BATCH]
    cdef uint64_t _controls[BATCH][CONTROL_WORDS]
    cdef char _buffers[BATCH][BUFFER]

    def __cinit__(self, int fd):
        self._fd = fd
        self.kernel_drops = 0
        self.receive_errors = 0
        self.send_errors = 0
        self.last_send_error = ""

    def receive(self) -> list:
        """Take up to 64 waiting datagrams: [(data, peer)], empty if there is none.

        Data of 4,097 octets is the front of a datagram above RADIUS's limit. Raises OSError only
        for a socket that is unusable (closed, for instance).
        """
        cdef int index, count = self._receive()
        cdef list received = []
        cdef mmsghdr *message
        for index in range(count):
            message = &self._messages[index]
            if message.msg_hdr.msg_namelen == 0:
                continue  # nobody to answer
            data = PyBytes_FromStringAndSize(self._buffers[index], message.msg_len)
            received.append((data, self._peer(message)))
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
        cdef int index, count, error, attempt
        for index in range(BATCH):
            self._vectors[index].iov_base = self._buffers[index]
            self._vectors[index].iov_len = BUFFER
            self._prepare(index, sizeof(Address), CONTROL)
        for attempt in range(ERRORS_IN_A_ROW_MAX):
            with nogil:
                count = recvmmsg(self._fd, self._messages, BATCH, MSG_DONTWAIT, NULL)
                error = errno
            if count >= 0:
                return count
            if error == EAGAIN:
                break
            _raise_if_unusable(error, self._fd)
            self.receive_errors += 1
        return 0

    cdef void _prepare(self, int index, unsigned int name_size, size_t control_size) noexcept:
        cdef msghdr *header = &self._messages[index].msg_hdr
        header.msg_name = &self._addresses[index]
        header.msg_namelen = name_size
        header.msg_iov = &self._vectors[index]
        header.msg_iovlen = 1
        header.msg_control = self._controls[index]
        header.msg_controllen = control_size
        header.msg_flags = 0

    cdef Peer _peer(self, mmsghdr *message):
        cdef Peer peer = Peer.__new__(Peer)
        cdef cmsghdr *control = CMSG_FIRSTHDR(&message.msg_hdr)
        memcpy(&peer._address, message.msg_hdr.msg_name, message.msg_hdr.msg_namelen)
        while control != NULL:
            if control.cmsg_level == SOL_SOCKET and control.cmsg_type == SO_RXQ_OVFL:
                self._count_drops((<uint32_t *>CMSG_DATA(control))[0])
            elif control.cmsg_level == IPPROTO_IP and control.cmsg_type == IP_PKTINFO:
                peer._local.v4 = (<in_pktinfo *>CMSG_DATA(control)).ipi_spec_dst
                peer._has_local = True
            elif control.cmsg_level == IPPROTO_IPV6 and control.cmsg_type == IPV6_PKTINFO:
                _keep_asked(peer, <in6_pktinfo *>CMSG_DATA(control))
            control = CMSG_NXTHDR(&message.msg_hdr, control)
        return peer

    cdef _count_drops(self, uint32_t drops):
        self.kernel_drops += <uint32_t>(drops - self._drops_seen)  # the kernel's counter wraps
        self._drops_seen = drops

    cdef _load(self, list pairs, Py_ssize_t start, int count):
        cdef int index
        cdef bytes data
        cdef Peer peer
        for index in range(count):
            data, peer = pairs[start + index]
            if data is None or peer is None:
                raise TypeError("a message is (bytes, Peer)")
            self._vectors[index].iov_base = PyBytes_AS_STRING(data)
            self._vectors[index].iov_len = PyBytes_GET_SIZE(data)
            self._addresses[index] = peer._address
            self._prepare(index, _name_size(&peer._address), 0)
            if peer._has_local:
                _write_local(&self._messages[index].msg_hdr, peer)
            else:
                self._messages[index].msg_hdr.msg_control = NULL

    cdef int _send(self, int count) except -1:
        """Send what is loaded; how many are done."""
        cdef int sent, error, done = 0, errors = 0
        while done < count:
            with nogil:
                sent = sendmmsg(self._fd, &self._messages[done], count - done, MSG_DONTWAIT)
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


cdef int _fill(Address *address, str host, int port) except -1:
    """Set a numeric address; ValueError if it is none."""
    cdef bytes octets
    cdef str text, scope
    text, _, scope = host.partition("%")
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        octets = socket.inet_pton(family, text)
    except OSError as error:
        raise ValueError(f"{host!r} is not a numeric IPv4 or IPv6 address") from error
    memset(address, 0, sizeof(Address))
    address.any.sa_family = family
    address.v4.sin_port = htons(port)
    if family == socket.AF_INET:
        memcpy(&address.v4.sin_addr, PyBytes_AS_STRING(octets), 4)
        return 0
    memcpy(&address.v6.sin6_addr, PyBytes_AS_STRING(octets), 16)
    if scope:
        address.v6.sin6_scope_id = _scope_number(host, scope)
    return 0


cdef uint32_t _scope_number(str host, str scope) except? 0:
    if scope.isascii() and scope.isdecimal():
        return int(scope)
    try:
        return socket.if_nametoindex(scope)
    except OSError as error:
        raise ValueError(f"{host!r} names an interface that does not exist") from error


cdef int _octets(const Address *address, const uint8_t **octets) noexcept:
    """Point to the octets of the address, in network order; how many there are."""
    if address.any.sa_family == AF_INET:
        octets[0] = <const uint8_t *>&address.v4.sin_addr
        return 4
    octets[0] = <const uint8_t *>&address.v6.sin6_addr
    if IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr):
        octets[0] += 12
        return 4
    return 16


cdef uint32_t _scope(const Address *address) noexcept:
    return address.v6.sin6_scope_id if address.any.sa_family == AF_INET6 else 0


cdef bint _same(const Address *a, const Address *b) noexcept:
    cdef const uint8_t *a_octets
    cdef const uint8_t *b_octets
    cdef int size = _octets(a, &a_octets)
    if size != _octets(b, &b_octets) or a.v4.sin_port != b.v4.sin_port:
        return False
    return memcmp(a_octets, b_octets, size) == 0 and _scope(a) == _scope(b)


cdef unsigned int _name_size(const Address *address) noexcept:
    return sizeof(sockaddr_in) if address.any.sa_family == AF_INET else sizeof(sockaddr_in6)


cdef void _keep_asked(Peer peer, const in6_pktinfo *asked) noexcept:
    """Keep the address that was asked; its interface only where the address needs one.

    An answer to a multicast goes out from whatever address the kernel chooses.
    """
    if IN6_IS_ADDR_MULTICAST(&asked.ipi6_addr):
        return
    peer._has_local = True
    peer._local.v6 = asked[0]
    if not IN6_IS_ADDR_LINKLOCAL(&asked.ipi6_addr):
        peer._local.v6.ipi6_ifindex = 0  # routing chooses the way back, and it may differ


cdef void _write_local(msghdr *header, Peer peer) noexcept:
    """Ask the kernel to send from the address that the peer asked."""
    cdef cmsghdr *control
    cdef in_pktinfo *info
    cdef bint is_v4 = peer._address.any.sa_family == AF_INET
    cdef size_t size = sizeof(in_pktinfo) if is_v4 else sizeof(in6_pktinfo)
    header.msg_controllen = CMSG_SPACE(size)
    control = CMSG_FIRSTHDR(header)
    control.cmsg_len = CMSG_LEN(size)
    if is_v4:
        control.cmsg_level = IPPROTO_IP
        control.cmsg_type = IP_PKTINFO
        info = <in_pktinfo *>CMSG_DATA(control)
        memset(info, 0, sizeof(in_pktinfo))
        info.ipi_spec_dst = peer._local.v4
    else:
        control.cmsg_level = IPPROTO_IPV6
        control.cmsg_type = IPV6_PKTINFO
        (<in6_pktinfo *>CMSG_DATA(control))[0] = peer._local.v6
