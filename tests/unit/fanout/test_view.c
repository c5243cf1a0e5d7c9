#include <stdlib.h>
#include <string.h>

#include "fanout/internal.h"
#include "rig.h"
#include "unit.h"

/* Falling behind: what is kept for a slow reader, when it is skipped, and what it is told. */

enum { BACKLOG = 20000 };

/* Connection 0 is slow, 1 speaks, both are in log 0. */
static struct rig *rig_slow(void)
{
    struct rig *r = rig_new(BACKLOG);

    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_open(r), i);
        rig_join(r, i, 0);
    }
    rig_room(r, 0, 5);
    rig_say(r, 0, 1, 0, 100);
    rig_run(r);
    assert_true(outbox_stalled(&r->conns[0].outbox));
    return r;
}

static void say_many(struct rig *r, int count)
{
    for (int i = 0; i < count; i++) {
        rig_say(r, 0, 1, 0, 100);
        rig_run(r);
    }
}

static void test_below_the_limit_all_comes(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    say_many(r, 40);
    assert_int_equal(r->conns[0].lags, 0);
    assert_true(outbox_backlog(&r->conns[0].outbox) > 40 * 100);
    rig_settle(r);
    assert_int_equal(outbox_backlog(&r->conns[0].outbox), 0);
    assert_int_equal(r->conns[0].heard, 41);
    assert_int_equal(r->conns[0].told, 0);
    rig_free(r);
}

/* It lags once; what it is told and what it heard are all there was. */
static void test_lags_once_and_is_told(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    say_many(r, 1000);
    assert_int_equal(r->conns[0].lags, 1);
    assert_int_equal(r->conns[0].outbox.lag, LAG_SKIPPING);
    assert_true(rig_live_segments(r) <= 2);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard + r->conns[0].told, 1001);
    assert_int_equal(r->conns[0].heard, 1); /* the rest of what was half written */
    assert_int_equal(r->reader.skipped, 1000);
    assert_int_equal(r->conns[0].outbox.lag, LAG_NONE);
    assert_null(r->conns[0].outbox.own);
    say_many(r, 10);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 11);
    rig_free(r);
}

/* What comes between its room and its resumption is missed as well, and counted. */
static void test_between_room_and_resume(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    say_many(r, 1000);
    rig_room(r, 0, SIZE_MAX);
    assert_true(r->conns[0].asked);
    assert_int_equal(outbox_missed(&r->conns[0].outbox), 1000);
    for (int i = 0; i < 50; i++) {
        rig_say(r, 0, 1, 0, 100);
        rig_turn(r);
        assert_true(rig_apply(r));
        while (rig_serve(r)) {
        }
    }
    assert_int_equal(outbox_missed(&r->conns[0].outbox), 1050);
    rig_say(r, 0, 1, 0, 100);
    assert_true(rig_answer_room(r, 0));
    rig_say(r, 0, 1, 0, 100);
    rig_settle(r);
    assert_int_equal(r->conns[0].told, 1051);
    assert_int_equal(r->conns[0].heard, 2);
    rig_free(r);
}

/* Not its own messages, nor what its filter leaves out, nor what was said where it is not. */
static void test_counts_what_is_its_own_only(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    rig_filter(r, 0, 1u << 2 | 1u << 7);
    for (int i = 0; i < 400; i++) {
        rig_say(r, 0, i % 5 == 0 ? 0 : 1, (unsigned)i % RIG_TYPES, 100);
        rig_say(r, 1, RIG_NOBODY, 2, 100);
        rig_run(r);
    }
    assert_int_equal(r->conns[0].lags, 1);
    rig_settle(r);
    assert_int_equal(r->conns[0].told, 80);
    rig_free(r);
}

/* Frames for it alone are never skipped; small sessions' are. */
static void test_private_frames(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    for (int i = 0; i < 100; i++) {
        rig_send(r, 0, i % 10 == 0 ? 0 : DOWN_BROADCAST, 300);
        rig_run(r);
    }
    assert_int_equal(r->conns[0].lags, 1);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 1 + 10);
    assert_int_equal(r->conns[0].told, 90);
    assert_int_equal(r->fatal, 0);
    rig_free(r);
}

/* The pong that waits is found again when broadcasts are dropped from around it. */
static void test_pong_while_lagging(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    rig_send(r, 0, DOWN_BROADCAST, 100);
    rig_run(r);
    rig_pong(r, 0);
    rig_send(r, 0, DOWN_BROADCAST, 100);
    say_many(r, 1000);
    assert_int_equal(r->conns[0].outbox.lag, LAG_SKIPPING);
    for (int i = 0; i < 500; i++) {
        rig_pong(r, 0);
    }
    assert_non_null(r->conns[0].outbox.own->head);
    assert_ptr_equal(r->conns[0].outbox.own->head, r->conns[0].outbox.own->tail);
    rig_settle(r);
    assert_int_equal(r->conns[0].pong_heard, 501);
    assert_int_equal(r->fatal, 0);
    rig_free(r);
}

/* When what may not be skipped passes the limit, it is over. */
static void test_fatal(void **state)
{
    struct rig *r = rig_slow();
    int sent = 0;

    (void)state;
    while (r->conns[0].open) {
        rig_send(r, 0, 0, 300);
        rig_turn(r);
        assert_true(rig_apply(r));
        sent++;
    }
    assert_int_equal(r->fatal, 1);
    assert_in_range(sent, BACKLOG / 400, BACKLOG / 300 + 1);
    rig_settle(r);
    rig_free(r);
}

