#include "unit.h"

#include "sample.h"
#include "json/reader.h"
#include "json/writer.h"

struct fixture {
    struct buf out;
    struct json_writer writer;
};

static struct json_writer *start(struct fixture *f, size_t max)
{
    buf_init(&f->out, max);
    json_writer_init(&f->writer, &f->out);
    return &f->writer;
}

static void expect(struct fixture *f, struct str text)
{
    assert_false(f->out.failed);
    assert_int_equal(f->out.len, text.len);
    assert_true(str_equal(buf_str(&f->out), text));
    assert_true(json_valid(text));
    buf_fini(&f->out);
}

static void values_alone(void **state)
{
    struct fixture f;

    (void)state;
    json_null(start(&f, 100));
    expect(&f, STR("null"));
    json_bool(start(&f, 100), true);
    expect(&f, STR("true"));
    json_bool(start(&f, 100), false);
    expect(&f, STR("false"));
    json_uint(start(&f, 100), UINT64_MAX);
    expect(&f, STR("18446744073709551615"));
    json_int(start(&f, 100), INT64_MIN);
    expect(&f, STR("-9223372036854775808"));
    json_int(start(&f, 100), INT64_MAX);
    expect(&f, STR("9223372036854775807"));
    json_int(start(&f, 100), -1);
    expect(&f, STR("-1"));
    json_int(start(&f, 100), 0);
    expect(&f, STR("0"));
    json_string(start(&f, 100), STR(""));
    expect(&f, STR("\"\""));
    json_raw(start(&f, 100), STR("[1E2, 0.10]"));
    expect(&f, STR("[1E2, 0.10]"));
    json_raw(start(&f, 100), str_make(NULL, 0));
    expect(&f, STR("null"));
}

static void seconds_have_three_digits_behind_the_point(void **state)
{
    struct fixture f;

    (void)state;
    json_seconds(start(&f, 100), 1700000000123);
    expect(&f, STR("1700000000.123"));
    json_seconds(start(&f, 100), 0);
    expect(&f, STR("0.000"));
    json_seconds(start(&f, 100), 7);
    expect(&f, STR("0.007"));
    json_seconds(start(&f, 100), 1090);
    expect(&f, STR("1.090"));
    json_seconds(start(&f, 100), UINT64_MAX);
    expect(&f, STR("18446744073709551.615"));
}

static void commas_come_by_themselves(void **state)
{
    struct fixture f;
    struct json_writer *w = start(&f, 1000);

    (void)state;
    json_begin_object(w);
    json_key_string(w, STR("type"), STR("chat"));
    json_key(w, STR("empty"));
    json_begin_object(w);
    json_end_object(w);
    json_key(w, STR("list"));
    json_begin_array(w);
    json_uint(w, 1);
    json_begin_array(w);
    json_end_array(w);
    json_begin_object(w);
    json_key_bool(w, STR("a"), true);
    json_key_raw(w, STR("b"), STR("1E2"));
    json_end_object(w);
    json_null(w);
    json_begin_array(w);
    json_uint(w, 2);
    json_end_array(w);
    json_end_array(w);
    json_key_uint(w, STR("n"), 12);
    json_end_object(w);
    expect(&f,
           STR("{\"type\":\"chat\",\"empty\":{},\"list\":[1,[],{\"a\":true,\"b\":1E2},null,[2]],"
               "\"n\":12}"));
}

static void as_deep_as_it_says(void **state)
{
    struct fixture f;
    struct json_writer *w = start(&f, 1000);

    (void)state;
    for (int i = 0; i < 63; i++) {
        json_begin_array(w);
        json_uint(w, 1);
    }
    for (int i = 0; i < 63; i++) {
        json_end_array(w);
        if (i < 62) {
            json_uint(w, 2);
        }
    }
    assert_true(json_valid(buf_str(&f.out)));
    assert_int_equal(f.out.len, 63 * 3 + 62 * 3);
    buf_fini(&f.out);
}

static void expect_written(struct str text, struct str written)
{
    struct fixture f;
    char *copy = sample_copy(text.ptr, text.len);

    json_string(start(&f, 1000), str_make(copy, text.len));
    expect(&f, written);
    free(copy);
}

static void escapes_where_needed_only(void **state)
{
    (void)state;
    expect_written(STR("a/b<>&'\x7f"), STR("\"a/b<>&'\x7f\""));
    expect_written(STR("\"\\\b\f\n\r\t"), STR("\"\\\"\\\\\\b\\f\\n\\r\\t\""));
    expect_written(STR("\0\x01\x1f"), STR("\"\\u0000\\u0001\\u001f\""));
    expect_written(STR("\xc3\xa9\xe2\x80\xa8\xf0\x9f\x90\x95"),
                   STR("\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x90\x95\""));
    expect_written(STR("a long text without anything in it\nand then some"),
                   STR("\"a long text without anything in it\\nand then some\""));
}

