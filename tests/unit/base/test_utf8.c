#include "unit.h"

#include "base/utf8.h"
#include "sample.h"

/* One character more of a text, written from the table in RFC 3629 section 4; 0 when none fits. */
static size_t measure_character(const uint8_t *s, size_t len)
{
    static const struct {
        uint8_t ranges[4][2];
        size_t len;
    } rows[] = {
        {{{0x00, 0x7f}}, 1},
        {{{0xc2, 0xdf}, {0x80, 0xbf}}, 2},
        {{{0xe0, 0xe0}, {0xa0, 0xbf}, {0x80, 0xbf}}, 3},
        {{{0xe1, 0xec}, {0x80, 0xbf}, {0x80, 0xbf}}, 3},
        {{{0xed, 0xed}, {0x80, 0x9f}, {0x80, 0xbf}}, 3},
        {{{0xee, 0xef}, {0x80, 0xbf}, {0x80, 0xbf}}, 3},
        {{{0xf0, 0xf0}, {0x90, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}}, 4},
        {{{0xf1, 0xf3}, {0x80, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}}, 4},
        {{{0xf4, 0xf4}, {0x80, 0x8f}, {0x80, 0xbf}, {0x80, 0xbf}}, 4},
    };

    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        size_t i = 0;
        while (i < rows[r].len && i < len && s[i] >= rows[r].ranges[i][0] &&
               s[i] <= rows[r].ranges[i][1]) {
            i++;
        }
        if (i == rows[r].len) {
            return i;
        }
    }
    return 0;
}

static bool model_accepts(const uint8_t *s, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t n = measure_character(s + at, len - at);
        if (n == 0) {
            return false;
        }
        at += n;
    }
    return true;
}

/* Whole, at every split, and byte by byte. */
static void check(const void *bytes, size_t len)
{
    const uint8_t *s = bytes;
    char *copy = sample_copy(bytes, len);
    uint32_t whole = utf8_feed(UTF8_COMPLETE, copy, len);
    uint32_t each = UTF8_COMPLETE, step = UTF8_COMPLETE;

    assert_int_equal(whole == UTF8_COMPLETE, model_accepts(s, len));
    assert_int_equal(utf8_valid(copy, len), model_accepts(s, len));
    for (size_t split = 0; split <= len; split++) {
        uint32_t half = utf8_feed(UTF8_COMPLETE, copy, split);
        assert_int_equal(utf8_feed(half, copy + split, len - split), whole);
    }
    for (size_t i = 0; i < len; i++) {
        each = utf8_feed(each, copy + i, 1);
        step = utf8_step(step, s[i]);
        assert_int_equal(step, each);
    }
    assert_int_equal(each, whole);
    free(copy);
}

static void every_two_bytes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x10000; i++) {
        uint8_t bytes[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        check(bytes, 1);
        check(bytes, 2);
    }
}

static void every_lead_with_the_edges_of_what_follows(void **state)
{
    static const uint8_t edges[] = {0x00, 0x22, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                    0xa0, 0xbf, 0xc0, 0xc2, 0xed, 0xf4, 0xff};
    enum { EDGES = sizeof(edges) };

    (void)state;
    for (unsigned lead = 0x80; lead < 0x100; lead++) {
        for (unsigned i = 0; i < EDGES * EDGES * EDGES; i++) {
            uint8_t bytes[] = {(uint8_t)lead, edges[i % EDGES], edges[i / EDGES % EDGES],
                               edges[i / EDGES / EDGES]};
            check(bytes, 3);
            check(bytes, 4);
        }
    }
}

static void every_code_point_is_encoded_and_accepted(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff) {
            continue;
        }
        char bytes[4];
        size_t len = utf8_encode(c, bytes);
        const uint8_t *s = (const uint8_t *)bytes;
        uint32_t back = len == 1   ? s[0]
                        : len == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu)
                        : len == 3 ? (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu)
                                   : (s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 |
                                         (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
        assert_int_equal(back, c);
        assert_int_equal(measure_character(s, len), len);
        assert_true(utf8_valid(bytes, len));
    }
}

/* A character or a broken one at every place of a text long enough for the fast path. */
static void among_ascii(void **state)
{
    static const char *const inserts[] = {
        "\xc3\xa9", "\xe2\x82\xac",     "\xf0\x9f\x90\x95", "\x80",
        "\xc3",     "\xe2\x82",         "\xf0\x9f\x90",     "\xed\xa0\x80",
        "\xc0\xaf", "\xf4\x90\x80\x80", "\xc3\xa9\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < sizeof(inserts) / sizeof(inserts[0]); i++) {
        size_t insert_len = strlen(inserts[i]);
        for (size_t before = 0; before < 40; before++) {
            for (size_t after = 0; after < 40; after += 3) {
                uint8_t text[100];
                memset(text, 'a', sizeof(text));
                memcpy(text + before, inserts[i], insert_len);
                check(text, before + insert_len + after);
            }
        }
    }
}

static void invalid_stays_invalid(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        assert_int_equal(utf8_step(UTF8_INVALID, byte), UTF8_INVALID);
        assert_int_equal(utf8_feed(UTF8_INVALID, &byte, 1), UTF8_INVALID);
    }
    assert_int_equal(utf8_feed(UTF8_INVALID, "", 0), UTF8_INVALID);
    assert_int_equal(utf8_feed(UTF8_COMPLETE, NULL, 0), UTF8_COMPLETE);
}

static void random_texts(void **state)
{
    uint64_t seed = 5;
    unsigned valid = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t text[64];
        size_t len = 0;
        size_t want = sample_random(&seed, 60);
        while (len < want) {
            uint32_t c = sample_random(&seed, 4) < 3 ? sample_random(&seed, 0x80)
                                                     : sample_random(&seed, 0x110000);
            c = c >= 0xd800 && c <= 0xdfff ? 0xfffd : c;
            len += utf8_encode(c, (char *)text + len);
        }
        if (len > 0 && i % 2 == 0) {
            text[sample_random(&seed, (uint32_t)len)] = (uint8_t)sample_random(&seed, 256);
        }
        valid += model_accepts(text, len);
        check(text, len);
    }
    assert_true(valid > 10000 && valid < 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_two_bytes),
        cmocka_unit_test(every_lead_with_the_edges_of_what_follows),
        cmocka_unit_test(every_code_point_is_encoded_and_accepted),
        cmocka_unit_test(among_ascii),
        cmocka_unit_test(invalid_stays_invalid),
        cmocka_unit_test(random_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
