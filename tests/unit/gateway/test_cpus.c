#include "unit.h"

#include <sched.h>

#include "fake_root.h"
#include "gateway/cpus.h"

/* Of this process, by its affinity. */
static uint64_t allowed(void)
{
    cpu_set_t cpus;

    assert_int_equal(0, sched_getaffinity(0, sizeof(cpus), &cpus));
    return (uint64_t)CPU_COUNT(&cpus) * CPUS_WHOLE;
}

static void test_affinity(void **state)
{
    (void)state;
    assert_int_equal(allowed(), cpus_available(fake_root));
    fake_put("/proc/self/cgroup", "0::/box/inner\n");
    fake_put("/sys/fs/cgroup/box/inner/cpu.max", "max 100000\n");
    assert_int_equal(allowed(), cpus_available(fake_root));
}

static void test_quota(void **state)
{
    (void)state;
    fake_put("/proc/self/cgroup", "0::/box/inner\n");
    fake_put("/sys/fs/cgroup/box/inner/cpu.max", "max 100000\n");
    fake_put("/sys/fs/cgroup/box/cpu.max", "90000 100000\n");
    assert_int_equal(900, cpus_available(fake_root));
    fake_put("/sys/fs/cgroup/box/inner/cpu.max", "25000 50000\n");
    assert_int_equal(500, cpus_available(fake_root));
    fake_put("/sys/fs/cgroup/cpu.max", "1000 100000\n");
    assert_int_equal(10, cpus_available(fake_root));
}

static void test_odd_quotas(void **state)
{
    static const char *const odd[] = {"100000\n", "1 0\n", "-1 100000\n", "x y\n", "\n", ""};

    (void)state;
    fake_put("/proc/self/cgroup", "0::/\n");
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        fake_put("/sys/fs/cgroup/cpu.max", odd[i]);
        assert_int_equal(allowed(), cpus_available(fake_root));
    }
}

static void test_threads(void **state)
{
    (void)state;
    assert_int_equal(1, cpus_threads(0));
    assert_int_equal(1, cpus_threads(500));
    assert_int_equal(1, cpus_threads(1999));
    assert_int_equal(2, cpus_threads(2000));
    assert_int_equal(4, cpus_threads(64000));
}

static void test_spare(void **state)
{
    (void)state;
    assert_false(cpus_spare(500, 1, 8));
    assert_false(cpus_spare(1000, 1, 1));
    assert_true(cpus_spare(1000, 1, 2));
    /* The hub's thread is one more. */
    assert_false(cpus_spare(2000, 2, 8));
    assert_false(cpus_spare(3000, 2, 3));
    assert_true(cpus_spare(3000, 2, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_affinity, fake_root_make, fake_root_remove),
        cmocka_unit_test_setup_teardown(test_quota, fake_root_make, fake_root_remove),
        cmocka_unit_test_setup_teardown(test_odd_quotas, fake_root_make, fake_root_remove),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_spare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
