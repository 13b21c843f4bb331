"""RADIUS packets as the generator builds and checks them, without the GIL."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aaad.radius.digests cimport digest_context, hmac_md5_key

cdef enum:
    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    HEADER = 20
    # The longest packet that is built here has 420 octets: see packets.pyx.
    PACKET_MAX = 512

cdef enum:
    USER_NAME = 1
    USER_PASSWORD = 2
    CHAP_PASSWORD = 3
    NAS_IP_ADDRESS = 4
    NAS_PORT = 5
    SERVICE_TYPE = 6
    FRAMED_PROTOCOL = 7
    FRAMED_IP_ADDRESS = 8
    VENDOR_SPECIFIC = 26
    CALLED_STATION_ID = 30
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_AUTHENTIC = 45
    ACCT_SESSION_TIME = 46
    ACCT_INPUT_PACKETS = 47
    ACCT_OUTPUT_PACKETS = 48
    ACCT_TERMINATE_CAUSE = 49
    ACCT_INPUT_GIGAWORDS = 52
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    NAS_PORT_TYPE = 61
    MESSAGE_AUTHENTICATOR = 80
    NAS_PORT_ID = 87

cdef struct Packet:
    int size
    uint8_t data[PACKET_MAX]


cdef class Secret:
    cdef digest_context _started  # MD5 of nothing, kept to copy
    cdef hmac_md5_key _mac_key
    cdef uint8_t _octets[128]
    cdef int _size

    cdef void sign_accounting(self, Packet *packet) noexcept nogil
    cdef void sign_access(self, Packet *packet) noexcept nogil
    cdef void put_user_password(
        self, Packet *packet, const uint8_t *password, int size) noexcept nogil
    cdef bint is_authentic(
        self, const uint8_t *reply, int size, const uint8_t *request) noexcept nogil


cdef void begin_accounting(Packet *packet, uint8_t identifier) noexcept nogil
cdef void begin_access(
    Packet *packet, uint8_t identifier, uint64_t random_1, uint64_t random_2) noexcept nogil
cdef void put_octets(
    Packet *packet, uint8_t kind, const void *octets, int size) noexcept nogil
cdef void put_number(Packet *packet, uint8_t kind, uint32_t number) noexcept nogil
cdef void put_hex(Packet *packet, uint8_t kind, uint64_t number) noexcept nogil
cdef void put_named(
    Packet *packet, uint8_t kind, const char *name, uint32_t number, int digits) noexcept nogil
cdef void put_chap_password(
    Packet *packet, uint8_t chap_id, const uint8_t *password, int size) noexcept nogil
cdef uint64_t mix(uint64_t x) noexcept nogil
