"""C types of passwords.py: see setup.py, AS_IT_IS."""

from aaad.radius.decoder cimport Packet
from aaad.radius.secret cimport Secret

cdef class MsChapV2Success:
    cdef readonly int identifier
    cdef readonly bytes authenticator_response
    cdef readonly bytes send_key
    cdef readonly bytes recv_key

cpdef bytes decrypt_pap(Packet packet, Secret secret)
cpdef bint verify_chap(Packet packet, bytes password)
cpdef bint verify_mschapv1(Packet packet, bytes password_hash)
cpdef MsChapV2Success verify_mschapv2(Packet packet, bytes password_hash, bytes user_name)
cpdef bytes encode_mschap2_success(MsChapV2Success success)
