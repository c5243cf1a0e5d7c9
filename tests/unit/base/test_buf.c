#include "unit.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>

static void assert_holds(const struct buf *b, struct str text)
{
    assert_int_equal(b->len, text.len);
    assert_true(str_equal(buf_str(b), text));
}

static void starts_empty_and_allocates_nothing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    buf_append(&b, NULL, 0);
    assert_null(b.data);
    assert_false(b.failed);
    buf_fini(&b);
    buf_fini(NULL);
}

static void appends_of_every_kind(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_append(&b, "a\0b", 3);
    buf_append_str(&b, STR("cd"));
    buf_append_char(&b, 'e');
    buf_append_uint(&b, 0);
    buf_append_char(&b, ' ');
    buf_append_uint(&b, UINT64_MAX);
    buf_printf(&b, " %d-%s", -5, "x");
    assert_holds(&b, STR("a\0bcde0 18446744073709551615 -5-x"));
    assert_false(b.failed);
    buf_fini(&b);
}

static void grows_up_to_its_cap_and_no_further(void **state)
{
    (void)state;
    for (size_t max = 0; max < 300; max++) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++) {
            buf_append_char(&b, (char)(i % 251));
            assert_false(b.failed);
            assert_true(b.cap <= max);
        }
        assert_int_equal(b.len, max);
        buf_append_char(&b, 'x');
        assert_true(b.failed);
        assert_int_equal(b.len, max);
        for (size_t i = 0; i < max; i++) {
            assert_int_equal(b.data[i], (char)(i % 251));
        }
        buf_fini(&b);
    }
}

/* Each length of number, in a buffer that it fills, and in one that is a byte too short. */
static void numbers_fill_it_to_the_last_byte(void **state)
{
    (void)state;
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        const uint64_t values[] = {power - 1, power, power + 1, 123456789012345678 / power,
                                   UINT64_MAX / power};
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            char text[32];
            size_t len = (size_t)snprintf(text, sizeof(text), "%" PRIu64, values[i]);
            struct buf b;
            buf_init(&b, len);
            buf_append_uint(&b, values[i]);
            assert_holds(&b, str_make(text, len));
            buf_fini(&b);
            buf_init(&b, len - 1);
            buf_append_uint(&b, values[i]);
            assert_true(b.failed && b.len == 0);
            buf_fini(&b);
            buf_init(&b, 1000);
            buf_append_char(&b, ':');
            buf_append_uint(&b, values[i]);
            assert_true(b.data[0] == ':' &&
                        str_equal(str_slice(buf_str(&b), 1, b.len), str_make(text, len)));
            buf_fini(&b);
        }
    }
}

static void failure_is_sticky_and_loses_nothing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5);
    buf_append_str(&b, STR("abc"));
    buf_append_str(&b, STR("def"));
    assert_true(b.failed);
    buf_append_char(&b, 'g');
    buf_append_uint(&b, 1);
    buf_printf(&b, "h");
    assert_false(buf_reserve(&b, 1));
    assert_holds(&b, STR("abc"));
    buf_clear(&b);
    assert_false(b.failed);
    buf_append_str(&b, STR("12345"));
    assert_holds(&b, STR("12345"));
    buf_fini(&b);
}

static void a_huge_request_is_refused(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_append_char(&b, 'a');
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    assert_holds(&b, STR("a"));
    buf_fini(&b);
}

static void reserved_room_can_be_written(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_true(buf_reserve(&b, 500));
    assert_true(b.cap >= 500);
    assert_int_equal(b.len, 0);
    memset(b.data, 'x', 500);
    b.len = 500;
    assert_true(buf_reserve(&b, 500));
    assert_int_equal(b.data[499], 'x');
    buf_fini(&b);
}

static void clearing_keeps_the_memory(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_append_str(&b, STR("abc"));
    const char *data = b.data;
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    buf_append_str(&b, STR("def"));
    assert_ptr_equal(b.data, data);
    assert_holds(&b, STR("def"));
    buf_fini(&b);
    assert_null(b.data);
    buf_append_str(&b, STR("again"));
    assert_holds(&b, STR("again"));
    buf_fini(&b);
}

static void consuming_drops_the_front(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_append_str(&b, STR("abcdef"));
    buf_consume(&b, 0);
    assert_holds(&b, STR("abcdef"));
    buf_consume(&b, 2);
    assert_holds(&b, STR("cdef"));
    buf_consume(&b, 4);
    assert_holds(&b, STR(""));
    buf_append_str(&b, STR("gh"));
    assert_holds(&b, STR("gh"));
    buf_fini(&b);
}

static void printf_longer_than_what_is_left(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    buf_printf(&b, "%s", "abcdef");
    assert_false(b.failed);
    buf_printf(&b, "%s", "ghi");
    assert_true(b.failed);
    assert_holds(&b, STR("abcdef"));
    buf_fini(&b);
}

/* It moves and goes like any other; that nothing stays behind is tested where secrets are. */
static void a_secret_survives_growing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    b.secret = true;
    for (int i = 0; i < 1000; i++) {
        buf_append_char(&b, (char)('a' + i % 26));
    }
    assert_false(b.failed);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal('a' + i % 26, b.data[i]);
    }
    buf_fini(&b);
    assert_true(b.secret);
    assert_null(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty_and_allocates_nothing),
        cmocka_unit_test(appends_of_every_kind),
        cmocka_unit_test(grows_up_to_its_cap_and_no_further),
        cmocka_unit_test(numbers_fill_it_to_the_last_byte),
        cmocka_unit_test(failure_is_sticky_and_loses_nothing),
        cmocka_unit_test(a_huge_request_is_refused),
        cmocka_unit_test(reserved_room_can_be_written),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(consuming_drops_the_front),
        cmocka_unit_test(printf_longer_than_what_is_left),
        cmocka_unit_test(a_secret_survives_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
