"""C types of gate.py."""

cimport cython

from aaad.radius.decoder cimport Packet, decode
from aaad.radius.duplicates cimport DuplicateTable
from aaad.radius.secret cimport Secret
from aaad.radius.signing cimport verify_request
from aaad.server.histogram cimport Histogram
from aaad.server.peers cimport Peer

cdef long long US
cdef double UNKNOWN


@cython.final
cdef class Client:
    cdef readonly object settings
    cdef readonly str name
    cdef readonly Secret secret
    cdef readonly object brand
    cdef readonly bint require_message_authenticator
    cdef public long long requests
    cdef public object heard_at


@cython.final
cdef class Clients:
    cdef object _table
    cdef dict _by_address
    cdef readonly dict by_name

    cpdef Client lookup(self, bytes address)


@cython.final
cdef class Request:
    cdef readonly Packet packet
    cdef readonly Client client
    cdef readonly Peer peer
    cdef readonly object listener
    cdef readonly double received_s


@cython.final
cdef class Gate:
    cdef object _codes
    cdef object _clients
    cdef DuplicateTable _duplicates
    cdef object _clock
    cdef object _monotonic
    cdef object _limiter
    cdef object _metrics
    cdef Histogram _latency_us
    cdef object _log

    @cython.locals(
        clients=Clients, client=Client, datagram=bytes, peer=Peer, packet=Packet, now_s=double,
        requests=list, again=list)
    cpdef list admit(self, object listener, list received)
    cpdef object complete(self, Request request, bytes reply, double now_s=*)
    cpdef object give_up(self, Request request, object reason)
    @cython.locals(packet=Packet)
    cdef Packet _verified(self, bytes datagram, Client client)
