"""The wire codec in one place to import from: decode, verify, encode.

It is compiled in three parts, one idea each: secret.pyx, decoder.pyx and signing.pyx.
"""

from aaad.radius.decoder import Packet, decode
from aaad.radius.secret import Secret
from aaad.radius.signing import encode_reply, encode_request, verify_request, verify_response

__all__ = [
    "Packet",
    "Secret",
    "decode",
    "encode_reply",
    "encode_request",
    "verify_request",
    "verify_response",
]
