#include "unit.h"

#include "base/histogram.h"

static void expect_class(uint64_t us, unsigned class)
{
    struct histogram h = {0};

    histogram_add(&h, us, 3);
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        assert_int_equal(histogram_read(&h.classes[i]), i == class ? 3 : 0);
    }
    assert_int_equal(histogram_read(&h.sum_us), 3 * us);
}

/* A bound belongs to the class below it: Prometheus says "less or equal". */
static void test_bounds(void **state)
{
    (void)state;
    expect_class(0, 0);
    for (unsigned i = 0; i < HISTOGRAM_CLASSES - 1; i++) {
        expect_class(histogram_bounds_us[i], i);
        expect_class(histogram_bounds_us[i] + 1, i + 1);
    }
    expect_class(1u << 30, HISTOGRAM_CLASSES - 1);
}

static void test_sums(void **state)
{
    struct histogram h = {0};

    (void)state;
    histogram_add(&h, 7, 1);
    histogram_add(&h, 8, 2);
    histogram_add(&h, 30, 1);
    assert_int_equal(histogram_read(&h.classes[0]), 3);
    assert_int_equal(histogram_read(&h.classes[2]), 1);
    assert_int_equal(histogram_read(&h.sum_us), 53);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
