/* MD5, HMAC-MD5 and MD4: the three digests that RADIUS and MS-CHAP are built on.
 *
 * Written here because a call of hashlib or hmac costs more than a whole authentication, because
 * MD4 is gone from OpenSSL 3, and because FIPS builds of hashlib refuse MD5 (RFC 1321, RFC 2104,
 * RFC 1320). The key of an HMAC is absorbed once: its two chaining states are kept, and a packet
 * starts from copies of them.
 *
 * Nothing here allocates, fails or keeps state. Sizes are octets. */
#ifndef AAAD_RADIUS_DIGESTS_H
#define AAAD_RADIUS_DIGESTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGEST_SIZE 16
#define DIGEST_BLOCK_SIZE 64
#define DIGEST_LENGTH_AT 56 /* where the bit length stands in the last block */

/* Both digests keep four words; only the compression function differs. */
typedef struct {
    uint32_t word[4];
} digest_chain;

typedef void (*digest_compress)(digest_chain *chain, const uint8_t *block);

typedef struct {
    digest_chain chain;
    uint64_t length;
    uint8_t block[DIGEST_BLOCK_SIZE];
} digest_context;

static inline uint32_t rotate_left(uint32_t x, int bits) {
    return (x << bits) | (x >> (32 - bits));
}

static inline uint32_t load_le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void store_le32(uint8_t *p, uint32_t x) {
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
    p[2] = (uint8_t)(x >> 16);
    p[3] = (uint8_t)(x >> 24);
}

static inline void load_block(uint32_t w[16], const uint8_t *block) {
    for (int i = 0; i < 16; i++)
        w[i] = load_le32(block + 4 * i);
}

#define MIX_F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MIX_G(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define MIX_H(x, y, z) ((x) ^ (y) ^ (z))
#define MIX_I(x, y, z) ((y) ^ ((x) | ~(z)))
#define MIX_MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define MD5_STEP(mix, a, b, c, d, x, k, s) a = (b) + rotate_left((a) + mix(b, c, d) + (x) + (k), s)
#define MD4_STEP(mix, a, b, c, d, x, k, s) a = rotate_left((a) + mix(b, c, d) + (x) + (k), s)

