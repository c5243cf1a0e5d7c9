#include "unit.h"

#include "proto/number.h"
#include "sample.h"

#include <float.h>
#include <stdlib.h>

double __real_strtod(const char *text, char **end);
double __wrap_strtod(const char *text, char **end);

/* Locales differ in what is a decimal point: so none may be asked for. */
double __wrap_strtod(const char *text, char **end)
{
    assert_null(strpbrk(text, ".,"));
    return __real_strtod(text, end);
}

static double read_number(const char *text)
{
    char *copy = sample_copy(text, strlen(text));
    double value = -1;

    assert_int_equal(number_read(str_make(copy, strlen(text)), &value), NUMBER_OK);
    free(copy);
    return value;
}

static enum number_status status_of(const char *text)
{
    double value;

    return number_read(str_from_z(text), &value);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* Bit by bit: the sign of 0 counts as well. */
static void expect_number(const char *text, double expected)
{
    double value = read_number(text);

    if (bits_of(value) != bits_of(expected)) {
        fail_msg("%s is read as %a, not as %a", text, value, expected);
    }
}

static void numbers(void **state)
{
    (void)state;
    expect_number("0", 0);
    expect_number("-0", -0.0);
    expect_number("0e999999999999999999999", 0);
    expect_number("1700000000.123", 1700000000.123);
    expect_number("0.10", 0.1);
    expect_number("1E2", 100);
    expect_number("-2.5e-3", -0.0025);
    expect_number("123456789012345678901234567890", 123456789012345678901234567890.0);
    expect_number("9007199254740993", 9007199254740992.0);
    expect_number("9007199254740993.0000000000000000000000001", 9007199254740994.0);
    expect_number("2.2250738585072011e-308", 2.2250738585072011e-308);
    expect_number("4.9e-324", 4.9e-324);
    expect_number("1e-400", 0);
    expect_number("1.7976931348623157e308", DBL_MAX);
    expect_number("0.000000000000000000000000000000000000001e40", 10);
}

static void numbers_that_no_double_holds(void **state)
{
    (void)state;
    assert_int_equal(status_of("1e999"), NUMBER_TOO_LARGE);
    assert_int_equal(status_of("-1e309"), NUMBER_TOO_LARGE);
    assert_int_equal(status_of("1e99999999999999999999999999"), NUMBER_TOO_LARGE);
    assert_int_equal(status_of("1.7976931348623159e308"), NUMBER_TOO_LARGE);
}

/* Half way between two doubles, but for a digit far behind the 780 that are looked at. */
static void digits_far_behind(void **state)
{
    char text[2000];
    static const char half[] = "9007199254740993.";

    (void)state;
    memset(text, '0', sizeof(text));
    memcpy(text, half, sizeof(half) - 1);
    text[sizeof(text) - 1] = '\0';
    expect_number(text, 9007199254740992.0);
    text[sizeof(text) - 2] = '1';
    expect_number(text, 9007199254740994.0);
}

/* Zeros in front, and an exponent that takes them back. */
static void long_zeros(void **state)
{
    enum { ZEROS = 200000 };
    char *text = malloc(ZEROS + 32);

    (void)state;
    assert_non_null(text);
    memset(text, '0', ZEROS + 32);
    text[1] = '.';
    memcpy(text + ZEROS + 2, "15e200001", sizeof("15e200001"));
    expect_number(text, 1.5);
    free(text);
}

static void expect_integer(const char *text, enum number_status status, int64_t expected)
{
    int64_t value = 0;

    assert_int_equal(number_read_integer(str_from_z(text), &value), status);
    assert_true(value == expected);
}

static void integers(void **state)
{
    (void)state;
    expect_integer("0", NUMBER_OK, 0);
    expect_integer("-0.0", NUMBER_OK, 0);
    expect_integer("2.0", NUMBER_OK, 2);
    expect_integer("20e-1", NUMBER_OK, 2);
    expect_integer("1.5e1", NUMBER_OK, 15);
    expect_integer("9223372036854775807", NUMBER_OK, INT64_MAX);
    expect_integer("-9223372036854775808", NUMBER_OK, INT64_MIN);
    expect_integer("9223372036854775808", NUMBER_TOO_LARGE, 0);
    expect_integer("-9223372036854775809", NUMBER_TOO_LARGE, 0);
    expect_integer("1e18", NUMBER_OK, 1000000000000000000);
    expect_integer("1e19", NUMBER_TOO_LARGE, 0);
    expect_integer("1e999", NUMBER_TOO_LARGE, 0);
    expect_integer("1.5", NUMBER_NOT_WHOLE, 0);
    expect_integer("-1e-3", NUMBER_NOT_WHOLE, 0);
    /* For a double, as for a validator that has nothing else, these have no fraction. */
    expect_integer("1.00000000000000000000000001", NUMBER_OK, 1);
    expect_integer("1e-400", NUMBER_OK, 0);
}

static void expect_text(double value, const char *text)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    number_write(&out, value);
    buf_append_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.data, text);
    buf_fini(&out);
}

static void texts(void **state)
{
    (void)state;
    expect_text(0, "0");
    expect_text(-3, "-3");
    expect_text(0.1, "0.1");
    expect_text(5.5, "5.5");
    expect_text(-0.0025, "-0.0025");
    expect_text(1700000000.123, "1700000000.123");
    expect_text(0.1 + 0.2, "0.30000000000000004");
    expect_text(1e15, "1000000000000000");
    expect_text(123456789012345680000.0, "123456789012345680000");
    expect_text(1e21, "1e+21");
    expect_text(1.5e-7, "0.00000015");
    expect_text(1.5e-8, "1.5e-8");
    expect_text(4.9e-324, "4.94065645841247e-324");
    expect_text(DBL_MAX, "1.7976931348623157e+308");
}

static void any_double_survives(void **state)
{
    uint64_t seed = 4711;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits =
            (uint64_t)sample_random(&seed, UINT32_MAX) << 32 | sample_random(&seed, UINT32_MAX);
        struct buf out;
        double value, back;
        memcpy(&value, &bits, sizeof(value));
        if (!(value >= -DBL_MAX && value <= DBL_MAX)) {
            continue;
        }
        buf_init(&out, SIZE_MAX);
        number_write(&out, value);
        assert_int_equal(number_read(buf_str(&out), &back), NUMBER_OK);
        assert_true(value == back);
        /* The C library is the oracle. */
        buf_append_char(&out, '\0');
        assert_true(__real_strtod(out.data, NULL) == value);
        buf_fini(&out);
    }
}

static void no_room(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 3);
    number_write(&out, 0.125);
    assert_true(out.failed);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_that_no_double_holds),
        cmocka_unit_test(digits_far_behind),
        cmocka_unit_test(long_zeros),
        cmocka_unit_test(integers),
        cmocka_unit_test(texts),
        cmocka_unit_test(any_double_survives),
        cmocka_unit_test(no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
