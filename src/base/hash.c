#include "base/map.h"

#include <endian.h>
#include <string.h>

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* Eight bytes as a number; the first is its lowest. */
static uint64_t load_le(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return le64toh(value);
}

/* At most 7 bytes. Of four and more two halves overlap, and what both have is the same. */
static uint64_t load_rest(const uint8_t *bytes, size_t len)
{
    uint32_t low, high;
    uint64_t value = 0;

    if (len >= sizeof(low)) {
        memcpy(&low, bytes, sizeof(low));
        memcpy(&high, bytes + len - sizeof(high), sizeof(high));
        return le32toh(low) | (uint64_t)le32toh(high) << (len - sizeof(high)) * 8;
    }
    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t)bytes[i] << i * 8;
    }
    return value;
}

static void rounds(uint64_t v[4], int count)
{
    for (int i = 0; i < count; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

uint64_t hash_bytes(const uint8_t secret[16], const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t k0 = load_le(secret);
    uint64_t k1 = load_le(secret + 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                     k1 ^ 0x7465646279746573u};

    for (size_t i = 0; i < len / 8; i++, at += 8) {
        uint64_t word = load_le(at);
        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)len << 56 | load_rest(at, len % 8); /* of nothing, `at` may be NULL */
    v[3] ^= last;
    rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_number(uint64_t secret, uint64_t number)
{
    return number * (secret | 1) >> 32;
}