/* A filter counts with all it takes, before it lags and after: nobody can queue them for nothing.
 */
static void test_filters_are_counted(void **state)
{
    struct rig *r = rig_slow();
    int sent = 0;

    (void)state;
    rig_filter(r, 0, 1);
    rig_run(r);
    assert_true(outbox_backlog(&r->conns[0].outbox) > sizeof(struct filter));
    say_many(r, 500);
    assert_int_equal(r->conns[0].outbox.lag, LAG_SKIPPING);
    assert_true(r->conns[0].outbox.own->queued_bytes > sizeof(struct filter));
    assert_true(r->reader.queued_bytes >= r->conns[0].outbox.own->queued_bytes);
    while (r->conns[0].open) {
        rig_filter(r, 0, 1u << (sent % RIG_TYPES));
        rig_turn(r);
        assert_true(rig_apply(r));
        sent++;
    }
    assert_int_equal(r->fatal, 1);
    assert_in_range(sent, 1, BACKLOG / sizeof(struct filter) + 1);
    rig_settle(r);
    assert_int_equal(r->reader.queued_bytes, 0);
    rig_free(r);
}

/* One that is applied is not counted any more. */
static void test_filters_that_are_applied(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    rig_filter(r, 0, 1);
    rig_filter(r, 0, RIG_ALL);
    rig_filter(r, 0, 1u << 1);
    rig_run(r);
    rig_settle(r);
    assert_int_equal(r->reader.queued_bytes, 0);
    assert_int_equal(r->conns[0].outbox.own->queued_bytes, 0);
    rig_free(r);
}

/* Memberships that end, begin, and end again while it lags. */
static void test_leaves_while_lagging(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    say_many(r, 500);
    assert_int_equal(r->conns[0].outbox.lag, LAG_SKIPPING);
    rig_leave(r, 0, 0);
    say_many(r, 100); /* not for it */
    rig_join(r, 0, 0);
    say_many(r, 10);
    rig_join(r, 0, 1);
    rig_say(r, 1, RIG_NOBODY, 0, 10);
    rig_leave(r, 0, 1);
    rig_run(r);
    rig_leave(r, 0, 0);
    say_many(r, 100);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 1);
    assert_int_equal(r->conns[0].told, 511);
    assert_null(r->conns[0].outbox.joined);
    rig_free(r);
}

/* It left before it lagged: what it still had to get is missed, and the log may end. */
static void test_left_before_it_lagged(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    say_many(r, 20);
    rig_leave(r, 0, 0);
    rig_join(r, 0, 1);
    rig_run(r);
    for (int i = 0; i < 400; i++) {
        rig_say(r, 1, RIG_NOBODY, 0, 100);
        rig_run(r);
    }
    assert_int_equal(r->conns[0].lags, 1);
    rig_end_log(r, 0);
    rig_run(r);
    rig_say(r, 1, RIG_NOBODY, 0, 100);
    rig_settle(r);
    assert_int_equal(r->conns[0].told, 420 + 1);
    rig_end_log(r, 1);
    rig_settle(r);
    assert_int_equal(rig_live_segments(r), 1); /* the one of the turn */
    rig_free(r);
}

/* Again and again; nothing is counted twice. */
static void test_lags_again(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    for (int i = 0; i < 20; i++) {
        say_many(r, 700); /* more than the largest segment: backlogs are charged in whole ones */
        rig_room(r, 0, SIZE_MAX);
        rig_run(r);
        rig_room(r, 0, (size_t)i * 13);
    }
    rig_settle(r);
    assert_true(r->conns[0].lags > 15);
    assert_int_equal(r->conns[0].heard + r->conns[0].told, 14001);
    rig_free(r);
}

/* Stalled again between its room and its resumption. */
static void test_stalls_before_it_resumes(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    say_many(r, 1000);
    rig_room(r, 0, SIZE_MAX);
    assert_true(r->conns[0].asked);
    rig_room(r, 0, 7);
    rig_send(r, 0, 0, 100);
    rig_turn(r);
    assert_true(rig_apply(r) && rig_serve(r));
    assert_true(outbox_stalled(&r->conns[0].outbox));
    assert_true(rig_answer_room(r, 0));
    say_many(r, 10);
    assert_int_equal(r->conns[0].lags, 1);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 1 + 1 + 10);
    assert_int_equal(r->conns[0].told, 1000);
    rig_free(r);
}

/* One that was told to close and does not read does not keep the log for ever. */
static void test_closing_and_stalled(void **state)
{
    struct rig *r = rig_slow();

    (void)state;
    say_many(r, 20);
    rig_close(r, 0, 1001);
    rig_run(r);
    say_many(r, 1000);
    assert_false(r->conns[0].open);
    assert_int_equal(r->fatal, 1);
    assert_true(rig_live_segments(r) <= 2);
    rig_settle(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_below_the_limit_all_comes),
        cmocka_unit_test(test_lags_once_and_is_told),
        cmocka_unit_test(test_between_room_and_resume),
        cmocka_unit_test(test_counts_what_is_its_own_only),
        cmocka_unit_test(test_private_frames),
        cmocka_unit_test(test_pong_while_lagging),
        cmocka_unit_test(test_fatal),
        cmocka_unit_test(test_filters_are_counted),
        cmocka_unit_test(test_filters_that_are_applied),
        cmocka_unit_test(test_leaves_while_lagging),
        cmocka_unit_test(test_left_before_it_lagged),
        cmocka_unit_test(test_lags_again),
        cmocka_unit_test(test_stalls_before_it_resumes),
        cmocka_unit_test(test_closing_and_stalled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
