"""Verify what arrives and sign what leaves: Authenticators and Message-Authenticators.

    packet                     Authenticator                    Message-Authenticator over
    Access-Request, Status     random                           the packet's own Authenticator
    Accounting, CoA, Disconn.  MD5 with it zeroed (RFC 2866)    it zeroed (RFC 5176 section 3.3)
    Accounting-Response        MD5 with the request's           zeroed, as every server signs it
    all other responses        MD5 with the request's           the request's (RFC 3579 s. 3.2)

Against CVE-2024-3596 (a response forged by an MD5 collision through Proxy-State) the
Message-Authenticator stands first in every reply to Access-Request and Status-Server, and a request
with Proxy-State and without Message-Authenticator is refused whatever the client is allowed.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from aaad.radius.decoder cimport (
    AUTHENTICATOR_AT, HEADER_SIZE, PACKET_SIZE_MAX, Packet, decode_octets, walk)
from aaad.radius.digests cimport (
    DIGEST_SIZE, digest_context, digest_start, digests_equal, hmac_md5_finish, hmac_md5_start,
    md5_finish, md5_update)
from aaad.radius.secret cimport Secret

import os

from aaad.radius.errors import Discard, DiscardReason

cdef enum:
    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    COA_REQUEST = 43
    PROXY_STATE = 33
    EAP_MESSAGE = 79
    MESSAGE_AUTHENTICATOR = 80
    SIGNED_SIZE = 18  # a Message-Authenticator with its type and length

cdef uint8_t[16] ZEROS
memset(ZEROS, 0, 16)


cpdef object verify_request(
    Packet packet, Secret secret, bint require_message_authenticator):
    """Raise Discard unless `packet` is a request that the holder of `secret` made.

    `require_message_authenticator` is for Access-Request; Status-Server always needs one (RFC 5997
    section 3), and one that is there is always checked.
    """
    _refuse_none(packet, secret)
    cdef const uint8_t *vector = packet.octets + AUTHENTICATOR_AT
    cdef uint8_t expected[16]
    if packet.code == ACCESS_REQUEST or packet.code == STATUS_SERVER:
        if not packet.first[MESSAGE_AUTHENTICATOR]:
            _refuse_unsigned(packet, require_message_authenticator)
            return
    elif packet.code in (ACCOUNTING_REQUEST, DISCONNECT_REQUEST, COA_REQUEST):
        _authenticator(packet.octets, packet.length, ZEROS, secret, expected)
        if not digests_equal(expected, vector):
            raise Discard(DiscardReason.BAD_AUTHENTICATOR)
        vector = ZEROS
    else:
        raise Discard(DiscardReason.UNEXPECTED_CODE)
    if not _message_authenticator_fits(packet, vector, secret):
        raise Discard(DiscardReason.BAD_MESSAGE_AUTHENTICATOR)


def verify_response(
    bytes data not None, bytes request not None, Secret secret not None, *,
    bint require_message_authenticator=True):
    """The packet in `data`, if it is an authentic response to `request` (as it was sent).

    Raises Discard otherwise. A response to an Access-Request must carry a Message-Authenticator
    unless that is waived (CVE-2024-3596). Responses to CoA and Disconnect are also taken with the
    Message-Authenticator of servers that sign it over zeros.
    """
    cdef Packet packet = decode_octets(
        <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), data)
    cdef const uint8_t *asked = <const uint8_t *>PyBytes_AS_STRING(request)
    cdef uint8_t expected[16]
    if PyBytes_GET_SIZE(request) < HEADER_SIZE:
        raise ValueError(f"the request has {len(request)} octets: pass it whole, as it was sent")
    if packet.identifier != asked[1]:
        raise Discard(DiscardReason.UNEXPECTED_IDENTIFIER)
    if not _answers(packet.code, asked[0]):
        raise Discard(DiscardReason.UNEXPECTED_CODE)
    _authenticator(packet.octets, packet.length, asked + AUTHENTICATOR_AT, secret, expected)
    if not digests_equal(expected, packet.octets + AUTHENTICATOR_AT):
        raise Discard(DiscardReason.BAD_AUTHENTICATOR)
    if not packet.first[MESSAGE_AUTHENTICATOR]:
        if require_message_authenticator and asked[0] == ACCESS_REQUEST:
            raise Discard(DiscardReason.MESSAGE_AUTHENTICATOR_MISSING)
        return packet
    if not (_message_authenticator_fits(
                packet, _response_vector(packet.code, asked), secret)
            or (asked[0] in (DISCONNECT_REQUEST, COA_REQUEST)
                and _message_authenticator_fits(packet, ZEROS, secret))):
        raise Discard(DiscardReason.BAD_MESSAGE_AUTHENTICATOR)
    return packet


cpdef bytes encode_reply(Packet request, int code, bytes attributes, Secret secret):
    """The reply of `code` to `request`: `attributes` as given, then its Proxy-State in order.

    A Message-Authenticator is put first for Access-Request and Status-Server, and for others if the
    request had one. Raises ValueError if `attributes` are malformed, hold a Message-Authenticator
    or Proxy-State, or make the reply longer than 4096 octets.
    """
    _refuse_none(request, secret)
    if attributes is None:
        raise TypeError('no attributes are b"", not None')
    cdef bint signed = (
        request.code == ACCESS_REQUEST or request.code == STATUS_SERVER
        or request.first[MESSAGE_AUTHENTICATOR] != 0)
    cdef Py_ssize_t given = PyBytes_GET_SIZE(attributes)
    cdef Py_ssize_t length = (
        HEADER_SIZE + (SIGNED_SIZE if signed else 0) + given + _proxy_states_size(request))
    _check_attributes(attributes, PROXY_STATE)
    cdef bytes reply = _blank(code, request.identifier, length)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(reply)
    cdef Py_ssize_t at = HEADER_SIZE + (SIGNED_SIZE if signed else 0)
    memcpy(out + at, PyBytes_AS_STRING(attributes), given)
    _copy_proxy_states(request, out + at + given)
    if signed:
        _sign(out, length, _response_vector(code, request.octets), secret)
    _authenticator(
        out, length, request.octets + AUTHENTICATOR_AT, secret, out + AUTHENTICATOR_AT)
    return reply


def encode_request(
    int code, int identifier, bytes attributes not None, Secret secret not None, *,
    bytes authenticator=None, bint message_authenticator=True):
    """A request of `code`: Access, Accounting, Status-Server, Disconnect or CoA.

    `authenticator`: 16 octets for Access-Request and Status-Server, by default from the system's
    random source; the others compute theirs, so giving one raises ValueError. So do malformed
    `attributes`, those with a Message-Authenticator, another code, and more than 4096 octets.
    """
    cdef bint random = code == ACCESS_REQUEST or code == STATUS_SERVER
    cdef Py_ssize_t at = HEADER_SIZE + (SIGNED_SIZE if message_authenticator else 0)
    cdef Py_ssize_t length = at + PyBytes_GET_SIZE(attributes)
    if not random and code not in (ACCOUNTING_REQUEST, DISCONNECT_REQUEST, COA_REQUEST):
        raise ValueError(f"code {code} is not a request: use 1, 4, 12, 40 or 43")
    cdef bytes vector = _request_vector(code, authenticator, random)
    _check_attributes(attributes, MESSAGE_AUTHENTICATOR)
    cdef bytes request = _blank(code, identifier, length)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(request)
    memcpy(out + at, PyBytes_AS_STRING(attributes), PyBytes_GET_SIZE(attributes))
    if message_authenticator:
        _sign(out, length, <const uint8_t *>PyBytes_AS_STRING(vector), secret)
    if random:
        memcpy(out + AUTHENTICATOR_AT, PyBytes_AS_STRING(vector), DIGEST_SIZE)
    else:
        _authenticator(out, length, ZEROS, secret, out + AUTHENTICATOR_AT)
    return request


cdef int _refuse_none(Packet packet, Secret secret) except -1:
    """What a def does by `not None`: a cpdef may not say it."""
    if packet is None or secret is None:
        raise TypeError("a packet and its client's secret are needed, not None")
    return 0


cdef int _refuse_unsigned(Packet packet, bint required) except -1:
    """Whether an Access-Request or Status-Server may go without a Message-Authenticator."""
    if required or packet.code == STATUS_SERVER:
        raise Discard(DiscardReason.MESSAGE_AUTHENTICATOR_MISSING)
    if packet.first[PROXY_STATE]:
        raise Discard(DiscardReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR)
    if packet.first[EAP_MESSAGE]:
        raise Discard(DiscardReason.EAP_MESSAGE_WITHOUT_MESSAGE_AUTHENTICATOR)
    return 0


cdef int _message_authenticator_fits(
    Packet packet, const uint8_t *vector, Secret secret) except -1:
    """1 if there is none or it is right, 0 if wrong; Discard if repeated or of a wrong length."""
    cdef Py_ssize_t at = packet.first[MESSAGE_AUTHENTICATOR]
    cdef uint8_t expected[16]
    if at == 0:
        return 1
    if packet.next_of(MESSAGE_AUTHENTICATOR, at):
        raise Discard(DiscardReason.MESSAGE_AUTHENTICATOR_REPEATED)
    if packet.octets[at + 1] != SIGNED_SIZE:
        raise Discard(DiscardReason.MESSAGE_AUTHENTICATOR_BAD_LENGTH)
    _hmac(packet.octets, packet.length, vector, at + 2, secret, expected)
    return digests_equal(expected, packet.octets + at + 2)


cdef void _hmac(
    const uint8_t *octets, Py_ssize_t length, const uint8_t *vector, Py_ssize_t value_at,
    Secret secret, uint8_t *out) noexcept:
    """HMAC-MD5 of a packet with `vector` for its Authenticator and the value at `value_at` zeroed.

    Bounds: the caller has value_at + 16 <= length.
    """
    cdef digest_context context
    cdef Py_ssize_t behind = value_at + DIGEST_SIZE
    hmac_md5_start(&secret.hmac_key, &context)
    md5_update(&context, octets, AUTHENTICATOR_AT)
    md5_update(&context, vector, DIGEST_SIZE)
    md5_update(&context, octets + HEADER_SIZE, value_at - HEADER_SIZE)
    md5_update(&context, ZEROS, DIGEST_SIZE)
    md5_update(&context, octets + behind, length - behind)
    hmac_md5_finish(&secret.hmac_key, &context, out)


cdef void _authenticator(
    const uint8_t *octets, Py_ssize_t length, const uint8_t *vector, Secret secret,
    uint8_t *out) noexcept:
    """MD5 of a packet with `vector` for its Authenticator, and the secret (RFC 2865 section 3)."""
    cdef digest_context context
    digest_start(&context)
    md5_update(&context, octets, AUTHENTICATOR_AT)
    md5_update(&context, vector, DIGEST_SIZE)
    md5_update(&context, octets + HEADER_SIZE, length - HEADER_SIZE)
    md5_update(
        &context, <const uint8_t *>PyBytes_AS_STRING(secret.value), PyBytes_GET_SIZE(secret.value))
    md5_finish(&context, out)


cdef const uint8_t *_response_vector(int code, const uint8_t *request) noexcept:
    """What stands for the Authenticator in the Message-Authenticator of a response.

    No RFC defines it for the Accounting-Response to an Accounting-Request; zeros are what
    FreeRADIUS and pyrad compute and check.
    """
    if code == ACCOUNTING_RESPONSE and request[0] != STATUS_SERVER:
        return ZEROS
    return request + AUTHENTICATOR_AT


cdef bint _answers(int code, int request_code) noexcept:
    if request_code == ACCESS_REQUEST:
        return code in (ACCESS_ACCEPT, ACCESS_REJECT, ACCESS_CHALLENGE)
    if request_code == STATUS_SERVER:
        return code in (ACCESS_ACCEPT, ACCOUNTING_RESPONSE)
    if request_code == ACCOUNTING_REQUEST:
        return code == ACCOUNTING_RESPONSE
    if request_code in (DISCONNECT_REQUEST, COA_REQUEST):
        return code in (request_code + 1, request_code + 2)
    return False


cdef bytes _request_vector(int code, bytes authenticator, bint random):
    """The Request Authenticator if it is a free choice, else the zeros that stand for it."""
    if not random:
        if authenticator is not None:
            raise ValueError(f"code {code} computes its authenticator: do not give one")
        return bytes(DIGEST_SIZE)
    if authenticator is None:
        return os.urandom(DIGEST_SIZE)
    if len(authenticator) != DIGEST_SIZE:
        raise ValueError(f"an authenticator of {len(authenticator)} octets: give 16")
    return authenticator


cdef bytes _blank(int code, int identifier, Py_ssize_t length):
    """A packet of `length` with its first four octets filled, if they fit."""
    if not 0 <= code <= 255 or not 0 <= identifier <= 255:
        raise ValueError(f"code {code} and identifier {identifier} must lie in 0..255")
    if length > PACKET_SIZE_MAX:
        raise ValueError(
            f"the packet would have {length} octets and may have {PACKET_SIZE_MAX}:"
            " send fewer or shorter attributes")
    cdef bytes packet = PyBytes_FromStringAndSize(NULL, length)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(packet)
    out[0] = <uint8_t>code
    out[1] = <uint8_t>identifier
    out[2] = <uint8_t>(length >> 8)
    out[3] = <uint8_t>(length & 0xff)
    return packet


cdef int _check_attributes(bytes attributes, int ours) except -1:
    """Raise ValueError unless `attributes` are whole and none is of a type that is added here.

    That is Message-Authenticator, and the type `ours`: Proxy-State for a reply.
    """
    cdef const uint8_t *octets = <const uint8_t *>PyBytes_AS_STRING(attributes)
    cdef Py_ssize_t at = 0, end = PyBytes_GET_SIZE(attributes)
    if walk(octets, 0, end, NULL):
        raise ValueError(
            f"malformed attributes ({end} octets): make them with encode_attribute()")
    while at < end:
        if octets[at] == MESSAGE_AUTHENTICATOR or octets[at] == ours:
            raise ValueError(
                f"the attributes hold one of type {octets[at]} (80 Message-Authenticator,"
                " 33 Proxy-State): leave it out, it is added here")
        at += octets[at + 1]
    return 0


cdef Py_ssize_t _proxy_states_size(Packet request) noexcept:
    cdef Py_ssize_t at = request.first[PROXY_STATE], size = 0
    while at:
        size += request.octets[at + 1]
        at = request.next_of(PROXY_STATE, at)
    return size


cdef void _copy_proxy_states(Packet request, uint8_t *out) noexcept:
    """Bounds: the caller has made room for _proxy_states_size(request)."""
    cdef Py_ssize_t at = request.first[PROXY_STATE]
    while at:
        memcpy(out, request.octets + at, request.octets[at + 1])
        out += request.octets[at + 1]
        at = request.next_of(PROXY_STATE, at)


cdef void _sign(
    uint8_t *packet, Py_ssize_t length, const uint8_t *vector, Secret secret) noexcept:
    """Write the Message-Authenticator as the first attribute, over all the others."""
    packet[HEADER_SIZE] = MESSAGE_AUTHENTICATOR
    packet[HEADER_SIZE + 1] = SIGNED_SIZE
    _hmac(packet, length, vector, HEADER_SIZE + 2, secret, packet + HEADER_SIZE + 2)
