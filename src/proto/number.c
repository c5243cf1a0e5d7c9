#include "proto/number.h"

#include <float.h>
#include <stdlib.h>

enum {
    EXACT_DIGITS = 19,    /* as many as fit into 64 bits, whichever they are */
    MAX_DIGITS = 780,     /* behind 767, it only matters whether there are more that are not 0 */
    MAX_EXPONENT = 99999, /* far beyond any double, with all its digits */
};

/* A number is `mantissa` * 10^`exponent`, but for the digits behind the first 19 of an overlong
 * one. */
struct decimal {
    bool negative;
    bool overlong;
    uint64_t mantissa;
    int64_t exponent;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* `text` begins with the e, or is empty. */
static int64_t read_exponent(struct str text)
{
    const int64_t enough = (int64_t)1 << 40; /* more than any text has digits */
    bool negative = text.len > 1 && text.ptr[1] == '-';
    int64_t exponent = 0;

    for (size_t i = 1; i < text.len; i++) {
        if (is_digit(text.ptr[i]) && exponent < enough) {
            exponent = exponent * 10 + (text.ptr[i] - '0');
        }
    }
    return negative ? -exponent : exponent;
}

/*
 * Takes digits up to something else; returns the place behind them. Adds to *dropped how many found
 * no room in the mantissa.
 */
static const char *take_digits(struct decimal *d, const char *at, const char *end, int64_t *dropped)
{
    const uint64_t full =
        1000000000000000000u; /* EXACT_DIGITS digits, none of them leading zeros */

    for (; at < end && d->mantissa < full; at++) {
        uint64_t digit = (uint64_t)*at - '0';
        if (digit > 9) {
            return at;
        }
        d->mantissa = d->mantissa * 10 + digit;
    }
    for (; at < end && is_digit(*at); at++) {
        *dropped += 1;
    }
    return at;
}

static struct decimal decimal_of(struct str raw)
{
    struct decimal d = {.negative = raw.ptr[0] == '-'};
    const char *end = raw.ptr + raw.len;
    int64_t dropped = 0;
    const char *at = take_digits(&d, raw.ptr + d.negative, end, &dropped);

    d.exponent = dropped;
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = take_digits(&d, fraction, end, &dropped);
        d.exponent = dropped - (at - fraction);
    }
    d.overlong = dropped > 0;
    if (at < end) {
        d.exponent += read_exponent(str_make(at, (size_t)(end - at)));
    }
    return d;
}

/* Writes "e-12" with a NUL behind. */
static void write_exponent(char *at, int64_t exponent)
{
    int64_t left = exponent < 0 ? -exponent : exponent;
    int64_t unit = 1;

    *at++ = 'e';
    if (exponent < 0) {
        *at++ = '-';
    }
    while (left / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        *at++ = (char)('0' + left / unit % 10);
    }
    *at = '\0';
}

/*
 * Any number but 0, without its sign. strtod rounds rightly, but what it takes for a decimal point
 * depends on the locale: so it is given digits and an exponent.
 */
static double read_slowly(struct str raw, const struct decimal *d)
{
    char text[MAX_DIGITS + sizeof("e-99999")];
    int64_t exponent = d->exponent;
    size_t count = 0;

    for (size_t i = d->negative; i < raw.len && (is_digit(raw.ptr[i]) || raw.ptr[i] == '.'); i++) {
        char c = raw.ptr[i];
        if (count == MAX_DIGITS) {
            text[count - 1] = c > '0' ? '1' : text[count - 1];
        } else if (c != '.' && (count > 0 || c != '0')) {
            text[count++] = c;
            exponent -= count > EXACT_DIGITS;
        }
    }
    if (exponent > MAX_EXPONENT || exponent < -MAX_EXPONENT) {
        exponent = exponent < 0 ? -MAX_EXPONENT : MAX_EXPONENT;
    }
    write_exponent(text + count, exponent);
    return strtod(text, NULL);
}

enum number_status number_read(struct str raw, double *ret_value)
{
    /* Powers of ten that a double holds exactly: then one operation on exact numbers is one
       rounding (Clinger 1990, "How to Read Floating Point Numbers Accurately"). */
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int64_t most = sizeof(exact) / sizeof(exact[0]) - 1;
    struct decimal d = decimal_of(raw);
    double value = 0;

