"""Packet: one datagram, checked in a single strict pass and read in place (RFC 2865 sections 3, 5).

No dictionary of attributes is built: the pass notes where each type first stands, and a getter
copies out only what is asked for. A length field outside 20..4096 or beyond the datagram, and an
attribute shorter than its header or longer than what is left, drop the packet. Octets behind the
length field are padding. Vendor-Specific attributes are opened when they are asked for; one whose
content is not a row of well-formed sub-attributes stays raw and is never an error.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE)
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memset

cimport cython

from aaad.radius.errors import Discard, DiscardReason

cdef enum:
    VENDOR_SPECIFIC = 26
    VENDOR_HEADER_SIZE = 6  # type, length, vendor
    INTEGER_SIZE = 6  # type, length, four octets
    WALK_TOO_SHORT = 1
    WALK_OVERRUN = 2


@cython.final
@cython.freelist(512)  # as many as wait for one sync of the journal
cdef class Packet:
    """A decoded packet; made by `decode` only. Getters return None, or an empty list, for absent.

    `data` are the octets up to the length field, `code`, `identifier` and `length` the header's.
    """

    def __init__(self):
        raise TypeError("a Packet is made by decode()")

    @property
    def authenticator(self):
        """The 16 octets of the Request or Response Authenticator."""
        return _copy(self, AUTHENTICATOR_AT, HEADER_SIZE)

    cpdef bint has(self, unsigned char type) noexcept:
        """Whether an attribute of `type` is there."""
        return self.first[type] != 0

    cpdef bytes get(self, unsigned char type):
        """The value of the first attribute of `type`."""
        cdef Py_ssize_t at = self.first[type]
        return _value(self, at) if at else None

    cpdef list get_all(self, unsigned char type):
        """The values of all attributes of `type`, in the order of the packet."""
        cdef Py_ssize_t at = self.first[type]
        cdef list values = []
        while at:
            values.append(_value(self, at))
            at = self.next_of(type, at)
        return values

    cpdef object get_int(self, unsigned char type):
        """The number in the first attribute of `type`; None unless it is of four octets."""
        cdef long long number = self.number(type, -1)
        return None if number < 0 else number

    cpdef long long number(self, unsigned char type, long long absent) noexcept:
        """The number in the first attribute of `type`; `absent` unless it is of four octets."""
        cdef Py_ssize_t at = self.first[type]
        if at == 0 or self.octets[at + 1] != INTEGER_SIZE:
            return absent
        return _uint32(self.octets + at + 2)

    def get_vendor(self, unsigned int vendor, unsigned char type):
        """The value of the first sub-attribute of `type` of `vendor`."""
        cdef list values = _vendor_values(self, vendor, type, first_only=True)
        return values[0] if values else None

    def get_all_vendor(self, unsigned int vendor, unsigned char type):
        """The values of all sub-attributes of `type` of `vendor`, in the order of the packet."""
        return _vendor_values(self, vendor, type, first_only=False)

    def attributes(self):
        """All attributes as (type, value), in order; Vendor-Specific ones raw."""
        cdef Py_ssize_t at = HEADER_SIZE
        cdef list found = []
        while at < self.length:
            found.append((self.octets[at], _value(self, at)))
            at += self.octets[at + 1]
        return found

    cdef Py_ssize_t next_of(self, int type, Py_ssize_t after) noexcept:
        """Offset of the next attribute of `type` behind the one at `after`; 0 if none.

        Bounds: `after` is the offset of an attribute, and walk() has proved that from there on the
        length octets lead from attribute to attribute to exactly `length`, each step 2 or more.
        """
        cdef Py_ssize_t at = after + self.octets[after + 1]
        while at < self.length:
            if self.octets[at] == type:
                return at
            at += self.octets[at + 1]
        return 0

    def __repr__(self):
        return f"<Packet code={self.code} identifier={self.identifier} length={self.length}>"

    def __reduce__(self):
        raise TypeError("a Packet is not pickled: keep its data and decode them again")


cpdef Packet decode(object datagram):
    """The packet in `datagram` (bytes, or anything with a contiguous buffer, which is copied).

    Raises Discard for every malformed one, and nothing else whatever the octets are.
    """
    cdef Py_buffer view
    if PyBytes_CheckExact(datagram):
        return decode_octets(
            <const uint8_t *>PyBytes_AS_STRING(datagram), PyBytes_GET_SIZE(datagram), datagram)
    PyObject_GetBuffer(datagram, &view, PyBUF_SIMPLE)
    try:
        return decode_octets(<const uint8_t *>view.buf, view.len, None)
    finally:
        PyBuffer_Release(&view)


cdef Packet decode_octets(const uint8_t *octets, Py_ssize_t size, bytes owner):
    """As decode(); `owner` is the bytes object that holds `octets`, or None: then they are copied.

    Bounds: nothing is read before `size` is known to reach it.
    """
    cdef Py_ssize_t length
    cdef Packet packet
    if size < HEADER_SIZE:
        raise Discard(DiscardReason.TOO_SHORT)
    length = octets[2] << 8 | octets[3]
    if length > PACKET_SIZE_MAX:
        raise Discard(DiscardReason.TOO_LONG)
    if length < HEADER_SIZE or length > size:
        raise Discard(DiscardReason.BAD_LENGTH_FIELD)
    if not _code_is_known(octets[0]):
        raise Discard(DiscardReason.UNKNOWN_CODE)
    packet = Packet.__new__(Packet)
    if owner is None or length < size:
        owner = PyBytes_FromStringAndSize(<const char *>octets, length)
    packet.data = owner
    packet.octets = <const uint8_t *>PyBytes_AS_STRING(owner)
    packet.code = octets[0]
    packet.identifier = octets[1]
    packet.length = <int>length
    memset(packet.first, 0, sizeof(packet.first))
    cdef int fault = walk(packet.octets, HEADER_SIZE, length, packet.first)
    if fault == WALK_TOO_SHORT:
        raise Discard(DiscardReason.ATTRIBUTE_TOO_SHORT)
    if fault == WALK_OVERRUN:
        raise Discard(DiscardReason.ATTRIBUTE_OVERRUN)
    return packet


cdef int walk(
    const uint8_t *octets, Py_ssize_t start, Py_ssize_t end, uint16_t *first) noexcept:
    """Step over the attributes in [start, end); 0 if they fill it exactly, else what is wrong.

    Notes in `first`, unless NULL, where each type first stands. Bounds: reads `at` and `at + 1`
    only while at + 2 <= end; each step goes on by 2 or more, so there are at most 2038 of them.
    """
    cdef Py_ssize_t at = start
    cdef uint8_t size
    while at < end:
        if end - at < 2:
            return WALK_OVERRUN
        size = octets[at + 1]
        if size < 2:
            return WALK_TOO_SHORT
        if size > end - at:
            return WALK_OVERRUN
        if first != NULL and first[octets[at]] == 0:
            first[octets[at]] = <uint16_t>at
        at += size
    return 0


cdef inline bint _code_is_known(uint8_t code) noexcept:
    """The codes of codes.Code, which a test compares with this."""
    return 1 <= code <= 5 or code == 11 or code == 12 or 40 <= code <= 45


cdef inline bytes _copy(Packet packet, Py_ssize_t start, Py_ssize_t end):
    return PyBytes_FromStringAndSize(<const char *>packet.octets + start, end - start)


cdef inline bytes _value(Packet packet, Py_ssize_t at):
    return _copy(packet, at + 2, at + packet.octets[at + 1])


cdef inline uint32_t _uint32(const uint8_t *octets) noexcept:
    return (<uint32_t>octets[0] << 24 | <uint32_t>octets[1] << 16
            | <uint32_t>octets[2] << 8 | <uint32_t>octets[3])


cdef list _vendor_values(Packet packet, uint32_t vendor, int type, bint first_only):
    """The values of a vendor's sub-attributes of `type` (RFC 2865 section 5.26)."""
    cdef Py_ssize_t at = packet.first[VENDOR_SPECIFIC]
    cdef Py_ssize_t inner, end
    cdef list values = []
    while at:
        inner = at + VENDOR_HEADER_SIZE
        end = at + packet.octets[at + 1]
        # A walk that succeeds proves the bounds of the loop below, as in next_of().
        if (inner < end and _uint32(packet.octets + at + 2) == vendor
                and walk(packet.octets, inner, end, NULL) == 0):
            while inner < end:
                if packet.octets[inner] == type:
                    values.append(_value(packet, inner))
                    if first_only:
                        return values
                inner += packet.octets[inner + 1]
        at = packet.next_of(VENDOR_SPECIFIC, at)
    return values
