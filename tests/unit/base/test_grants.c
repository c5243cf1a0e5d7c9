#include "unit.h"

#include "base/grants.h"

static bool match(const char *patterns, const char *name)
{
    return grants_match(str_from_z(patterns), str_from_z(name));
}

static void test_match(void **state)
{
    (void)state;
    assert_true(match("bark", "bark"));
    assert_false(match("bark", "Bark"));
    assert_false(match("bark", "barks"));
    assert_false(match("bark", ""));
    assert_true(match("*", ""));
    assert_true(match("*", "anything at all"));
    assert_true(match("scene_*", "scene_add"));
    assert_true(match("scene_*", "scene_"));
    assert_false(match("scene_*", "scene"));
    assert_true(match("*_add", "scene_add"));
    assert_true(match("a*b*c", "abbc"));
    assert_true(match("a*b*c", "a b c"));
    assert_false(match("a*b*c", "acb"));
    assert_true(match("**a**", "a"));
    assert_true(match("bark|scene_*", "scene_add"));
    assert_true(match("bark|scene_*", "bark"));
    assert_false(match("bark|scene_*", "bark|scene_*x"));
    assert_false(match("", ""));
    assert_false(match("", "bark"));
    /* The last star must be able to give way without an earlier one. */
    assert_true(match("*ab*ab", "abaabab"));
    assert_false(match("*ab*ab", "abaaba"));
}

/* Many stars against a long name end soon: a hang fails the test by its time limit. */
static void test_many_stars(void **state)
{
    char pattern[2001], name[4001];

    (void)state;
    for (size_t i = 0; i < 2000; i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[2000] = 'b';
    memset(name, 'a', sizeof(name));
    assert_false(grants_match(str_make(pattern, 2001), str_make(name, 4000)));
}

static void test_valid(void **state)
{
    static const char *const good[] = {"", "*", "bark", "bark|scene_*", "world:*"};
    static const char *const bad[] = {"|", "bark|", "|bark", "a||b", "a b", "a\tb", "a\x7f"};
    static char big[GRANTS_MAX_TEXT + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(grants_valid(str_from_z(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(grants_valid(str_from_z(bad[i])));
    }
    memset(big, 'a', sizeof(big));
    assert_true(grants_valid(str_make(big, GRANTS_MAX_TEXT)));
    assert_false(grants_valid(str_make(big, GRANTS_MAX_TEXT + 1)));
    assert_false(grants_valid(str_make("a\0b", 3)));
}

static bool within(const char *part, const char *whole)
{
    struct grants a = {.publish = str_from_z(part)}, b = {.publish = str_from_z(whole)};

    return grants_within(&a, &b);
}

static void test_within(void **state)
{
    (void)state;
    assert_true(within("", ""));
    assert_true(within("", "bark"));
    assert_false(within("bark", ""));
    assert_true(within("bark", "b*"));
    assert_true(within("scene_*", "scene_*"));
    assert_true(within("scene_add*", "scene_*"));
    assert_true(within("a*c", "a*"));
    assert_false(within("scene_*", "scene_a*"));
    assert_false(within("*", "a*"));
    assert_true(within("*", "x|*"));
    assert_true(within("bark|thought", "*"));
    assert_false(within("bark|thought", "bark"));
    assert_true(within("bark|thought", "thought|bark"));
}

static void test_within_members(void **state)
{
    struct grants all = GRANTS_ALL, part = {0};

    (void)state;
    assert_true(grants_within(&all, &all));
    assert_true(grants_within(&part, &all));
    assert_false(grants_within(&all, &part));
    part = GRANTS_ALL;
    part.admin = false;
    assert_true(grants_within(&part, &all));
    assert_false(grants_within(&all, &part));
    part = GRANTS_ALL;
    part.broadcast = false;
    assert_false(grants_within(&all, &part));
    part = GRANTS_ALL;
    part.sessions = STR("world:*");
    assert_false(grants_within(&all, &part));
    part = GRANTS_ALL;
    part.act_as = STR("");
    assert_false(grants_within(&all, &part));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),          cmocka_unit_test(test_many_stars),
        cmocka_unit_test(test_valid),          cmocka_unit_test(test_within),
        cmocka_unit_test(test_within_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
