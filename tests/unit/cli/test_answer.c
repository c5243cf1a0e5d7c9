#include "unit.h"

#include "cli/answer.h"

/* Judges and compares both what to end with and what is said. */
static void expect_answer(int status, struct str body, enum cli_exit code, const char *sentence)
{
    struct buf error;

    buf_init(&error, 4096);
    assert_int_equal(answer_judge(status, body, &error), code);
    buf_append_char(&error, '\0');
    assert_string_equal(error.data, sentence);
    buf_fini(&error);
}

static void test_own_sentence(void **state)
{
    (void)state;
    expect_answer(404,
                  STR("{\"error\":{\"code\":\"TARGET_NOT_FOUND\",\"message\":\"nobody \\u001b\"}}"),
                  CLI_FAILED, "TARGET_NOT_FOUND: nobody \\x1b");
    expect_answer(403,
                  STR("{\"error\":{\"message\":\"no\",\"code\":\"FORBIDDEN\",\"details\":{}}}"),
                  CLI_REFUSED, "FORBIDDEN: no");
    expect_answer(401, STR("{\"error\":{\"code\":\"AUTH_REQUIRED\",\"message\":\"who?\"}}"),
                  CLI_REFUSED,
                  "AUTH_REQUIRED: who?; a token is taken from --token-file FILE or PARLEY_TOKEN");
}

static void test_wait(void **state)
{
    (void)state;
    expect_answer(429,
                  STR("{\"error\":{\"code\":\"A\",\"message\":\"b\","
                      "\"details\":{\"retry_after_ms\":1001}}}"),
                  CLI_TRY_AGAIN, "A: b; try again in 2s");
    expect_answer(503,
                  STR("{\"error\":{\"code\":\"A\",\"message\":\"b\","
                      "\"details\":{\"retry_after_ms\":-1}}}"),
                  CLI_TRY_AGAIN, "A: b");
    expect_answer(503,
                  STR("{\"error\":{\"code\":\"A\",\"message\":\"b\","
                      "\"details\":{\"retry_after_ms\":\"5\"}}}"),
                  CLI_TRY_AGAIN, "A: b");
}

static void test_not_ours(void **state)
{
    static const char *const bodies[] = {"",
                                         "<html>",
                                         "[]",
                                         "null",
                                         "{\"error\":\"text\"}",
                                         "{\"error\":{\"code\":\"A\"}}",
                                         "{\"error\":{\"code\":1,\"message\":\"b\"}}",
                                         "{\"error\":{\"code\":\"A\",\"message\":\"b\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_answer(500, str_from_z(bodies[i]), CLI_PROTOCOL,
                      "the answer was HTTP 500; is this the address of a Parley gateway?");
        expect_answer(503, str_from_z(bodies[i]), CLI_TRY_AGAIN,
                      "the answer was HTTP 503; is this the address of a Parley gateway?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_sentence),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