    if (d.mantissa >> DBL_MANT_DIG == 0 && !d.overlong && d.exponent >= -most &&
        d.exponent <= most) {
        value = (double)d.mantissa;
        value = d.exponent < 0 ? value / exact[-d.exponent] : value * exact[d.exponent];
    } else if (d.mantissa > 0) {
        value = read_slowly(raw, &d);
    }
    if (value > DBL_MAX) {
        return NUMBER_TOO_LARGE;
    }
    *ret_value = d.negative ? -value : value;
    return NUMBER_OK;
}

/* Whether the number is one that int64_t holds, spelled without a fraction that is not 0. */
static bool read_exactly(struct str raw, int64_t *ret_value)
{
    struct decimal d = decimal_of(raw);
    uint64_t limit = (uint64_t)INT64_MAX + d.negative;

    for (; d.mantissa > 0 && d.exponent < 0 && d.mantissa % 10 == 0; d.exponent++) {
        d.mantissa /= 10;
    }
    for (; d.mantissa > 0 && d.exponent > 0; d.exponent--) {
        if (d.mantissa > limit / 10) {
            return false;
        }
        d.mantissa *= 10;
    }
    if (d.overlong || d.mantissa > limit || (d.mantissa > 0 && d.exponent < 0)) {
        return false;
    }
    *ret_value = d.negative ? (int64_t)(0 - d.mantissa) : (int64_t)d.mantissa;
    return true;
}

enum number_status number_read_integer(struct str raw, int64_t *ret_value)
{
    const double limit = 9223372036854775808.0; /* 2^63 */
    double value = 0;

    if (read_exactly(raw, ret_value)) {
        return NUMBER_OK;
    }
    if (number_read(raw, &value) != NUMBER_OK || value >= limit || value <= -limit) {
        return NUMBER_TOO_LARGE;
    }
    if ((double)(int64_t)value != value) {
        return NUMBER_NOT_WHOLE;
    }
    *ret_value = (int64_t)value;
    return NUMBER_OK;
}

/* "0.00012", "12300" or "1.2e+30" of the digits d.ddd * 10^exponent, as ECMAScript writes it. */
static void write_digits(struct buf *out, struct str digits, long exponent)
{
    size_t whole = exponent < 0 ? 0 : (size_t)exponent + 1;

    if (exponent < -7 || exponent > 20) {
        buf_append(out, digits.ptr, 1);
        if (digits.len > 1) {
            buf_append_char(out, '.');
            buf_append(out, digits.ptr + 1, digits.len - 1);
        }
        buf_printf(out, "e%+ld", exponent);
        return;
    }
    if (whole == 0) {
        buf_append(out, "0.000000", (size_t)(1 - exponent));
    }
    for (size_t i = 0; i < whole || i < digits.len; i++) {
        if (i > 0 && i == whole) {
            buf_append_char(out, '.');
        }
        buf_append_char(out, i < digits.len ? digits.ptr[i] : '0');
    }
}

/* Appends the number rounded to so many digits; whether that leads back to it. */
static bool write_rounded(struct buf *out, double value, int count)
{
    struct buf spelled;
    char digits[17];
    size_t start = out->len, len = 0, i = 0;
    double back = 0;

    buf_init(&spelled, SIZE_MAX);
    buf_printf(&spelled, "%.*e", count - 1, value < 0 ? -value : value);
    struct str text = buf_str(&spelled);
    for (; i < text.len && text.ptr[i] != 'e'; i++) {
        if (is_digit(text.ptr[i]) && len < sizeof(digits)) {
            digits[len++] = text.ptr[i];
        }
    }
    while (len > 1 && digits[len - 1] == '0') {
        len--;
    }
    if (value < 0) {
        buf_append_char(out, '-');
    }
    write_digits(out, str_make(digits, len), (long)read_exponent(str_slice(text, i, text.len)));
    out->failed = out->failed || spelled.failed;
    buf_fini(&spelled);
    return out->failed ||
           (number_read(str_slice(buf_str(out), start, out->len), &back) == NUMBER_OK &&
            back == value);
}

void number_write(struct buf *out, double value)
{
    const double small = 1e15;
    size_t start = out->len;

    if (value > -small && value < small && (double)(int64_t)value == value) {
        buf_printf(out, "%lld", (long long)value);
        return;
    }
    /* 17 digits always lead back to the same double; fewer often do. */
    for (int count = 15; count <= 17; count++) {
        out->len = start;
        if (write_rounded(out, value, count)) {
            return;
        }
    }
}
