#include "vectors.h"

/* The elements of each list, joined by '|'. */
static void test_elements(void **state)
{
    static const struct {
        const char *list;
        const char *elements;
    } cases[] = {
        {"", ""},
        {" \t", ""},
        {",", ""},
        {" , ,\t,", ""},
        {"a", "a|"},
        {"a,b", "a|b|"},
        {" a ,\tb c ,", "a|b c|"},
        {",,a,,b", "a|b|"},
        {"for=\"a,b\", c", "for=\"a,b\"|c|"},
        {"\"a\\\",b\",c", "\"a\\\",b\"|c|"},
        {"\"a\\\\\",b", "\"a\\\\\"|b|"},
        {"a\\,b", "a\\|b|"},
        {"\"open, b", "\"open, b|"},
        {"\"open\\", "\"open\\|"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char joined[64];
        size_t len = 0;
        char *copy = copy_exactly(cases[i].list, strlen(cases[i].list));
        struct str list = str_make(copy, strlen(cases[i].list));
        struct str element;
        while (http_list_next(&list, &element)) {
            len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%.*s|", STR_ARG(element));
        }
        joined[len] = '\0';
        assert_string_equal(joined, cases[i].elements);
        free(copy);
    }
}

static void test_has(void **state)
{
    (void)state;
    assert_true(http_list_has(STR("a, B ,c"), STR("b")));
    assert_true(http_list_has(STR("upgrade"), STR("Upgrade")));
    assert_false(http_list_has(STR("upgrades, upgrad"), STR("upgrade")));
    assert_false(http_list_has(STR("a b"), STR("b")));
    assert_false(http_list_has(STR("\"a, b\""), STR("b")));
    assert_false(http_list_has(STR(""), STR("b")));
    assert_false(http_list_has(STR(",,"), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_elements), cmocka_unit_test(test_has)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
