#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/token_set.h"

#define HEX_A  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX_B  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SECRET "a-canary.of_some~length"

/* What became of a text. */
struct outcome {
    struct token_set set;
    struct buf warnings, error;
    bool ok;
};

static bool contains(struct str text, const char *part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void read_text(struct outcome *o, struct str text)
{
    char *copy = malloc(text.len + 1);

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    token_set_init(&o->set);
    buf_init(&o->warnings, 10000);
    buf_init(&o->error, 10000);
    o->ok =
        token_set_add_text(&o->set, STR("FILE"), str_make(copy, text.len), &o->warnings, &o->error);
    assert_int_equal(o->error.len == 0, o->ok);
    /* The set borrows nothing of the text that it was given. */
    memset(copy, '!', text.len);
    free(copy);
    assert_false(contains(buf_str(&o->error), "canary"));
    assert_false(contains(buf_str(&o->warnings), "canary"));
}

static void outcome_fini(struct outcome *o)
{
    token_set_fini(&o->set);
    buf_fini(&o->warnings);
    buf_fini(&o->error);
}

static void assert_contains(struct str text, const char *part)
{
    if (!contains(text, part)) {
        fail_msg("\"%.*s\" does not have \"%s\"", STR_ARG(text), part);
    }
}

static void assert_refused(struct str text, const char *says)
{
    struct outcome o;

    read_text(&o, text);
    assert_false(o.ok);
    assert_contains(buf_str(&o.error), says);
    outcome_fini(&o);
}

/* The text is two tokens, a and b, and draws no warning. */
static void assert_two(struct str text)
{
    struct outcome o;

    read_text(&o, text);
    if (!o.ok) {
        fail_msg("%.*s", STR_ARG(buf_str(&o.error)));
    }
    assert_int_equal(o.warnings.len, 0);
    assert_int_equal(o.set.count, 2);
    const struct token_line *a = token_set_find(&o.set, STR("a"));
    const struct token_line *b = token_set_find(&o.set, STR("b"));
    assert_ptr_equal(a, &o.set.tokens[0]);
    assert_ptr_equal(b, &o.set.tokens[1]);
    assert_int_equal(a->digest[0], 0xba);
    assert_true(str_equal(b->grants.publish, STR("*")));
    assert_null(token_set_find(&o.set, STR("c")));
    outcome_fini(&o);
}

static void test_lines(void **state)
{
    (void)state;
    assert_two(STR("sha256:" HEX_A " a\nsha256:" HEX_B " b publish=*\n"));
    assert_two(STR("sha256:" HEX_A " a\nsha256:" HEX_B " b publish=*"));
    assert_two(STR("sha256:" HEX_A " a\r\nsha256:" HEX_B " b publish=*\r\n"));
    assert_two(STR("\xef\xbb\xbfsha256:" HEX_A " a\nsha256:" HEX_B " b publish=*"));
    assert_two(STR("# who may\n\n  \t\nsha256:" HEX_A " a  \n#x\n\r\n  sha256:" HEX_B
                   "\tb publish=*\n # Gr\xc3\xbc\xc3\x9f\x65 \xff\n"));
}

static void assert_secret(struct str text, size_t warnings)
{
    struct outcome o;
    uint8_t digest[DIGEST_BYTES];
    struct grants all = GRANTS_ALL;

    read_text(&o, text);
    assert_true(o.ok);
    assert_int_equal(o.set.count, 1);
    assert_true(str_equal(o.set.tokens[0].name, STR("shared")));
    assert_int_equal(o.set.tokens[0].agent_id.len, 0);
    assert_true(grants_within(&all, &o.set.tokens[0].grants));
    digest_sha256(SECRET, strlen(SECRET), digest);
    assert_int_equal(digest_equal(digest, o.set.tokens[0].digest), warnings == 0);
    assert_int_equal(o.warnings.len > 0, warnings);
    outcome_fini(&o);
}

static void test_secret(void **state)
{
    (void)state;
    assert_secret(STR(SECRET), 0);
    assert_secret(STR(SECRET "\n"), 0);
    assert_secret(STR("\xef\xbb\xbf# for all\r\n\r\n " SECRET " \r\n\r\n# end"), 0);
    assert_secret(STR("15-characters.."), 1);
}

static void test_short_secret(void **state)
{
    struct outcome o;

    (void)state;
    read_text(&o, STR("16-characters...\n"));
    assert_int_equal(o.warnings.len, 0);
    outcome_fini(&o);
    read_text(&o, STR("\ncanary\n"));
    assert_true(o.ok);
    assert_contains(buf_str(&o.warnings), "FILE:2: ");
    assert_contains(buf_str(&o.warnings), "16");
    outcome_fini(&o);
}

/* The last token can be withdrawn: then there is none, and that is said. */
static void test_none(void **state)
{
    static const struct str texts[] = {{"", 0}, {"\n\n", 2}, {"# sha256:", 9}, {"\xef\xbb\xbf", 3}};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct outcome o;
        read_text(&o, texts[i]);
        assert_true(o.ok);
        assert_int_equal(o.set.count, 0);
        assert_contains(buf_str(&o.warnings), "no token");
        outcome_fini(&o);
    }
}

static void test_mixed(void **state)
{
    (void)state;
    assert_refused(STR(SECRET "\n" SECRET "\n"), "FILE:2: a secret stands above");
    assert_refused(STR(SECRET "\nsha256:" HEX_A " a\n"), "FILE:2: a secret stands above");
    assert_refused(STR("sha256:" HEX_A " a\n\n" SECRET "\n"), "FILE:3: this is no token line");
    assert_refused(STR("two canary words\n"), "FILE:1: this is neither");
    assert_refused(STR("#\ncanary:1\n"), "FILE:2: this is neither");
    assert_refused(STR("sha256:" HEX_A " a\nsha256:" HEX_B " b canary\n"), "FILE:2: field 3");
}

