#include "gateway/spin.h"

#include "unit.h"

static void test_off(void **state)
{
    struct spin s;

    (void)state;
    spin_init(&s, false);
    assert_false(spin_begin(&s));
    spin_woken(&s, 1);
    assert_false(spin_begin(&s));
}

static void test_it_looks_as_long_as_it_finds(void **state)
{
    struct spin s;

    (void)state;
    spin_init(&s, true);
    for (int i = 0; i < 5; i++) {
        assert_true(spin_begin(&s));
        assert_true(spin_goes_on(&s, 0));
        assert_true(spin_goes_on(&s, SPIN_US - 1));
    }
}

/* Looks, in vain; returns after how many sleeps it looks again. */
static uint32_t look_in_vain(struct spin *s)
{
    uint32_t sleeps = 0;

    assert_true(spin_begin(s));
    assert_false(spin_goes_on(s, SPIN_US));
    while (s->rest > 0) {
        assert_false(spin_begin(s));
        spin_woken(s, SPIN_US);
        sleeps++;
    }
    return sleeps;
}

static void test_in_vain_more_and_more_seldom(void **state)
{
    struct spin s;
    uint32_t wanted = 1;

    (void)state;
    spin_init(&s, true);
    while (wanted < SPIN_PAUSE_MAX) {
        assert_int_equal(wanted, look_in_vain(&s));
        wanted = 2 * wanted + 1;
    }
    assert_int_equal(SPIN_PAUSE_MAX, look_in_vain(&s));
    assert_int_equal(SPIN_PAUSE_MAX, look_in_vain(&s));
}

static void test_a_short_sleep_begins_anew(void **state)
{
    struct spin s;

    (void)state;
    spin_init(&s, true);
    (void)look_in_vain(&s);
    (void)look_in_vain(&s);
    assert_true(spin_begin(&s));
    assert_false(spin_goes_on(&s, SPIN_US));
    assert_false(spin_begin(&s));
    spin_woken(&s, SPIN_US - 1);
    assert_int_equal(1, look_in_vain(&s));
}

/* Not behind a turn in which each of those who spoke said much; one such turn is enough. */
static void test_many_at_once(void **state)
{
    struct spin s;

    (void)state;
    spin_init(&s, true);
    spin_heard(&s, 1, 1);
    assert_true(spin_begin(&s));
    spin_heard(&s, SPIN_MANY - 1, 1);
    assert_true(spin_begin(&s));
    spin_heard(&s, SPIN_MANY, 1);
    assert_false(spin_begin(&s));
    assert_false(spin_begin(&s));
    spin_heard(&s, 3 * SPIN_MANY - 1, 3);
    assert_true(spin_begin(&s));
    spin_heard(&s, 3 * SPIN_MANY, 3);
    assert_false(spin_begin(&s));
    spin_heard(&s, 1, 1);
    assert_int_equal(1, look_in_vain(&s));
    spin_heard(&s, SPIN_MANY, 1);
    spin_woken(&s, 0);
    assert_false(spin_begin(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_it_looks_as_long_as_it_finds),
        cmocka_unit_test(test_in_vain_more_and_more_seldom),
        cmocka_unit_test(test_a_short_sleep_begins_anew),
        cmocka_unit_test(test_many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