/* RFC 1321 section 3.4, unrolled: constants are floor(2^32 * abs(sin(step))). */
static void md5_compress(digest_chain *chain, const uint8_t *block) {
    uint32_t a = chain->word[0], b = chain->word[1], c = chain->word[2], d = chain->word[3];
    uint32_t w[16];
    load_block(w, block);
    MD5_STEP(MIX_F, a, b, c, d, w[0], 0xd76aa478u, 7);
    MD5_STEP(MIX_F, d, a, b, c, w[1], 0xe8c7b756u, 12);
    MD5_STEP(MIX_F, c, d, a, b, w[2], 0x242070dbu, 17);
    MD5_STEP(MIX_F, b, c, d, a, w[3], 0xc1bdceeeu, 22);
    MD5_STEP(MIX_F, a, b, c, d, w[4], 0xf57c0fafu, 7);
    MD5_STEP(MIX_F, d, a, b, c, w[5], 0x4787c62au, 12);
    MD5_STEP(MIX_F, c, d, a, b, w[6], 0xa8304613u, 17);
    MD5_STEP(MIX_F, b, c, d, a, w[7], 0xfd469501u, 22);
    MD5_STEP(MIX_F, a, b, c, d, w[8], 0x698098d8u, 7);
    MD5_STEP(MIX_F, d, a, b, c, w[9], 0x8b44f7afu, 12);
    MD5_STEP(MIX_F, c, d, a, b, w[10], 0xffff5bb1u, 17);
    MD5_STEP(MIX_F, b, c, d, a, w[11], 0x895cd7beu, 22);
    MD5_STEP(MIX_F, a, b, c, d, w[12], 0x6b901122u, 7);
    MD5_STEP(MIX_F, d, a, b, c, w[13], 0xfd987193u, 12);
    MD5_STEP(MIX_F, c, d, a, b, w[14], 0xa679438eu, 17);
    MD5_STEP(MIX_F, b, c, d, a, w[15], 0x49b40821u, 22);
    MD5_STEP(MIX_G, a, b, c, d, w[1], 0xf61e2562u, 5);
    MD5_STEP(MIX_G, d, a, b, c, w[6], 0xc040b340u, 9);
    MD5_STEP(MIX_G, c, d, a, b, w[11], 0x265e5a51u, 14);
    MD5_STEP(MIX_G, b, c, d, a, w[0], 0xe9b6c7aau, 20);
    MD5_STEP(MIX_G, a, b, c, d, w[5], 0xd62f105du, 5);
    MD5_STEP(MIX_G, d, a, b, c, w[10], 0x02441453u, 9);
    MD5_STEP(MIX_G, c, d, a, b, w[15], 0xd8a1e681u, 14);
    MD5_STEP(MIX_G, b, c, d, a, w[4], 0xe7d3fbc8u, 20);
    MD5_STEP(MIX_G, a, b, c, d, w[9], 0x21e1cde6u, 5);
    MD5_STEP(MIX_G, d, a, b, c, w[14], 0xc33707d6u, 9);
    MD5_STEP(MIX_G, c, d, a, b, w[3], 0xf4d50d87u, 14);
    MD5_STEP(MIX_G, b, c, d, a, w[8], 0x455a14edu, 20);
    MD5_STEP(MIX_G, a, b, c, d, w[13], 0xa9e3e905u, 5);
    MD5_STEP(MIX_G, d, a, b, c, w[2], 0xfcefa3f8u, 9);
    MD5_STEP(MIX_G, c, d, a, b, w[7], 0x676f02d9u, 14);
    MD5_STEP(MIX_G, b, c, d, a, w[12], 0x8d2a4c8au, 20);
    MD5_STEP(MIX_H, a, b, c, d, w[5], 0xfffa3942u, 4);
    MD5_STEP(MIX_H, d, a, b, c, w[8], 0x8771f681u, 11);
    MD5_STEP(MIX_H, c, d, a, b, w[11], 0x6d9d6122u, 16);
    MD5_STEP(MIX_H, b, c, d, a, w[14], 0xfde5380cu, 23);
    MD5_STEP(MIX_H, a, b, c, d, w[1], 0xa4beea44u, 4);
    MD5_STEP(MIX_H, d, a, b, c, w[4], 0x4bdecfa9u, 11);
    MD5_STEP(MIX_H, c, d, a, b, w[7], 0xf6bb4b60u, 16);
    MD5_STEP(MIX_H, b, c, d, a, w[10], 0xbebfbc70u, 23);
    MD5_STEP(MIX_H, a, b, c, d, w[13], 0x289b7ec6u, 4);
    MD5_STEP(MIX_H, d, a, b, c, w[0], 0xeaa127fau, 11);
    MD5_STEP(MIX_H, c, d, a, b, w[3], 0xd4ef3085u, 16);
    MD5_STEP(MIX_H, b, c, d, a, w[6], 0x04881d05u, 23);
    MD5_STEP(MIX_H, a, b, c, d, w[9], 0xd9d4d039u, 4);
    MD5_STEP(MIX_H, d, a, b, c, w[12], 0xe6db99e5u, 11);
    MD5_STEP(MIX_H, c, d, a, b, w[15], 0x1fa27cf8u, 16);
    MD5_STEP(MIX_H, b, c, d, a, w[2], 0xc4ac5665u, 23);
    MD5_STEP(MIX_I, a, b, c, d, w[0], 0xf4292244u, 6);
    MD5_STEP(MIX_I, d, a, b, c, w[7], 0x432aff97u, 10);
    MD5_STEP(MIX_I, c, d, a, b, w[14], 0xab9423a7u, 15);
    MD5_STEP(MIX_I, b, c, d, a, w[5], 0xfc93a039u, 21);
    MD5_STEP(MIX_I, a, b, c, d, w[12], 0x655b59c3u, 6);
    MD5_STEP(MIX_I, d, a, b, c, w[3], 0x8f0ccc92u, 10);
    MD5_STEP(MIX_I, c, d, a, b, w[10], 0xffeff47du, 15);
    MD5_STEP(MIX_I, b, c, d, a, w[1], 0x85845dd1u, 21);
    MD5_STEP(MIX_I, a, b, c, d, w[8], 0x6fa87e4fu, 6);
    MD5_STEP(MIX_I, d, a, b, c, w[15], 0xfe2ce6e0u, 10);
    MD5_STEP(MIX_I, c, d, a, b, w[6], 0xa3014314u, 15);
    MD5_STEP(MIX_I, b, c, d, a, w[13], 0x4e0811a1u, 21);
    MD5_STEP(MIX_I, a, b, c, d, w[4], 0xf7537e82u, 6);
    MD5_STEP(MIX_I, d, a, b, c, w[11], 0xbd3af235u, 10);
    MD5_STEP(MIX_I, c, d, a, b, w[2], 0x2ad7d2bbu, 15);
    MD5_STEP(MIX_I, b, c, d, a, w[9], 0xeb86d391u, 21);
    chain->word[0] += a;
    chain->word[1] += b;
    chain->word[2] += c;
    chain->word[3] += d;
}

