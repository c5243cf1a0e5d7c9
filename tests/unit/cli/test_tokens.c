#include "unit.h"

#include "cli/tokens.h"

#define HEX_A "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX_B "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void show(const char *file, void (*write_set)(struct buf *out, const struct token_set *set),
                 const char *expected)
{
    struct token_set set;
    struct buf out, warnings, error;

    token_set_init(&set);
    buf_init(&out, TOKENS_MAX_OUTPUT);
    buf_init(&warnings, 1000);
    buf_init(&error, 1000);
    assert_true(token_set_add_text(&set, STR("FILE"), str_from_z(file), &warnings, &error));
    write_set(&out, &set);
    buf_append_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.data, expected);
    buf_fini(&error);
    buf_fini(&warnings);
    buf_fini(&out);
    token_set_fini(&set);
}

static const char two[] = "sha256:" HEX_A " kitchen agent_id=lamp publish=bark|scene_* admin\n"
                          "sha256:" HEX_B " k sessions=* act_as=\xc2\x9b* broadcast\n";

static void test_table(void **state)
{
    (void)state;
    show(two, tokens_write_table,
         "NAME     AGENT  DIGEST    PUBLISH       SESSIONS  ACT AS   ALSO\n"
         "kitchen  lamp   ba7816bf  bark|scene_*  -         -        admin\n"
         "k        -      e3b0c442  -             *         \\u009b*  broadcast\n");
    show("a-secret-for-all-of-us", tokens_write_table,
         "NAME    AGENT  DIGEST    PUBLISH  SESSIONS  ACT AS  ALSO\n"
         "shared  -      bf9fa531  *        *         *       broadcast, admin\n");
    show("", tokens_write_table, "no tokens\n");
}

/* One long pattern does not draw the whole table apart. */
static void test_long_cell(void **state)
{
    (void)state;
    show("sha256:" HEX_A " a publish=0123456789012345678901234567890123456789\n"
         "sha256:" HEX_B " b admin\n",
         tokens_write_table,
         "NAME  AGENT  DIGEST    PUBLISH                           SESSIONS  ACT AS  ALSO\n"
         "a     -      ba7816bf  0123456789012345678901234567890123456789 -         -       -\n"
         "b     -      e3b0c442  -                                 -         -       admin\n");
}

static void test_json(void **state)
{
    (void)state;
    show(two, tokens_write_json,
         "{\"name\":\"kitchen\",\"agent_id\":\"lamp\",\"digest\":\"ba7816bf\",\"grants\":{"
         "\"publish\":\"bark|scene_*\",\"sessions\":\"\",\"act_as\":\"\",\"broadcast\":false,"
         "\"admin\":true}}\n"
         "{\"name\":\"k\",\"digest\":\"e3b0c442\",\"grants\":{\"publish\":\"\",\"sessions\":\"*\","
         "\"act_as\":\"\xc2\x9b*\",\"broadcast\":true,\"admin\":false}}\n");
    show("", tokens_write_json, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_long_cell),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
