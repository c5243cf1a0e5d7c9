#include "unit.h"

#include <stdlib.h>

#include "base/heap.h"

enum { ITEMS = 300 };

static uint32_t keys[ITEMS];
static uint32_t places[ITEMS];

static bool before(const void *owner, uint32_t a, uint32_t b)
{
    (void)owner;
    return keys[a] < keys[b];
}

static void moved(void *owner, uint32_t index, uint32_t place)
{
    (void)owner;
    places[index] = place;
}

static const struct heap_type type = {.before = before, .moved = moved};

static void check(const struct heap *h)
{
    for (uint32_t i = 0; i < h->count; i++) {
        assert_int_equal(places[h->items[i]], i);
        assert_true(i == 0 || keys[h->items[(i - 1) / 2]] <= keys[h->items[i]]);
    }
}

/* Each is taken out at any place, by lots; what is left comes in order. */
static void test_order(void **state)
{
    struct heap h;
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 50; round++) {
        heap_init(&h, &type, NULL);
        for (uint32_t i = 0; i < ITEMS; i++) {
            seed = seed * 1664525 + 1013904223;
            keys[i] = seed >> (round % 2 == 0 ? 8 : 29); /* the second: many are equal */
            assert_true(heap_insert(&h, i));
        }
        check(&h);
        for (int i = 0; i < ITEMS / 2; i++) {
            seed = seed * 1664525 + 1013904223;
            heap_remove(&h, (seed >> 8) % h.count);
            check(&h);
        }
        uint32_t last = 0;
        while (h.count > 0) {
            assert_true(keys[heap_first(&h)] >= last);
            last = keys[heap_first(&h)];
            heap_remove(&h, 0);
        }
        heap_fini(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};

    heap_fini(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