/* RFC 1320 section 3.4. */
static void md4_compress(digest_chain *chain, const uint8_t *block) {
    static const uint8_t third_round[4] = {0, 2, 1, 3};
    uint32_t a = chain->word[0], b = chain->word[1], c = chain->word[2], d = chain->word[3];
    uint32_t w[16];
    load_block(w, block);
    for (int i = 0; i < 16; i += 4) {
        MD4_STEP(MIX_F, a, b, c, d, w[i], 0u, 3);
        MD4_STEP(MIX_F, d, a, b, c, w[i + 1], 0u, 7);
        MD4_STEP(MIX_F, c, d, a, b, w[i + 2], 0u, 11);
        MD4_STEP(MIX_F, b, c, d, a, w[i + 3], 0u, 19);
    }
    for (int i = 0; i < 4; i++) {
        MD4_STEP(MIX_MAJORITY, a, b, c, d, w[i], 0x5a827999u, 3);
        MD4_STEP(MIX_MAJORITY, d, a, b, c, w[i + 4], 0x5a827999u, 5);
        MD4_STEP(MIX_MAJORITY, c, d, a, b, w[i + 8], 0x5a827999u, 9);
        MD4_STEP(MIX_MAJORITY, b, c, d, a, w[i + 12], 0x5a827999u, 13);
    }
    for (int i = 0; i < 4; i++) {
        int at = third_round[i];
        MD4_STEP(MIX_H, a, b, c, d, w[at], 0x6ed9eba1u, 3);
        MD4_STEP(MIX_H, d, a, b, c, w[at + 8], 0x6ed9eba1u, 9);
        MD4_STEP(MIX_H, c, d, a, b, w[at + 4], 0x6ed9eba1u, 11);
        MD4_STEP(MIX_H, b, c, d, a, w[at + 12], 0x6ed9eba1u, 15);
    }
    chain->word[0] += a;
    chain->word[1] += b;
    chain->word[2] += c;
    chain->word[3] += d;
}

static inline void digest_start(digest_context *context) {
    static const digest_chain initial = {{0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u}};
    context->chain = initial;
    context->length = 0;
}

static inline void digest_absorb(digest_compress compress, digest_context *context,
                                 const uint8_t *data, size_t size) {
    size_t held = (size_t)(context->length % DIGEST_BLOCK_SIZE);
    context->length += size;
    if (held) {
        size_t room = DIGEST_BLOCK_SIZE - held;
        if (size < room) {
            memcpy(context->block + held, data, size);
            return;
        }
        memcpy(context->block + held, data, room);
        compress(&context->chain, context->block);
        data += room;
        size -= room;
    }
    for (; size >= DIGEST_BLOCK_SIZE; data += DIGEST_BLOCK_SIZE, size -= DIGEST_BLOCK_SIZE)
        compress(&context->chain, data);
    if (size) /* an empty buffer may be a null pointer, which memcpy must not see */
        memcpy(context->block, data, size);
}

