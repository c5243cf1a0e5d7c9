#include <stdlib.h>
#include <string.h>

#include "fanout/segment.h"
#include "unit.h"

enum { REACTOR = 5 };

static void test_frames_and_entries_meet(void **state)
{
    struct segment *s = segment_new(SEGMENT_SMALLEST, 77);
    uint32_t count = 0;

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->first, 77);
    assert_int_equal(segment_room(s, 0), SEGMENT_SMALLEST);
    while (segment_room(s, 1) >= 9) {
        memset(segment_extend(s, 9), (int)('a' + count % 26), 9);
        segment_add_entry(s, 9, count, 1000 + count, NULL);
        count++;
    }
    assert_int_equal(count, SEGMENT_SMALLEST / (9 + sizeof(struct entry)));
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *e = segment_entry(s, i);
        assert_int_equal(e->off, 9 * i);
        assert_int_equal(e->len, 9);
        assert_int_equal(e->sender, i);
        assert_int_equal(e->seq, 1000 + i);
        for (uint32_t at = 0; at < 9; at++) {
            assert_int_equal(s->data[e->off + at], 'a' + i % 26);
        }
    }
    segment_unref(s);
}

/* Whatever size is asked for, so much fits, with an entry if that was counted in. */
static void test_any_size_fits(void **state)
{
    (void)state;
    for (size_t size = 1; size < 200; size++) {
        struct segment *s = segment_new(size + sizeof(struct entry), 0);
        assert_non_null(s);
        assert_true(segment_room(s, 1) >= size);
        assert_true(segment_room(s, 1) < size + _Alignof(struct entry));
        memset(segment_extend(s, size), 'x', size);
        segment_add_entry(s, (uint32_t)size, NO_CONN, 1, NULL);
        assert_int_equal(segment_entry(s, 0)->len, size);
        assert_int_equal((uintptr_t)segment_entry(s, 0) % _Alignof(struct entry), 0);
        segment_unref(s);
    }
}

static void test_references(void **state)
{
    struct segment *s = segment_new(100, 0);

    (void)state;
    assert_non_null(s);
    assert_int_equal(atomic_load(&s->refs), 1);
    assert_ptr_equal(segment_ref(s), s);
    /* The reference that came with a batch stays with the first use; the next one gives it back. */
    segment_hold(s, REACTOR);
    assert_int_equal(atomic_load(&s->refs), 2);
    segment_hold_again(s, REACTOR);
    (void)segment_ref(s);
    segment_hold(s, REACTOR);
    assert_int_equal(atomic_load(&s->refs), 2);
    assert_int_equal(s->held[REACTOR], 3);
    (void)segment_ref(s);
    segment_hold(s, REACTOR + 1);
    assert_int_equal(atomic_load(&s->refs), 3);
    segment_release(s, REACTOR);
    segment_release(s, REACTOR);
    assert_int_equal(atomic_load(&s->refs), 3);
    segment_release(s, REACTOR);
    assert_int_equal(atomic_load(&s->refs), 2);
    segment_release(s, REACTOR + 1);
    assert_int_equal(atomic_load(&s->refs), 1);
    segment_unref(s);
    segment_unref(NULL);
}

/* A leak checker sees the loose type that is forgotten, and the interned one that is freed. */
static void test_loose_types_go_with_it(void **state)
{
    struct segment *s = segment_new(500, 0);
    struct type_name *loose = malloc(sizeof(*loose));
    struct type_name interned = {.id = 3};

    (void)state;
    assert_non_null(s);
    assert_non_null(loose);
    loose->id = TYPE_LOOSE;
    (void)segment_extend(s, 1);
    segment_add_entry(s, 1, NO_CONN, 1, loose);
    (void)segment_extend(s, 1);
    segment_add_entry(s, 1, NO_CONN, 2, &interned);
    segment_unref(s);
    assert_int_equal(interned.id, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_and_entries_meet),
        cmocka_unit_test(test_any_size_fits),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_loose_types_go_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
