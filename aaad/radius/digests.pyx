"""MD5, HMAC-MD5 and MD4 for Python: thin doors to digests.h, where the reasons stand.

The packet path does not come through here: it calls the C functions itself.
"""


def md5(const uint8_t[::1] data not None):
    """The MD5 digest of `data` (RFC 1321), 16 octets."""
    cdef digest_context context
    cdef uint8_t out[16]
    digest_start(&context)
    if data.shape[0]:
        md5_update(&context, &data[0], data.shape[0])
    md5_finish(&context, out)
    return out[:16]


def hmac_md5(const uint8_t[::1] key not None, const uint8_t[::1] data not None):
    """The HMAC-MD5 of `data` under `key` (RFC 2104), 16 octets."""
    cdef digest_context context
    cdef hmac_md5_key prepared
    cdef uint8_t out[16]
    hmac_md5_prepare(&prepared, &key[0] if key.shape[0] else NULL, key.shape[0])
    hmac_md5_start(&prepared, &context)
    if data.shape[0]:
        md5_update(&context, &data[0], data.shape[0])
    hmac_md5_finish(&prepared, &context, out)
    return out[:16]


def md4(const uint8_t[::1] data not None):
    """The MD4 digest of `data` (RFC 1320), 16 octets: what an NT password hash is made of."""
    cdef uint8_t out[16]
    md4_digest(&data[0] if data.shape[0] else NULL, data.shape[0], out)
    return out[:16]
