"""RADIUS requests built and replies checked in C (RFC 2865 s.3, RFC 2866 s.3, RFC 3579 s.3.2).

A packet is written attribute by attribute into a fixed buffer. What is put in is bounded: names and
passwords by `users` (64 octets), all else by its type, so that the longest request has
20 + 18 + 66 + 66 + 2 * 26 + 60 + 20 * 6 octets and never reaches PACKET_MAX.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen

from aaad.radius.digests cimport (
    digest_context, digest_start, hmac_md5_finish, hmac_md5_prepare, hmac_md5_start, md5_finish,
    md5_update,
)

SECRET_OCTETS_MAX = 128

cdef enum:
    AUTHENTICATOR = 4
    MAC = HEADER + 2  # Message-Authenticator goes first, so its octets have a fixed place


cdef class Secret:
    """The shared secret, prepared. Raises ValueError for an empty one or one over 128 octets."""

    def __cinit__(self, bytes secret not None):
        if not 1 <= len(secret) <= SECRET_OCTETS_MAX:
            raise ValueError(f"the secret has {len(secret)} octets: give 1 to {SECRET_OCTETS_MAX}")
        self._size = <int>len(secret)
        memcpy(self._octets, <const char *>secret, self._size)
        digest_start(&self._started)
        hmac_md5_prepare(&self._mac_key, self._octets, self._size)

    def __repr__(self):
        return "Secret(...)"

    cdef void sign_accounting(self, Packet *packet) noexcept nogil:
        """The Request Authenticator is the signature (RFC 2866 s.3)."""
        cdef digest_context context = self._started
        _put_length(packet)
        memset(&packet.data[AUTHENTICATOR], 0, 16)
        md5_update(&context, packet.data, packet.size)
        md5_update(&context, self._octets, self._size)
        md5_finish(&context, &packet.data[AUTHENTICATOR])

    cdef void sign_access(self, Packet *packet) noexcept nogil:
        """Message-Authenticator: begin_access has left zeros for it."""
        cdef digest_context context
        cdef uint8_t digest[16]
        _put_length(packet)
        hmac_md5_start(&self._mac_key, &context)
        md5_update(&context, packet.data, packet.size)
        hmac_md5_finish(&self._mac_key, &context, digest)
        memcpy(&packet.data[MAC], digest, 16)

    cdef void put_user_password(
        self, Packet *packet, const uint8_t *password, int size
    ) noexcept nogil:
        """Hidden by the secret and the Request Authenticator (RFC 2865 s.5.2)."""
        cdef digest_context context
        cdef uint8_t hidden[64]
        cdef uint8_t digest[16]
        cdef const uint8_t *block = &packet.data[AUTHENTICATOR]
        cdef int at, index, padded = (size + 15) // 16 * 16 if size else 16
        memset(hidden, 0, sizeof(hidden))
        memcpy(hidden, password, size)
        for at in range(0, padded, 16):
            context = self._started
            md5_update(&context, self._octets, self._size)
            md5_update(&context, block, 16)
            md5_finish(&context, digest)
            for index in range(16):
                hidden[at + index] ^= digest[index]
            block = &hidden[at]
        put_octets(packet, USER_PASSWORD, hidden, padded)

    cdef bint is_authentic(
        self, const uint8_t *reply, int size, const uint8_t *request
    ) noexcept nogil:
        """Whether the Response Authenticator is right for this request (RFC 2865 s.3)."""
        cdef digest_context context = self._started
        cdef uint8_t digest[16]
        md5_update(&context, reply, AUTHENTICATOR)
        md5_update(&context, &request[AUTHENTICATOR], 16)
        md5_update(&context, &reply[HEADER], size - HEADER)
        md5_update(&context, self._octets, self._size)
        md5_finish(&context, digest)
        return memcmp(digest, &reply[AUTHENTICATOR], 16) == 0


cdef void begin_accounting(Packet *packet, uint8_t identifier) noexcept nogil:
    packet.data[0] = ACCOUNTING_REQUEST
    packet.data[1] = identifier
    packet.size = HEADER


cdef void begin_access(
    Packet *packet, uint8_t identifier, uint64_t random_1, uint64_t random_2
) noexcept nogil:
    """Header, Request Authenticator and room for Message-Authenticator."""
    packet.data[0] = ACCESS_REQUEST
    packet.data[1] = identifier
    memcpy(&packet.data[AUTHENTICATOR], &random_1, 8)
    memcpy(&packet.data[AUTHENTICATOR + 8], &random_2, 8)
    packet.data[HEADER] = MESSAGE_AUTHENTICATOR
    packet.data[HEADER + 1] = 18
    memset(&packet.data[MAC], 0, 16)
    packet.size = MAC + 16


cdef void put_octets(Packet *packet, uint8_t kind, const void *octets, int size) noexcept nogil:
    cdef uint8_t *at = &packet.data[packet.size]
    at[0] = kind
    at[1] = <uint8_t>(size + 2)
    memcpy(&at[2], octets, size)
    packet.size += size + 2


cdef void put_number(Packet *packet, uint8_t kind, uint32_t number) noexcept nogil:
    cdef uint8_t *at = &packet.data[packet.size]
    at[0] = kind
    at[1] = 6
    at[2] = <uint8_t>(number >> 24)
    at[3] = <uint8_t>(number >> 16)
    at[4] = <uint8_t>(number >> 8)
    at[5] = <uint8_t>number
    packet.size += 6


cdef void put_hex(Packet *packet, uint8_t kind, uint64_t number) noexcept nogil:
    """Sixteen hexadecimal digits."""
    cdef const char *digits = b"0123456789ABCDEF"
    cdef char text[16]
    cdef int at
    for at in range(15, -1, -1):
        text[at] = digits[number & 15]
        number >>= 4
    put_octets(packet, kind, text, 16)


cdef void put_named(
    Packet *packet, uint8_t kind, const char *name, uint32_t number, int digits
) noexcept nogil:
    """A name that ends in a number of so many hexadecimal digits."""
    cdef const char *hexadecimal = b"0123456789abcdef"
    cdef char text[32]
    cdef int at, size = <int>strlen(name)
    memcpy(text, name, size)
    for at in range(size + digits - 1, size - 1, -1):
        text[at] = hexadecimal[number & 15]
        number >>= 4
    put_octets(packet, kind, text, size + digits)


cdef void put_chap_password(
    Packet *packet, uint8_t chap_id, const uint8_t *password, int size
) noexcept nogil:
    """The challenge is the Request Authenticator (RFC 2865 s.2.2)."""
    cdef digest_context context
    cdef uint8_t value[17]
    value[0] = chap_id
    digest_start(&context)
    md5_update(&context, value, 1)
    md5_update(&context, password, size)
    md5_update(&context, &packet.data[AUTHENTICATOR], 16)
    md5_finish(&context, &value[1])
    put_octets(packet, CHAP_PASSWORD, value, 17)


cdef void _put_length(Packet *packet) noexcept nogil:
    packet.data[2] = <uint8_t>(packet.size >> 8)
    packet.data[3] = <uint8_t>packet.size


cdef uint64_t mix(uint64_t x) noexcept nogil:
    """Well spread numbers from a count: not secret, the same for the same seed (splitmix64)."""
    x += <uint64_t>0x9E3779B97F4A7C15U
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9U
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EBU
    return x ^ (x >> 31)
