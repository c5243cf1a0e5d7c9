#include "unit.h"

#include "base/base64.h"
#include "sample.h"

static bool decode(struct str text, uint8_t *ret_bytes, size_t *ret_len)
{
    char *copy = sample_copy(text.ptr, text.len);
    uint8_t *room = malloc(text.len / 4 * 3);
    size_t len = 0;
    bool ok = base64_decode(str_make(copy, text.len), room, &len);

    if (ok) {
        assert_true(len <= text.len / 4 * 3);
        *ret_len = len;
        if (len > 0) {
            memcpy(ret_bytes, room, len);
        }
    }
    free(room);
    free(copy);
    return ok;
}

static void expect_pair(struct str plain, struct str coded)
{
    char text[64];
    uint8_t bytes[64];
    size_t len = 99;

    assert_int_equal(base64_encoded_size(plain.len), coded.len);
    memset(text, '#', sizeof(text));
    base64_encode(plain.ptr, plain.len, text);
    assert_memory_equal(text, coded.ptr, coded.len);
    assert_int_equal(text[coded.len], '#');
    assert_true(decode(coded, bytes, &len));
    assert_int_equal(len, plain.len);
    assert_memory_equal(bytes, plain.ptr, len);
}

/* RFC 4648 section 10, and the key of RFC 6455 section 1.3. */
static void published_vectors(void **state)
{
    (void)state;
    expect_pair(STR(""), STR(""));
    expect_pair(STR("f"), STR("Zg=="));
    expect_pair(STR("fo"), STR("Zm8="));
    expect_pair(STR("foo"), STR("Zm9v"));
    expect_pair(STR("foob"), STR("Zm9vYg=="));
    expect_pair(STR("fooba"), STR("Zm9vYmE="));
    expect_pair(STR("foobar"), STR("Zm9vYmFy"));
    expect_pair(STR("the sample nonce"), STR("dGhlIHNhbXBsZSBub25jZQ=="));
    expect_pair(STR("\xfb\xff\xbf"), STR("+/+/"));
    expect_pair(STR("\0\0\0\0"), STR("AAAAAA=="));
}

static void expect_refused(struct str text)
{
    uint8_t bytes[64];
    size_t len = 99;

    assert_false(decode(text, bytes, &len));
    assert_int_equal(len, 99);
}

static void what_is_not_canonical_is_refused(void **state)
{
    static const char *const texts[] = {
        "Z",    "Zg",   "Zg=",      "Zg===",    "=",    "==",       "===",      "====",
        "A===", "Zg=a", "Zg==Zg==", "Zm8=Zm9v", "Zh==", "Zm9=",     "Zm9v\n",   "Zm 9",
        "Zm-9", "Zm_9", "Zm9v====", "Zm9vZ===", "=m9v", "Zm9v=m9v", "Zm9vZ=9v", "Zm\x80v"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_refused(str_from_z(texts[i]));
    }
    expect_refused(str_make("Zg\0=", 4));
}

/* Of all texts of four bytes with three fixed, those that decode are the alphabet's. */
static void every_character_at_every_place(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    (void)state;
    for (size_t place = 0; place < 4; place++) {
        for (int c = 0; c < 256; c++) {
            char text[4] = {'A', 'A', 'A', 'A'};
            uint8_t bytes[3];
            size_t len;
            text[place] = (char)c;
            const char *digit = c != 0 ? strchr(alphabet, c) : NULL;
            bool padding = place == 3 && c == '=';
            assert_int_equal(decode(str_make(text, 4), bytes, &len), digit != NULL || padding);
            if (digit != NULL) {
                uint32_t group = (uint32_t)(digit - alphabet) << (18 - 6 * place);
                assert_int_equal(len, 3);
                assert_int_equal(bytes[0] << 16 | bytes[1] << 8 | bytes[2], group);
            } else if (padding) {
                assert_int_equal(len, 2);
            }
        }
    }
}

static void round_trips(void **state)
{
    uint64_t seed = 9;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t plain[48], back[64];
        char coded[64];
        size_t len = sample_random(&seed, sizeof(plain) + 1);
        size_t back_len = 0;
        for (size_t at = 0; at < len; at++) {
            plain[at] = (uint8_t)sample_random(&seed, 256);
        }
        base64_encode(plain, len, coded);
        assert_true(decode(str_make(coded, base64_encoded_size(len)), back, &back_len));
        assert_int_equal(back_len, len);
        assert_memory_equal(back, plain, len);
    }
}

/* What is accepted is written back the same: there is one spelling for any bytes. */
static void accepted_texts_are_canonical(void **state)
{
    static const char characters[] = "ABQgwZ09+/=";
    uint64_t seed = 10;
    unsigned accepted = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[8], again[8];
        uint8_t bytes[6];
        size_t len = sample_random(&seed, 2) == 0 ? 4 : 8;
        size_t bytes_len = 0;
        for (size_t at = 0; at < len; at++) {
            text[at] = characters[sample_random(&seed, sizeof(characters) - 1)];
        }
        if (decode(str_make(text, len), bytes, &bytes_len)) {
            accepted++;
            assert_int_equal(base64_encoded_size(bytes_len), len);
            base64_encode(bytes, bytes_len, again);
            assert_memory_equal(text, again, len);
        }
    }
    assert_true(accepted > 1000);
}

/* Decodes from where a sanitizer sees a read behind the end. */
static bool decode_url(struct str text, uint8_t *ret_bytes, size_t *ret_len)
{
    char *copy = sample_copy(text.ptr, text.len);
    bool ok = base64url_decode(str_make(copy, text.len), ret_bytes, ret_len);

    free(copy);
    return ok;
}

/* The bytes of RFC 7515 appendix C, which have both characters that differ. */
static void base64url(void **state)
{
    static const uint8_t expected[] = {3, 236, 255, 224, 193};
    static const char *const wrong[] = {"A",       "A-z_4",   "A+z_4ME", "A-z/4ME",   "A-z_4ME=",
                                        "A-z_4MF", "A-z 4ME", "A-z_4M",  "A-z_4ME\n", "="};
    uint8_t bytes[9];
    size_t len = 99;

    (void)state;
    assert_true(decode_url(STR("A-z_4ME"), bytes, &len));
    assert_int_equal(len, sizeof(expected));
    assert_memory_equal(bytes, expected, sizeof(expected));
    assert_true(decode_url(STR(""), bytes, &len));
    assert_int_equal(len, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(decode_url(str_from_z(wrong[i]), bytes, &len));
    }
    assert_false(decode_url(str_make("AA\0A", 4), bytes, &len));
    assert_int_equal(len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(what_is_not_canonical_is_refused),
        cmocka_unit_test(every_character_at_every_place),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(accepted_texts_are_canonical),
        cmocka_unit_test(base64url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
