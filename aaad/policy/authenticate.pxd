"""C types of authenticate.py: see setup.py, AS_IT_IS."""

cdef class Password:
    cdef readonly bytes clear
    cdef readonly bytes nt_hash
    cdef readonly bytes verifier

cdef class Proof:
    cdef readonly object method
    cdef readonly object refusal
    cdef readonly bytes reply

cpdef object method_of(packet)
cpdef bint needs_verifier(packet, Password password)
cdef Proof _pap(packet, secret, Password password, verified)
cdef bint _fits(bytes offered, Password password)
cdef Proof _chap(packet, Password password)
cdef Proof _mschapv1(packet, secret, Password password)
cdef Proof _mschapv2(packet, secret, Password password, bytes user_name)
cdef bytes _hash_of(Password password)
cdef bytes _nt_hash(bytes password)
