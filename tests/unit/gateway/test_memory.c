#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_root.h"
#include "gateway/memory.h"

static uint64_t machine(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void test_no_group(void **state)
{
    (void)state;
    assert_int_equal(machine(), memory_available(fake_root));
    fake_put("/proc/self/cgroup", "garbage\n::\n1:\n");
    assert_int_equal(machine(), memory_available(fake_root));
}

static void test_version_2(void **state)
{
    (void)state;
    fake_put("/proc/self/cgroup", "0::/system.slice/parley.service\n");
    assert_int_equal(machine(), memory_available(fake_root));
    fake_put("/sys/fs/cgroup/system.slice/parley.service/memory.max", "max\n");
    fake_put("/sys/fs/cgroup/system.slice/memory.max", "67108864\n");
    assert_int_equal(67108864, memory_available(fake_root));
    fake_put("/sys/fs/cgroup/system.slice/parley.service/memory.max", "33554432\n");
    assert_int_equal(33554432, memory_available(fake_root));
    fake_put("/sys/fs/cgroup/memory.max", "1048576\n");
    assert_int_equal(1048576, memory_available(fake_root));
    /* Inside a namespace the group is the root; and what no machine has is no limit. */
    fake_put("/proc/self/cgroup", "0::/\n");
    assert_int_equal(1048576, memory_available(fake_root));
    fake_put("/sys/fs/cgroup/memory.max", "9223372036854771712\n");
    assert_int_equal(machine(), memory_available(fake_root));
}

static void test_version_1(void **state)
{
    (void)state;
    fake_put("/proc/self/cgroup", "5:cpu,cpuacct:/\n4:hugetlb,memory:/box/inner\n0::/\n");
    fake_put("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "2097152\n");
    assert_int_equal(2097152, memory_available(fake_root));
    fake_put("/proc/self/cgroup", "4:memoryless:/box/inner\n");
    assert_int_equal(machine(), memory_available(fake_root));
}

/* Makes it resident; a compiler would do without a memset that nobody reads. */
static void touch(volatile char *block, size_t len)
{
    for (size_t i = 0; i < len; i += 1024) {
        block[i] = 1;
    }
}

static void test_used(void **state)
{
    enum { BLOCK = 64 * 1024 * 1024 };
    struct memory_meter m;

    (void)state;
    memory_meter_init(&m);
    uint64_t before = memory_used(&m, 0);
    assert_true(before > 0);
    char *block = malloc(BLOCK);
    touch(block, BLOCK);
    assert_true(memory_used(&m, 0) >= before + BLOCK / 2);
    free(block);
    memory_meter_fini(&m);
    memory_meter_fini(&m);
    memory_meter_fini(NULL);
}

/* Near the limit, what has been freed does not count, whether it is resident or not. */
static void test_used_near_limit(void **state)
{
    enum { PIECES = 4096, PIECE = 4096 };
    static char *pieces[PIECES];
    struct memory_meter m;

    (void)state;
    memory_meter_init(&m);
    for (unsigned i = 0; i < PIECES; i++) {
        pieces[i] = malloc(PIECE);
        touch(pieces[i], PIECE);
    }
    char *last = malloc(1);
    for (unsigned i = 0; i < PIECES; i++) {
        free(pieces[i]);
    }
    uint64_t resident = memory_used(&m, UINT64_MAX);
    assert_true(memory_used(&m, 1) < resident);
    /* Not counted again at once. */
    uint64_t used = memory_used(&m, 1);
    m.next_us = UINT64_MAX;
    char *more = malloc(PIECES);
    assert_int_equal(used, memory_used(&m, 1));
    free(more);
    free(last);
    memory_meter_fini(&m);
    /* Without the kernel's word, malloc's alone. */
    m.next_us = 0;
    (void)memory_used(&m, 0);
    assert_true(m.next_us > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_group, fake_root_make, fake_root_remove),
        cmocka_unit_test_setup_teardown(test_version_2, fake_root_make, fake_root_remove),
        cmocka_unit_test_setup_teardown(test_version_1, fake_root_make, fake_root_remove),
        cmocka_unit_test(test_used),
        cmocka_unit_test(test_used_near_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