static inline void store_chain(const digest_chain *chain, uint8_t out[DIGEST_SIZE]) {
    for (int i = 0; i < 4; i++)
        store_le32(out + 4 * i, chain->word[i]);
}

static inline void digest_finish(digest_compress compress, digest_context *context,
                                 uint8_t out[DIGEST_SIZE]) {
    uint64_t bits = context->length * 8;
    size_t held = (size_t)(context->length % DIGEST_BLOCK_SIZE);
    context->block[held++] = 0x80;
    if (held > DIGEST_LENGTH_AT) {
        memset(context->block + held, 0, DIGEST_BLOCK_SIZE - held);
        compress(&context->chain, context->block);
        held = 0;
    }
    memset(context->block + held, 0, DIGEST_LENGTH_AT - held);
    store_le32(context->block + DIGEST_LENGTH_AT, (uint32_t)bits);
    store_le32(context->block + DIGEST_LENGTH_AT + 4, (uint32_t)(bits >> 32));
    compress(&context->chain, context->block);
    store_chain(&context->chain, out);
}

static inline void md5_update(digest_context *context, const uint8_t *data, size_t size) {
    digest_absorb(md5_compress, context, data, size);
}

static inline void md5_finish(digest_context *context, uint8_t out[DIGEST_SIZE]) {
    digest_finish(md5_compress, context, out);
}

static inline void md4_digest(const uint8_t *data, size_t size, uint8_t out[DIGEST_SIZE]) {
    digest_context context;
    digest_start(&context);
    digest_absorb(md4_compress, &context, data, size);
    digest_finish(md4_compress, &context, out);
}

/* The two states of RFC 2104 after the padded key: one block absorbed in each. */
typedef struct {
    digest_chain inner;
    digest_chain outer;
} hmac_md5_key;

static inline digest_chain hmac_md5_pad(const uint8_t *key, size_t size, uint8_t pad) {
    digest_context context;
    uint8_t block[DIGEST_BLOCK_SIZE];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < size; i++)
        block[i] = key[i] ^ pad;
    digest_start(&context);
    md5_compress(&context.chain, block);
    return context.chain;
}

static inline void hmac_md5_prepare(hmac_md5_key *prepared, const uint8_t *key, size_t size) {
    uint8_t digest[DIGEST_SIZE];
    if (size > DIGEST_BLOCK_SIZE) { /* RFC 2104 section 2: a long key is hashed first */
        digest_context context;
        digest_start(&context);
        md5_update(&context, key, size);
        md5_finish(&context, digest);
        key = digest;
        size = DIGEST_SIZE;
    }
    prepared->inner = hmac_md5_pad(key, size, 0x36);
    prepared->outer = hmac_md5_pad(key, size, 0x5c);
}

static inline void hmac_md5_start(const hmac_md5_key *key, digest_context *context) {
    context->chain = key->inner;
    context->length = DIGEST_BLOCK_SIZE;
}

static inline void hmac_md5_finish(const hmac_md5_key *key, digest_context *context,
                                   uint8_t out[DIGEST_SIZE]) {
    uint8_t inner[DIGEST_SIZE];
    md5_finish(context, inner);
    context->chain = key->outer;
    context->length = DIGEST_BLOCK_SIZE;
    md5_update(context, inner, DIGEST_SIZE);
    md5_finish(context, out);
}

/* Takes the same time wherever the first difference stands. */
static inline int digests_equal(const uint8_t *left, const uint8_t *right) {
    uint8_t difference = 0;
    for (int i = 0; i < DIGEST_SIZE; i++)
        difference |= left[i] ^ right[i];
    return difference == 0;
}

#endif
