/* SHA-1 (FIPS 180-4 section 6.1): what MS-CHAPv2 and the keys of MPPE are derived with.
 *
 * Written here because the texts are a few octets long, and a digest object of a library costs more
 * than digesting them. Broken as a digest, and fixed by RFC 2759 and RFC 3079.
 *
 * Nothing here allocates, fails or keeps state. Sizes are octets. */
#ifndef AAAD_RADIUS_SHA1_H
#define AAAD_RADIUS_SHA1_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SHA1_SIZE 20
#define SHA1_BLOCK_SIZE 64
#define SHA1_LENGTH_AT 56 /* where the bit length stands in the last block */

typedef struct {
    uint32_t word[5];
    uint64_t length;
    uint8_t block[SHA1_BLOCK_SIZE];
} sha1_context;

static inline uint32_t sha1_rotate(uint32_t x, int bits) {
    return (x << bits) | (x >> (32 - bits));
}

static inline uint32_t sha1_load(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline void sha1_store(uint8_t *p, uint32_t x) {
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

/* The schedule keeps its last sixteen words; step t's new one takes the place of that of t - 16. */
#define SHA1_GIVEN(t) w[t]
#define SHA1_NEXT(t)                                                                               \
    (w[(t) & 15] = sha1_rotate(                                                                    \
         w[((t) + 13) & 15] ^ w[((t) + 8) & 15] ^ w[((t) + 2) & 15] ^ w[(t) & 15], 1))
#define SHA1_CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define SHA1_PARITY(x, y, z) ((x) ^ (y) ^ (z))
#define SHA1_MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define SHA1_STEP(v, w, x, y, z, mix, word, constant)                                              \
    z += sha1_rotate(v, 5) + mix(w, x, y) + (word) + (constant);                                   \
    w = sha1_rotate(w, 30);
/* Five steps bring each variable back to its place. */
#define SHA1_FIVE(mix, word, t, constant)                                                          \
    SHA1_STEP(a, b, c, d, e, mix, word(t), constant)                                               \
    SHA1_STEP(e, a, b, c, d, mix, word(t + 1), constant)                                           \
    SHA1_STEP(d, e, a, b, c, mix, word(t + 2), constant)                                           \
    SHA1_STEP(c, d, e, a, b, mix, word(t + 3), constant)                                           \
    SHA1_STEP(b, c, d, e, a, mix, word(t + 4), constant)
#define SHA1_TWENTY(mix, t, constant)                                                              \
    SHA1_FIVE(mix, SHA1_NEXT, t, constant)                                                         \
    SHA1_FIVE(mix, SHA1_NEXT, t + 5, constant)                                                     \
    SHA1_FIVE(mix, SHA1_NEXT, t + 10, constant)                                                    \
    SHA1_FIVE(mix, SHA1_NEXT, t + 15, constant)

static void sha1_compress(uint32_t h[5], const uint8_t *block) {
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    uint32_t w[16];
    for (int t = 0; t < 16; t++)
        w[t] = sha1_load(block + 4 * t);
    SHA1_FIVE(SHA1_CHOOSE, SHA1_GIVEN, 0, 0x5a827999u)
    SHA1_FIVE(SHA1_CHOOSE, SHA1_GIVEN, 5, 0x5a827999u)
    SHA1_FIVE(SHA1_CHOOSE, SHA1_GIVEN, 10, 0x5a827999u)
    SHA1_STEP(a, b, c, d, e, SHA1_CHOOSE, SHA1_GIVEN(15), 0x5a827999u)
    SHA1_STEP(e, a, b, c, d, SHA1_CHOOSE, SHA1_NEXT(16), 0x5a827999u)
    SHA1_STEP(d, e, a, b, c, SHA1_CHOOSE, SHA1_NEXT(17), 0x5a827999u)
    SHA1_STEP(c, d, e, a, b, SHA1_CHOOSE, SHA1_NEXT(18), 0x5a827999u)
    SHA1_STEP(b, c, d, e, a, SHA1_CHOOSE, SHA1_NEXT(19), 0x5a827999u)
    SHA1_TWENTY(SHA1_PARITY, 20, 0x6ed9eba1u)
    SHA1_TWENTY(SHA1_MAJORITY, 40, 0x8f1bbcdcu)
    SHA1_TWENTY(SHA1_PARITY, 60, 0xca62c1d6u)
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

static inline void sha1_start(sha1_context *context) {
    static const uint32_t initial[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u,
                                        0xc3d2e1f0u};
    memcpy(context->word, initial, sizeof initial);
    context->length = 0;
}

static inline void sha1_update(sha1_context *context, const uint8_t *data, size_t size) {
    size_t held = (size_t)(context->length % SHA1_BLOCK_SIZE);
    context->length += size;
    while (size) {
        size_t taken = SHA1_BLOCK_SIZE - held < size ? SHA1_BLOCK_SIZE - held : size;
        memcpy(context->block + held, data, taken);
        data += taken;
        size -= taken;
        held += taken;
        if (held == SHA1_BLOCK_SIZE) {
            sha1_compress(context->word, context->block);
            held = 0;
        }
    }
}

static inline void sha1_finish(sha1_context *context, uint8_t out[SHA1_SIZE]) {
    static const uint8_t padding[SHA1_BLOCK_SIZE] = {0x80};
    uint64_t bits = context->length * 8;
    size_t held = (size_t)(context->length % SHA1_BLOCK_SIZE);
    uint8_t length[8];
    sha1_store(length, (uint32_t)(bits >> 32));
    sha1_store(length + 4, (uint32_t)bits);
    sha1_update(context, padding,
                (held < SHA1_LENGTH_AT ? SHA1_LENGTH_AT : SHA1_BLOCK_SIZE + SHA1_LENGTH_AT) - held);
    sha1_update(context, length, sizeof length);
    for (int i = 0; i < 5; i++)
        sha1_store(out + 4 * i, context->word[i]);
}

#endif
