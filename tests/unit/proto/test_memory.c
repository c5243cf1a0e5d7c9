#include "unit.h"

#include "proto/memory.h"

#include <stdint.h>

static void zeroed_and_aligned(void **state)
{
    void *memory = NULL;
    char *before = NULL;

    (void)state;
    for (size_t size = 0; size < 3000; size += 7) {
        char *taken = memory_take(&memory, size);
        assert_non_null(taken);
        assert_int_equal((uintptr_t)taken % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(taken[i], 0);
            taken[i] = 'x';
        }
        assert_ptr_not_equal(size > 7 ? before : NULL, taken);
        before = taken;
    }
    memory_free(&memory);
    assert_null(memory);
}

static void nothing_to_free(void **state)
{
    void *memory = NULL;

    (void)state;
    memory_free(&memory);
    assert_null(memory);
}

static void sizes_that_overflow(void **state)
{
    void *memory = NULL;

    (void)state;
    assert_null(memory_take(&memory, SIZE_MAX));
    assert_null(memory_take_items(&memory, SIZE_MAX / 2, 16));
    assert_null(memory_take_items(&memory, SIZE_MAX / 16, 16));
    assert_null(memory);
    assert_non_null(memory_take_items(&memory, 0, 16));
    memory_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_and_aligned),
        cmocka_unit_test(nothing_to_free),
        cmocka_unit_test(sizes_that_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
