#include "unit.h"

#include "json/members.h"
#include "json/reader.h"

#include <stdio.h>

static const uint8_t secret[16] = {7};
static const struct str nothing[] = {{"", 0}};
static const struct str secrets[] = {{"token", 5}, {"ts", 2}, {"", 0}};

/* Both objects as one, against what is expected. */
static void expect(const char *first, const char *second, const struct str *except,
                   const char *expected)
{
    struct json_names names;
    struct buf out;

    assert_true(json_valid(str_from_z(first)) && json_valid(str_from_z(second)));
    buf_init(&out, 1000);
    json_names_init(&names, secret);
    json_append_members(&out, str_from_z(first), except, &names);
    json_append_members(&out, str_from_z(second), except, &names);
    assert_false(out.failed);
    assert_int_equal(out.len, strlen(expected));
    if (out.len > 0) {
        assert_memory_equal(out.data, expected, out.len);
    }
    buf_fini(&out);
}

static void they_keep_their_bytes(void **state)
{
    (void)state;
    expect("{ \"a\" : 1.0E+2 ,\"b\":{ } }", "{\"\\u0063\":[ \"\\/\"]}", nothing,
           "\"a\":1.0E+2,\"b\":{ },\"\\u0063\":[ \"\\/\"]");
    expect("{}", "{\"a\":1}", nothing, "\"a\":1");
    expect("{\"a\":1}", "{}", nothing, "\"a\":1");
    expect("[1,2]", "7", nothing, "");
}

static void a_name_stands_once(void **state)
{
    (void)state;
    expect("{\"a\":1,\"b\":2}", "{\"\\u0061\":3,\"c\":4,\"c\":5,\"\":6}", nothing,
           "\"a\":1,\"b\":2,\"c\":4,\"\":6");
}

static void some_are_left_out(void **state)
{
    (void)state;
    expect("{\"t\":1,\"to\\u006ben\":\"s\"}", "{\"token\":\"s\",\"tokens\":2,\"ts\":5}", secrets,
           "\"t\":1,\"tokens\":2");
}

/* As many as a message has at its top are taken, whichever object they are in. */
static void there_is_a_most(void **state)
{
    struct json_names names;
    struct buf text, out;

    (void)state;
    buf_init(&text, 100000);
    buf_append_char(&text, '{');
    for (int i = 0; i < WIRE_MAX_MEMBERS; i++) {
        buf_printf(&text, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
    }
    buf_append_char(&text, '}');
    buf_init(&out, 100000);
    json_names_init(&names, secret);
    json_append_members(&out, buf_str(&text), nothing, &names);
    assert_int_equal(out.len, text.len - 2);
    json_append_members(&out, STR("{\"one\":1}"), nothing, &names);
    assert_int_equal(out.len, text.len - 2);
    buf_fini(&text);
    buf_fini(&out);
}

/* Up to 256 bytes every byte counts. */
static void every_byte_of_a_long_name_counts(void **state)
{
    char first[300], second[300];

    (void)state;
    (void)snprintf(first, sizeof(first), "{\"%0255d\":1}", 0);
    (void)snprintf(second, sizeof(second), "{\"%0256d\":2,\"%03d\":3}", 0, 0);
    char expected[600];
    (void)snprintf(expected, sizeof(expected), "\"%0255d\":1,\"%0256d\":2,\"%03d\":3", 0, 0, 0);
    expect(first, second, nothing, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_keep_their_bytes),
        cmocka_unit_test(a_name_stands_once),
        cmocka_unit_test(some_are_left_out),
        cmocka_unit_test(there_is_a_most),
        cmocka_unit_test(every_byte_of_a_long_name_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
