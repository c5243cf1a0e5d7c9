#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "unit.h"

/* Joining, leaving, rounds and the freeing of segments. The rig compares what everyone hears. */

enum { BACKLOG = 4000000 };

static struct rig *rig_with(int conns)
{
    struct rig *r = rig_new(BACKLOG);

    for (int i = 0; i < conns; i++) {
        assert_int_equal(rig_open(r), i);
    }
    return r;
}

static struct rig *rig_in_log_0(int conns)
{
    struct rig *r = rig_with(conns);

    for (int i = 0; i < conns; i++) {
        rig_join(r, i, 0);
    }
    return r;
}

static void test_positions(void **state)
{
    struct rig *r = rig_with(3);

    (void)state;
    rig_join(r, 0, 0);
    rig_say(r, 0, RIG_NOBODY, 0, 8);
    rig_join(r, 1, 0); /* hears the second one, in the middle of a turn */
    rig_say(r, 0, RIG_NOBODY, 0, 8);
    rig_leave(r, 0, 0); /* has heard both */
    rig_say(r, 0, RIG_NOBODY, 0, 8);
    rig_run(r);
    assert_int_equal(r->conns[0].heard, 2);
    assert_int_equal(r->conns[1].heard, 2);
    rig_join(r, 0, 0);
    rig_leave(r, 0, 0); /* never was there */
    rig_say(r, 0, RIG_NOBODY, 0, 8);
    rig_join(r, 2, 0);
    rig_run(r);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 2);
    assert_int_equal(r->conns[1].heard, 3);
    assert_int_equal(r->conns[2].heard, 0);
    assert_null(r->conns[0].outbox.joined);
    rig_free(r);
}

/* Left and joined again while the first time is still to be read; with more than one plan takes. */
static void test_leaves_and_joins_again(void **state)
{
    (void)state;
    for (int stalled = 0; stalled < 2; stalled++) {
        struct rig *r = rig_in_log_0(2);
        rig_room(r, 0, stalled ? 5 : SIZE_MAX);
        rig_say(r, 0, 1, 0, 100);
        rig_say(r, 0, 1, 0, 100);
        if (stalled) {
            rig_run(r);
        }
        rig_leave(r, 0, 0);
        rig_say(r, 0, 1, 0, 3000);
        rig_join(r, 0, 0);
        for (int i = 0; i < 10; i++) {
            rig_say(r, 0, 1, 0, 60000);
        }
        rig_run(r);
        rig_room(r, 0, SIZE_MAX);
        rig_settle(r);
        assert_int_equal(r->conns[0].heard, 12);
        rig_free(r);
    }
}

static void test_nobody_hears_himself(void **state)
{
    struct rig *r = rig_in_log_0(3);

    (void)state;
    for (int i = 0; i < 30; i++) {
        rig_say(r, 0, i % 3, 0, 20);
        if (i % 7 == 0) {
            rig_run(r);
        }
    }
    rig_settle(r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r->conns[i].heard, 20);
    }
    rig_free(r);
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* Something happens to a member after `visited` of the round have been served. */
static void interrupt(int what, int who, int visited, bool second_round)
{
    struct rig *r = rig_in_log_0(6);

    rig_say(r, 0, RIG_NOBODY, 0, 3000);
    rig_turn(r);
    assert_true(rig_apply(r));
    if (second_round) {
        /* The visitor stands in the middle when the second round begins. */
        assert_true(rig_serve(r) && rig_serve(r) && rig_serve(r));
        rig_say(r, 0, RIG_NOBODY, 0, 3000);
        rig_turn(r);
        assert_true(rig_apply(r));
    }
    for (int i = 0; i < visited; i++) {
        assert_true(rig_serve(r));
    }
    switch (what) {
    case 0:
        assert_int_equal(rig_open(r), 6);
        rig_join(r, 6, 0);
        break;
    case 1:
        rig_leave(r, who, 0);
        break;
    case 2:
        rig_room(r, who, 100);
        break;
    case 3:
        rig_abort(r, who);
        break;
    case 4:
        rig_leave(r, who, 0);
        rig_join(r, who, 0);
        break;
    default:
        rig_close(r, who, 1000);
        break;
    }
    rig_turn(r);
    (void)rig_apply(r);
    rig_say(r, 0, RIG_NOBODY, 0, 2000);
    rig_turn(r);
    if (visited % 2 == 0) {
        assert_true(rig_apply(r));
    }
    (void)rig_serve(r);
    rig_room(r, who, SIZE_MAX);
    rig_settle(r);
    uint64_t heard = second_round ? 3 : 2;
    for (int i = 0; i < 6; i++) {
        assert_true(i == who || r->conns[i].heard == heard);
    }
    rig_free(r);
}

static void test_rounds(void **state)
{
    (void)state;
    for (int what = 0; what < 6; what++) {
        for (int who = 0; who < 6; who++) {
            for (int visited = 0; visited <= 6; visited++) {
                interrupt(what, who, visited, false);
                interrupt(what, who, visited, true);
            }
        }
    }
}

/* Members who resume in the middle of a second round, behind others who wait for their turn. */
static void test_resumed_in_second_round(void **state)
{
    struct rig *r = rig_in_log_0(6);

    (void)state;
    rig_room(r, 0, 10);
    rig_room(r, 1, 10);
    rig_say(r, 0, RIG_NOBODY, 0, 1000);
    rig_run(r);
    assert_true(outbox_stalled(&r->conns[0].outbox) && outbox_stalled(&r->conns[1].outbox));
    rig_say(r, 0, RIG_NOBODY, 0, 1000);
    rig_turn(r);
    assert_true(rig_apply(r) && rig_serve(r) && rig_serve(r));
    rig_say(r, 0, RIG_NOBODY, 0, 1000);
    rig_turn(r);
    assert_true(rig_apply(r) && rig_serve(r));
    rig_room(r, 0, SIZE_MAX);
    rig_room(r, 1, SIZE_MAX);
    rig_settle(r);
    rig_free(r);
}

