#include "unit.h"

#include "cli/envelope.h"
#include "json/reader.h"

static void test_what_comes(void **state)
{
    struct envelope e;

    (void)state;
    assert_true(envelope_read(
        STR("{\"type\":\"pong\",\"id\":\"m\\u002d1\",\"payload\":{\"a\":1},\"timestamp\":1,"
            "\"replyTo\":\"p\\u0031\"}"),
        &e));
    assert_true(envelope_is(&e, STR("pong")) && !envelope_is(&e, STR("pon")));
    assert_true(envelope_answers(&e, STR("p1")) && !envelope_answers(&e, STR("p")));
    assert_true(json_string_is(e.id, STR("m-1")));
    assert_true(str_equal(e.payload, STR("{\"a\":1}")));
}

static void test_what_has_little(void **state)
{
    struct envelope e;

    (void)state;
    assert_true(envelope_read(STR("{\"type\":\"x\"}"), &e));
    assert_int_equal(e.id.len + e.reply_to.len + e.payload.len, 0);
    assert_false(envelope_answers(&e, STR("")));
}

static void test_what_is_none(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "{}", "{\"type\":1}", "{\"type\":\"a\",\"type\":\"b\"}", "\"type\"",
    };
    struct envelope e;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(envelope_read(str_from_z(texts[i]), &e));
    }
}

static void test_what_goes(void **state)
{
    struct json_writer w;
    struct buf out;
    struct envelope e;

    (void)state;
    buf_init(&out, 1000);
    envelope_open(&w, &out, "chat", STR("a\"1"));
    json_key_uint(&w, STR("n"), 1);
    envelope_close(&w, STR("\"q\""));
    assert_true(str_starts_with(
        buf_str(&out),
        STR("{\"type\":\"chat\",\"id\":\"a\\\"1\",\"payload\":{\"n\":1},\"timestamp\":1")));
    assert_true(envelope_read(buf_str(&out), &e));
    assert_true(envelope_answers(&e, STR("q")));
    buf_fini(&out);
}

static void test_what_goes_to_somebody(void **state)
{
    struct buf out;
    struct envelope e;

    (void)state;
    buf_init(&out, 1000);
    envelope_write(&out, STR("note"), STR("n"), STR("den"), STR("tim"), STR("{\"n\":0.10}"));
    assert_true(
        str_starts_with(buf_str(&out), STR("{\"type\":\"note\",\"id\":\"n\",\"sessionId\":\"den\","
                                           "\"payload\":{\"n\":0.10},\"timestamp\":1")));
    assert_true(envelope_read(buf_str(&out), &e) && json_string_is(e.session, STR("den")));
    assert_true(json_string_is(json_get(e.text, STR("target")), STR("tim")));
    buf_clear(&out);
    envelope_write(&out, STR("ping"), STR("p"), STR(""), STR(""), STR("{}"));
    assert_true(envelope_read(buf_str(&out), &e) && e.session.len == 0);
    assert_int_equal(json_get(e.text, STR("target")).len, 0);
    buf_fini(&out);
}

static void expect_exit(const char *code, enum cli_exit exit)
{
    struct buf error;

    buf_init(&error, 1000);
    buf_printf(&error, "{\"code\":\"%s\",\"message\":\"m\"}", code);
    assert_int_equal(envelope_error_exit(buf_str(&error)), exit);
    buf_fini(&error);
}

static void test_exits(void **state)
{
    (void)state;
    expect_exit("NO_AGENT", CLI_UNAVAILABLE);
    expect_exit("AGENT_GONE", CLI_UNAVAILABLE);
    expect_exit("TARGET_OFFLINE", CLI_UNAVAILABLE);
    expect_exit("TARGET_NOT_FOUND", CLI_UNAVAILABLE);
    expect_exit("SESSION_NOT_FOUND", CLI_UNAVAILABLE);
    expect_exit("SESSION_FULL", CLI_TRY_AGAIN);
    expect_exit("ROUTE_TIMEOUT", CLI_TRY_AGAIN);
    expect_exit("QUEUE_FULL", CLI_TRY_AGAIN);
    expect_exit("RATE_LIMITED", CLI_TRY_AGAIN);
    expect_exit("LIMIT_REACHED", CLI_TRY_AGAIN);
    expect_exit("SHUTTING_DOWN", CLI_TRY_AGAIN);
    expect_exit("AUTH_REQUIRED", CLI_REFUSED);
    expect_exit("AUTH_FAILED", CLI_REFUSED);
    expect_exit("FORBIDDEN", CLI_REFUSED);
    expect_exit("AGENT_ID_TAKEN", CLI_REFUSED);
    expect_exit("NO_AGENTS", CLI_FAILED);
    expect_exit("", CLI_FAILED);
    assert_int_equal(envelope_error_exit(STR("")), CLI_FAILED);
    assert_int_equal(envelope_error_exit(STR("\"NO_AGENT\"")), CLI_FAILED);
    assert_int_equal(envelope_error_exit(STR("{\"code\":69}")), CLI_FAILED);
}

static void expect_said(struct str error, const char *text)
{
    struct buf out;

    buf_init(&out, 1000);
    envelope_append_error(&out, error);
    assert_true(str_equal(buf_str(&out), str_from_z(text)));
    buf_fini(&out);
}

static void test_sentences(void **state)
{
    (void)state;
    expect_said(STR("{\"code\":\"NO_AGENT\",\"message\":\"a\\nb\"}"), "NO_AGENT: a\\nb");
    expect_said(STR("{\"code\":\"X\"}"), "{\"code\":\"X\"}");
    expect_said(STR("{\"code\":\"X\",\"message\":\"m\",\"details\":{\"rule\":\"grant:\\u0070\"}}"),
                "X: m (grant:p)");
    expect_said(
        STR("{\"code\":\"X\",\"message\":\"m\",\"details\":{\"path\":\"data.a\",\"expected\":"
            "\"a string\",\"found\":\"the number 7\"}}"),
        "X: m (data.a: expected a string, found the number 7)");
    expect_said(
        STR("{\"code\":\"X\",\"message\":\"m\",\"details\":{\"path\":\"a\",\"reason\":\"twice\"}}"),
        "X: m (a: twice)");
    expect_said(
        STR("{\"code\":\"X\",\"message\":\"m\",\"details\":{\"path\":\"a\",\"expected\":7}}"),
        "X: m (a: expected 7, found )");
    expect_said(STR("{\"code\":\"X\",\"message\":\"m\",\"details\":{\"path\":\"type\"}}"), "X: m");
    expect_said(STR("{\"code\":\"SESSION_NOT_FOUND\",\"message\":\"m\"}"),
                "SESSION_NOT_FOUND: m; `parley sessions` lists those that are there");
    expect_said(STR("\"words\""), "words");
    expect_said(STR(""), "it failed without a word");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes),
        cmocka_unit_test(test_what_has_little),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_what_goes),
        cmocka_unit_test(test_what_goes_to_somebody),
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_sentences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
