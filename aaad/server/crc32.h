/* CRC-32 of IEEE 802.3, the one of zlib, eight octets a step.
 *
 * Written here so that a record's CRC is computed where its octets already are: zlib's own entry
 * from Python wants an object for each record and costs more than the sum itself. A test compares
 * the two. */
#ifndef AAAD_SERVER_CRC32_H
#define AAAD_SERVER_CRC32_H

#include <stddef.h>
#include <stdint.h>

#define CRC32_POLYNOMIAL 0xedb88320u /* reflected */

static uint32_t crc32_table[8][256];

/* crc32_table[k][b] is the CRC of octet b followed by k zeros. */
static void crc32_prepare(void) {
    for (uint32_t octet = 0; octet < 256; octet++) {
        uint32_t crc = octet;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC32_POLYNOMIAL : 0);
        crc32_table[0][octet] = crc;
    }
    for (int zeros = 1; zeros < 8; zeros++)
        for (int octet = 0; octet < 256; octet++) {
            uint32_t crc = crc32_table[zeros - 1][octet];
            crc32_table[zeros][octet] = crc >> 8 ^ crc32_table[0][crc & 0xff];
        }
}

static inline uint32_t crc32_load(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Goes on from `crc`, 0 at the beginning. */
static uint32_t crc32_update(uint32_t crc, const uint8_t *data, size_t size) {
    crc = ~crc;
    for (; size >= 8; data += 8, size -= 8) {
        uint32_t low = crc ^ crc32_load(data), high = crc32_load(data + 4);
        crc = crc32_table[7][low & 0xff] ^ crc32_table[6][low >> 8 & 0xff]
            ^ crc32_table[5][low >> 16 & 0xff] ^ crc32_table[4][low >> 24]
            ^ crc32_table[3][high & 0xff] ^ crc32_table[2][high >> 8 & 0xff]
            ^ crc32_table[1][high >> 16 & 0xff] ^ crc32_table[0][high >> 24];
    }
    for (; size; data++, size--)
        crc = crc >> 8 ^ crc32_table[0][(crc ^ *data) & 0xff];
    return ~crc;
}

#endif
