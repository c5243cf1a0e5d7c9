#include "unit.h"

#include "cli/args.h"

static const struct flag flags[] = {{"--to", "ID", ""}, {"--json", NULL, ""}, {0}};
static const struct word actions[] = {{"check", ""}, {"schema", ""}, {0}};
static const struct command command = {
    .name = "try", .synopsis = "", .examples = "", .about = "", .flags = flags, .words = actions};

/* Takes the next argument and compares. */
static void expect_next(struct args *args, int taken, const char *value)
{
    const char *got = NULL;

    assert_int_equal(args_next(args, &got), taken);
    if (value != NULL) {
        assert_string_equal(got, value);
    } else {
        assert_null(got);
    }
}

static void test_mixed(void **state)
{
    const char *const words[] = {"one", "--to", "a",    "--json", "--to=b=c", "-",
                                 "two", "--",   "--to", "-h",     NULL};
    struct args args = {.command = &command, .rest = words};

    (void)state;
    expect_next(&args, ARGS_OPERAND, "one");
    expect_next(&args, 0, "a");
    expect_next(&args, 1, NULL);
    expect_next(&args, 0, "b=c");
    expect_next(&args, ARGS_OPERAND, "-");
    expect_next(&args, ARGS_OPERAND, "two");
    expect_next(&args, ARGS_OPERAND, "--to");
    expect_next(&args, ARGS_OPERAND, "-h");
    expect_next(&args, ARGS_END, NULL);
    expect_next(&args, ARGS_END, NULL);
}

static void test_errors(void **state)
{
    static const char *const wrong[] = {"--to",    "--json=x",  "--jsn",
                                        "--js",    "-j",        "--wholly-unlike",
                                        "--token", "--token=x", "--password"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const words[] = {wrong[i], NULL};
        struct args args = {.command = &command, .rest = words};
        expect_next(&args, ARGS_ERROR, NULL);
    }
    assert_int_equal(args_exit(ARGS_ERROR), CLI_USAGE);
}

static void test_help(void **state)
{
    static const char *const asking[] = {"-h", "--help"};

    (void)state;
    for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
        const char *const words[] = {asking[i], NULL};
        struct args args = {.command = &command, .rest = words};
        expect_next(&args, ARGS_HELP, NULL);
    }
    assert_int_equal(args_exit(ARGS_HELP), CLI_OK);
}

static void test_read(void **state)
{
    const char *const given[] = {"one", "--to=a", "--json", NULL};
    const char *const too_much[] = {"one", "two", NULL};
    struct args args = {.command = &command, .rest = given};
    const char *to = NULL, *json = NULL, *operand = NULL;
    const char **const values[] = {&to, &json};
    enum cli_exit code = CLI_OK;

    (void)state;
    assert_true(args_read(&args, values, &operand, 1, &code));
    assert_string_equal(operand, "one");
    assert_string_equal(to, "a");
    assert_non_null(json);
    args = (struct args){.command = &command, .rest = too_much};
    assert_false(args_read(&args, values, &operand, 1, &code));
    assert_int_equal(code, CLI_USAGE);
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(args_word(&command, "check"), 0);
    assert_int_equal(args_word(&command, "schema"), 1);
    assert_int_equal(args_word(&command, "chek"), -1);
    assert_int_equal(args_word(&command, ""), -1);
    assert_int_equal(args_word(&command, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixed), cmocka_unit_test(test_errors), cmocka_unit_test(test_help),
        cmocka_unit_test(test_read),  cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
