#include <stdlib.h>
#include <string.h>

#include "room.h"
#include "unit.h"

/* A ping after 30 s of silence, the end after 60: to the tick of 100 ms, within a sweep of 1 s. */

enum { SWEEP_MS = 1000, TICK_MS = 100 };

static struct room *room_of(int clients)
{
    struct room *r = room_new(NULL);

    for (int i = 0; i < clients; i++) {
        assert_int_equal(room_join(r, ""), i);
    }
    return r;
}

static void test_ping_then_close(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    r->clients[0].muted = true;
    room_register(r, 0, "timmy");
    assert_non_null(room_next(r, 1));
    room_advance(r, 29800);
    assert_int_equal(r->clients[0].pings, 0);
    room_advance(r, 200 + SWEEP_MS);
    assert_int_equal(r->clients[0].pings, 1);
    assert_int_equal(r->clients[1].pings, 1);
    room_advance(r, 28600);
    assert_int_equal(r->clients[0].pings, 1);
    assert_non_null(r->clients[0].conn);
    room_expect_nothing(r, 1);
    room_advance(r, 400 + SWEEP_MS);
    room_expect_close(r, 0, 1001, "heartbeat timeout");
    room_expect(r, 1, "{\"type\":\"agent_left\",\"agentId\":\"timmy\"}");
    room_expect_nothing(r, 1);
    room_free(r);
}

/* Whoever answers is asked again after each silence, and stays for ever. */
static void test_answers_are_life(void **state)
{
    struct room *r = room_of(1);

    (void)state;
    room_advance(r, 3600 * 1000);
    assert_non_null(r->clients[0].conn);
    assert_in_range(r->clients[0].pings, 115, 120);
    room_free(r);
}

/* A message may have been taken at a later time than the one that the next tick was read at. */
static void test_time_does_not_go_back(void **state)
{
    struct room *r = room_of(1);
    struct hub_time then = r->v.now;

    (void)state;
    then.mono_ms += 5000;
    hub_set_time(r->v.hub, then);
    room_say(r, 0, "{\"type\":\"ping\"}");
    assert_non_null(room_next(r, 0));
    room_advance(r, 2 * SWEEP_MS);
    assert_non_null(r->clients[0].conn);
    assert_int_equal(hub_now(r->v.hub).mono_ms, then.mono_ms);
    room_free(r);
}

/* A gateway, or a machine, that stood still has heard nobody: that is not their silence. */
static void test_standing_still_is_no_silence(void **state)
{
    struct room *r = room_of(2);

    (void)state;
    r->clients[0].muted = true;
    room_advance(r, 25000);
    virtual_tick(&r->v, (uint64_t)24 * 3600 * 1000);
    virtual_settle(&r->v);
    assert_non_null(r->clients[0].conn);
    assert_non_null(r->clients[1].conn);
    assert_int_equal(r->clients[1].pings, 0);
    /* What is left of their own goes on as before. */
    room_advance(r, 5000 + SWEEP_MS);
    assert_int_equal(r->clients[0].pings, 1);
    room_advance(r, 29000 + SWEEP_MS);
    room_expect_close(r, 0, 1001, "heartbeat timeout");
    assert_non_null(r->clients[1].conn);
    room_free(r);
}

/* So is any message, good or bad, and a piece of one. */
static void test_messages_are_life(void **state)
{
    struct room *r = room_of(4);

    (void)state;
    for (int i = 0; i < 4; i++) {
        r->clients[i].muted = true;
    }
    for (int i = 0; i < 10; i++) {
        room_advance(r, 25000);
        room_say(r, 0, "{\"type\":\"bark\",\"target_id\":\"%s\"}", r->clients[0].id);
        room_say(r, 1, "nonsense");
        virtual_alive(&r->v, r->clients[2].conn);
    }
    for (int i = 0; i < 3; i++) {
        assert_non_null(r->clients[i].conn);
        assert_int_equal(r->clients[i].pings, 0);
    }
    room_expect_close(r, 3, 1001, "heartbeat timeout");
    /* One message after the ping, and it is asked again later. */
    room_advance(r, 31500);
    assert_int_equal(r->clients[0].pings, 1);
    room_say(r, 0, "{\"type\":\"ping\"}");
    room_advance(r, 31500);
    assert_int_equal(r->clients[0].pings, 2);
    room_free(r);
}

/* That it reads too slowly to be given anything is no sign of life. */
static void test_lag_is_no_life(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.max_send_queue_bytes = 2000;
    struct room *r = room_new(&settings);
    room_join(r, "");
    room_join(r, "");
    r->clients[0].muted = true;
    room_hold(r, 0, 10);
    room_advance(r, 40000);
    for (int i = 0; i < 100; i++) {
        room_say(r, 1, "{\"type\":\"bark\",\"i\":%d}", i);
    }
    assert_int_equal(r->clients[0].conn->outbox.lag, LAG_SKIPPING);
    room_advance(r, 20200 + SWEEP_MS);
    room_hold(r, 0, SIZE_MAX);
    /* What could not be skipped was still in its queue; then comes the end. */
    assert_int_equal(r->clients[0].close_code, 1001);
    assert_null(r->clients[0].conn);
    room_free(r);
}

static void test_settings(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.heartbeat_interval_ms = 300;
    settings.heartbeat_timeout_ms = 600;
    struct room *r = room_new(&settings);
    assert_int_equal(room_enter(r, ""), 0);
    room_expect(r, 0, "{\"data\":{\"heartbeat_seconds\":0.3}}");
    r->clients[0].muted = true;
    room_advance(r, 400);
    assert_int_equal(r->clients[0].pings, 1);
    room_advance(r, 100);
    assert_non_null(r->clients[0].conn);
    room_advance(r, 200);
    room_expect_close(r, 0, 1001, "heartbeat timeout");
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ping_then_close),
        cmocka_unit_test(test_answers_are_life),
        cmocka_unit_test(test_time_does_not_go_back),
        cmocka_unit_test(test_messages_are_life),
        cmocka_unit_test(test_standing_still_is_no_silence),
        cmocka_unit_test(test_lag_is_no_life),
        cmocka_unit_test(test_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
