#include "unit.h"

#include "base/suggest.h"

static const char *nearest(const char *word, const char *const *names)
{
    struct suggestion s;

    suggestion_init(&s, str_from_z(word));
    for (; *names != NULL; names++) {
        suggestion_offer(&s, str_from_z(*names), *names);
    }
    return s.best;
}

static void test_nearest(void **state)
{
    static const char *const names[] = {"serve", "status", "tail", "send", "version", NULL};

    (void)state;
    assert_string_equal(nearest("serv", names), "serve");
    assert_string_equal(nearest("sned", names), "send");
    assert_string_equal(nearest("tial", names), "tail");
    assert_string_equal(nearest("statsu", names), "status");
    assert_string_equal(nearest("verions", names), "version");
    assert_string_equal(nearest("send", names), "send");
    assert_null(nearest("xyz", names));
    assert_null(nearest("", names));
}

static void test_limits(void **state)
{
    char word[SUGGEST_MAX_LENGTH + 2];
    struct suggestion s;

    (void)state;
    memset(word, 'a', sizeof(word));
    suggestion_init(&s, str_make(word, SUGGEST_MAX_LENGTH));
    suggestion_offer(&s, str_make(word, SUGGEST_MAX_LENGTH), "same");
    assert_string_equal(s.best, "same");
    assert_int_equal(s.distance, 0);
    suggestion_init(&s, str_make(word, SUGGEST_MAX_LENGTH + 1));
    suggestion_offer(&s, str_make(word, SUGGEST_MAX_LENGTH), "same");
    assert_null(s.best);
    /* Three letters of nine may differ, four may not. */
    suggestion_init(&s, STR("abcdefxyz"));
    suggestion_offer(&s, STR("abcdefghi"), "near");
    assert_string_equal(s.best, "near");
    suggestion_init(&s, STR("abcdewxyz"));
    suggestion_offer(&s, STR("abcdefghi"), "far");
    assert_null(s.best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
