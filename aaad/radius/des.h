/* DES of one block (FIPS 46-3), for the responses of MS-CHAP: RFC 2433 A.6, RFC 2759 8.6.
 *
 * Written here because libraries have dropped it, and because setting up a cipher of theirs costs
 * more than many blocks. Broken as a cipher, and fixed by MS-CHAP.
 *
 * The tables below are those of the standard, in its numbering: bit 1 is the leftmost. A
 * permutation is prepared as what each nibble of its input contributes to its output; S-boxes and P
 * as one table. All of it is prepared once, by des_prepare(). Keys are the 56 bits of RFC 2433,
 * without parity. */
#ifndef AAAD_RADIUS_DES_H
#define AAAD_RADIUS_DES_H

#include <stdint.h>
#include <string.h>

#define DES_BLOCK_SIZE 8
#define DES_KEY_SIZE 7
#define DES_ROUNDS 16
#define DES_BOXES 8
#define DES_NIBBLES 16
#define DES_HALF_KEY_MASK 0x0fffffffu

static const uint8_t DES_INITIAL[64] = {
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
    62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
    57, 49, 41, 33, 25, 17, 9,  1, 59, 51, 43, 35, 27, 19, 11, 3,
    61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7};

static const uint8_t DES_FINAL[64] = {
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31,
    38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29,
    36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
    34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9,  49, 17, 57, 25};

static const uint8_t DES_P[32] = {16, 7, 20, 21, 29, 12, 28, 17, 1,  15, 23, 26, 5,  18, 31, 10,
                                  2,  8, 24, 14, 32, 27, 3,  9,  19, 13, 30, 6,  22, 11, 4,  25};

static const uint8_t DES_CHOICE_1[56] = {
    57, 49, 41, 33, 25, 17, 9,  1,  58, 50, 42, 34, 26, 18, 10, 2,  59, 51, 43,
    35, 27, 19, 11, 3,  60, 52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7,  62, 54,
    46, 38, 30, 22, 14, 6,  61, 53, 45, 37, 29, 21, 13, 5,  28, 20, 12, 4};

static const uint8_t DES_CHOICE_2[48] = {
    14, 17, 11, 24, 1,  5,  3,  28, 15, 6,  21, 10, 23, 19, 12, 4,  26, 8,  16, 7,  27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32};

static const uint8_t DES_SHIFTS[DES_ROUNDS] = {1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1};

/* Each box: four rows of sixteen. */
static const uint8_t DES_S[DES_BOXES][64] = {
    {14, 4,  13, 1, 2,  15, 11, 8,  3,  10, 6,  12, 5,  9,  0, 7,
     0,  15, 7,  4, 14, 2,  13, 1,  10, 6,  12, 11, 9,  5,  3, 8,
     4,  1,  14, 8, 13, 6,  2,  11, 15, 12, 9,  7,  3,  10, 5, 0,
     15, 12, 8,  2, 4,  9,  1,  7,  5,  11, 3,  14, 10, 0,  6, 13},
    {15, 1,  8,  14, 6,  11, 3,  4,  9,  7, 2,  13, 12, 0, 5,  10,
     3,  13, 4,  7,  15, 2,  8,  14, 12, 0, 1,  10, 6,  9, 11, 5,
     0,  14, 7,  11, 10, 4,  13, 1,  5,  8, 12, 6,  9,  3, 2,  15,
     13, 8,  10, 1,  3,  15, 4,  2,  11, 6, 7,  12, 0,  5, 14, 9},
    {10, 0,  9,  14, 6, 3,  15, 5,  1,  13, 12, 7,  11, 4,  2,  8,
     13, 7,  0,  9,  3, 4,  6,  10, 2,  8,  5,  14, 12, 11, 15, 1,
     13, 6,  4,  9,  8, 15, 3,  0,  11, 1,  2,  12, 5,  10, 14, 7,
     1,  10, 13, 0,  6, 9,  8,  7,  4,  15, 14, 3,  11, 5,  2,  12},
    {7,  13, 14, 3, 0,  6,  9,  10, 1,  2, 8, 5,  11, 12, 4,  15,
     13, 8,  11, 5, 6,  15, 0,  3,  4,  7, 2, 12, 1,  10, 14, 9,
     10, 6,  9,  0, 12, 11, 7,  13, 15, 1, 3, 14, 5,  2,  8,  4,
     3,  15, 0,  6, 10, 1,  13, 8,  9,  4, 5, 11, 12, 7,  2,  14},
    {2,  12, 4,  1,  7,  10, 11, 6,  8,  5,  3,  15, 13, 0, 14, 9,
     14, 11, 2,  12, 4,  7,  13, 1,  5,  0,  15, 10, 3,  9, 8,  6,
     4,  2,  1,  11, 10, 13, 7,  8,  15, 9,  12, 5,  6,  3, 0,  14,
     11, 8,  12, 7,  1,  14, 2,  13, 6,  15, 0,  9,  10, 4, 5,  3},
    {12, 1,  10, 15, 9, 2,  6,  8,  0,  13, 3,  4,  14, 7,  5,  11,
     10, 15, 4,  2,  7, 12, 9,  5,  6,  1,  13, 14, 0,  11, 3,  8,
     9,  14, 15, 5,  2, 8,  12, 3,  7,  0,  4,  10, 1,  13, 11, 6,
     4,  3,  2,  12, 9, 5,  15, 10, 11, 14, 1,  7,  6,  0,  8,  13},
    {4,  11, 2,  14, 15, 0, 8,  13, 3,  12, 9, 7,  5,  10, 6, 1,
     13, 0,  11, 7,  4,  9, 1,  10, 14, 3,  5, 12, 2,  15, 8, 6,
     1,  4,  11, 13, 12, 3, 7,  14, 10, 15, 6, 8,  0,  5,  9, 2,
     6,  11, 13, 8,  1,  4, 10, 7,  9,  5,  0, 15, 14, 2,  3, 12},
    {13, 2,  8,  4, 6,  15, 11, 1,  10, 9,  3,  14, 5,  0,  12, 7,
     1,  15, 13, 8, 10, 3,  7,  4,  12, 5,  6,  11, 0,  14, 9,  2,
     7,  11, 4,  1, 9,  12, 14, 2,  0,  6,  10, 13, 15, 3,  5,  8,
     2,  1,  14, 7, 4,  10, 8,  13, 15, 12, 9,  0,  3,  5,  6,  11}};

