#include <stdlib.h>
#include <string.h>

#include "fanout/filter.h"
#include "sample.h"
#include "unit.h"

static struct type_name *make_type(uint32_t id, const char *name, size_t len)
{
    size_t kept = len < TYPE_TEXT_MAX ? len : TYPE_TEXT_MAX;
    struct type_name *type = malloc(sizeof(*type) + kept);

    assert_non_null(type);
    type->id = id;
    type->len = (uint32_t)len;
    memcpy(type->text, name, kept);
    return type;
}

/* Asked twice, since an interned type is remembered; and once as a loose one. */
static bool wants(struct filter *f, const char *name, size_t len)
{
    static uint32_t id;
    struct type_name *type = make_type(id++ % FILTER_TYPES, name, len);
    bool first = filter_wants(f, type);

    assert_int_equal(filter_wants(f, type), first);
    type->id = TYPE_LOOSE;
    assert_int_equal(filter_wants(f, type), first);
    free(type);
    return first;
}

static void test_exact_and_prefix(void **state)
{
    static const struct {
        const char *name;
        bool wanted;
    } cases[] = {
        {"bark", true},      {"barks", false},   {"bar", false},   {"Bark", false},
        {"scene_add", true}, {"scene_", true},   {"scene", false}, {"my_scene_add", false},
        {"a*b", false},      {"bark\nx", false},
    };
    struct str patterns[] = {STR("bark"), STR("scene_*"), STR("thought")};
    struct filter *f = filter_new(patterns, 3);

    (void)state;
    assert_non_null(f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(wants(f, cases[i].name, strlen(cases[i].name)), cases[i].wanted);
    }
    filter_free(f);
}

static void test_star_alone_and_nothing(void **state)
{
    struct str star = STR("*");
    struct filter *all = filter_new(&star, 1);
    struct filter *none = filter_new(NULL, 0);

    (void)state;
    assert_non_null(all);
    assert_non_null(none);
    assert_true(wants(all, "x", 1));
    assert_false(wants(none, "x", 1));
    filter_free(all);
    filter_free(none);
    filter_free(NULL);
}

/* Of a name longer than what is kept, no exact pattern is meant, and prefixes are found. */
static void test_long_names(void **state)
{
    char name[TYPE_TEXT_MAX + 40];
    char pattern[TYPE_TEXT_MAX];

    (void)state;
    memset(name, 'n', sizeof(name));
    memset(pattern, 'n', sizeof(pattern));
    struct str patterns[] = {str_make(pattern, sizeof(pattern))};
    struct filter *exact = filter_new(patterns, 1);
    assert_non_null(exact);
    assert_true(wants(exact, name, TYPE_TEXT_MAX));
    assert_false(wants(exact, name, TYPE_TEXT_MAX + 1));
    assert_false(wants(exact, name, TYPE_TEXT_MAX - 1));
    filter_free(exact);

    pattern[TYPE_TEXT_MAX - 1] = '*';
    struct filter *prefix = filter_new(patterns, 1);
    assert_non_null(prefix);
    assert_true(wants(prefix, name, sizeof(name)));
    assert_true(wants(prefix, name, TYPE_TEXT_MAX - 1));
    assert_false(wants(prefix, name, TYPE_TEXT_MAX - 2));
    filter_free(prefix);
}

/* The patterns are copied, and every interned id is remembered for itself. */
static void test_many_patterns(void **state)
{
    struct str patterns[FILTER_MAX_PATTERNS];
    char *names[FILTER_MAX_PATTERNS];

    (void)state;
    for (uint32_t i = 0; i < FILTER_MAX_PATTERNS; i++) {
        char name[4] = {'t', (char)('0' + i / 10), (char)('0' + i % 10), '*'};
        names[i] = sample_copy(name, sizeof(name));
        patterns[i] = str_make(names[i], i % 2 == 0 ? 3 : 4);
    }
    struct filter *f = filter_new(patterns, FILTER_MAX_PATTERNS);
    assert_non_null(f);
    for (uint32_t i = 0; i < FILTER_MAX_PATTERNS; i++) {
        free(names[i]);
    }
    for (uint32_t id = 0; id < FILTER_TYPES; id++) {
        uint32_t number = id % (FILTER_MAX_PATTERNS + 20);
        char name[4] = {'t', (char)('0' + number / 10), (char)('0' + number % 10), 'x'};
        size_t len = 3 + id / 512;
        struct type_name *type = make_type(id, name, len);
        bool wanted = number < FILTER_MAX_PATTERNS && (len == 3 || number % 2 == 1);
        assert_int_equal(filter_wants(f, type), wanted);
        /* What was learnt holds, whatever the name says now. */
        type->text[0] = '?';
        assert_int_equal(filter_wants(f, type), wanted);
        free(type);
    }
    filter_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_and_prefix),
        cmocka_unit_test(test_star_alone_and_nothing),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_many_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
