"""MS-CHAP versions 1 and 2 and the keys of MPPE, as functions of octets (RFC 2433, 2759, 3079).

The names are the RFCs' in our case, so that a reader can hold the text beside the code. Nothing
here knows packets: passwords.py finds the octets in them and builds the attributes of the reply.
An NT hash is as good as the password, and is treated as such. A login is six SHA-1 digests and
three blocks of DES over a few octets each: in C, because a call of a library costs more than any.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from aaad.radius.digests cimport md4_digest


cdef extern from "des.h" nogil:
    enum:
        DES_BLOCK_SIZE
        DES_KEY_SIZE
    void des_prepare() noexcept
    void des_encrypt_block(const uint8_t *block, const uint8_t *key, uint8_t *out) noexcept


cdef extern from "sha1.h" nogil:
    enum:
        SHA1_SIZE
    ctypedef struct sha1_context:
        pass
    void sha1_start(sha1_context *context) noexcept
    void sha1_update(sha1_context *context, const uint8_t *data, size_t size) noexcept
    void sha1_finish(sha1_context *context, uint8_t *out) noexcept


cdef enum:
    HASH = 16  # an NT hash, and its hash
    RESPONSE = 24
    SESSION_KEY = 16
    PROOF = 42  # "S=" and the hexadecimal digits of a SHA-1
    PAD = 40

NT_HASH_SIZE = HASH
CHALLENGE_V1_SIZE = 8
CHALLENGE_V2_SIZE = 16
NT_RESPONSE_SIZE = RESPONSE
SESSION_KEY_SIZE = SESSION_KEY  # 128-bit MPPE; 40 and 56 bits are broken and not offered

# RFC 2759 section 8.7
cdef bytes SIGNING_MAGIC = b"Magic server to client signing constant"
cdef bytes ITERATION_MAGIC = b"Pad to make it do more than one iteration"
# RFC 3079 section 3.4
cdef bytes MASTER_KEY_MAGIC = b"This is the MPPE Master Key"
cdef bytes CLIENT_SENDS_MAGIC = (
    b"On the client side, this is the send key; on the server side, it is the receive key.")
cdef bytes SERVER_SENDS_MAGIC = (
    b"On the client side, this is the receive key; on the server side, it is the send key.")
cdef uint8_t SHA_PAD_1[PAD]
cdef uint8_t SHA_PAD_2[PAD]
memset(SHA_PAD_1, 0, PAD)
memset(SHA_PAD_2, 0xf2, PAD)

des_prepare()


def nt_hash(bytes password not None):
    """MD4 of the password in UTF-16-LE: NtPasswordHash (RFC 2433 A.4, RFC 2759 8.3), 16 octets.

    Raises ValueError for a password that is not UTF-8: it is no text, so it has no NT hash, as
    where it is set (ledger.credentials).
    """
    cdef uint8_t out[HASH]
    cdef bytes text = password.decode("utf-8").encode("utf-16-le")
    md4_digest(_octets(text), PyBytes_GET_SIZE(text), out)
    return _bytes(out, HASH)


def des_encrypt(bytes block not None, bytes key not None):
    """DesEncrypt (RFC 2433 A.6, RFC 2759 8.6): an 8-octet block under 7 octets of key."""
    cdef uint8_t out[DES_BLOCK_SIZE]
    des_encrypt_block(_sized(block, DES_BLOCK_SIZE), _sized(key, DES_KEY_SIZE), out)
    return _bytes(out, DES_BLOCK_SIZE)


def challenge_response(*, bytes challenge not None, bytes password_hash not None):
    """ChallengeResponse (RFC 2433 A.5, RFC 2759 8.5): 8 octets in, 24 octets out."""
    cdef uint8_t out[RESPONSE]
    cdef uint8_t keys[3 * DES_KEY_SIZE]
    cdef const uint8_t *block = _sized(challenge, DES_BLOCK_SIZE)
    cdef int i
    memset(keys, 0, sizeof(keys))
    memcpy(keys, _sized(password_hash, HASH), HASH)
    for i in range(3):
        des_encrypt_block(block, keys + DES_KEY_SIZE * i, out + DES_BLOCK_SIZE * i)
    return _bytes(out, RESPONSE)


def challenge_hash(
    *, bytes peer_challenge not None, bytes challenge not None, bytes user_name not None):
    """ChallengeHash (RFC 2759 8.2): the 8 octets that version 2 encrypts."""
    cdef sha1_context context
    cdef uint8_t out[SHA1_SIZE]
    sha1_start(&context)
    _absorb(&context, peer_challenge)
    _absorb(&context, challenge)
    _absorb(&context, user_name)
    sha1_finish(&context, out)
    return _bytes(out, DES_BLOCK_SIZE)


def generate_nt_response(
    *, bytes challenge, bytes peer_challenge, bytes user_name, bytes password_hash):
    """GenerateNTResponse (RFC 2759 8.1) from the NT hash: 24 octets."""
    hashed = challenge_hash(peer_challenge=peer_challenge, challenge=challenge, user_name=user_name)
    return challenge_response(challenge=hashed, password_hash=password_hash)


def generate_authenticator_response(
    *, bytes password_hash not None, bytes nt_response not None, bytes hashed_challenge not None):
    """GenerateAuthenticatorResponse (RFC 2759 8.7): `S=` and 40 hexadecimal digits.

    From the NT hash and the ChallengeHash, which the caller has already.
    """
    cdef sha1_context context
    cdef uint8_t hash_hash[HASH]
    cdef uint8_t digest[SHA1_SIZE]
    md4_digest(_sized(password_hash, HASH), HASH, hash_hash)
    sha1_start(&context)
    sha1_update(&context, hash_hash, HASH)
    sha1_update(&context, _sized(nt_response, RESPONSE), RESPONSE)
    _absorb(&context, SIGNING_MAGIC)
    sha1_finish(&context, digest)
    sha1_start(&context)
    sha1_update(&context, digest, SHA1_SIZE)
    sha1_update(&context, _sized(hashed_challenge, DES_BLOCK_SIZE), DES_BLOCK_SIZE)
    _absorb(&context, ITERATION_MAGIC)
    sha1_finish(&context, digest)
    return _proof(digest)


def get_session_keys(*, bytes password_hash not None, bytes nt_response not None):
    """The keys with which the NAS sends and receives: 16 octets each (RFC 3079 section 3.4).

    GetMasterKey, then GetAsymmetricStartKey for both directions.
    """
    cdef sha1_context context
    cdef uint8_t hash_hash[HASH]
    cdef uint8_t master[SHA1_SIZE]
    md4_digest(_sized(password_hash, HASH), HASH, hash_hash)
    sha1_start(&context)
    sha1_update(&context, hash_hash, HASH)
    sha1_update(&context, _sized(nt_response, RESPONSE), RESPONSE)
    _absorb(&context, MASTER_KEY_MAGIC)
    sha1_finish(&context, master)
    return _start_key(master, SERVER_SENDS_MAGIC), _start_key(master, CLIENT_SENDS_MAGIC)


cdef bytes _start_key(const uint8_t *master, bytes magic):
    """GetAsymmetricStartKey (RFC 3079 section 3.4); `magic` tells who sends."""
    cdef sha1_context context
    cdef uint8_t out[SHA1_SIZE]
    sha1_start(&context)
    sha1_update(&context, master, SESSION_KEY)
    sha1_update(&context, SHA_PAD_1, PAD)
    _absorb(&context, magic)
    sha1_update(&context, SHA_PAD_2, PAD)
    sha1_finish(&context, out)
    return _bytes(out, SESSION_KEY)


cdef bytes _proof(const uint8_t *digest):
    cdef const char *digits = b"0123456789ABCDEF"
    cdef char text[PROOF]
    cdef int i
    text[0], text[1] = b"S", b"="
    for i in range(SHA1_SIZE):
        text[2 + 2 * i] = digits[digest[i] >> 4]
        text[3 + 2 * i] = digits[digest[i] & 15]
    return PyBytes_FromStringAndSize(text, PROOF)


cdef inline void _absorb(sha1_context *context, bytes octets) noexcept:
    sha1_update(context, _octets(octets), PyBytes_GET_SIZE(octets))


cdef inline const uint8_t *_octets(bytes octets) noexcept:
    return <const uint8_t *>PyBytes_AS_STRING(octets)


cdef inline const uint8_t *_sized(bytes octets, Py_ssize_t size) except NULL:
    """The octets, if they are as many as the RFC says."""
    if PyBytes_GET_SIZE(octets) != size:
        raise ValueError(f"{PyBytes_GET_SIZE(octets)} octets: give {size}")
    return _octets(octets)


cdef inline bytes _bytes(const uint8_t *octets, Py_ssize_t size):
    return PyBytes_FromStringAndSize(<const char *>octets, size)
