"""Access-Requests of users drawn evenly: PAP, CHAP or MS-CHAPv2, as a broadband NAS sends them."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from benchmarks.load.packets cimport (
    CALLED_STATION_ID, CALLING_STATION_ID, FRAMED_PROTOCOL, NAS_IDENTIFIER, NAS_IP_ADDRESS,
    NAS_PORT, NAS_PORT_ID, NAS_PORT_TYPE, SERVICE_TYPE, USER_NAME, VENDOR_SPECIFIC, begin_access,
    mix, put_chap_password, put_named, put_number, put_octets,
)
from benchmarks.load.users cimport CHALLENGE, MSCHAP2_RESPONSE, User

METHODS = ("pap", "chap", "mschapv2")

cdef enum:
    PAP = 0
    CHAP = 1
    FRAMED = 2
    PPP = 1
    ETHERNET = 15
    MICROSOFT = 311
    MS_CHAP_CHALLENGE = 11  # RFC 2548 s.2.1.2
    MS_CHAP2_RESPONSE = 25  # RFC 2548 s.2.3.2


cdef class Logins:
    """Logins of `users` by `method`, from `nases` NASes: drawn by `seed`, or in their order."""

    def __cinit__(
        self, Users users not None, *, str method, uint64_t nases, uint64_t seed, bint in_order
    ):
        if method not in METHODS:
            raise ValueError(f"{method!r} is no method: give one of {', '.join(METHODS)}")
        if method == "mschapv2" and not users.has_mschap2:
            raise ValueError("MS-CHAPv2 needs its responses: call set_mschap2 first")
        if not 1 <= nases <= 65_536:
            raise ValueError(f"{nases} NASes: give 1 to 65536")
        self._users = users
        self._method = METHODS.index(method)
        self._nases = nases
        self._chance = mix(seed)
        self._in_order = in_order

    cdef void put_request(self, Packet *packet, uint8_t identifier, Secret secret) noexcept nogil:
        """A whole Access-Request of the next user, signed."""
        cdef uint64_t first = mix(self._chance), second = mix(self._chance + 1)
        cdef uint32_t port = <uint32_t>(second & 0xFFFF)
        cdef uint64_t drawn = self._sent if self._in_order else first
        cdef uint32_t index = <uint32_t>(drawn % self._users.count)
        cdef uint32_t nas = <uint32_t>(index % self._nases)
        cdef const User *user = self._users.user(index)
        self._chance += 2
        self._sent += 1
        begin_access(packet, identifier, first, second)
        put_octets(packet, USER_NAME, user.name, user.name_size)
        if self._method == PAP:
            secret.put_user_password(packet, user.password, user.password_size)
        elif self._method == CHAP:
            put_chap_password(packet, identifier, user.password, user.password_size)
        else:
            _put_vsa(packet, MS_CHAP_CHALLENGE, self._users.challenge(index), CHALLENGE)
            _put_vsa(packet, MS_CHAP2_RESPONSE, self._users.response(index), MSCHAP2_RESPONSE)
        put_number(packet, NAS_IP_ADDRESS, 0x0A000000 + nas)
        put_named(packet, NAS_IDENTIFIER, b"nas-", nas, 4)
        put_number(packet, NAS_PORT, port)
        put_number(packet, NAS_PORT_TYPE, ETHERNET)
        put_named(packet, NAS_PORT_ID, b"ge-0/0/", port, 4)
        put_number(packet, SERVICE_TYPE, FRAMED)
        put_number(packet, FRAMED_PROTOCOL, PPP)
        put_named(packet, CALLED_STATION_ID, b"02-00-00-00-", nas, 4)
        put_named(packet, CALLING_STATION_ID, b"02-01-", index, 8)
        secret.sign_access(packet)


cdef void _put_vsa(Packet *packet, uint8_t kind, const uint8_t *octets, int size) noexcept nogil:
    """A Vendor-Specific attribute of Microsoft (RFC 2548). The largest has 50 octets of value."""
    cdef uint8_t value[64]
    value[0], value[1], value[2], value[3] = 0, 0, MICROSOFT >> 8, MICROSOFT & 0xFF
    value[4] = kind
    value[5] = <uint8_t>(size + 2)
    memcpy(&value[6], octets, size)
    put_octets(packet, VENDOR_SPECIFIC, value, size + 6)
