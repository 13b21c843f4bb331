"""The C digests of digests.h, for the modules that hash packets and passwords."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef extern from "digests.h" nogil:
    enum:
        DIGEST_SIZE
        DIGEST_BLOCK_SIZE

    ctypedef struct digest_context:
        uint64_t length

    ctypedef struct hmac_md5_key:
        pass

    void digest_start(digest_context *context) noexcept
    void md5_update(digest_context *context, const uint8_t *data, size_t size) noexcept
    void md5_finish(digest_context *context, uint8_t *out) noexcept
    void md4_digest(const uint8_t *data, size_t size, uint8_t *out) noexcept
    void hmac_md5_prepare(hmac_md5_key *prepared, const uint8_t *key, size_t size) noexcept
    void hmac_md5_start(const hmac_md5_key *key, digest_context *context) noexcept
    void hmac_md5_finish(
        const hmac_md5_key *key, digest_context *context, uint8_t *out) noexcept
    bint digests_equal(const uint8_t *left, const uint8_t *right) noexcept
