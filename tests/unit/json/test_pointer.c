#include "unit.h"

#include "json/pointer.h"
#include "json/reader.h"

/* The document of RFC 6901 section 5, and some more. */
static const char document[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,"
                               "\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,"
                               "\"o\":{\"p\":[[],{\"q\":null}]},\"~1\":9}";

static void expect(const char *pointer, const char *expected)
{
    struct str text = str_from_z(document);

    assert_true(json_valid(text));
    assert_true(json_pointer_valid(str_from_z(pointer)));
    assert_true(str_equal(json_point(text, str_from_z(pointer)), str_from_z(expected)));
}

static void values_are_found(void **state)
{
    (void)state;
    expect("", document);
    expect("/foo", "[\"bar\",\"baz\"]");
    expect("/foo/0", "\"bar\"");
    expect("/foo/1", "\"baz\"");
    expect("/", "0");
    expect("/a~1b", "1");
    expect("/c%d", "2");
    expect("/e^f", "3");
    expect("/g|h", "4");
    expect("/i\\j", "5");
    expect("/k\"l", "6");
    expect("/ ", "7");
    expect("/m~0n", "8");
    expect("/o/p/1/q", "null");
    expect("/~01", "9");
}

static void what_is_not_there_is_empty(void **state)
{
    static const char *const pointers[] = {"/x",      "/foo/2",   "/foo/-",          "/foo/01",
                                           "/foo/+1", "/foo/",    "/foo/a",          "/foo/0/",
                                           "/a~1b/c", "/o/p/0/0", "/foo/99999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        expect(pointers[i], "");
    }
    assert_int_equal(json_point((struct str){0}, STR("/a")).len, 0);
}

static void pointers_have_a_grammar(void **state)
{
    (void)state;
    assert_true(json_pointer_valid(STR("")));
    assert_true(json_pointer_valid(STR("/a/~0~1")));
    assert_false(json_pointer_valid(STR("a")));
    assert_false(json_pointer_valid(STR("/~")));
    assert_false(json_pointer_valid(STR("/~2")));
    assert_false(json_pointer_valid(STR("#/a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found),
        cmocka_unit_test(what_is_not_there_is_empty),
        cmocka_unit_test(pointers_have_a_grammar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
