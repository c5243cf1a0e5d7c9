#include "unit.h"

#include "base/str.h"

static void literals_know_their_length(void **state)
{
    (void)state;
    assert_int_equal(STR("").len, 0);
    assert_int_equal(STR("a\0b").len, 3);
    assert_int_equal(str_from_z("abc").len, 3);
    assert_int_equal(str_from_z(NULL).len, 0);
}

static void equality_is_of_bytes(void **state)
{
    (void)state;
    assert_true(str_equal(STR("abc"), STR("abc")));
    assert_false(str_equal(STR("abc"), STR("abd")));
    assert_false(str_equal(STR("abc"), STR("ab")));
    assert_false(str_equal(STR("a\0b"), STR("a\0c")));
    assert_true(str_equal(str_make(NULL, 0), STR("")));
}

/* Of every length around the words that are compared, with each bit of each byte changed. */
static void short_text_is_compared_whole(void **state)
{
    char a[32], b[32];

    (void)state;
    for (size_t len = 0; len < sizeof(a); len++) {
        memset(a, 'x', sizeof(a));
        memset(b, 'x', sizeof(b));
        a[len] = 'y';
        assert_true(str_equal_short(str_make(a, len), str_make(b, len)));
        assert_false(str_equal_short(str_make(a, len), str_make(b, len + 1)));
        for (size_t bit = 0; bit < len * 8; bit++) {
            b[bit / 8] = (char)(b[bit / 8] ^ 1 << bit % 8);
            assert_false(str_equal_short(str_make(a, len), str_make(b, len)));
            b[bit / 8] = 'x';
        }
    }
    assert_true(str_equal_short(str_make(NULL, 0), STR("")));
}

static void case_is_folded_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(str_equal_nocase(STR("Sec-WebSocket-Key"), STR("sec-websocket-kEY")));
    assert_false(str_equal_nocase(STR("abc"), STR("abcd")));
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char x = (char)a, y = (char)b;
            int small = a >= 'A' && a <= 'Z' ? a + 32 : a;
            int other = b >= 'A' && b <= 'Z' ? b + 32 : b;
            assert_int_equal(str_equal_nocase(str_make(&x, 1), str_make(&y, 1)), small == other);
        }
    }
}

static void prefixes(void **state)
{
    (void)state;
    assert_true(str_starts_with(STR("world:a"), STR("world:")));
    assert_true(str_starts_with(STR("world:"), STR("world:")));
    assert_true(str_starts_with(STR(""), STR("")));
    assert_true(str_starts_with(str_make(NULL, 0), str_make(NULL, 0)));
    assert_false(str_starts_with(STR("world"), STR("world:")));
    assert_false(str_starts_with(STR("xorld:a"), STR("world:")));
}

static void slices_are_clamped(void **state)
{
    struct str s = STR("abcdef");

    (void)state;
    assert_true(str_equal(str_slice(s, 1, 3), STR("bc")));
    assert_true(str_equal(str_slice(s, 0, 6), s));
    assert_true(str_equal(str_slice(s, 4, 99), STR("ef")));
    assert_int_equal(str_slice(s, 99, 99).len, 0);
    assert_ptr_equal(str_slice(s, 99, 99).ptr, s.ptr + 6);
    assert_int_equal(str_slice(s, 4, 2).len, 0);
}

static void finding_a_character(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("a:b:c"), ':'), 1);
    assert_int_equal(str_find(STR("abc"), ':'), 3);
    assert_int_equal(str_find(STR("abc"), '\0'), 3);
    assert_int_equal(str_find(str_make(NULL, 0), ':'), 0);
}

static void trimming_takes_spaces_and_tabs(void **state)
{
    (void)state;
    assert_true(str_equal(str_trim(STR(" \t a b\t ")), STR("a b")));
    assert_true(str_equal(str_trim(STR("a")), STR("a")));
    assert_true(str_equal(str_trim(STR("\r\na\n")), STR("\r\na\n")));
    assert_int_equal(str_trim(STR(" \t ")).len, 0);
    assert_int_equal(str_trim(STR("")).len, 0);
}

static void expect_uint(struct str text, uint64_t max, uint64_t value)
{
    uint64_t got = 0;

    assert_true(str_to_uint(text, max, &got));
    assert_true(got == value);
}

static void expect_no_uint(struct str text, uint64_t max)
{
    uint64_t got = 77;

    assert_false(str_to_uint(text, max, &got));
    assert_true(got == 77);
}

static void numbers_up_to_a_maximum(void **state)
{
    (void)state;
    expect_uint(STR("0"), 0, 0);
    expect_uint(STR("007"), 7, 7);
    expect_uint(STR("65535"), 65535, 65535);
    expect_uint(STR("18446744073709551615"), UINT64_MAX, UINT64_MAX);
    expect_uint(STR("000000000000000000000000000001"), 1, 1);
    expect_no_uint(STR("1"), 0);
    expect_no_uint(STR("5"), 3);
    expect_no_uint(STR("65536"), 65535);
    expect_no_uint(STR("18446744073709551616"), UINT64_MAX);
    expect_no_uint(STR("99999999999999999999"), UINT64_MAX);
}

static void every_small_number_against_every_small_maximum(void **state)
{
    (void)state;
    for (uint64_t max = 0; max < 130; max++) {
        for (uint64_t value = 0; value < 130; value++) {
            char text[4] = {0};
            size_t len = 0;
            if (value >= 100) {
                text[len++] = (char)('0' + value / 100);
            }
            if (value >= 10) {
                text[len++] = (char)('0' + value / 10 % 10);
            }
            text[len++] = (char)('0' + value % 10);
            if (value <= max) {
                expect_uint(str_make(text, len), max, value);
            } else {
                expect_no_uint(str_make(text, len), max);
            }
        }
    }
}

static void what_is_no_number(void **state)
{
    static const char *const texts[] = {"", "-1", "+1", " 1", "1 ", "1a", "0x1", "1.0", "/", ":"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_no_uint(str_from_z(texts[i]), UINT64_MAX);
    }
    expect_no_uint(str_make("1\0", 2), UINT64_MAX);
}

static void test_fields(void **state)
{
    struct str rest = STR(" a\t b=c "), field;

    (void)state;
    assert_true(str_next_field(&rest, &field));
    assert_true(str_equal(field, STR("a")));
    assert_true(str_next_field(&rest, &field));
    assert_true(str_equal(field, STR("b=c")));
    assert_false(str_next_field(&rest, &field));
    assert_int_equal(field.len, 0);
    assert_false(str_next_field(&rest, &field));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(literals_know_their_length),
        cmocka_unit_test(equality_is_of_bytes),
        cmocka_unit_test(short_text_is_compared_whole),
        cmocka_unit_test(case_is_folded_for_ascii_letters_only),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(slices_are_clamped),
        cmocka_unit_test(finding_a_character),
        cmocka_unit_test(trimming_takes_spaces_and_tabs),
        cmocka_unit_test(numbers_up_to_a_maximum),
        cmocka_unit_test(every_small_number_against_every_small_maximum),
        cmocka_unit_test(what_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
