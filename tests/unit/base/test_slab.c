#include "unit.h"

#include "base/slab.h"
#include "sample.h"

struct item {
    uint64_t mark; /* 0 while new */
    char rest[24];
};

static void starts_empty(void **state)
{
    struct slab s;

    (void)state;
    slab_init(&s, sizeof(struct item), 10);
    assert_int_equal(slab_limit(&s), 0);
    assert_int_equal(slab_count(&s), 0);
    slab_fini(&s);
    slab_fini(NULL);
    s = (struct slab){0}; /* what holds it was never begun */
    slab_fini(&s);
}

static void holds_no_more_than_its_maximum(void **state)
{
    struct slab s;
    uint32_t index;

    (void)state;
    slab_init(&s, sizeof(struct item), 300);
    for (uint32_t i = 0; i < 300; i++) {
        assert_non_null(slab_acquire(&s, &index));
        assert_int_equal(index, i);
    }
    assert_null(slab_acquire(&s, &index));
    slab_release(&s, 17);
    assert_int_equal(slab_count(&s), 299);
    assert_non_null(slab_acquire(&s, &index));
    assert_int_equal(index, 17);
    assert_null(slab_acquire(&s, &index));
    slab_fini(&s);

    slab_init(&s, sizeof(struct item), 0);
    assert_null(slab_acquire(&s, &index));
    slab_fini(&s);
}

static void items_never_move(void **state)
{
    enum { COUNT = 5000 };
    static struct item *items[COUNT];
    struct slab s;

    (void)state;
    slab_init(&s, sizeof(struct item), COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t index;
        items[i] = slab_acquire(&s, &index);
        assert_non_null(items[i]);
        items[i]->mark = i;
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(slab_at(&s, i), items[i]);
        assert_int_equal(items[i]->mark, i);
    }
    assert_int_equal(slab_limit(&s), COUNT);
    slab_fini(&s);
}

static void last_freed_is_used_first_and_is_zeroed(void **state)
{
    struct slab s;
    uint32_t index;

    (void)state;
    slab_init(&s, sizeof(struct item), 10);
    for (int i = 0; i < 3; i++) {
        struct item *item = slab_acquire(&s, &index);
        assert_non_null(item);
        memset(item, 0xff, sizeof(*item));
    }
    slab_release(&s, 0);
    slab_release(&s, 2);
    struct item *item = slab_acquire(&s, &index);
    assert_int_equal(index, 2);
    assert_int_equal(item->mark, 0);
    for (size_t i = 0; i < sizeof(item->rest); i++) {
        assert_int_equal(item->rest[i], 0);
    }
    assert_non_null(slab_acquire(&s, &index));
    assert_int_equal(index, 0);
    slab_fini(&s);
}

/* Against a plain table of what each index must hold. */
static void random_lives(void **state)
{
    enum { MAX = 1500 };
    static uint64_t marks[MAX];
    struct slab s;
    uint64_t seed = 11;
    uint64_t next_mark = 1;
    uint32_t count = 0, highest = 0, full = 0;

    (void)state;
    slab_init(&s, sizeof(struct item), MAX);
    for (int step = 0; step < 200000; step++) {
        /* The tide turns every 10,000 steps, so that the slab is nearly full and nearly empty. */
        uint32_t odds = step / 10000 % 2 == 0 ? 7 : 3;
        uint32_t index = sample_random(&seed, MAX);
        if (sample_random(&seed, 10) < odds) {
            struct item *item = slab_acquire(&s, &index);
            full += item == NULL;
            assert_int_equal(item == NULL, count == MAX);
            if (item != NULL) {
                assert_int_equal(marks[index], 0);
                assert_int_equal(item->mark, 0);
                item->mark = marks[index] = next_mark++;
                count++;
                highest = index >= highest ? index + 1 : highest;
            }
        } else if (marks[index] != 0) {
            slab_release(&s, index);
            marks[index] = 0;
            count--;
        }
        assert_int_equal(slab_count(&s), count);
        assert_int_equal(slab_limit(&s), highest);
        index = sample_random(&seed, MAX);
        if (marks[index] != 0) {
            assert_true(((struct item *)slab_at(&s, index))->mark == marks[index]);
        }
    }
    assert_true(full > 0);
    slab_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(holds_no_more_than_its_maximum),
        cmocka_unit_test(items_never_move),
        cmocka_unit_test(last_freed_is_used_first_and_is_zeroed),
        cmocka_unit_test(random_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
