#include "unit.h"

#include "ws/sha1.h"

#include <stdlib.h>
#include <string.h>

static void check_digest(const void *bytes, size_t len, const char *expected)
{
    uint8_t digest[SHA1_SIZE];
    char hex[2 * SHA1_SIZE + 1] = "";

    sha1(bytes, len, digest);
    for (size_t i = 0; i < SHA1_SIZE; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    assert_string_equal(hex, expected);
}

/* The examples that NIST publishes for FIPS 180-4, and the empty message. */
static void test_examples(void **state)
{
    (void)state;
    check_digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check_digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                 "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

static void test_million_letters(void **state)
{
    enum { LEN = 1000000 };
    char *letters = malloc(LEN);

    (void)state;
    assert_non_null(letters);
    memset(letters, 'a', LEN);
    check_digest(letters, LEN, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(letters);
}

/*
 * Each length from 0 to 200, so every place where the padding can begin: message n is the bytes
 * 7 i + n modulo 256. The digest of all their digests was made with another implementation.
 */
static void test_every_length(void **state)
{
    enum { LONGEST = 200 };
    uint8_t digests[(LONGEST + 1) * SHA1_SIZE];

    (void)state;
    for (unsigned n = 0; n <= LONGEST; n++) {
        uint8_t *message = malloc(n > 0 ? n : 1);
        assert_non_null(message);
        for (unsigned i = 0; i < n; i++) {
            message[i] = (uint8_t)(i * 7 + n);
        }
        sha1(message, n, digests + n * SHA1_SIZE);
        free(message);
    }
    check_digest(digests, sizeof(digests), "d0de06f4c5cb01efe13d538b17bbc0bd8144a1c2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_million_letters),
        cmocka_unit_test(test_every_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
