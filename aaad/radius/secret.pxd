"""Secret for the modules that sign, verify and hide."""

from libc.stdint cimport uint8_t

from aaad.radius.digests cimport digest_context, hmac_md5_key


cdef class Secret:
    cdef readonly bytes value
    cdef hmac_md5_key hmac_key
    cdef digest_context prefix  # MD5 after absorbing the secret: RFC 2865 s.5.2 begins with it
