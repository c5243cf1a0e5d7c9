#include "vectors.h"

static bool is_one_of(int c, const char *set)
{
    return c != 0 && c < 128 && strchr(set, c) != NULL;
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void test_classes(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        bool name = is_one_of(i, DIGITS LETTERS "-._~!$&'()*+,;=");
        assert_int_equal(http_is(c, HTTP_TOKEN), is_one_of(i, DIGITS LETTERS "!#$%&'*+-.^_`|~"));
        assert_int_equal(http_is(c, HTTP_NAME), name);
        assert_int_equal(http_is(c, HTTP_TARGET), name || is_one_of(i, ":@/?%[]{}|^`"));
        assert_int_equal(http_is(c, HTTP_HEX), is_one_of(i, DIGITS "abcdefABCDEF"));
        assert_int_equal(http_is_digit(c), is_one_of(i, DIGITS));
        assert_int_equal(http_is_text(c), i == '\t' || (i >= 0x20 && i != 0x7f));
    }
}

static void test_hex_values(void **state)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(http_hex_value(digits[i]), i % 16);
    }
}

/* Each byte in each place of texts of each length and alignment. */
static void test_skip_text(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 33; len++) {
        char *text = malloc(len);
        assert_non_null(text);
        for (size_t i = 0; i < len; i++) {
            for (int byte = 0; byte < 256; byte++) {
                /* A tab and bytes beside the limits stand around. */
                memset(text, "\t \x7e\x80\xff"[byte % 5], len);
                text[i] = (char)byte;
                size_t stop = http_is_text((char)byte) ? len : i;
                assert_int_equal(http_skip_text(text, 0, len), stop);
                assert_int_equal(http_skip_text(text, i, len), stop);
                assert_int_equal(http_skip_text(text, 0, i), i);
            }
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_hex_values),
        cmocka_unit_test(test_skip_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
