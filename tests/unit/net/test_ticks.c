#include "unit.h"

#include "net/ticks.h"

static void expect_due(struct ticks *t, uint32_t now, const uint32_t *slots, size_t count)
{
    uint32_t slot = 0;

    for (size_t i = 0; i < count; i++) {
        assert_true(ticks_due(t, now, &slot));
        assert_int_equal(slots[i], slot);
    }
    assert_false(ticks_due(t, now, &slot));
}

static void test_in_order_of_slots_once(void **state)
{
    struct ticks t;

    (void)state;
    ticks_init(&t);
    assert_true(ticks_reserve(&t, 1000));
    ticks_set(&t, 7, 5);
    ticks_set(&t, 1000, 4);
    ticks_set(&t, 0, 6);
    expect_due(&t, 3, NULL, 0);
    expect_due(&t, 5, (uint32_t[]){7, 1000}, 2);
    expect_due(&t, 5, NULL, 0);
    assert_int_equal(1, t.live);
    expect_due(&t, 100, (uint32_t[]){0}, 1);
    assert_int_equal(0, t.live);
    ticks_fini(&t);
}

static void test_changed_and_cleared(void **state)
{
    struct ticks t;

    (void)state;
    ticks_init(&t);
    assert_true(ticks_reserve(&t, 2));
    ticks_set(&t, 1, 5);
    ticks_set(&t, 1, 9);
    ticks_set(&t, 2, 5);
    ticks_set(&t, 2, 0);
    assert_int_equal(1, t.live);
    expect_due(&t, 8, NULL, 0);
    expect_due(&t, 9, (uint32_t[]){1}, 1);
    ticks_fini(&t);
}

static void test_growing_keeps(void **state)
{
    struct ticks t;

    (void)state;
    ticks_init(&t);
    assert_true(ticks_reserve(&t, 0));
    ticks_set(&t, 0, 3);
    assert_true(ticks_reserve(&t, 100000));
    ticks_set(&t, 100000, 3);
    expect_due(&t, 3, (uint32_t[]){0, 100000}, 2);
    ticks_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order_of_slots_once),
        cmocka_unit_test(test_changed_and_cleared),
        cmocka_unit_test(test_growing_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