#define FFFD "\xef\xbf\xbd"

/* The example of the Unicode Standard, table 3-8, and the ends of texts. */
static void invalid_utf8_is_replaced(void **state)
{
    (void)state;
    expect_written(STR("a\xf1\x80\x80\xe1\x80\xc2"
                       "b\x80"
                       "c\x80\xbf"
                       "d"),
                   STR("\"a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d\""));
    expect_written(STR("\xff"), STR("\"" FFFD "\""));
    expect_written(STR("\xc3"), STR("\"" FFFD "\""));
    expect_written(STR("\xf0\x9f\x90"), STR("\"" FFFD "\""));
    expect_written(STR("\xc3\""), STR("\"" FFFD "\\\"\""));
    expect_written(STR("\xc0\xaf"), STR("\"" FFFD FFFD "\""));
    expect_written(STR("\xed\xa0\x80"), STR("\"" FFFD FFFD FFFD "\""));
    expect_written(STR("\xe2\x82\xc3\xa9"), STR("\"" FFFD "\xc3\xa9\""));
}

static void keys_are_escaped_too(void **state)
{
    struct fixture f;
    struct json_writer *w = start(&f, 100);

    (void)state;
    json_begin_object(w);
    json_key_uint(w, STR("a\"\n\xff"), 1);
    json_end_object(w);
    expect(&f, STR("{\"a\\\"\\n" FFFD "\":1}"));
}

/* Literals of letters are written without a look at them; the others are not. */
static void keys_of_every_length(void **state)
{
    struct fixture f;
    struct json_writer *w = start(&f, 400);
    char name[] = "runtime\n";

    (void)state;
    json_begin_object(w);
    json_key_bool(w, STR(""), true);
    json_key_bool(w, STR("a"), true);
    json_key_uint(w, STR("fifteen_letters"), 15);
    json_key_uint(w, STR("sixteen__letters"), 16);
    json_key_uint(w, STR("seventeen_letters"), 17);
    json_key_raw(w, STR("fifteen letter\n"), STR("[]"));
    json_key_raw(w, STR("with\tin"), STR("[]"));
    json_key_string(w, STR("org.parley"), STR("x"));
    json_key_string(w, str_from_z(name), STR("x"));
    json_end_object(w);
    expect(&f, STR("{\"\":true,\"a\":true,\"fifteen_letters\":15,\"sixteen__letters\":16,"
                   "\"seventeen_letters\":17,\"fifteen letter\\n\":[],\"with\\tin\":[],"
                   "\"org.parley\":\"x\",\"runtime\\n\":\"x\"}"));
}

/* Whatever room there is: never beyond it, and failed unless the whole text fits. */
static void every_size_of_room(void **state)
{
    (void)state;
    for (size_t max = 0; max < 60; max++) {
        struct fixture f;
        struct json_writer *w = start(&f, max);
        json_begin_object(w);
        json_key_string(w, STR("key"), STR("a\x01\xc3\xa9\xff"));
        json_key(w, STR("list"));
        json_begin_array(w);
        json_seconds(w, 12345);
        json_int(w, -7);
        json_end_array(w);
        json_end_object(w);
        assert_int_equal(f.out.failed, max < 41);
        assert_true(f.out.len <= max);
        buf_fini(&f.out);
    }
}

/* What is written reads back the same, when it was UTF-8. */
static void random_texts_come_back(void **state)
{
    uint64_t seed = 21;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        static const char *const parts[] = {"\"",       "\\",     "\n",   "plain text ",
                                            "\xc3\xa9", "/",      "\x01", "\xf0\x9f\x90\x95",
                                            "\x7f",     "\\u0041"};
        struct buf text, back;
        struct fixture f;
        buf_init(&text, 1000);
        buf_init(&back, 1000);
        for (uint32_t n = sample_random(&seed, 12); n > 0; n--) {
            buf_append_str(&text, str_from_z(parts[sample_random(&seed, 10)]));
        }
        json_string(start(&f, 1000), buf_str(&text));
        assert_true(json_valid(buf_str(&f.out)));
        json_unescape(buf_str(&f.out), &back);
        assert_true(str_equal(buf_str(&back), buf_str(&text)));
        buf_fini(&f.out);
        buf_fini(&text);
        buf_fini(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_alone),
        cmocka_unit_test(seconds_have_three_digits_behind_the_point),
        cmocka_unit_test(commas_come_by_themselves),
        cmocka_unit_test(as_deep_as_it_says),
        cmocka_unit_test(escapes_where_needed_only),
        cmocka_unit_test(invalid_utf8_is_replaced),
        cmocka_unit_test(keys_are_escaped_too),
        cmocka_unit_test(keys_of_every_length),
        cmocka_unit_test(every_size_of_room),
        cmocka_unit_test(random_texts_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
