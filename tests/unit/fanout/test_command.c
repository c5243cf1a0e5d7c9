#include <stdlib.h>
#include <string.h>

#include "fanout/command.h"
#include "sample.h"
#include "unit.h"

static void test_handles(void **state)
{
    uint64_t conn = conn_make(15, 0xfffffff1, 0x89abcdef);

    (void)state;
    assert_int_equal(conn_reactor(conn), 15);
    assert_int_equal(conn_generation(conn), 0xfffff1);
    assert_int_equal(conn_slot(conn), 0x89abcdef);
    assert_true(conn_make(1, 2, 3) != conn_make(1, 3, 3));
    assert_true(conn_make(MAX_REACTORS - 1, 0xffffff, UINT32_MAX) != NO_CONN);
}

static void test_up(void **state)
{
    struct up_batch *b = up_batch_new();

    (void)state;
    assert_non_null(b);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 10000; i++) {
            char text[4];
            memcpy(text, &i, sizeof(i));
            struct up *item = up_batch_add(b, UP_MESSAGE, i, str_make(text, i % 5));
            assert_non_null(item);
            assert_int_equal(item->len, i % 5);
        }
        assert_int_equal(b->count, 10000);
        assert_int_equal(up_batch_size(b), 20000 + 10000 * sizeof(struct up));
        for (uint32_t i = 0; i < b->count; i++) {
            struct str text = up_text(b, &b->items[i]);
            assert_int_equal(b->items[i].conn, i);
            assert_int_equal(text.len, i % 5);
            assert_memory_equal(text.ptr, &i, text.len < 4 ? text.len : 4);
        }
        up_batch_clear(b);
        assert_int_equal(b->count, 0);
        assert_int_equal(b->text.len, 0);
    }
    up_batch_free(b);
    up_batch_free(NULL);
}

/* A reference for each segment, however often it is mentioned, until the batch is cleared. */
static void test_down_refers(void **state)
{
    struct down_batch *b = down_batch_new();
    struct segment *s[6];

    (void)state;
    assert_non_null(b);
    for (int i = 0; i < 6; i++) {
        s[i] = segment_new(10, 0);
        assert_non_null(s[i]);
    }
    for (int i = 0; i < 600; i++) {
        assert_true(down_batch_add(
            b, &(struct down){.kind = DOWN_FRAME, .conn = (uint64_t)i, .segment = s[i / 100]}));
    }
    assert_true(down_batch_add(b, &(struct down){.kind = DOWN_ACCEPT}));
    assert_int_equal(b->count, 601);
    assert_int_equal(b->segment_count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(atomic_load(&s[i]->refs), 2);
    }
    for (uint64_t i = 0; i < 600; i++) {
        assert_int_equal(b->items[i].conn, i);
    }
    down_batch_clear(b);
    assert_int_equal(b->count, 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(atomic_load(&s[i]->refs), 1);
        segment_unref(s[i]);
    }
    down_batch_free(b);
    down_batch_free(NULL);
}

/* A filter that nobody took is freed with the batch: a leak checker would see it. */
static void test_down_frees_filters(void **state)
{
    struct down_batch *b = down_batch_new();
    struct str pattern = STR("bark");

    (void)state;
    assert_non_null(b);
    assert_true(
        down_batch_add(b, &(struct down){.kind = DOWN_FILTER, .filter = filter_new(&pattern, 1)}));
    assert_true(down_batch_add(b, &(struct down){.kind = DOWN_FILTER}));
    down_batch_free(b);
}

static void test_reserve(void **state)
{
    struct down_batch *b = down_batch_new();

    (void)state;
    assert_non_null(b);
    assert_true(down_batch_reserve(b, 1000));
    const struct down *items = b->items;
    for (int i = 0; i < 1000; i++) {
        assert_true(down_batch_add(b, &(struct down){.kind = DOWN_SPOKE}));
    }
    assert_ptr_equal(b->items, items);
    down_batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles),     cmocka_unit_test(test_up),
        cmocka_unit_test(test_down_refers), cmocka_unit_test(test_down_frees_filters),
        cmocka_unit_test(test_reserve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