/* A large session does not keep a small one waiting: it is left after 64 visits. */
static void test_two_logs_take_turns(void **state)
{
    struct rig *r = rig_with(RIG_CONNS);

    (void)state;
    for (int i = 0; i < RIG_CONNS; i++) {
        rig_join(r, i, i % 2);
    }
    rig_say(r, 0, RIG_NOBODY, 0, 8);
    rig_say(r, 1, RIG_NOBODY, 0, 8);
    rig_turn(r);
    assert_true(rig_apply(r));
    int served = 0;
    while (rig_serve(r)) {
        served++;
    }
    assert_int_equal(served, RIG_CONNS);
    assert_false(reader_pending(&r->reader));
    rig_free(r);
}

/* --- segments --------------------------------------------------------------------------------- */

static void test_idle_log_holds_nothing(void **state)
{
    struct rig *r = rig_in_log_0(4);

    (void)state;
    for (int i = 0; i < 100; i++) {
        rig_say(r, 0, 1, 0, 500);
        rig_run(r);
        assert_true(rig_live_segments(r) <= 2);
    }
    rig_idle(r, 0);
    rig_idle(r, 0);
    rig_run(r);
    assert_int_equal(rig_live_segments(r), 0);
    /* And goes on. */
    rig_say(r, 0, 1, 0, 500);
    rig_settle(r);
    assert_int_equal(rig_live_segments(r), 1);
    assert_int_equal(r->conns[0].heard, 101);
    rig_free(r);
}

/* One who stalls keeps what it has to get, and only until it has got it. */
static void test_stalled_keeps_segments(void **state)
{
    struct rig *r = rig_in_log_0(3);

    (void)state;
    rig_room(r, 0, 10);
    for (int i = 0; i < 60; i++) {
        rig_say(r, 0, 1, 0, 30000);
        rig_run(r);
    }
    assert_true(rig_live_segments(r) >= 30);
    assert_int_equal(r->conns[0].lags, 0);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 60);
    rig_say(r, 0, 1, 0, 8);
    rig_settle(r);
    assert_true(rig_live_segments(r) <= 1);
    rig_free(r);
}

/* Rounds that never end, since something is said between any two visits, keep nothing for ever. */
static void test_constant_load(void **state)
{
    struct rig *r = rig_in_log_0(8);

    (void)state;
    for (int i = 0; i < 3000; i++) {
        rig_say(r, 0, RIG_NOBODY, 0, 900);
        rig_turn(r);
        assert_true(rig_apply(r));
        assert_true(rig_serve(r) && rig_serve(r));
        assert_true(rig_live_segments(r) <= 3);
    }
    rig_settle(r);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(r->conns[i].heard, 3000);
    }
    rig_free(r);
}

/* --- the end of a log ------------------------------------------------------------------------- */

/* Its number is used again while readers of the old one are stalled. */
static void test_log_id_used_again(void **state)
{
    struct rig *r = rig_in_log_0(4);

    (void)state;
    rig_room(r, 0, 10);
    rig_room(r, 1, 0);
    for (int generation = 0; generation < 5; generation++) {
        for (int i = 0; i < 5; i++) {
            rig_say(r, 0, 2, 0, 2000);
        }
        rig_end_log(r, 0);
        if (generation % 2 == 0) {
            rig_run(r);
        } else {
            rig_turn(r);
        }
        for (int i = 0; i < 4; i++) {
            rig_join(r, i, 0);
        }
    }
    rig_say(r, 0, 2, 0, 100);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 26);
    assert_int_equal(r->conns[1].heard, 26);
    rig_end_log(r, 0);
    rig_settle(r);
    assert_int_equal(rig_live_segments(r), 0);
    rig_free(r);
}

/* The last member here goes, others elsewhere do not: the log is opened again where it stands. */
static void test_reopened(void **state)
{
    struct rig *r = rig_in_log_0(1);

    (void)state;
    rig_say(r, 0, RIG_NOBODY, 0, 100);
    rig_leave(r, 0, 0);
    rig_run(r);
    assert_false(r->logs[0].known);
    rig_join(r, 0, 0);
    rig_say(r, 0, RIG_NOBODY, 0, 100);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 2);
    rig_free(r);
}

/* Commands for a connection that is gone, and for the one that has its slot now. */
static void test_late_commands(void **state)
{
    struct rig *r = rig_in_log_0(2);

    (void)state;
    rig_run(r);
    rig_say(r, 0, 1, 0, 100);
    rig_send(r, 0, 0, 100);
    rig_filter(r, 0, 1);
    rig_leave(r, 0, 0);
    rig_close(r, 0, 1000);
    rig_turn(r);
    rig_abort(r, 0);
    rig_gone(r, 0);
    assert_int_equal(rig_open(r), 0);
    rig_send(r, 0, 0, 50);
    rig_settle(r);
    assert_int_equal(r->conns[0].heard, 1);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_leaves_and_joins_again),
        cmocka_unit_test(test_nobody_hears_himself),
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_resumed_in_second_round),
        cmocka_unit_test(test_two_logs_take_turns),
        cmocka_unit_test(test_idle_log_holds_nothing),
        cmocka_unit_test(test_stalled_keeps_segments),
        cmocka_unit_test(test_constant_load),
        cmocka_unit_test(test_log_id_used_again),
        cmocka_unit_test(test_reopened),
        cmocka_unit_test(test_late_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
