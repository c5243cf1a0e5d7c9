#include <stdlib.h>
#include <string.h>

#include "fanout/internal.h"
#include "rig.h"
#include "unit.h"

enum { BACKLOG = 4000000 };

static int open_one(struct rig *r)
{
    int conn = rig_open(r);

    assert_int_not_equal(conn, RIG_NOBODY);
    return conn;
}

/* --- order, and writes cut anywhere ----------------------------------------------------------- */

/* Two logs, frames of its own, messages of its own, a filter in the middle, a close. */
static void say_all_kinds(struct rig *r, int conn, int other)
{
    for (int log = 0; log < 2; log++) {
        rig_join(r, conn, log);
        rig_join(r, other, log);
    }
    rig_say(r, 0, other, 0, 20);
    rig_say(r, 1, other, 1, 9);
    rig_send(r, conn, 0, 8);
    rig_say(r, 0, RIG_NOBODY, 2, 130);
    rig_say(r, 0, conn, 2, 30);
    rig_say(r, 0, other, 7, 8);
    rig_filter(r, conn, 1u << 1 | 1u << 6);
    rig_say(r, 0, other, 0, 8);
    rig_say(r, 0, other, 1, 12);
    rig_say(r, 1, other, 6, 12);
    rig_say(r, 1, other, 7, 12);
    rig_send(r, conn, DOWN_BROADCAST, 14);
    rig_filter(r, conn, RIG_ALL);
    rig_say(r, 1, other, 7, 12);
    rig_leave(r, conn, 0);
    rig_say(r, 0, other, 0, 15);
    rig_join(r, conn, 0);
    rig_say(r, 0, other, 0, 16);
    rig_send(r, conn, 0, 10);
    rig_say(r, 1, other, 3, 17);
    rig_close(r, conn, 4409);
    rig_say(r, 0, other, 0, 16);
}

static void check_all_heard(struct rig *r, int conn, int other)
{
    assert_false(r->conns[conn].open);
    assert_int_equal(r->conns[conn].list_from, r->conns[conn].list_count);
    assert_int_equal(r->conns[conn].heard, 12);
    assert_true(r->conns[other].open);
    assert_int_equal(r->fatal, 0);
    assert_int_equal(r->conns[conn].lags, 0);
    rig_settle(r);
    rig_free(r);
}

static void test_merge(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r), other = open_one(r);

    (void)state;
    say_all_kinds(r, conn, other);
    rig_run(r);
    check_all_heard(r, conn, other);
}

/* The socket takes `first` bytes, and then, again and again, `then`. */
static void run_cut(size_t first, size_t then)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r), other = open_one(r);

    rig_room(r, conn, first);
    say_all_kinds(r, conn, other);
    rig_run(r);
    while (r->conns[conn].open) {
        assert_true(outbox_stalled(&r->conns[conn].outbox));
        rig_room(r, conn, then);
        rig_run(r);
    }
    check_all_heard(r, conn, other);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t first = 0; first < 420; first++) {
        run_cut(first, SIZE_MAX);
        run_cut(first, 1);
        run_cut(first, 37);
    }
}

/* The same in several turns, with news while the rest of a frame waits. */
static void test_news_while_stalled(void **state)
{
    (void)state;
    for (size_t first = 0; first < 80; first++) {
        struct rig *r = rig_new(BACKLOG);
        int conn = open_one(r), other = open_one(r);
        rig_join(r, conn, 0);
        rig_join(r, other, 0);
        rig_room(r, conn, first);
        for (uint32_t i = 0; i < 10; i++) {
            rig_say(r, 0, other, 0, 20);
            rig_run(r);
            rig_send(r, conn, 0, 9);
            rig_say(r, 0, conn, 0, 20);
            rig_run(r);
            assert_true(outbox_stalled(&r->conns[conn].outbox) || i * 33 < first);
            rig_room(r, conn, 3);
        }
        rig_settle(r);
        assert_int_equal(r->conns[conn].heard, 20);
        rig_free(r);
    }
}

/* Large frames, whose rest is not copied: cut at and around each boundary of the lengths. */
static void test_cut_large_frames(void **state)
{
    static const uint32_t size = 70000;

    (void)state;
    for (size_t first = 1; first < 3 * size; first += first % size < 20 ? 1 : 977) {
        struct rig *r = rig_new(BACKLOG);
        int conn = open_one(r), other = open_one(r);
        rig_join(r, conn, 0);
        rig_join(r, other, 0);
        rig_room(r, conn, first);
        rig_say(r, 0, other, 0, size);
        rig_send(r, conn, 0, size);
        rig_say(r, 0, other, 0, size);
        rig_run(r);
        rig_room(r, conn, 50000);
        rig_settle(r);
        assert_int_equal(r->conns[conn].heard, 3);
        rig_free(r);
    }
}

