#include "unit.h"

#include "settings.h"

static void load(struct config *c, struct str text)
{
    struct buf error;

    buf_init(&error, CONFIG_MAX_ERROR);
    assert_true(config_init(c));
    if (!config_read_text(c, text, "f.yaml", "/elsewhere", &error)) {
        fail_msg("%.*s", STR_ARG(buf_str(&error)));
    }
    buf_fini(&error);
}

/* Prints it, reads that, and asserts that nothing differs but what was kept back. */
static void expect_same_again(const struct config *c)
{
    struct config again;
    struct config_change changes[OPTION_COUNT];
    struct buf text;

    for (int origins = 0; origins < 2; origins++) {
        buf_init(&text, CONFIG_MAX_FILE);
        config_print(c, "/here", origins != 0, &text);
        assert_false(text.failed);
        load(&again, buf_str(&text));
        size_t count = config_changes(c, &again, changes);
        for (size_t i = 0; i < count; i++) {
            assert_true(option_table[changes[i].id].secret);
        }
        config_fini(&again);
        buf_fini(&text);
    }
}

static void test_again(void **state)
{
    static const char *const texts[] = {
        "", "listen: {port: 0, unix: /a b, hosts: [a, \"[::1]\"]}\ndrain: 5m\n"};
    static const char *const strings[] = {"'",
                                          "\\",
                                          "\\\\n",
                                          "\"\"",
                                          "a: b",
                                          "# a",
                                          "- a",
                                          "~",
                                          "null",
                                          "true",
                                          "{}",
                                          "[x]",
                                          "*a",
                                          "&a",
                                          "!a",
                                          "%a",
                                          "@a",
                                          "`a`",
                                          "a\"b\\c",
                                          " a ",
                                          "\xc3\xa4",
                                          "\xc2\x85",
                                          "\xe2\x80\xa8",
                                          "\xef\xbb\xbf",
                                          "\xf0\x9f\x98\x80",
                                          "\xe2\x80\x8e",
                                          "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA",
                                          "?",
                                          "%YAML",
                                          "---",
                                          "...",
                                          "0x10",
                                          "\xc2\xa0"};
    struct config c;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        load(&c, str_from_z(texts[i]));
        expect_same_again(&c);
        config_fini(&c);
    }
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        assert_true(config_init(&c));
        assert_true(set_flag(&c, "listen.public_url", strings[i]));
        assert_true(set_flag(&c, "origins", strings[i]));
        expect_same_again(&c);
        config_fini(&c);
    }
}

/* What was given by another program's name is written as ours. */
static void test_words_of_others(void **state)
{
    struct config c;

    (void)state;
    assert_true(config_init(&c));
    assert_true(set_flag(&c, "pingIntervalMs", "2500"));
    assert_true(set_flag(&c, "maxPayload", "2097152"));
    assert_true(set_flag(&c, "perMessageDeflate", "true"));
    expect_same_again(&c);
    config_fini(&c);
}

static void expect_line(const struct config *c, bool origins, const char *line)
{
    struct buf text;

    buf_init(&text, CONFIG_MAX_FILE);
    buf_append_char(&text, '\n');
    config_print(c, "/here", origins, &text);
    if (memmem(text.data, text.len, line, strlen(line)) == NULL) {
        fail_msg("no %s in %.*s", line, STR_ARG(buf_str(&text)));
    }
    assert_null(memmem(text.data, text.len, "s3cret", 6));
    buf_fini(&text);
}

static void test_lines(void **state)
{
    struct config c;
    struct buf error;

    (void)state;
    buf_init(&error, CONFIG_MAX_ERROR);
    load(&c, STR("drain: 1s\norigins: [a,\n  b]\nlisten.unix: x\n"));
    assert_true(config_set(&c, STR("threads"), STR("2"), CONFIG_ENVIRONMENT, "X", &error));
    assert_true(set_flag(&c, "slow_client", "close"));
    expect_line(&c, true, "\nlisten:\n  port: 8765  # default\n");
    expect_line(&c, true, "\ndrain: 1s  # f.yaml:1\n");
    expect_line(&c, true, "\norigins:  # f.yaml:2\n  - \"a\"\n  - \"b\"\ntrusted_proxies: []  #");
    expect_line(&c, true, "\n  unix: \"/elsewhere/x\"  # f.yaml:4\n");
    expect_line(&c, true, "\nthreads: 2  # environment\n");
    expect_line(&c, true, "\nslow_client: close  # flag\n");
    expect_line(&c, false, "\n  tokens: []\n  password_hash: \"\"\n");
    /* A relative path is relative to where the program runs, and a file may lie elsewhere. */
    assert_true(set_flag(&c, "auth.token_file", "t\"x"));
    expect_line(&c, false, "\n  token_file: \"/here/t\\\"x\"\n");
    assert_true(set_flag(&c, "auth.tokens", "s3cret"));
    assert_true(set_flag(&c, "auth.password_hash", "s3cret"));
    expect_line(&c, false, "\n  # tokens: set, and not shown\n");
    expect_line(&c, true, "\n  # password_hash: set, and not shown  # flag\n");
    config_fini(&c);
    buf_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_words_of_others),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
