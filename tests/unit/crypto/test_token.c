#include "unit.h"

#include "crypto/token.h"

#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_token_valid(void **state)
{
    char text[TOKEN_MAX + 1];

    (void)state;
    memset(text, 'z', sizeof(text));
    assert_true(token_valid(STR("a")));
    assert_true(token_valid(STR("azAZ09._~-")));
    assert_true(token_valid(str_make(text, TOKEN_MAX)));
    assert_false(token_valid(str_make(text, TOKEN_MAX + 1)));
    assert_false(token_valid(STR("")));
    for (int c = 0; c < 256; c++) {
        bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '.' || c == '_' || c == '~' || c == '-';
        text[3] = (char)c;
        assert_int_equal(token_valid(str_make(text, 7)), good);
    }
}

static void test_names(void **state)
{
    char text[TOKEN_AGENT_MAX + 1];

    (void)state;
    memset(text, 'z', sizeof(text));
    assert_true(token_name_valid(STR("kitchen.Lamp_2@home-1")));
    assert_true(token_name_valid(str_make(text, 64)));
    assert_false(token_name_valid(str_make(text, 65)));
    assert_false(token_name_valid(STR("")));
    assert_false(token_name_valid(STR("a:b")));
    assert_false(token_name_valid(STR("a b")));
    assert_false(token_name_valid(STR("a~b")));
    assert_true(token_agent_valid(STR("@timmy:home.example-1_x")));
    assert_true(token_agent_valid(str_make(text, 128)));
    assert_false(token_agent_valid(str_make(text, 129)));
    assert_false(token_agent_valid(STR("")));
    assert_false(token_agent_valid(STR("tim my")));
}

static void test_new(void **state)
{
    char first[TOKEN_NEW_SIZE], second[TOKEN_NEW_SIZE];
    bool seen[256] = {false};

    (void)state;
    assert_true(token_new(second));
    /* Each character of base64url comes up, and no two tokens are alike. */
    for (int i = 0; i < 200; i++) {
        assert_true(token_new(first));
        assert_true(token_valid(str_make(first, sizeof(first))));
        assert_memory_equal(first, "parley_", 7);
        assert_memory_not_equal(first, second, sizeof(first));
        memcpy(second, first, sizeof(second));
        for (size_t k = 7; k < sizeof(first); k++) {
            seen[(unsigned char)first[k]] = true;
        }
    }
    size_t count = 0;
    for (int c = 0; c < 256; c++) {
        count += seen[c];
    }
    assert_int_equal(count, 64);
    assert_true(seen['-'] && seen['_']);
}

static bool parse(const char *text, struct token_line *ret_line)
{
    struct buf error;

    buf_init(&error, 1000);
    bool ok = token_line_parse(str_from_z(text), ret_line, &error);
    assert_int_equal(error.len == 0, ok);
    buf_fini(&error);
    return ok;
}

static void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.ptr, expected, s.len);
}

static void test_line(void **state)
{
    struct token_line line;
    uint8_t digest[DIGEST_BYTES];

    (void)state;
    digest_sha256("abc", 3, digest);
    assert_true(parse(DIGEST " kitchen agent_id=lamp publish=bark|scene_* sessions=world:main "
                             "act_as=lamp-* broadcast admin",
                      &line));
    assert_true(digest_equal(line.digest, digest));
    assert_str(line.name, "kitchen");
    assert_str(line.agent_id, "lamp");
    assert_str(line.grants.publish, "bark|scene_*");
    assert_str(line.grants.sessions, "world:main");
    assert_str(line.grants.act_as, "lamp-*");
    assert_true(line.grants.broadcast && line.grants.admin);
}

/* What a line does not grant is not granted. */
static void test_nothing_granted(void **state)
{
    struct token_line line;

    (void)state;
    assert_true(parse(DIGEST " kitchen", &line));
    assert_str(line.agent_id, "");
    assert_str(line.grants.publish, "");
    assert_str(line.grants.sessions, "");
    assert_str(line.grants.act_as, "");
    assert_false(line.grants.broadcast || line.grants.admin);
}

static void test_any_order_and_space(void **state)
{
    struct token_line line;

    (void)state;
    assert_true(parse("\t " DIGEST "\t \tk  admin   act_as=*\tpublish=* \t", &line));
    assert_str(line.name, "k");
    assert_str(line.grants.act_as, "*");
    assert_str(line.grants.publish, "*");
    assert_true(line.grants.admin);
    assert_false(line.grants.broadcast);
    /* Names of fields are no reserved words. */
    assert_true(parse(DIGEST " admin", &line));
    assert_false(line.grants.admin);
}

static void test_wrong_lines(void **state)
{
    static const char *const wrong[] = {
        "",
        " ",
        "sha256:",
        DIGEST,
        DIGEST " ",
        DIGEST "0 name",
        "sha256:ba78 name",
        "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad name",
        "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad name",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad name",
        DIGEST " na:me",
        DIGEST " name admin admin",
        DIGEST " name publish=a publish=b",
        DIGEST " name publish=",
        DIGEST " name publish",
        DIGEST " name publish=a||b",
        DIGEST " name publish=|a",
        DIGEST " name sessions=a|",
        DIGEST " name act_as=\x01",
        DIGEST " name agent_id=",
        DIGEST " name agent_id=a/b",
        DIGEST " name admin=true",
        DIGEST " name Admin",
        DIGEST " name other",
        DIGEST " name other=x",
        DIGEST " name # comment",
    };
    struct token_line line = {.name = STR("untouched")};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(parse(wrong[i], &line));
        assert_str(line.name, "untouched");
    }
}

/* Wherever a secret stands by mistake, the error does not have it. */
static void test_errors_keep_secrets(void **state)
{
    static const char *const lines[] = {
        "hunter2canary",
        "sha256:hunter2canary kitchen",
        "sha256:hunter2canary",
        DIGEST " hunter2canary!",
        DIGEST " name hunter2canary",
        DIGEST " name publish=hunter2canary||",
        DIGEST " name agent_id=hunter2canary/",
        DIGEST " name publish=hunter2canary publish=hunter2canary",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct token_line line;
        struct buf error;
        buf_init(&error, 1000);
        assert_false(token_line_parse(str_from_z(lines[i]), &line, &error));
        assert_false(error.failed);
        assert_null(memmem(error.data, error.len, "canary", 6));
        assert_null(memmem(error.data, error.len, "ba78", 4));
        buf_fini(&error);
    }
}

static void test_append(void **state)
{
    static const char *const lines[] = {
        DIGEST " k",
        DIGEST " k agent_id=a:b publish=* sessions=world:*|x act_as=a|b broadcast admin",
        DIGEST " k sessions=*",
        DIGEST " k broadcast",
        DIGEST " k act_as=* admin",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct token_line line;
        struct buf out;
        assert_true(parse(lines[i], &line));
        buf_init(&out, 1000);
        token_line_append(&out, &line);
        assert_str(buf_str(&out), lines[i]);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_valid),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_nothing_granted),
        cmocka_unit_test(test_any_order_and_space),
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_errors_keep_secrets),
        cmocka_unit_test(test_append),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
