"""Peer: who sent a datagram and which address of ours was asked, as the kernel writes it.

A NAS sends from a handful of ports, so a drain meets the same few peers again and again: PeerTable
keeps the latest of them, and with each the texts and octets that were made of its address.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

import socket

cimport cython

from aaad.server.linux_udp cimport (
    AF_INET, CMSG_DATA, CMSG_FIRSTHDR, CMSG_LEN, CMSG_SPACE, IN6_IS_ADDR_LINKLOCAL,
    IN6_IS_ADDR_MULTICAST, IN6_IS_ADDR_V4MAPPED, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO,
    cmsghdr, htons, in6_pktinfo, in_pktinfo, msghdr, ntohs, sockaddr_in, sockaddr_in6,
)


@cython.final
cdef class Peer:
    """Who sent a datagram, and which of our addresses was asked.

    `address` is the source's 4 or 16 octets (an IPv4 address mapped into IPv6 has 4), `host` its
    text, with the scope if it is link-local, and `source` what tells this sender from every other:
    address, port and scope, at most 22 octets. Equal and hashed by `source`; the address that was
    asked does not count.
    """

    def __init__(self, str host, int port, *, str local_host=None):
        """A peer to send to; `local_host` is the address of ours that it must see as the source.

        Both are numeric addresses of one family; a link-local one names its scope (fe80::1%eth0).
        Raises ValueError naming what is not an address or not a port.
        """
        if not 0 <= port <= 65535:
            raise ValueError(f"port {port} of {host} is not one of 0 to 65535")
        _fill(&self.ends.address, host, port)
        self.name()
        if local_host is None:
            return
        cdef Address local
        _fill(&local, local_host, 0)
        if local.any.sa_family != self.ends.address.any.sa_family:
            raise ValueError(f"{local_host} and {host} are not of the same address family")
        self.ends.has_local = True
        if local.any.sa_family == AF_INET:
            self.ends.local.v4 = local.v4.sin_addr
        else:
            self.ends.local.v6.ipi6_addr = local.v6.sin6_addr
            self.ends.local.v6.ipi6_ifindex = local.v6.sin6_scope_id

    @property
    def port(self):
        """The source port."""
        return ntohs(self.ends.address.v4.sin_port)

    @property
    def local_address(self):
        """The address of ours that was asked, packed; empty if not known."""
        if not self.ends.has_local:
            return b""
        if self.ends.address.any.sa_family == AF_INET:
            return PyBytes_FromStringAndSize(<const char *>&self.ends.local.v4, 4)
        return PyBytes_FromStringAndSize(<const char *>&self.ends.local.v6.ipi6_addr, 16)

    def __eq__(self, other):
        if not isinstance(other, Peer):
            return NotImplemented
        return self.source == (<Peer>other).source

    def __hash__(self):
        return hash(self.source)

    def __repr__(self):
        return f"Peer({self.host!r}, {self.port})"

    cdef int name(self) except -1:
        """Set what is read of the address again and again."""
        cdef const uint8_t *octets
        cdef int size = _octets(&self.ends.address, &octets)
        cdef uint32_t scope = _scope(&self.ends.address)
        self.address = PyBytes_FromStringAndSize(<const char *>octets, size)
        self.source = (
            self.address
            + PyBytes_FromStringAndSize(<const char *>&self.ends.address.v4.sin_port, 2)
            + (PyBytes_FromStringAndSize(<const char *>&scope, 4) if scope else b""))
        self.host = self._text()
        return 0

    cdef str _text(self):
        if len(self.address) == 4:
            return socket.inet_ntop(socket.AF_INET, self.address)
        text = socket.inet_ntop(socket.AF_INET6, self.address)
        cdef uint32_t scope = _scope(&self.ends.address)
        if scope == 0:
            return text
        try:
            return f"{text}%{socket.if_indextoname(scope)}"
        except OSError:  # the interface has gone; its number still tells peers apart
            return f"{text}%{scope}"


cdef class PeerTable:
    """The peers that were heard lately: each has one place by its hash, and the latest keeps it."""

    def __cinit__(self):
        self._places = [None] * PLACES

    cdef Peer find(self, const Ends *ends):
        """The peer with these ends."""
        cdef uint32_t hashed = 0
        cdef const uint32_t *words = <const uint32_t *>ends
        cdef size_t index
        cdef Peer peer
        for index in range(sizeof(Ends) // sizeof(uint32_t)):
            hashed = (hashed ^ words[index]) * <uint32_t>0x9e3779b1
            hashed ^= hashed >> 15
        index = hashed % PLACES
        peer = <Peer>self._places[index]
        if peer is None or memcmp(&peer.ends, ends, sizeof(Ends)) != 0:
            peer = Peer.__new__(Peer)
            peer.ends = ends[0]
            peer.name()
            self._places[index] = peer
        return peer


cdef void read_asked(Ends *ends, cmsghdr *control) noexcept:
    """Keep the address that was asked, if this control message tells it.

    Its interface only where the address needs one. An answer to a multicast goes out from whatever
    address the kernel chooses.
    """
    cdef const in6_pktinfo *asked
    if control.cmsg_level == IPPROTO_IP and control.cmsg_type == IP_PKTINFO:
        ends.local.v4 = (<in_pktinfo *>CMSG_DATA(control)).ipi_spec_dst
        ends.has_local = True
    elif control.cmsg_level == IPPROTO_IPV6 and control.cmsg_type == IPV6_PKTINFO:
        asked = <const in6_pktinfo *>CMSG_DATA(control)
        if IN6_IS_ADDR_MULTICAST(&asked.ipi6_addr):
            return
        ends.has_local = True
        ends.local.v6 = asked[0]
        if not IN6_IS_ADDR_LINKLOCAL(&asked.ipi6_addr):
            ends.local.v6.ipi6_ifindex = 0  # routing chooses the way back, and it may differ


cdef void write_asked(msghdr *header, const Ends *ends) noexcept:
    """Ask the kernel to send from the address that the peer asked, if it is known."""
    cdef cmsghdr *control
    cdef in_pktinfo *info
    cdef bint is_v4 = ends.address.any.sa_family == AF_INET
    cdef size_t size = sizeof(in_pktinfo) if is_v4 else sizeof(in6_pktinfo)
    if not ends.has_local:
        header.msg_controllen = 0
        return
    header.msg_controllen = CMSG_SPACE(size)
    control = CMSG_FIRSTHDR(header)
    control.cmsg_len = CMSG_LEN(size)
    if is_v4:
        control.cmsg_level = IPPROTO_IP
        control.cmsg_type = IP_PKTINFO
        info = <in_pktinfo *>CMSG_DATA(control)
        memset(info, 0, sizeof(in_pktinfo))
        info.ipi_spec_dst = ends.local.v4
    else:
        control.cmsg_level = IPPROTO_IPV6
        control.cmsg_type = IPV6_PKTINFO
        (<in6_pktinfo *>CMSG_DATA(control))[0] = ends.local.v6


cdef unsigned int name_size(const Address *address) noexcept:
    """Octets of a socket address of this family."""
    return sizeof(sockaddr_in) if address.any.sa_family == AF_INET else sizeof(sockaddr_in6)


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
    return 0 if address.any.sa_family == AF_INET else address.v6.sin6_scope_id
