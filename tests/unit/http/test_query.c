#include "every_way.h"

static void expect_target(const char *target, const char *path, const char *query)
{
    char text[128];
    struct http_head h;

    snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n\r\n", target);
    parse_ok(false, text, &h);
    assert_str(http_path(&h, text), path);
    assert_str(http_query(&h, text), query);
}

static void test_target(void **state)
{
    (void)state;
    expect_target("/", "/", "");
    expect_target("/?", "/", "");
    expect_target("/a/b?c=d", "/a/b", "c=d");
    expect_target("/a?b?c", "/a", "b?c");
    expect_target("/%3f?x", "/%3f", "x");
    expect_target("//a", "//a", "");
}

static void want_value(const char *query, const char *name, const char *value)
{
    char *copy = copy_exactly(query, strlen(query));
    struct str raw = STR("untouched");
    bool found = http_query_get(str_make(copy, strlen(query)), str_from_z(name), &raw);

    assert_int_equal(found, value != NULL);
    assert_str(raw, value != NULL ? value : "untouched");
    free(copy);
}

static void test_get(void **state)
{
    (void)state;
    want_value("", "a", NULL);
    want_value("", "", NULL);
    want_value("a=1", "a", "1");
    want_value("a=1&b=2", "b", "2");
    want_value("a=1&a=2", "a", "1");
    want_value("a", "a", "");
    want_value("a&a=2", "a", "");
    want_value("a=", "a", "");
    want_value("&&b=2&", "b", "2");
    want_value("a=b=c", "a", "b=c");
    want_value("ab=1", "a", NULL);
    want_value("a=1", "ab", NULL);
    want_value("A=1", "a", NULL);
    want_value("%61=1", "a", NULL);
    want_value("x=a=1", "a", NULL);
    want_value("&", "", NULL);
    want_value("=1", "", "1");
    want_value("a=%26+&b=3", "a", "%26+");
}

static void expect_decoded(const char *raw, const char *expected, int len)
{
    size_t raw_len = strlen(raw);
    char *in_place = copy_exactly(raw, raw_len);
    char *copy = copy_exactly(raw, raw_len);
    char out[32];

    assert_int_equal(http_percent_decode(str_make(copy, raw_len), out, sizeof(out)), len);
    if (len >= 0) {
        assert_memory_equal(out, expected, (size_t)len);
        assert_int_equal(http_percent_decode(str_make(copy, raw_len), out, (size_t)len), len);
    }
    for (int cap = 0; cap < len; cap++) {
        assert_int_equal(http_percent_decode(str_make(copy, raw_len), out, (size_t)cap), -1);
    }
    assert_int_equal(http_percent_decode(str_make(in_place, raw_len), in_place, raw_len), len);
    if (len > 0) {
        assert_memory_equal(in_place, expected, (size_t)len);
    }
    free(copy);
    free(in_place);
}

static void test_decode(void **state)
{
    (void)state;
    expect_decoded("", "", 0);
    expect_decoded("abc", "abc", 3);
    expect_decoded("a+b", "a+b", 3);
    expect_decoded("%41%62%2f%2F", "Ab//", 4);
    expect_decoded("%00%ff", "\0\xff", 2);
    expect_decoded("%2541", "%41", 3);
    expect_decoded("%", NULL, -1);
    expect_decoded("%4", NULL, -1);
    expect_decoded("a%4", NULL, -1);
    expect_decoded("%4g", NULL, -1);
    expect_decoded("%g4", NULL, -1);
    expect_decoded("%41%", NULL, -1);
    expect_decoded("%%41", NULL, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
