"""What the packet path calls of signing.pyx without going through Python."""

from aaad.radius.decoder cimport Packet
from aaad.radius.secret cimport Secret


cpdef object verify_request(
    Packet packet, Secret secret, bint require_message_authenticator)
cpdef bytes encode_reply(Packet request, int code, bytes attributes, Secret secret)
