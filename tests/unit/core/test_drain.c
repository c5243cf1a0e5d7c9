#include <stdlib.h>
#include <string.h>

#include "room.h"
#include "unit.h"

enum { CLIENTS = 40 };

static struct room *room_of(int clients)
{
    struct room *r = room_new(NULL);

    for (int i = 0; i < clients; i++) {
        assert_int_equal(room_join(r, ""), i);
    }
    return r;
}

static int count_open(const struct room *r)
{
    int open = 0;

    for (int i = 0; i < r->count; i++) {
        open += r->clients[i].conn != NULL;
    }
    return open;
}

/* Closed with 1001, spread over nine tenths of the time; nobody is told who leaves. */
static void test_spread(void **state)
{
    struct room *r = room_of(CLIENTS);
    int most_at_once = 0;

    (void)state;
    for (int i = 0; i < CLIENTS; i += 5) {
        room_say(r, i, "{\"type\":\"agent_register\",\"agentId\":\"a%d\"}", i);
    }
    for (int i = 0; i < CLIENTS; i++) {
        while (room_next(r, i) != NULL) {
        }
    }
    assert_false(hub_draining(r->v.hub));
    hub_drain(r->v.hub, 10000);
    assert_true(hub_draining(r->v.hub));
    for (int before = CLIENTS, passed = 0; passed < 9000; passed += 100) {
        room_advance(r, 100);
        int now = count_open(r);
        most_at_once = before - now > most_at_once ? before - now : most_at_once;
        before = now;
        assert_in_range(
            now,
            CLIENTS * (8800 - passed) / 9000 - 1 < 0 ? 0 : CLIENTS * (8800 - passed) / 9000 - 1,
            CLIENTS * (9000 - passed) / 9000);
    }
    room_advance(r, 100);
    assert_int_equal(count_open(r), 0);
    assert_true(most_at_once <= 3);
    assert_true(hub_empty(r->v.hub));
    for (int i = 0; i < CLIENTS; i++) {
        room_expect_close(r, i, 1001, "the gateway is stopping: connect again");
    }
    room_free(r);
}

static void test_newcomers_are_refused(void **state)
{
    struct room *r = room_of(2);
    struct hub_counts counts;

    (void)state;
    hub_drain(r->v.hub, 10000);
    assert_int_equal(room_enter(r, ""), ROOM_REFUSED);
    hub_counts(r->v.hub, &counts);
    assert_int_equal(counts.refused_total, 1);
    room_free(r);
}

/* Those who are still there are served, and hear of no leave. */
static void test_served_meanwhile(void **state)
{
    struct room *r = room_of(4);

    (void)state;
    room_register(r, 2, "timmy");
    for (int i = 0; i < 4; i++) {
        while (room_next(r, i) != NULL) {
        }
    }
    hub_drain(r->v.hub, 100000);
    virtual_settle(&r->v);
    assert_int_equal(count_open(r), 3);
    room_expect_close(r, 0, 1001, "the gateway is stopping: connect again");
    room_say(r, 1, "{\"type\":\"bark\"}");
    room_expect(r, 2, "{\"type\":\"bark\"}");
    room_expect(r, 3, "{\"type\":\"bark\"}");
    room_abort(r, 2);
    room_expect_nothing(r, 3);
    /* Again changes nothing: the time is that of the first word. */
    room_advance(r, 80000);
    hub_drain(r->v.hub, 100000);
    room_advance(r, 10100);
    assert_true(hub_empty(r->v.hub));
    room_expect_nothing(r, 3);
    room_free(r);
}

static void test_at_once_and_empty(void **state)
{
    struct room *r = room_of(3);

    (void)state;
    hub_drain(r->v.hub, 0);
    virtual_settle(&r->v);
    assert_true(hub_empty(r->v.hub));
    room_free(r);

    r = room_of(0);
    hub_drain(r->v.hub, 0);
    assert_true(hub_empty(r->v.hub) && hub_draining(r->v.hub));
    room_advance(r, 1000);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_newcomers_are_refused),
        cmocka_unit_test(test_served_meanwhile),
        cmocka_unit_test(test_at_once_and_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
