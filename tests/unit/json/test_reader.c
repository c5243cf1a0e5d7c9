#include "unit.h"

#include "sample.h"
#include "json/reader.h"

static void kinds_by_the_first_byte(void **state)
{
    static const struct {
        const char *text;
        enum json_kind kind;
    } cases[] = {
        {"", JSON_NONE},       {"null", JSON_NULL},
        {"true", JSON_BOOL},   {"false", JSON_BOOL},
        {"-1", JSON_NUMBER},   {"0", JSON_NUMBER},
        {"\"\"", JSON_STRING}, {"[]", JSON_ARRAY},
        {"{}", JSON_OBJECT},   {" \n\t\r{}", JSON_OBJECT},
        {" ", JSON_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(json_kind_of(str_from_z(cases[i].text)), cases[i].kind);
    }
    assert_int_equal(json_kind_of(str_make(NULL, 0)), JSON_NONE);
}

/* A byte has a kind when some value begins with it. */
static void kinds_of_all_bytes(void **state)
{
    static const char *const rests[] = {"", "1", "]", "}", "\"", "rue", "alse", "ull"};

    (void)state;
    for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
        bool begins_value = false;
        for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
            char text[8] = {(char)byte};
            memcpy(text + 1, rests[i], strlen(rests[i]));
            begins_value |= json_valid(str_make(text, 1 + strlen(rests[i]))) && byte != ' ' &&
                            byte != '\n' && byte != '\t' && byte != '\r';
        }
        assert_int_equal(json_kind_by_byte[byte] != JSON_NONE, begins_value);
    }
}

static void validity(void **state)
{
    static const char *const good[] = {"0", " null ", "\"a\"", "[1,2]", "{\"a\":{}}"};
    static const char *const bad[] = {"", " ", "1 2", "[1,]", "{\"a\"}", "\"\xff\"", "[", "nul"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(json_valid(str_from_z(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(json_valid(str_from_z(bad[i])));
    }
    assert_false(json_valid(str_make(NULL, 0)));
}

/* Walks an object and writes "key=value;" for each member, raw. */
static void expect_members(struct str text, struct str members)
{
    struct str key, value;
    struct buf out;

    assert_true(json_valid(text));
    char *copy = sample_copy(text.ptr, text.len);
    struct json_iter it = json_iter_of(str_make(copy, text.len));
    buf_init(&out, 1000);
    while (json_next_member(&it, &key, &value)) {
        buf_append_str(&out, key);
        buf_append_char(&out, '=');
        buf_append_str(&out, value);
        buf_append_char(&out, ';');
    }
    assert_false(json_next_member(&it, &key, &value));
    assert_true(str_equal(buf_str(&out), members));
    buf_fini(&out);
    free(copy);
}

static void members_in_turn(void **state)
{
    (void)state;
    expect_members(STR("{}"), STR(""));
    expect_members(STR(" { } "), STR(""));
    expect_members(STR("{\"a\":1}"), STR("\"a\"=1;"));
    expect_members(STR("\t{ \"a\" : 1 ,\n\"b\":[1,{\"c\":\"]}\"}] , \"\":-0.5e+3 } "),
                   STR("\"a\"=1;\"b\"=[1,{\"c\":\"]}\"}];\"\"=-0.5e+3;"));
    expect_members(STR("{\"a\\\"b\":\"x\\\\\",\"}\":\"\\\"}\"}"),
                   STR("\"a\\\"b\"=\"x\\\\\";\"}\"=\"\\\"}\";"));
    expect_members(STR("{\"a\":true,\"b\":false,\"c\":null,\"a\":{}}"),
                   STR("\"a\"=true;\"b\"=false;\"c\"=null;\"a\"={};"));
    expect_members(STR("[]"), STR(""));
    expect_members(STR("\"{\""), STR(""));
    expect_members(STR("12"), STR(""));
}

static void expect_elements(struct str text, struct str elements)
{
    struct str value;
    struct buf out;

    assert_true(json_valid(text));
    char *copy = sample_copy(text.ptr, text.len);
    struct json_iter it = json_iter_of(str_make(copy, text.len));
    buf_init(&out, 1000);
    while (json_next_element(&it, &value)) {
        buf_append_str(&out, value);
        buf_append_char(&out, ';');
    }
    assert_false(json_next_element(&it, &value));
    assert_true(str_equal(buf_str(&out), elements));
    buf_fini(&out);
    free(copy);
}

static void elements_in_turn(void **state)
{
    (void)state;
    expect_elements(STR("[]"), STR(""));
    expect_elements(STR(" [ ] "), STR(""));
    expect_elements(STR("[1]"), STR("1;"));
    expect_elements(STR(" [ 1 , \"a,]\" ,[ ],[2,[3]] ,{\"k\":[4]},true,null ] "),
                    STR("1;\"a,]\";[ ];[2,[3]];{\"k\":[4]};true;null;"));
    expect_elements(STR("\"[1]\""), STR(""));
}

static void getting_a_member(void **state)
{
    struct str object = STR("{\"a\":1,\"\\u0062\":{\"a\":2},\"a\":3,\"c\\n\":\"x\"}");

    (void)state;
    assert_true(str_equal(json_get(object, STR("a")), STR("1")));
    assert_true(str_equal(json_get(object, STR("b")), STR("{\"a\":2}")));
    assert_true(str_equal(json_get(json_get(object, STR("b")), STR("a")), STR("2")));
    assert_true(str_equal(json_get(object, STR("c\n")), STR("\"x\"")));
    assert_int_equal(json_get(object, STR("d")).len, 0);
    assert_int_equal(json_get(object, STR("")).len, 0);
    assert_int_equal(json_get(STR("[\"a\",1]"), STR("a")).len, 0);
    assert_int_equal(json_get(str_make(NULL, 0), STR("a")).len, 0);
}

/* A walk over anything at all stays inside it and ends. */
static void walks_over_garbage_end(void **state)
{
    static const char bytes[] = "{}[]\",:\\u 1nt";
    uint64_t seed = 3;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char text[12];
        size_t len = sample_random(&seed, sizeof(text) + 1);
        for (size_t at = 0; at < len; at++) {
            text[at] = bytes[sample_random(&seed, sizeof(bytes) - 1)];
        }
        char *copy = sample_copy(text, len);
        struct str garbage = str_make(copy, len), key, value;
        struct json_iter it = json_iter_of(garbage);
        size_t count = 0;
        while (json_next_member(&it, &key, &value)) {
            count++;
            assert_true(value.ptr >= copy && value.ptr + value.len <= copy + len);
        }
        it = json_iter_of(garbage);
        while (json_next_element(&it, &value)) {
            count++;
            (void)json_unescape_to(value, text, sizeof(text));
        }
        assert_true(count <= 2 * len);
        (void)json_get(garbage, STR("1"));
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_all_bytes),
        cmocka_unit_test(kinds_by_the_first_byte),
        cmocka_unit_test(validity),
        cmocka_unit_test(members_in_turn),
        cmocka_unit_test(elements_in_turn),
        cmocka_unit_test(getting_a_member),
        cmocka_unit_test(walks_over_garbage_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
