#include "unit.h"

#include "dialect.h"

static char error[TEMPLATE_ERROR_SIZE];

static void refuse(const char *source, const char *says)
{
    struct dialect d;
    assert_false(dialect_parse(&d, str_from_z(source), error));
    if (strstr(error, says) == NULL) {
        fail_msg("%s does not say %s", error, says);
    }
    dialect_fini(&d);
}

static void assert_text(const struct dialect *d, enum dialect_text text, const char *expected)
{
    assert_true(str_equal(d->texts[text].text, str_from_z(expected)));
}

static void test_builtin(void **state)
{
    (void)state;
    for (unsigned i = 0; dialect_names[i] != NULL; i++) {
        struct dialect d;
        const char *source = dialect_source(dialect_names[i]);
        assert_non_null(source);
        if (!dialect_parse(&d, str_from_z(source), error)) {
            fail_msg("%s: %s", dialect_names[i], error);
        }
        assert_true(d.texts[DIALECT_MESSAGE].text.len > 0);
        assert_true(d.texts[DIALECT_DIRECTED].text.len > 0);
        assert_true(d.texts[DIALECT_ANSWER].text.len > 0);
        dialect_fini(&d);
    }
    assert_null(dialect_source("no such"));
}

static void test_lines(void **state)
{
    struct dialect d;
    (void)state;
    assert_true(dialect_parse(&d,
                              STR("# a comment\n\n"
                                  "path: /x?y={id}\n"
                                  "message:   {\"m\":\"{body}\"}  \n"
                                  "hello: A\\r\\nB\\\\n\\s\n"
                                  "capture: \\s1\\s\n"
                                  "framing: nats\n"
                                  "greets: yes\n"
                                  "delivers: whole"),
                              error));
    assert_text(&d, DIALECT_PATH, "/x?y={id}");
    assert_text(&d, DIALECT_MESSAGE, "{\"m\":\"{body}\"}");
    assert_text(&d, DIALECT_HELLO, "A\r\nB\\n ");
    assert_true(str_equal(d.capture, STR(" 1 ")));
    assert_int_equal(d.framing, FRAMING_NATS);
    assert_true(d.greets && d.whole);
    assert_text(&d, DIALECT_JOIN, "");
    dialect_fini(&d);
}

static void test_usual(void **state)
{
    struct dialect d;
    (void)state;
    assert_true(dialect_parse(&d, STR("message: {body}\ngreets: no\ndelivers: body\n"), error));
    assert_false(d.greets || d.whole);
    assert_int_equal(d.framing, FRAMING_MESSAGES);
    dialect_fini(&d);
}

static void test_refused(void **state)
{
    (void)state;
    refuse("path /\n", "line 1: this is no `name: text`");
    refuse("\nmesage: {body}\n", "line 2: a dialect has no such name; did you mean message");
    refuse("greets: perhaps\n", "line 1: this cannot be so: greets: perhaps");
    refuse("framing: \n", "this cannot be so");
    refuse("capture:\n", "this cannot be so");
    refuse("message: {boddy}\n", "{boddy} is no place");
    refuse("message: hello\n", "message: it needs {body} or {json}");
    refuse("request: {body}{json}\n", "request: it needs {body} or {json}");
    refuse("answer: {captured} {body}\n", "`capture:`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
