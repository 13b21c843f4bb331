"""Secret: the secret shared with one client, with its digests prepared, and what it hides.

The chaining states of HMAC-MD5 and of MD5(secret + ...) are computed once per client, not once
per packet. `hide` and `reveal` are the one chained-MD5 cipher of RADIUS: User-Password takes the
Request Authenticator as its vector (RFC 2865 section 5.2), salted attributes take the Request
Authenticator and the salt (RFC 2868 section 3.5, RFC 2548 section 2.4).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

from aaad.radius.digests cimport (
    DIGEST_SIZE, digest_context, digest_start, hmac_md5_prepare, md5_finish, md5_update)

from hmac import compare_digest


cdef class Secret:
    """The secret shared with a client: 1 octet or more. `repr` never shows it.

    Raises ValueError for an empty secret: RFC 2865 section 3 forbids one.
    """

    def __cinit__(self, bytes value not None):
        if not value:
            raise ValueError("the shared secret is empty: give at least one octet, better 16")
        self.value = value
        hmac_md5_prepare(&self.hmac_key, <const uint8_t *>PyBytes_AS_STRING(value), len(value))
        digest_start(&self.prefix)
        md5_update(&self.prefix, <const uint8_t *>PyBytes_AS_STRING(value), len(value))

    def __repr__(self):
        return "Secret(...)"

    def __eq__(self, other):
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self.value, (<Secret>other).value)

    def __hash__(self):
        return hash(self.value)

    def __reduce__(self):
        raise TypeError("a Secret is not pickled: pass the file it comes from")


def hide(bytes plain not None, *, Secret secret not None, bytes vector not None):
    """`plain` padded with NULs to whole 16 octets and hidden by the chain that `vector` begins."""
    cdef Py_ssize_t size = (len(plain) + DIGEST_SIZE - 1) // DIGEST_SIZE * DIGEST_SIZE
    return _chain(plain.ljust(size, b"\0"), secret, vector, hiding=True)


def reveal(bytes hidden not None, *, Secret secret not None, bytes vector not None):
    """What `hide` hid, with its padding. Raises ValueError unless it is whole 16 octets."""
    if len(hidden) % DIGEST_SIZE:
        raise ValueError(f"hidden text of {len(hidden)} octets is not a multiple of 16")
    return _chain(hidden, secret, vector, hiding=False)


cdef bytes _chain(bytes text, Secret secret, bytes vector, bint hiding):
    # Bounds: len(text) is a multiple of 16 (both callers), so `at + i` stays inside source and out,
    # and `source + at - 16` is only read once `at` is 16 or more.
    cdef bytes result = PyBytes_FromStringAndSize(NULL, len(text))
    cdef const uint8_t *source = <const uint8_t *>PyBytes_AS_STRING(text)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(result)
    cdef digest_context context
    cdef uint8_t mask[16]
    cdef Py_ssize_t at, size = len(text)
    cdef int i
    for at in range(0, size, DIGEST_SIZE):
        context = secret.prefix
        if at == 0:
            md5_update(&context, <const uint8_t *>PyBytes_AS_STRING(vector), len(vector))
        else:
            md5_update(
                &context, (<const uint8_t *>out if hiding else source) + at - DIGEST_SIZE,
                DIGEST_SIZE)
        md5_finish(&context, mask)
        for i in range(DIGEST_SIZE):
            out[at + i] = source[at + i] ^ mask[i]
    return result
