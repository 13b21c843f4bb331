"""C types of authenticate.py: see setup.py, AS_IT_IS."""

from aaad.radius.decoder cimport Packet
from aaad.radius.secret cimport Secret

cdef class Password:
    cdef readonly bytes clear
    cdef readonly bytes nt_hash
    cdef readonly bytes verifier

cdef class Proof:
    cdef readonly object method
    cdef readonly object refusal
    cdef readonly bytes reply

cpdef object method_of(Packet packet)
cpdef bint needs_verifier(Packet packet, Password password)
cdef Proof _pap(Packet packet, Secret secret, Password password, verified)
cdef bint _fits(bytes offered, Password password)
cdef Proof _chap(Packet packet, Password password)
cdef Proof _mschapv1(Packet packet, Secret secret, Password password)
cdef Proof _mschapv2(Packet packet, Secret secret, Password password, bytes user_name)
cdef bytes _hash_of(Password password)
cdef bytes _nt_hash(bytes password)
