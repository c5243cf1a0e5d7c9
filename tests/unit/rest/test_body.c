#include "unit.h"

#include "desk.h"
#include "rest/body.h"

enum { TEXT, COUNT, FLAG, OBJECT, PATTERNS, MEMBERS };

static const struct body_member members[MEMBERS] = {
    [TEXT] = {{"text", 4}, BODY_TEXT, false, 8},
    [COUNT] = {{"count", 5}, BODY_COUNT, false, 100},
    [FLAG] = {{"flag", 4}, BODY_FLAG, false, 0},
    [OBJECT] = {{"object", 6}, BODY_OBJECT, false, 0},
    [PATTERNS] = {{"patterns", 8}, BODY_PATTERNS, false, 0},
};

/* Reads a body; the refusal, if any, is in call->out. */
static bool read_as(struct call *call, const struct body_member *table, size_t count,
                    const char *text, struct body_value *values, struct buf *texts)
{
    static const struct http_head head;
    static const struct rest rest;

    call_init(call, &rest, NULL, &head, STR(""));
    call->body = str_from_z(text);
    buf_init(texts, 4096);
    return body_read(call, table, count, values, texts);
}

static void finish(struct call *call, struct buf *texts)
{
    call_fini(call);
    buf_fini(texts);
}

static void test_values(void **state)
{
    struct body_value values[MEMBERS];
    struct call call;
    struct buf texts;

    (void)state;
    assert_true(read_as(&call, members, MEMBERS,
                        " {\"te\\u0078t\":\"\\u00e9 \\\"x\\\"\",\"count\":100,\"flag\":true,"
                        "\"object\": {\"a\" : 1.0},\"patterns\":[\"a\",\"b*\"]} ",
                        values, &texts));
    expect_text(values[TEXT].text, "\xc3\xa9 \"x\"");
    assert_int_equal(values[COUNT].number, 100);
    assert_true(values[FLAG].flag);
    expect_text(values[OBJECT].text, "{\"a\" : 1.0}");
    expect_text(values[PATTERNS].text, "a|b*");
    finish(&call, &texts);
}

static void test_nothing(void **state)
{
    static const char *const bodies[] = {"", "{}", " { } "};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct body_value values[MEMBERS];
        struct call call;
        struct buf texts;
        assert_true(read_as(&call, members, MEMBERS, bodies[i], values, &texts));
        for (size_t m = 0; m < MEMBERS; m++) {
            assert_false(values[m].given);
            assert_false(values[m].flag);
            assert_int_equal(values[m].text.len, 0);
        }
        finish(&call, &texts);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *body;
        const char *code;
        const char *details;
    } cases[] = {
        {"{", "PARSE_ERROR", "{\"position\":1}"},
        {"{\"text\":\"a\"} x", "PARSE_ERROR", "{\"position\":13}"},
        {"\xff", "PARSE_ERROR", NULL},
        {"[]", "INVALID_MESSAGE", "{\"position\":0}"},
        {"{\"txet\":\"a\"}", "INVALID_MESSAGE", "{\"path\":\"txet\"}"},
        {"{\"text\":\"a\",\"te\\u0078t\":\"a\"}", "INVALID_MESSAGE", "{\"path\":\"text\"}"},
        {"{\"text\":7}", "INVALID_MESSAGE",
         "{\"path\":\"text\",\"expected\":\"a string of 1 to 8 bytes without control characters\","
         "\"found\":\"a number\"}"},
        {"{\"text\":\"\"}", "INVALID_MESSAGE", NULL},
        {"{\"text\":\"123456789\"}", "INVALID_MESSAGE", NULL},
        {"{\"text\":\"a\\u0000b\"}", "INVALID_MESSAGE", NULL},
        {"{\"text\":\"a\\u007f\"}", "INVALID_MESSAGE", NULL},
        {"{\"text\":null}", "INVALID_MESSAGE", NULL},
        {"{\"count\":0}", "INVALID_MESSAGE", NULL},
        {"{\"count\":101}", "INVALID_MESSAGE", NULL},
        {"{\"count\":1.5}", "INVALID_MESSAGE", NULL},
        {"{\"count\":1e1}", "INVALID_MESSAGE", NULL},
        {"{\"count\":-1}", "INVALID_MESSAGE", NULL},
        {"{\"count\":\"1\"}", "INVALID_MESSAGE", NULL},
        {"{\"flag\":1}", "INVALID_MESSAGE",
         "{\"path\":\"flag\",\"expected\":\"true or false\",\"found\":\"a number\"}"},
        {"{\"flag\":\"true\"}", "INVALID_MESSAGE", NULL},
        {"{\"object\":[]}", "INVALID_MESSAGE",
         "{\"path\":\"object\",\"expected\":\"an object\",\"found\":\"an array\"}"},
        {"{\"patterns\":7}", "INVALID_MESSAGE", NULL},
        {"{\"patterns\":[7]}", "INVALID_MESSAGE", NULL},
        {"{\"patterns\":[\"a b\"]}", "INVALID_MESSAGE", NULL},
        {"{\"patterns\":[\"\"]}", "INVALID_MESSAGE", NULL},
        {"{\"patterns\":[\"a|b\"]}", "INVALID_MESSAGE", NULL},
        {"{\"patterns\":\"a||b\"}", "INVALID_MESSAGE", NULL},
        {"{\"patterns\":{\"a\":true}}", "INVALID_MESSAGE", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct body_value values[MEMBERS];
        struct call call;
        struct buf texts;
        if (read_as(&call, members, MEMBERS, cases[i].body, values, &texts)) {
            fail_msg("taken: %s", cases[i].body);
        }
        assert_int_equal(call.status, 400);
        expect_error(buf_str(&call.out), cases[i].code, cases[i].details);
        finish(&call, &texts);
    }
}

/* The message says what there is. */
static void test_messages(void **state)
{
    static const struct body_member needed[] = {{{"must", 4}, BODY_OBJECT, true, 0},
                                                {{"may", 3}, BODY_FLAG, false, 0}};
    struct body_value values[MEMBERS];
    struct call call;
    struct buf texts;

    (void)state;
    assert_false(read_as(&call, needed, 2, "{\"x\":1}", values, &texts));
    assert_true(has_text(buf_str(&call.out), "This path takes `must` and `may`."));
    finish(&call, &texts);
    assert_false(read_as(&call, needed, 2, "{\"may\":true}", values, &texts));
    expect_error(buf_str(&call.out), "INVALID_MESSAGE",
                 "{\"path\":\"must\",\"expected\":\"an object\",\"found\":\"nothing\"}");
    finish(&call, &texts);
    assert_false(read_as(&call, NULL, 0, "{\"x\":1}", values, &texts));
    assert_true(has_text(buf_str(&call.out), "This path takes no members."));
    finish(&call, &texts);
}

/* A key of any length, cut inside a character, is shown in part and as valid JSON. */
static void test_long_key(void **state)
{
    char body[256] = "{\"x";
    struct body_value values[MEMBERS];
    struct call call;
    struct buf texts;

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        memcpy(body + 3 + i * 2, "\xc3\xa9", 2);
    }
    memcpy(body + 103, "\":1}", 5);
    assert_false(read_as(&call, members, MEMBERS, body, values, &texts));
    expect_error(buf_str(&call.out), "INVALID_MESSAGE", NULL);
    assert_true(call.out.len < 400);
    finish(&call, &texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_long_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