/* --- limits of a plan ------------------------------------------------------------------------- */

static struct plan plan_of(struct rig *r, int conn)
{
    struct plan plan;

    outbox_plan(&r->reader, &r->conns[conn].outbox, &plan);
    return plan;
}

static void test_at_most_64_runs(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r);

    (void)state;
    for (int i = 0; i < 200; i++) {
        rig_send(r, conn, 0, 8);
    }
    rig_turn(r);
    assert_true(rig_apply(r));
    struct plan plan = plan_of(r, conn);
    assert_int_equal(plan.count, PLAN_RUNS);
    assert_int_equal(plan.bytes, PLAN_RUNS * 10);
    rig_settle(r);
    assert_int_equal(r->conns[conn].heard, 200);
    rig_free(r);
}

static void test_no_more_once_256_kib_are_planned(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r);

    (void)state;
    for (int i = 0; i < 10; i++) {
        rig_send(r, conn, 0, 100000);
    }
    rig_send(r, conn, 0, 900000);
    rig_turn(r);
    assert_true(rig_apply(r));
    struct plan plan = plan_of(r, conn);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.bytes, 300030);
    rig_settle(r);
    assert_int_equal(r->conns[conn].heard, 11);
    rig_free(r);
}

/* What lies in one segment of a log is one run for a plain member. */
static void test_a_log_is_one_run(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r), other = open_one(r);

    (void)state;
    rig_join(r, conn, 0);
    rig_join(r, other, 0);
    for (int i = 0; i < 20; i++) {
        rig_say(r, 0, other, 0, 8);
    }
    rig_turn(r);
    assert_true(rig_apply(r));
    struct plan plan = plan_of(r, conn);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.bytes, 200);
    assert_int_equal(plan_of(r, other).bytes, 0);
    /* A socket that takes nothing has lost nothing. */
    assert_true(outbox_sent(&r->reader, &r->conns[conn].outbox, &plan, 0));
    assert_true(outbox_stalled(&r->conns[conn].outbox));
    rig_settle(r);
    assert_int_equal(r->conns[conn].heard, 20);
    rig_free(r);
}

/* --- pongs ------------------------------------------------------------------------------------ */

static void test_one_pong_waits(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r);

    (void)state;
    rig_room(r, conn, 0);
    rig_send(r, conn, 0, 8);
    rig_run(r);
    for (int i = 0; i < 1000; i++) {
        rig_pong(r, conn);
    }
    assert_true(r->conns[conn].outbox.own->queued_bytes < 500);
    /* The length of the newest one counts, and the memory of the longest one. */
    rig_settle(r);
    assert_int_equal(r->conns[conn].pong_heard, 1000);
    rig_pong(r, conn);
    rig_run(r);
    assert_int_equal(r->conns[conn].pong_heard, 1001);
    assert_null(r->conns[conn].outbox.own);
    rig_free(r);
}

/* One that is written in part is not changed any more. */
static void test_a_pong_cut(void **state)
{
    (void)state;
    for (size_t room = 0; room < 160; room++) {
        struct rig *r = rig_new(BACKLOG);
        int conn = open_one(r);
        rig_room(r, conn, room);
        rig_send(r, conn, 0, 8);
        rig_turn(r);
        assert_true(rig_apply(r));
        rig_pong(r, conn);
        rig_run(r);
        rig_pong(r, conn);
        rig_pong(r, conn);
        rig_run(r);
        rig_settle(r);
        assert_int_equal(r->conns[conn].pong_heard, 3);
        rig_free(r);
    }
}

/* --- the ends --------------------------------------------------------------------------------- */

static void queue(struct rig *r, const struct down *item)
{
    struct down_batch *b = down_batch_new();

    assert_non_null(b);
    assert_true(down_batch_add(b, item));
    reader_apply(&r->reader, b, NULL);
    down_batch_free(b);
}

/* Raw bytes of an HTTP response: nothing follows the last ones in one plan. */
static void test_http(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r);
    struct outbox *o = &r->conns[conn].outbox;
    struct segment *s = segment_new(100, 0);
    struct down item = {.kind = DOWN_FRAME, .conn = r->conns[conn].handle, .segment = s, .len = 5};

    (void)state;
    assert_non_null(s);
    memcpy(segment_extend(s, 10), "firstsecon", 10);
    queue(r, &item);
    item.flags = DOWN_LAST;
    queue(r, &item);
    item.off = 5;
    item.flags = DOWN_LAST | DOWN_DISCONNECT;
    queue(r, &item);

    struct plan plan = plan_of(r, conn);
    assert_int_equal(plan.bytes, 10);
    assert_true(plan.last && !plan.disconnect && !plan.close);
    assert_true(outbox_sent(&r->reader, o, &plan, 7));
    assert_true(outbox_stalled(o));
    outbox_resume(&r->reader, o);
    plan = plan_of(r, conn);
    assert_int_equal(plan.bytes, 3);
    assert_memory_equal(plan.iov[0].iov_base, "rst", 3);
    assert_true(plan.last && !plan.disconnect);
    assert_true(outbox_sent(&r->reader, o, &plan, 3));
    plan = plan_of(r, conn);
    assert_int_equal(plan.bytes, 5);
    assert_true(plan.last && plan.disconnect && !plan.close);
    assert_true(outbox_sent(&r->reader, o, &plan, 5));
    plan = plan_of(r, conn);
    assert_int_equal(plan.bytes, 0);
    assert_false(plan.last || plan.disconnect || plan.close);
    segment_unref(s);
    rig_free(r);
}

