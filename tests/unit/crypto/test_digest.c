#include "unit.h"

#include <stdlib.h>

#include "crypto/digest.h"

static void assert_digest(struct str bytes, const char *expected)
{
    uint8_t digest[DIGEST_BYTES];
    char hex[DIGEST_HEX + 1] = "";

    digest_sha256(bytes.ptr, bytes.len, digest);
    digest_to_hex(digest, hex);
    assert_string_equal(hex, expected);
}

/* The examples that NIST publishes for FIPS 180-4: no block, one, two, and very many. */
static void test_vectors(void **state)
{
    enum { MILLION = 1000000 };
    char *many = malloc(MILLION);

    (void)state;
    assert_digest(str_make(NULL, 0),
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_digest(STR("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                      "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
                  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    assert_non_null(many);
    memset(many, 'a', MILLION);
    assert_digest(str_make(many, MILLION),
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(many);
}

static void test_equal(void **state)
{
    uint8_t a[DIGEST_BYTES] = {1, 2, 3}, b[DIGEST_BYTES] = {1, 2, 3};

    (void)state;
    assert_true(digest_equal(a, b));
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        b[i] ^= 0x80;
        assert_false(digest_equal(a, b));
        b[i] ^= 0x80;
    }
}

static void test_hex(void **state)
{
    static const char small[] = "00ff10a9b8c7d6e5f40123456789abcdef000000000000000000000000000001";
    static const char large[] = "00FF10A9B8C7D6E5F40123456789ABCDEF000000000000000000000000000001";
    char text[DIGEST_HEX + 1], again[DIGEST_HEX + 1] = "";
    uint8_t digest[DIGEST_BYTES];

    (void)state;
    assert_true(digest_from_hex(str_from_z(large), digest));
    assert_int_equal(digest[1], 0xff);
    assert_int_equal(digest[31], 1);
    digest_to_hex(digest, again);
    assert_string_equal(again, small);
    assert_false(digest_from_hex(str_make(small, DIGEST_HEX - 1), digest));
    assert_false(digest_from_hex(str_make(small, DIGEST_HEX + 1), digest));
    assert_false(digest_from_hex(STR(""), digest));
    memcpy(text, small, sizeof(text));
    for (size_t i = 0; i < DIGEST_HEX; i++) {
        static const char wrong[] = "g/:@G`\0 ";
        text[i] = wrong[i % (sizeof(wrong) - 1)];
        assert_false(digest_from_hex(str_make(text, DIGEST_HEX), digest));
        text[i] = small[i];
    }
    /* A refusal writes nothing. */
    digest_to_hex(digest, again);
    assert_string_equal(again, small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_hex),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
