#include "unit.h"

#include "base/utf8.h"
#include "sample.h"

#include "json/reader.h"
#include <stdio.h>

/* Unescapes with each function that can, into every size of room. */
static void expect_text(struct str raw, struct str text)
{
    struct buf out;
    char room[64];
    char *copy = sample_copy(raw.ptr, raw.len);
    struct str value = str_make(copy, raw.len);

    buf_init(&out, 1000);
    json_unescape(value, &out);
    assert_int_equal(out.len, text.len);
    assert_true(str_equal(buf_str(&out), text));
    buf_fini(&out);
    for (size_t cap = 0; cap <= text.len + 1; cap++) {
        size_t written = cap < text.len ? cap : text.len;
        memset(room, '#', sizeof(room));
        assert_int_equal(json_unescape_to(value, room, cap), text.len);
        if (written > 0) {
            assert_memory_equal(room, text.ptr, written);
        }
        assert_int_equal(room[written], '#');
    }
    assert_true(json_string_is(value, text));
    assert_false(json_string_is(value, STR("something else")));
    if (text.len > 0) {
        assert_false(json_string_is(value, str_slice(text, 0, text.len - 1)));
        assert_false(json_string_is(value, str_slice(text, 1, text.len)));
    }
    free(copy);
}

static void escapes(void **state)
{
    (void)state;
    expect_text(STR("\"\""), STR(""));
    expect_text(STR("\"abc\""), STR("abc"));
    expect_text(STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR("\"\\/\b\f\n\r\t"));
    expect_text(STR("\"a\\nb\\nc\""), STR("a\nb\nc"));
    expect_text(STR("\"\\u0041\\u00e9\\u20AC\\uffff\""), STR("A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf"));
    expect_text(STR("\"\\u0000x\""), STR("\0x"));
    expect_text(STR("\"\\ud83d\\ude00\""), STR("\xf0\x9f\x98\x80"));
    expect_text(STR("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), STR("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    expect_text(STR("\"\xc3\xa9\\\\\xc3\xa9\""), STR("\xc3\xa9\\\xc3\xa9"));
}

static void lone_surrogates_are_replaced(void **state)
{
    (void)state;
    expect_text(STR("\"\\ud800\""), STR("\xef\xbf\xbd"));
    expect_text(STR("\"\\udc00a\""), STR("\xef\xbf\xbd\x61"));
    expect_text(STR("\"\\ud800\\u0041\""), STR("\xef\xbf\xbd\x41"));
    expect_text(STR("\"\\ud800\\ud800\\udc00\""), STR("\xef\xbf\xbd\xf0\x90\x80\x80"));
}

static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff) {
            continue;
        }
        char raw[16], want[4], got[4];
        unsigned high = 0xd800 + ((c - 0x10000) >> 10), low = 0xdc00 + (c & 0x3ff);
        int len = c < 0x10000 ? snprintf(raw, sizeof(raw), "\"\\u%04x\"", c)
                              : snprintf(raw, sizeof(raw), "\"\\u%04X\\u%04X\"", high, low);
        size_t want_len = utf8_encode(c, want);
        assert_int_equal(json_unescape_to(str_make(raw, (size_t)len), got, 4), want_len);
        assert_memory_equal(got, want, want_len);
    }
}

static void no_room_fails_the_buffer(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 3);
    json_unescape(STR("\"ab\\ncd\""), &out);
    assert_true(out.failed);
    buf_fini(&out);
}

static void plain_strings_need_no_copy(void **state)
{
    struct str raw = STR("\"abc\""), text = STR("untouched");

    (void)state;
    assert_false(json_string_plain(STR("\"a\\u0062\""), &text));
    assert_false(json_string_plain(STR("12"), &text));
    assert_false(json_string_plain(STR("{}"), &text));
    assert_false(json_string_plain(str_make(NULL, 0), &text));
    assert_true(str_equal(text, STR("untouched")));
    assert_true(json_string_plain(raw, &text));
    assert_ptr_equal(text.ptr, raw.ptr + 1);
    assert_int_equal(text.len, 3);
    assert_true(json_string_plain(STR("\"\""), &text));
    assert_int_equal(text.len, 0);
}

static void what_is_no_string_has_no_text(void **state)
{
    static const char *const values[] = {"", "12", "null", "{\"a\":\"b\"}", "[\"a\"]"};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct str value = str_from_z(values[i]);
        assert_int_equal(json_unescape_to(value, NULL, 0), 0);
        assert_false(json_string_is(value, STR("")));
        assert_false(json_string_is(value, value));
    }
}

static void equal_after_unescaping(void **state)
{
    static const char *const same[] = {"\"a/b\"", "\"a\\/b\"", "\"\\u0061/b\"", "\"a\\u002Fb\"",
                                       "\"\\u0061\\u002f\\u0062\""};
    static const char *const other[] = {"\"\"",    "\"a/\"",          "\"a/bc\"",
                                        "\"a/c\"", "\"\\u0061/\\n\"", "\"a\\\\/b\""};
    enum { SAME = sizeof(same) / sizeof(same[0]), OTHER = sizeof(other) / sizeof(other[0]) };

    (void)state;
    for (size_t i = 0; i < SAME; i++) {
        for (size_t j = 0; j < SAME; j++) {
            assert_true(json_string_equal(str_from_z(same[i]), str_from_z(same[j])));
        }
        for (size_t j = 0; j < OTHER; j++) {
            assert_false(json_string_equal(str_from_z(same[i]), str_from_z(other[j])));
            assert_false(json_string_equal(str_from_z(other[j]), str_from_z(same[i])));
        }
    }
    assert_true(json_string_equal(STR("\"\""), STR("\"\"")));
    assert_true(json_string_equal(STR("\"\\ud83d\\ude00\""), STR("\"\xf0\x9f\x98\x80\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(lone_surrogates_are_replaced),
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(no_room_fails_the_buffer),
        cmocka_unit_test(plain_strings_need_no_copy),
        cmocka_unit_test(what_is_no_string_has_no_text),
        cmocka_unit_test(equal_after_unescaping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
