#include "ws/sha1.h"

#include <string.h>

enum { BLOCK_SIZE = 64, LENGTH_SIZE = 8 };

static uint32_t rotate_left(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static void store_word(uint8_t *ret_bytes, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++) {
        ret_bytes[i] = (uint8_t)(word >> (24 - 8 * i));
    }
}

/* The message schedule of a block (6.1.2, step 1). */
static void expand_block(const uint8_t *block, uint32_t ret_words[80])
{
    for (unsigned t = 0; t < 16; t++, block += 4) {
        ret_words[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
                       (uint32_t)block[2] << 8 | block[3];
    }
    for (unsigned t = 16; t < 80; t++) {
        ret_words[t] = rotate_left(
            ret_words[t - 3] ^ ret_words[t - 8] ^ ret_words[t - 14] ^ ret_words[t - 16], 1);
    }
}

/* One block into the hash value (6.1.2); the functions and constants are those of 4.1.1, 4.2.1. */
static void hash_block(uint32_t hash[5], const uint8_t *block)
{
    uint32_t words[80];
    uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];

    expand_block(block, words);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t f;
        if (t < 20) {
            f = ((b & c) ^ (~b & d)) + 0x5a827999;
        } else if (t < 40) {
            f = (b ^ c ^ d) + 0x6ed9eba1;
        } else if (t < 60) {
            f = ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
        } else {
            f = (b ^ c ^ d) + 0xca62c1d6;
        }
        uint32_t next = rotate_left(a, 5) + f + e + words[t];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
}

void sha1(const void *bytes, size_t len, uint8_t ret_digest[SHA1_SIZE])
{
    uint32_t hash[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const uint8_t *block = bytes;
    size_t left = len;

    for (; left >= BLOCK_SIZE; block += BLOCK_SIZE, left -= BLOCK_SIZE) {
        hash_block(hash, block);
    }

    /* The padding (5.1.1): a one bit, zeros, the length in bits; one block, or two. */
    uint8_t tail[2 * BLOCK_SIZE] = {0};
    size_t tail_size = left + 1 + LENGTH_SIZE <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
    uint64_t bits = (uint64_t)len * 8;
    if (left > 0) {
        memcpy(tail, block, left);
    }
    tail[left] = 0x80;
    store_word(tail + tail_size - 8, (uint32_t)(bits >> 32));
    store_word(tail + tail_size - 4, (uint32_t)bits);
    for (size_t at = 0; at < tail_size; at += BLOCK_SIZE) {
        hash_block(hash, tail + at);
    }

    for (unsigned i = 0; i < 5; i++) {
        store_word(ret_digest + 4 * i, hash[i]);
    }
}