typedef struct {
    uint64_t of[DES_NIBBLES][16];
} des_permutation;

typedef struct {
    uint64_t round[DES_ROUNDS]; /* 48 bits each */
} des_schedule;

static des_permutation des_initial, des_final, des_choice_1, des_choice_2;
static uint32_t des_boxes[DES_BOXES][64]; /* S-box and P together */

static inline uint32_t des_rotate(uint32_t x, int bits) {
    return (x << bits) | (x >> ((32 - bits) & 31));
}

/* Output bit `at` of `size` is the input's bit table[at] of `size_in`. */
static uint64_t des_pick(const uint8_t *table, int size, int size_in, uint64_t in) {
    uint64_t out = 0;
    for (int at = 0; at < size; at++)
        out |= (in >> (size_in - table[at]) & 1) << (size - 1 - at);
    return out;
}

static void des_prepare_permutation(des_permutation *permutation, const uint8_t *table, int size,
                                    int size_in) {
    for (int nibble = 0; nibble < DES_NIBBLES; nibble++)
        for (uint64_t value = 0; value < 16; value++)
            permutation->of[nibble][value] = des_pick(table, size, size_in, value << 4 * nibble);
}

/* PC-1 numbers the 64 bits of a key with parity: here the parity bits are not there. */
static void des_prepare_choice_1(void) {
    uint8_t table[56];
    for (int at = 0; at < 56; at++)
        table[at] = (uint8_t)(DES_CHOICE_1[at] - (DES_CHOICE_1[at] - 1) / 8);
    des_prepare_permutation(&des_choice_1, table, 56, 56);
}

static void des_prepare(void) {
    des_prepare_permutation(&des_initial, DES_INITIAL, 64, 64);
    des_prepare_permutation(&des_final, DES_FINAL, 64, 64);
    des_prepare_permutation(&des_choice_2, DES_CHOICE_2, 48, 56);
    des_prepare_choice_1();
    for (int box = 0; box < DES_BOXES; box++)
        for (int six = 0; six < 64; six++) {
            int row = (six >> 4 & 2) | (six & 1), column = six >> 1 & 15;
            uint32_t four = (uint32_t)DES_S[box][16 * row + column] << (28 - 4 * box);
            des_boxes[box][six] = (uint32_t)des_pick(DES_P, 32, 32, four);
        }
}

static inline uint64_t des_permute(const des_permutation *permutation, uint64_t in) {
    uint64_t out = 0;
    for (int nibble = 0; nibble < DES_NIBBLES; nibble++)
        out |= permutation->of[nibble][in >> 4 * nibble & 15];
    return out;
}

static inline uint32_t des_rotate_half_key(uint32_t half, int bits) {
    return (half << bits | half >> (28 - bits)) & DES_HALF_KEY_MASK;
}

static inline void des_schedule_key(const uint8_t key[DES_KEY_SIZE], des_schedule *schedule) {
    uint64_t bits = 0;
    for (int i = 0; i < DES_KEY_SIZE; i++)
        bits = bits << 8 | key[i];
    bits = des_permute(&des_choice_1, bits);
    uint32_t c = (uint32_t)(bits >> 28), d = (uint32_t)bits & DES_HALF_KEY_MASK;
    for (int round = 0; round < DES_ROUNDS; round++) {
        c = des_rotate_half_key(c, DES_SHIFTS[round]);
        d = des_rotate_half_key(d, DES_SHIFTS[round]);
        schedule->round[round] = des_permute(&des_choice_2, (uint64_t)c << 28 | d);
    }
}

/* E is not a table: box `i` reads six bits in a row, beginning one before its four. */
static inline uint32_t des_mix(uint32_t right, uint64_t key) {
    uint32_t mixed = 0;
    for (int box = 0; box < DES_BOXES; box++) {
        uint32_t six = des_rotate(right, (4 * box + 5) & 31) & 63;
        mixed |= des_boxes[box][six ^ (key >> (42 - 6 * box) & 63)];
    }
    return mixed;
}

static inline void des_encrypt_block(const uint8_t in[DES_BLOCK_SIZE],
                                     const uint8_t key[DES_KEY_SIZE],
                                     uint8_t out[DES_BLOCK_SIZE]) {
    des_schedule schedule;
    uint64_t block = 0;
    des_schedule_key(key, &schedule);
    for (int i = 0; i < DES_BLOCK_SIZE; i++)
        block = block << 8 | in[i];
    block = des_permute(&des_initial, block);
    uint32_t left = (uint32_t)(block >> 32), right = (uint32_t)block;
    for (int round = 0; round < DES_ROUNDS; round++) {
        uint32_t next = left ^ des_mix(right, schedule.round[round]);
        left = right;
        right = next;
    }
    block = des_permute(&des_final, (uint64_t)right << 32 | left); /* halves change sides */
    for (int i = DES_BLOCK_SIZE - 1; i >= 0; i--, block >>= 8)
        out[i] = (uint8_t)block;
}

#endif
