#include <stdlib.h>
#include <string.h>

#include "fanout/log.h"
#include "unit.h"

static bool append(struct log *l, size_t len, bool *ret_started)
{
    static uint64_t seq;
    char *payload = malloc(len + 1);

    assert_non_null(payload);
    memset(payload, 'p', len);
    bool done = log_append(
        l, &(struct log_message){.payload = str_make(payload, len), .sender = 9, .seq = ++seq},
        ret_started);
    free(payload);
    return done;
}

static void check_frame(const char *at, size_t payload, size_t len)
{
    size_t header = payload < 126 ? 2 : payload < 65536 ? 4 : 10;

    assert_int_equal(len, header + payload);
    assert_int_equal((unsigned char)at[0], 0x81);
    assert_int_equal((unsigned char)at[1], payload < 126 ? payload : payload < 65536 ? 126 : 127);
    for (size_t i = 0; i < payload; i++) {
        assert_int_equal(at[header + i], 'p');
    }
}

static void test_frames(void **state)
{
    static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 200000};
    struct log l;
    bool started;

    (void)state;
    log_init(&l);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_true(append(&l, sizes[i], &started));
        assert_int_equal(l.end, i + 1);
        const struct entry *e = segment_entry(l.segment, (uint32_t)(i - l.segment->first));
        assert_int_equal(e->sender, 9);
        check_frame(l.segment->data + e->off, sizes[i], e->len);
    }
    log_fini(&l);
    log_fini(&l);
    log_fini(NULL);
}

/* Segments grow from 1 KiB to 64 KiB with what is said; entry numbers go on over all of them. */
static void test_segments_grow(void **state)
{
    struct log l;
    bool started;
    uint64_t entries = 0;
    uint32_t last = 0;
    unsigned segments = 0;

    (void)state;
    log_init(&l);
    while (segments < 12) {
        assert_true(append(&l, 100, &started));
        if (started) {
            assert_int_equal(l.segment->first, entries);
            assert_int_equal(l.segment->cap, last == 0                ? SEGMENT_SMALLEST
                                             : last < SEGMENT_LARGEST ? 2 * last
                                                                      : last);
            last = l.segment->cap;
            segments++;
        }
        entries++;
        assert_int_equal(l.end, entries);
        assert_int_equal(l.segment->first + l.segment->count, entries);
    }
    assert_int_equal(last, SEGMENT_LARGEST);
    log_fini(&l);
}

static void test_a_large_frame_has_its_own(void **state)
{
    struct log l;
    bool started;

    (void)state;
    log_init(&l);
    assert_true(append(&l, 10, &started));
    assert_true(started);
    assert_true(append(&l, 300000, &started));
    assert_true(started);
    assert_int_equal(l.segment->count, 1);
    assert_int_equal(l.segment->first, 1);
    /* Nothing else fits behind it. */
    assert_true(append(&l, 10, &started));
    assert_true(started);
    assert_int_equal(l.segment->first, 2);
    assert_true(l.segment->cap <= SEGMENT_LARGEST);
    log_fini(&l);
}

static void test_idle(void **state)
{
    struct log l;
    bool started;

    (void)state;
    log_init(&l);
    assert_false(log_idle(&l));
    for (int i = 0; i < 100; i++) {
        assert_true(append(&l, 100, &started));
    }
    assert_false(log_idle(&l));
    assert_non_null(l.segment);
    assert_true(log_idle(&l));
    assert_null(l.segment);
    assert_false(log_idle(&l));
    assert_true(append(&l, 10, &started));
    assert_true(started);
    assert_int_equal(l.segment->first, 100);
    assert_int_equal(l.segment->cap, SEGMENT_SMALLEST);
    log_fini(&l);
}

static void test_turn(void **state)
{
    struct turn t = {0};
    uint32_t off, len;

    (void)state;
    assert_true(turn_frame(&t, STR("ppp"), &off, &len));
    check_frame(t.segment->data + off, 3, len);
    struct segment *first = t.segment;
    assert_true(turn_ping(&t, &off, &len));
    assert_ptr_equal(t.segment, first);
    assert_int_equal(off, 5);
    assert_int_equal(len, 2);
    assert_memory_equal(t.segment->data + off, "\x89\x00", 2);
    /* All of it can be used, and then there is another; who refers to the first one keeps it. */
    (void)segment_ref(first);
    size_t room = segment_room(first, 0);
    memset(turn_extend(&t, room, &off), 'x', room);
    assert_ptr_equal(t.segment, first);
    assert_true(turn_frame(&t, STR("p"), &off, &len));
    assert_ptr_not_equal(t.segment, first);
    assert_int_equal(off, 0);
    assert_int_equal(atomic_load(&first->refs), 1);
    segment_unref(first);
    memset(turn_extend(&t, 3 * SEGMENT_LARGEST, &off), 'x', 3 * SEGMENT_LARGEST);
    assert_int_equal(off, 0);
    turn_fini(&t);
    turn_fini(&t);
    turn_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_segments_grow),
        cmocka_unit_test(test_a_large_frame_has_its_own),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
