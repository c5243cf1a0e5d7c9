#include "unit.h"

#include "json/merge.h"
#include "json/reader.h"

#include <stdio.h>

/*
 * json_next_member is wrapped: what a merge costs is the bytes that it passes over, whatever a
 * clock says.
 */

static const uint8_t secret[16] = {7};
static size_t passed;

bool __wrap_json_next_member(struct json_iter *it, struct str *ret_key, struct str *ret_value);
bool __real_json_next_member(struct json_iter *it, struct str *ret_key, struct str *ret_value);

bool __wrap_json_next_member(struct json_iter *it, struct str *ret_key, struct str *ret_value)
{
    const char *from = it->at;
    bool found = __real_json_next_member(it, ret_key, ret_value);

    passed += (size_t)(it->at - from);
    return found;
}

static void expect(const char *target, const char *patch, const char *expected)
{
    struct buf out;

    assert_true(json_valid(str_from_z(target)) && json_valid(str_from_z(patch)));
    buf_init(&out, 1000);
    assert_true(json_merge(&out, secret, str_from_z(target), str_from_z(patch)));
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    buf_fini(&out);
}

/* RFC 7396, appendix A. */
static void the_examples_of_the_rfc(void **state)
{
    (void)state;
    expect("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
    expect("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}");
    expect("{\"a\":\"b\"}", "{\"a\":null}", "{}");
    expect("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}");
    expect("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
    expect("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}");
    expect("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}");
    expect("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}");
    expect("[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]");
    expect("{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]");
    expect("{\"a\":\"foo\"}", "null", "null");
    expect("{\"a\":\"foo\"}", "\"bar\"", "\"bar\"");
    expect("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}");
    expect("[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}");
    expect("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}");
}

static void what_is_not_changed_keeps_its_spelling(void **state)
{
    (void)state;
    expect("{ \"a\" : 1.0E+2, \"\\u0062\":{ \"x\" : [ ] } }", "{\"c\":[ 0.10 ],\"b\":{\"y\":1}}",
           "{\"a\":1.0E+2,\"\\u0062\":{\"x\":[ ],\"y\":1},\"c\":[ 0.10 ]}");
}

/* Names are what they read as; of one that stands twice in a patch the last value counts. */
static void names_are_found_in_any_spelling(void **state)
{
    char target[700], patch[700], expected[700];

    (void)state;
    expect("{\"a\":1,\"b\":2}", "{\"\\u0061\":null,\"\\u0062\":3}", "{\"b\":3}");
    expect("{\"a\":1}", "{\"a\":2,\"b\":3,\"a\":null,\"\\u0062\":4}", "{\"b\":4}");
    expect("{\"a\":1,\"a\":2}", "{\"a\":3}", "{\"a\":3,\"a\":3}");
    /* Every byte of a long one counts. */
    (void)snprintf(target, sizeof(target), "{\"%0300d\":1}", 1);
    (void)snprintf(patch, sizeof(patch), "{\"%0300d\":2}", 2);
    (void)snprintf(expected, sizeof(expected), "{\"%0300d\":1,\"%0300d\":2}", 1, 2);
    expect(target, patch, expected);
}

/* An object of `count` members with this value, called NAME0, NAME1 and so on; "": all the same. */
static void make_object(struct buf *b, int count, const char *name, const char *value)
{
    buf_init(b, 100000);
    buf_append_char(b, '{');
    for (int i = 0; i < count; i++) {
        buf_printf(b, "%s\"%s", i > 0 ? "," : "", name);
        if (*name != '\0') {
            buf_append_uint(b, (uint64_t)i);
        }
        buf_printf(b, "\":%s", value);
    }
    buf_append_char(b, '}');
    assert_false(b->failed);
}

/* Whether it fits, and that each text is passed over once. Frees both. */
static bool merge_within(struct buf *target, struct buf *patch, size_t max, size_t *ret_len)
{
    struct buf out;

    buf_init(&out, max);
    passed = 0;
    bool fits = json_merge(&out, secret, buf_str(target), buf_str(patch));
    assert_in_range(passed, 1, target->len + patch->len);
    *ret_len = out.len;
    buf_fini(&out);
    buf_fini(target);
    buf_fini(patch);
    return fits;
}

/* As many names as there may be, beside a value that is long to walk over. */
static void many_names_cost_one_walk(void **state)
{
    struct buf target, patch;
    size_t len;

    (void)state;
    buf_init(&target, 100000);
    buf_append_str(&target, STR("{\"x\":[1"));
    for (int i = 0; i < 8000; i++) {
        buf_append_str(&target, STR(",1"));
    }
    buf_append_str(&target, STR("]}"));
    size_t target_len = target.len;
    make_object(&patch, 3270, "", "1");
    assert_true(merge_within(&target, &patch, 16384, &len));
    assert_int_equal(len, target_len + 5);
    /* All of them in both. */
    make_object(&target, 1300, "k", "1");
    make_object(&patch, 1300, "k", "2");
    size_t patch_len = patch.len;
    assert_true(merge_within(&target, &patch, 16384, &len));
    assert_int_equal(len, patch_len);
}

/* A name that the target has often is changed each time, by a patch that is read once. */
static void a_name_that_stands_often_costs_no_more(void **state)
{
    struct buf target, inner, patch, out;

    (void)state;
    expect("{\"a\":{},\"a\":{\"y\":1},\"a\":2}", "{\"a\":{\"x\":null,\"y\":3,\"z\":{\"w\":4}}}",
           "{\"a\":{\"y\":3,\"z\":{\"w\":4}},\"a\":{\"y\":3,\"z\":{\"w\":4}},"
           "\"a\":{\"y\":3,\"z\":{\"w\":4}}}");
    make_object(&target, 2300, "", "{}");
    make_object(&inner, 1500, "k", "null");
    buf_init(&patch, 100000);
    buf_printf(&patch, "{\"\":%.*s}", STR_ARG(buf_str(&inner)));
    buf_init(&out, 16384);
    passed = 0;
    assert_true(json_merge(&out, secret, buf_str(&target), buf_str(&patch)));
    assert_int_equal(out.len, target.len);
    assert_in_range(passed, 1, 2 * (target.len + patch.len));
    buf_fini(&out);
    buf_fini(&patch);
    buf_fini(&inner);
    buf_fini(&target);
}

/* Behind the end of `out` nothing is looked at. */
static void it_ends_when_out_is_full(void **state)
{
    struct buf target, patch;
    size_t len;

    (void)state;
    make_object(&target, 1, "k", "1");
    make_object(&patch, 1000, "n", "1");
    size_t patch_len = patch.len;
    assert_false(merge_within(&target, &patch, 100, &len));
    assert_in_range(passed, 1, patch_len + 10);
    make_object(&target, 1000, "k", "1");
    make_object(&patch, 1, "n", "1");
    assert_false(merge_within(&target, &patch, 100, &len));
    assert_in_range(passed, 1, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc),
        cmocka_unit_test(what_is_not_changed_keeps_its_spelling),
        cmocka_unit_test(names_are_found_in_any_spelling),
        cmocka_unit_test(many_names_cost_one_walk),
        cmocka_unit_test(a_name_that_stands_often_costs_no_more),
        cmocka_unit_test(it_ends_when_out_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