static void test_twice(void **state)
{
    (void)state;
    assert_refused(STR("sha256:" HEX_A " a\nsha256:" HEX_B " a\n"),
                   "FILE:2: there is another token of the name \"a\"");
    assert_refused(STR("sha256:" HEX_A " a\n\nsha256:" HEX_A " b\n"),
                   "FILE:3: this is the token of \"a\" again");
}

static void test_garbage(void **state)
{
    char long_one[TOKEN_MAX + 1];

    (void)state;
    memset(long_one, 'x', sizeof(long_one));
    assert_refused(STR("canary\0canary\n"), "FILE:1: there is a NUL byte");
    assert_refused(STR("sha256:" HEX_A " a\nsha256:\0canary\n"), "FILE:2: there is a NUL byte");
    assert_refused(STR("\x89PNG\r\n\x1a\n"), "FILE:1: ");
    assert_refused(STR("\xff\xfe"
                       "c\0a\0n\0a\0r\0y\0"),
                   "FILE:1: there is a NUL byte");
    assert_refused(STR("\x01\x02\x7f\x80\n"), "FILE:1: this is neither");
    assert_refused(str_make(long_one, sizeof(long_one)), "FILE:1: this is neither");
    /* A CR within a line, and two of them at its end, are no ends of lines. */
    assert_refused(STR("canary\rcanary\n"), "FILE:1: ");
    assert_refused(STR("canary\r\r\n"), "FILE:1: ");
}

static void test_size(void **state)
{
    char *text = malloc(TOKEN_SET_MAX_TEXT + 1);
    struct outcome o;

    (void)state;
    assert_non_null(text);
    memset(text, '#', TOKEN_SET_MAX_TEXT + 1);
    read_text(&o, str_make(text, TOKEN_SET_MAX_TEXT));
    assert_true(o.ok);
    outcome_fini(&o);
    assert_refused(str_make(text, TOKEN_SET_MAX_TEXT + 1), "1 MiB");
    memset(text, '\n', TOKEN_SET_MAX_LINES + 1);
    read_text(&o, str_make(text, TOKEN_SET_MAX_LINES));
    assert_true(o.ok);
    outcome_fini(&o);
    assert_refused(str_make(text, TOKEN_SET_MAX_LINES + 1), "65000");
    free(text);
}

/* As many as fit into one file, all of them found again. */
static void test_many(void **state)
{
    enum { MANY = 12000, ROOM = 88 };
    char *text = malloc((size_t)MANY * ROOM), name[16];
    size_t len = 0;
    struct outcome o;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < MANY; i++) {
        len += (size_t)snprintf(text + len, ROOM, "sha256:%064x name-%d\n", (unsigned)i, i);
    }
    assert_true(len <= TOKEN_SET_MAX_TEXT);
    read_text(&o, str_make(text, len));
    assert_true(o.ok);
    assert_int_equal(o.set.count, MANY);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "name-%d", i);
        assert_ptr_equal(token_set_find(&o.set, str_from_z(name)), &o.set.tokens[i]);
    }
    outcome_fini(&o);
    free(text);
}

static bool add_list(struct token_set *set, const char *text, const char *says)
{
    struct buf error;

    buf_init(&error, 1000);
    bool ok = token_set_add_list(set, STR("auth.tokens"), str_from_z(text), &error);
    assert_int_equal(ok, says == NULL);
    if (!ok) {
        assert_contains(buf_str(&error), says);
        assert_false(contains(buf_str(&error), "canary"));
    }
    buf_fini(&error);
    return ok;
}

static void test_list(void **state)
{
    static const struct {
        const char *text, *says; /* NULL: it is taken */
        size_t count;
    } lists[] = {
        {"", NULL, 0},
        {"sha256:" HEX_A " a", NULL, 1},
        {"sha256:" HEX_A " a , sha256:" HEX_B " b admin", NULL, 2},
        {"sha256:" HEX_A " a,", NULL, 1},
        {",sha256:" HEX_A " a", "auth.tokens, entry 1: there is nothing", 0},
        {"sha256:" HEX_A " a,,", "auth.tokens, entry 2: there is nothing", 0},
        {SECRET, "auth.tokens, entry 1: a token line begins with sha256:", 0},
        {"sha256:" HEX_A " a publish=x,canary", "auth.tokens, entry 2: a token line", 0},
        {"sha256:" HEX_A " a,sha256:" HEX_A " b", "auth.tokens, entry 2: this is the token", 0},
        {"sha256:" HEX_A " a\nsha256:" HEX_B " b", "auth.tokens, entry 1: ", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct token_set set;
        token_set_init(&set);
        if (add_list(&set, lists[i].text, lists[i].says)) {
            assert_int_equal(set.count, lists[i].count);
        }
        token_set_fini(&set);
    }
}

/* A file and a list go into one set, which wants names and digests once. */
static void test_several_sources(void **state)
{
    struct outcome o;

    (void)state;
    read_text(&o, STR("sha256:" HEX_A " a\n"));
    assert_true(add_list(&o.set, "sha256:" HEX_B " b", NULL));
    assert_int_equal(o.set.count, 2);
    assert_true(str_equal(o.set.tokens[0].name, STR("a")));
    assert_false(add_list(&o.set, "sha256:" HEX_B " c", "this is the token of \"b\" again"));
    outcome_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_short_secret),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_several_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
