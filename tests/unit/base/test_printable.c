#include "unit.h"

#include "base/printable.h"

static void expect(struct str text, const char *printed)
{
    struct buf out;

    buf_init(&out, 1024);
    printable_append(&out, text);
    assert_int_equal(out.len, strlen(printed));
    if (out.len > 0) {
        assert_memory_equal(out.data, printed, out.len);
    }
    buf_fini(&out);
}

static void test_passes(void **state)
{
    (void)state;
    expect(STR(""), "");
    expect(STR("plain ~ text\\"), "plain ~ text\\");
    expect(STR("gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x90\xb6"),
           "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x90\xb6");
    expect(STR("\xc2\xa0"), "\xc2\xa0");
}

static void test_escapes(void **state)
{
    (void)state;
    expect(STR("a\nb\rc\td"), "a\\nb\\rc\\td");
    expect(STR("\033[31m\x7f\0"), "\\x1b[31m\\x7f\\x00");
    expect(STR("\xc2\x80\xc2\x9f"), "\\u0080\\u009f");
    expect(STR("\xe2\x80\xae\xe2\x81\xa9\xd8\x9c\xe2\x80\x8f\xe2\x80\xac\xe2\x80\xa8"),
           "\\u202e\\u2069\\u061c\\u200f\\u202c\\u2028");
}

static void test_broken(void **state)
{
    (void)state;
    expect(STR("\xff"), "\\xff");
    expect(STR("a\xe2\x82z"), "a\\xe2\\x82z");
    expect(STR("\xed\xa0\x80"), "\\xed\\xa0\\x80");
    expect(STR("\xf0\x9f\x90"), "\\xf0\\x9f\\x90");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
