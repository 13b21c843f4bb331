"""Peer and its addresses, for the batches that fill and read them and for the gate."""

from aaad.server.linux_udp cimport (
    cmsghdr, in6_pktinfo, in_addr, msghdr, sockaddr, sockaddr_in, sockaddr_in6)

cdef enum:
    # Ports of NASes that are answered within one drain; one that lost its place is made anew.
    PLACES = 4096


# Both families begin alike: family, port. The local address is what pktinfo said.
cdef union Address:
    sockaddr any
    sockaddr_in v4
    sockaddr_in6 v6


cdef union Local:
    in_addr v4
    in6_pktinfo v6


cdef struct Ends:  # all zero where nothing was written: compared and hashed as octets
    Address address
    Local local
    int has_local


cdef class Peer:
    cdef Ends ends
    cdef readonly bytes address
    cdef readonly bytes source
    cdef readonly str host

    cdef int name(self) except -1
    cdef str _text(self)


cdef class PeerTable:
    cdef list _places

    cdef Peer find(self, const Ends *ends)


cdef void read_asked(Ends *ends, cmsghdr *control) noexcept
cdef void write_asked(msghdr *header, const Ends *ends) noexcept
cdef unsigned int name_size(const Address *address) noexcept
