#include "unit.h"

#include "latency.h"

#include <stdlib.h>

/* Large for a stack; there is one. */
static struct latency l, other;

static void test_nothing(void **state)
{
    (void)state;
    latency_clear(&l);
    assert_int_equal(latency_at(&l, 0), 0);
    assert_int_equal(latency_at(&l, 50000), 0);
    assert_int_equal(latency_at(&l, 100000), 0);
}

/* Small values are kept as they are, so percentiles of 1 to 100 are known. */
static void test_exact(void **state)
{
    (void)state;
    latency_clear(&l);
    for (uint64_t i = 1; i <= 100; i++) {
        latency_record(&l, i, 1);
    }
    assert_int_equal(latency_at(&l, 0), 1);
    assert_int_equal(latency_at(&l, 50000), 50);
    assert_int_equal(latency_at(&l, 90000), 90);
    assert_int_equal(latency_at(&l, 99000), 99);
    assert_int_equal(latency_at(&l, 99001), 100);
    assert_int_equal(latency_at(&l, 100000), 100);
}

/* Of ten things the 91st percentile is the tenth, the 90th the ninth. */
static void test_rank(void **state)
{
    (void)state;
    latency_clear(&l);
    for (uint64_t i = 1; i <= 10; i++) {
        latency_record(&l, i, 1);
    }
    assert_int_equal(latency_at(&l, 90000), 9);
    assert_int_equal(latency_at(&l, 90001), 10);
    assert_int_equal(latency_at(&l, 10000), 1);
    assert_int_equal(latency_at(&l, 10001), 2);
}

/* Each value alone is read back at least as large, and at most 1/128 larger. */
static void test_resolution(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 40; bits++) {
        for (int64_t off = -1; off <= 1; off++) {
            uint64_t value = (UINT64_C(1) << bits) + (uint64_t)off;
            latency_clear(&l);
            latency_record(&l, value, 1);
            latency_record(&l, UINT64_C(1) << 41, 1); /* so that the greatest does not bound it */
            uint64_t found = latency_at(&l, 50000);
            assert_true(found >= value);
            assert_true(found - value <= value / 128);
        }
    }
}

static void test_too_long(void **state)
{
    (void)state;
    latency_clear(&l);
    latency_record(&l, UINT64_MAX, 3);
    latency_record(&l, 5, 1);
    assert_int_equal(latency_at(&l, 25000), 5);
    assert_true(latency_at(&l, 25001) == UINT64_MAX);
    assert_int_equal(l.count, 4);
}

static void test_summary(void **state)
{
    struct latency_summary s;
    (void)state;
    latency_clear(&l);
    latency_record(&l, 10, 99);
    latency_record(&l, 200, 1);
    latency_summarize(&l, &s);
    assert_int_equal(s.count, 100);
    assert_int_equal(s.values[0], 10);
    assert_int_equal(s.values[6], 10);  /* p99 */
    assert_int_equal(s.values[7], 200); /* p99.9 */
    assert_int_equal(s.values[LATENCY_POINTS - 1], 200);
}

/* One wait of 100 among those of 10: 90, 80, ... 10 were left out. */
static void test_correction(void **state)
{
    (void)state;
    latency_clear(&l);
    latency_record(&l, 10, 90);
    latency_record(&l, 100, 1);
    latency_correct(&l, 10, &other);
    assert_int_equal(other.count, 90 + 1 + 9);
    assert_int_equal(latency_at(&other, 91000), 10);
    assert_int_equal(latency_at(&other, 91001), 20);
    assert_int_equal(latency_at(&other, 99000), 90);
    assert_int_equal(latency_at(&other, 100000), 100);
    assert_int_equal(l.count, 91);
}

/* Nothing is left out where nothing takes two intervals. */
static void test_no_correction(void **state)
{
    (void)state;
    latency_clear(&l);
    latency_record(&l, 10, 5);
    latency_record(&l, 19, 5);
    latency_correct(&l, 10, &other);
    assert_int_equal(other.count, 10);
    assert_int_equal(latency_at(&other, 100000), 19);
}

/* What is added for one that is many is many. */
static void test_correction_counts(void **state)
{
    (void)state;
    latency_clear(&l);
    latency_record(&l, 30, 7);
    latency_correct(&l, 10, &other);
    assert_int_equal(other.count, 7 * 3);
    assert_int_equal(other.min, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_resolution),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_correction),
        cmocka_unit_test(test_no_correction),
        cmocka_unit_test(test_correction_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
