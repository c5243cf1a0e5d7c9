#include "unit.h"

#include "json/fields.h"

enum { A, B, NAMES };
static const struct str names[NAMES] = {{"a", 1}, {"b", 1}};

static void expect_raw(struct str raw, const char *expected)
{
    assert_true(str_equal(raw, str_from_z(expected)));
}

static void test_read(void **state)
{
    struct str raws[NAMES], key;

    (void)state;
    assert_int_equal(
        json_read_fields(STR(" {\"\\u0062\" : [1, {\"a\":2}]}"), names, NAMES, raws, &key),
        JSON_FIELDS_READ);
    expect_raw(raws[A], "");
    expect_raw(raws[B], "[1, {\"a\":2}]");
    assert_int_equal(json_read_fields(STR("{}"), names, NAMES, raws, &key), JSON_FIELDS_READ);
    expect_raw(raws[B], "");
    assert_int_equal(json_read_fields(STR("7"), names, NAMES, raws, &key), JSON_FIELDS_READ);
}

static void test_wrong(void **state)
{
    struct str raws[NAMES], key;

    (void)state;
    assert_int_equal(json_read_fields(STR("{\"a\":1,\"ab\":2,\"c\":3}"), names, NAMES, raws, &key),
                     JSON_FIELDS_UNKNOWN);
    expect_raw(key, "\"ab\"");
    assert_int_equal(json_read_fields(STR("{\"a\":1,\"\\u0061\":2}"), names, NAMES, raws, &key),
                     JSON_FIELDS_TWICE);
    expect_raw(key, "\"\\u0061\"");
    assert_int_equal(json_read_fields(STR("{\"a\":1}"), names, 0, raws, &key), JSON_FIELDS_UNKNOWN);
}

static void test_join(void **state)
{
    static const struct {
        const char *array;
        bool good;
        const char *joined;
    } cases[] = {
        {"[]", true, ""},
        {"[\"a\"]", true, "a"},
        {"[ \"a\" , \"\\u00e9\" ]", true, "a|\xc3\xa9"},
        {"[\"a\",\"\"]", false, NULL},
        {"[\"a|b\"]", false, NULL},
        {"[\"\\u007c\"]", false, NULL},
        {"[1]", false, NULL},
        {"[[\"a\"]]", false, NULL},
        {"\"a\"", false, NULL},
        {"{\"a\":\"b\"}", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 64);
        assert_int_equal(json_join_strings(str_from_z(cases[i].array), '|', &out), cases[i].good);
        if (cases[i].good) {
            expect_raw(buf_str(&out), cases[i].joined);
        }
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
