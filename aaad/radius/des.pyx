"""DES of one block under 56 bits of key (RFC 2433 A.6): a thin door to des.h."""

from libc.stdint cimport uint8_t


cdef extern from "des.h" nogil:
    enum:
        DES_BLOCK_SIZE
        DES_KEY_SIZE
    void des_prepare() noexcept
    void des_encrypt_block(const uint8_t *block, const uint8_t *key, uint8_t *out) noexcept


des_prepare()


def des_encrypt(bytes block not None, bytes key not None):
    """The 8-octet block encrypted under 7 octets of key. Raises ValueError for other sizes."""
    cdef uint8_t out[DES_BLOCK_SIZE]
    if len(block) != DES_BLOCK_SIZE or len(key) != DES_KEY_SIZE:
        raise ValueError(f"a block of {len(block)} and a key of {len(key)} octets: give 8 and 7")
    des_encrypt_block(<const uint8_t *><const char *>block, <const uint8_t *><const char *>key, out)
    return (<const char *>out)[:DES_BLOCK_SIZE]