/* A close without a code is no frame, but the end; with one it carries code and reason. */
static void test_close(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r), other = open_one(r);
    struct segment *s = segment_new(100, 0);

    (void)state;
    assert_non_null(s);
    memcpy(segment_extend(s, 6), "reason", 6);
    queue(r, &(struct down){.kind = DOWN_CLOSE, .conn = r->conns[conn].handle});
    struct plan plan = plan_of(r, conn);
    assert_int_equal(plan.bytes, 0);
    assert_true(plan.close);

    queue(r, &(struct down){.kind = DOWN_CLOSE,
                            .conn = r->conns[other].handle,
                            .code = 1001,
                            .segment = s,
                            .len = 6});
    /* Nothing behind it is kept. */
    queue(r, &(struct down){
                 .kind = DOWN_FRAME, .conn = r->conns[other].handle, .segment = s, .len = 6});
    assert_true(outbox_push(&r->reader, &r->conns[other].outbox, "x", 1, 0));
    assert_true(outbox_push_pong(&r->reader, &r->conns[other].outbox, "x", 1));
    plan = plan_of(r, other);
    assert_true(plan.close);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.bytes, 10);
    assert_memory_equal(plan.iov[0].iov_base, "\x88\x08\x03\xe9reason", 10);
    /* Cut, it is still the end. */
    assert_true(outbox_sent(&r->reader, &r->conns[other].outbox, &plan, 4));
    outbox_resume(&r->reader, &r->conns[other].outbox);
    plan = plan_of(r, other);
    assert_int_equal(plan.bytes, 6);
    assert_true(plan.close);
    segment_unref(s);
    rig_free(r);
}

/* Bytes of the reactor's own go ahead of what the hub says, behind what it has said. */
static void test_push(void **state)
{
    struct rig *r = rig_new(BACKLOG);
    int conn = open_one(r);
    struct outbox *o = &r->conns[conn].outbox;

    (void)state;
    assert_true(outbox_push(&r->reader, o, "HTTP", 4, 0));
    rig_join(r, conn, 0);
    rig_say(r, 0, RIG_NOBODY, 0, 8);
    rig_turn(r);
    assert_true(rig_apply(r));
    assert_ptr_equal(reader_next(&r->reader), o);
    struct plan plan = plan_of(r, conn);
    assert_int_equal(plan.count, 2);
    assert_memory_equal(plan.iov[0].iov_base, "HTTP", 4);
    assert_int_equal(plan.bytes, 14);
    assert_true(outbox_sent(&r->reader, o, &plan, 14));
    assert_int_equal(r->reader.delivered, 1);
    rig_free(r);
}

/* Messages are counted once each, however they were cut; the gateway's own frames are not. */
static void test_delivered(void **state)
{
    (void)state;
    for (size_t room = 1; room < 60; room += 3) {
        struct rig *r = rig_new(BACKLOG);
        int conn = open_one(r), other = open_one(r);
        rig_join(r, conn, 0);
        rig_join(r, other, 0);
        rig_room(r, conn, 0);
        for (int i = 0; i < 10; i++) {
            rig_say(r, 0, other, 0, 8);
            rig_send(r, conn, 0, 8);
            rig_say(r, 0, conn, 0, 8);
        }
        rig_run(r);
        rig_pong(r, conn);
        while (outbox_stalled(&r->conns[conn].outbox)) {
            rig_room(r, conn, room);
        }
        rig_settle(r);
        assert_int_equal(r->reader.delivered, 30);
        assert_int_equal(r->conns[conn].heard, 20);
        assert_int_equal(r->conns[other].heard, 10);
        assert_int_equal(r->reader.skipped, 0);
        rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_news_while_stalled),
        cmocka_unit_test(test_cut_large_frames),
        cmocka_unit_test(test_at_most_64_runs),
        cmocka_unit_test(test_no_more_once_256_kib_are_planned),
        cmocka_unit_test(test_a_log_is_one_run),
        cmocka_unit_test(test_one_pong_waits),
        cmocka_unit_test(test_a_pong_cut),
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_push),
        cmocka_unit_test(test_delivered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
