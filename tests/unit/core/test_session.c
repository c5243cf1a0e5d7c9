#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "famine.h"
#include "room.h"
#include "unit.h"

/*
 * Sessions change between frames for each member (up to 8) and a log (from 9 on, until 4 are left).
 * Nobody may notice: not in the order, not in what is heard, not while sockets are stalled.
 */

enum { LARGE = 9, SMALL = 4, BACKLOG = 4000 };

static struct room *room_with(unsigned reactors, uint64_t backlog)
{
    struct hub_settings settings;

    hub_settings_init(&settings);
    settings.reactors = reactors;
    settings.max_send_queue_bytes = backlog;
    return room_new(&settings);
}

static void bark(struct room *r, int client, int number)
{
    room_say(r, client, "{\"type\":\"bark\",\"n\":%d}", number);
}

/* It has heard barks [from, to), and nothing else. */
static void expect_barks(struct room *r, int client, int from, int to)
{
    for (int n = from; n < to; n++) {
        char text[50];
        (void)snprintf(text, sizeof(text), "{\"type\":\"bark\",\"n\":%d}", n);
        room_expect_text(r, client, text);
    }
    room_expect_nothing(r, client);
}

/* Whether the session of a member has a log, seen from the reactor. */
static bool has_log(const struct room *r, int client)
{
    return r->clients[client].conn->outbox.joined != NULL;
}

static void test_grows_and_shrinks(void **state)
{
    (void)state;
    for (unsigned reactors = 1; reactors <= 4; reactors++) {
        struct room *r = room_with(reactors, BACKLOG);
        for (int i = 0; i < LARGE - 1; i++) {
            room_join(r, "");
            assert_false(has_log(r, 0));
        }
        bark(r, 0, 0);
        room_join(r, "");
        assert_true(has_log(r, 0) && has_log(r, LARGE - 1));
        bark(r, 0, 1);
        expect_barks(r, 1, 0, 2);
        expect_barks(r, LARGE - 1, 1, 2);
        for (int left = LARGE - 1; left > SMALL; left--) {
            room_abort(r, left);
            assert_true(has_log(r, 0));
            bark(r, 0, 2);
            assert_non_null(room_next(r, 1));
        }
        room_close(r, SMALL, 1000);
        assert_false(has_log(r, 0));
        bark(r, 0, 3);
        for (int i = 1; i < SMALL; i++) {
            const char *last = NULL;
            for (const char *text; (text = room_next(r, i)) != NULL;) {
                last = text;
            }
            assert_string_equal(last, "{\"type\":\"bark\",\"n\":3}");
        }
        room_expect_nothing(r, 0);
        room_free(r);
    }
}

/*
 * One is stalled, by `room` bytes, while the session grows, speaks, shrinks and grows again; then
 * it reads on.
 */
static void cross_with_stalled(size_t room, unsigned reactors)
{
    struct room *r = room_with(reactors, 1000000);
    int n = 0;

    for (int i = 0; i < LARGE - 1; i++) {
        room_join(r, "");
    }
    room_hold(r, 0, room);
    for (int lap = 0; lap < 3; lap++) {
        bark(r, 1, n++);
        while (!has_log(r, 1)) {
            room_join(r, "");
            bark(r, 1, n++);
        }
        bark(r, 1, n++);
        room_say(r, 1, "{\"type\":\"direct\",\"target_id\":\"%s\"}", r->clients[0].id);
        bark(r, 1, n++);
        for (int i = r->count - 1; i > 1 && has_log(r, 1); i--) {
            if (r->clients[i].conn != NULL) {
                room_abort(r, i);
            }
        }
        bark(r, 1, n++);
    }
    room_hold(r, 0, SIZE_MAX);
    int directed = 0;
    for (int next = 0; next < n;) {
        char text[50];
        const char *heard = room_next(r, 0);
        assert_non_null(heard);
        if (strstr(heard, "direct") != NULL) {
            directed++;
            continue;
        }
        (void)snprintf(text, sizeof(text), "{\"type\":\"bark\",\"n\":%d}", next++);
        assert_string_equal(heard, text);
    }
    assert_int_equal(directed, 3);
    room_expect_nothing(r, 0);
    room_free(r);
}

static void test_stalled_member(void **state)
{
    (void)state;
    for (size_t room = 0; room < 300; room += 7) {
        cross_with_stalled(room, 1);
        cross_with_stalled(room, 2);
    }
}

/* One lags across both changes: it is told exactly how many it missed, then gets all again. */
static void cross_lagging(bool begin_large, unsigned reactors)
{
    struct room *r = room_with(reactors, BACKLOG);
    int said = 0;
    int heard = 0;

    for (int i = 0; i < LARGE - 1; i++) {
        room_join(r, "");
    }
    if (begin_large) {
        room_join(r, "");
    }
    room_hold(r, 0, 40);
    for (; said < 400; said++) {
        bark(r, 1, said);
    }
    assert_int_equal(r->clients[0].conn->outbox.lag, LAG_SKIPPING);
    room_join(r, "");
    for (; said < 500; said++) {
        bark(r, 1, said);
    }
    for (int i = r->count - 1; i > 2; i--) {
        room_abort(r, i);
    }
    for (; said < 600; said++) {
        bark(r, 1, said);
    }
    room_hold(r, 0, SIZE_MAX);
    for (const char *text; (text = room_next(r, 0)) != NULL;) {
        static const char key[] = "\"dropped\":";
        const char *at = strstr(text, key);
        if (strstr(text, "bark") != NULL) {
            heard++;
        } else if (at != NULL) {
            assert_int_equal(heard + strtoll(at + strlen(key), NULL, 10), said);
            r->clients[0].heard_from--;
            room_expect_exact(
                r, 0,
                "{\"type\":\"error\",\"agent_id\":\"gateway\",\"agentId\":\"gateway\",\"data\":"
                "{\"code\":\"SLOW_CLIENT\",\"message\":\"*\",\"details\":{\"dropped\":\"*\","
                "\"limit\":4000}},\"ts\":\"*\"}");
            room_expect(r, 0, "{\"type\":\"connection_ack\",\"data\":{\"total\":0}}");
            room_expect_nothing(r, 0);
            heard = -1;
            break;
        }
    }
    assert_int_equal(heard, -1);
    bark(r, 1, 1);
    expect_barks(r, 0, 1, 2);
    room_free(r);
}

static void test_lagging_member(void **state)
{
    (void)state;
    for (unsigned reactors = 1; reactors <= 3; reactors++) {
        cross_lagging(false, reactors);
        cross_lagging(true, reactors);
    }
}

/* With slow_client: close it is not skipped but closed. */
static void test_slow_is_closed(void **state)
{
    struct hub_settings settings;

    (void)state;
    hub_settings_init(&settings);
    settings.max_send_queue_bytes = BACKLOG;
    settings.close_slow_clients = true;
    struct room *r = room_new(&settings);
    for (int i = 0; i < 3; i++) {
        room_join(r, "");
    }
    room_register(r, 0, "timmy");
    assert_true(room_next(r, 1) && room_next(r, 2));
    room_hold(r, 0, 10);
    for (int i = 0; i < 200; i++) {
        bark(r, 1, i);
        while (room_next(r, 2) != NULL) {
            if (strstr(r->clients[2].heard[r->clients[2].heard_from - 1], "agent_left") != NULL) {
                i = 200;
            }
        }
    }
    struct hub_counts counts;
    hub_counts(r->v.hub, &counts);
    assert_int_equal(counts.agents, 0);
    room_hold(r, 0, SIZE_MAX);
    assert_int_equal(r->clients[0].close_code, 1013);
    assert_null(r->clients[0].conn);
    room_free(r);
}

/* Directed messages are never skipped: past the limit the connection ends. */
static void test_directed_is_never_skipped(void **state)
{
    struct room *r = room_with(1, BACKLOG);

    (void)state;
    room_join(r, "");
    room_join(r, "");
    room_hold(r, 0, 10);
    int sent = 0;
    while (r->clients[0].conn != NULL) {
        room_say(r, 1, "{\"type\":\"x\",\"target_id\":\"%s\",\"n\":\"%0200d\"}", r->clients[0].id,
                 sent++);
        assert_true(sent < 30);
    }
    assert_true(sent > 10);
    room_say(r, 1, "{\"type\":\"x\",\"target_id\":\"%s\"}", r->clients[0].id);
    room_expect_error(r, 1, "TARGET_NOT_FOUND");
    room_free(r);
}

/* Filters hold across the changes. */
static void test_filter_across(void **state)
{
    struct room *r = room_with(2, BACKLOG);

    (void)state;
    for (int i = 0; i < LARGE - 1; i++) {
        room_join(r, "");
    }
    room_say(r, 0, "{\"type\":\"subscribe\",\"types\":[\"bark\"]}");
    room_say(r, 1, "{\"type\":\"thought\"}");
    bark(r, 1, 0);
    room_join(r, "");
    room_say(r, 1, "{\"type\":\"thought\"}");
    bark(r, 1, 1);
    for (int i = r->count - 1; i > 1; i--) {
        room_abort(r, i);
    }
    room_say(r, 1, "{\"type\":\"thought\"}");
    bark(r, 1, 2);
    expect_barks(r, 0, 0, 3);
    room_free(r);
}

/* A gateway that stops may have said what no reactor takes any more; its segments know types. */
static void test_ends_before_all_is_taken(void **state)
{
    struct room *r = room_new(NULL);

    (void)state;
    for (int i = 0; i < LARGE + 1; i++) {
        room_join(r, "");
    }
    struct vconn *speaker = r->clients[0].conn;
    unsigned reactor = conn_reactor(speaker->handle);
    assert_true(virtual_send(&r->v, speaker, STR("{\"type\":\"bark\"}")));
    assert_int_equal(virtual_up(&r->v, reactor, 1), 1);
    hub_end_turn(r->v.hub);
    assert_true(hub_down_pending(r->v.hub, reactor));
    room_free(r);
}

/* --- without memory --------------------------------------------------------------------------- */

/* Somebody in many sessions that have logs, who has missed something; he is the first client. */
static struct room *room_with_lagging(void)
{
    enum { SESSIONS = 300 };
    struct room *r = room_with(1, 100000);

    for (int i = 0; i < LARGE; i++) {
        int client = room_control(r);
        for (int s = 0; s < SESSIONS; s++) {
            room_say(
                r, client,
                "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"s%d\"}}",
                s);
        }
    }
    while (room_next(r, 0) != NULL) {
    }
    room_hold(r, 0, 0);
    for (int i = 0; i < 40; i++) {
        room_say(
            r, 1,
            "{\"type\":\"note\",\"id\":\"n\",\"sessionId\":\"s0\",\"payload\":{\"x\":\"%03000d\"}}",
            i);
    }
    return r;
}

/* Whichever allocation fails, he catches up, or is told to come again. */
static void test_famine(void **state)
{
    bool caught_up = false;

    (void)state;
    for (int n = 0; !caught_up; n++) {
        struct room *r = room_with_lagging();
        struct vconn *slow = r->clients[0].conn;

        assert_true(n < 50);
        virtual_give_room(&r->v, slow, SIZE_MAX);
        virtual_flush(&r->v, 0, UINT32_MAX);
        famine_after = n;
        assert_int_equal(virtual_up(&r->v, 0, 1), 1);
        caught_up = famine_after >= 0;
        famine_after = -1;
        room_advance(r, 200);
        const char *heard = room_next(r, 0);
        if (r->clients[0].conn == NULL) {
            assert_int_equal(r->clients[0].close_code, 1013);
        } else {
            assert_non_null(strstr(heard, "SLOW_CLIENT"));
            assert_non_null(strstr(room_next(r, 0), "\"sessions\":["));
            room_say(r, 1, "{\"type\":\"note\",\"id\":\"n\",\"sessionId\":\"s0\",\"payload\":{}}");
            room_expect(r, 0, "{\"type\":\"note\"}");
        }
        room_free(r);
    }
}

/* Says something while the allocation `n` of the hub fails; whether there was no such one. */
static bool say_in_famine(struct room *r, int client, int n, const char *text)
{
    assert_true(virtual_send(&r->v, r->clients[client].conn, str_from_z(text)));
    famine_after = n;
    assert_int_equal(virtual_up(&r->v, 0, 1), 1);
    bool was_enough = famine_after >= 0;
    famine_after = -1;
    virtual_settle(&r->v);
    return was_enough;
}

/* A session that had no memory for a log when it grew: what is for all its members is many
 * commands, and so is the log when it begins after all. */
static void test_famine_of_logs(void **state)
{
    enum { MEMBERS = ROOM_CLIENTS - 1 };
    bool was_enough = false;

    (void)state;
    for (int n = 0; !was_enough; n++) {
        struct room *r = room_with(1, 100000000);
        for (int i = 0; i < MEMBERS; i++) {
            (void)room_control(r);
        }
        famine_of_zeroes = true; /* logs are made of them, and members are not */
        for (int i = 0; i < MEMBERS; i++) {
            room_say(
                r, i,
                "{\"type\":\"session_create\",\"id\":\"c\",\"payload\":{\"sessionId\":\"den\"}}");
        }
        assert_true(n < 50);
        was_enough =
            say_in_famine(r, 1, n, "{\"type\":\"note\",\"id\":\"n\",\"sessionId\":\"den\"}");
        famine_of_zeroes = false;
        int last = room_control(r);
        was_enough =
            say_in_famine(
                r, last, n,
                "{\"type\":\"session_join\",\"id\":\"j\",\"payload\":{\"sessionId\":\"den\"}}") &&
            was_enough;
        while (room_next(r, 0) != NULL) {
        }
        room_say(r, 1,
                 "{\"type\":\"note\",\"id\":\"n\",\"sessionId\":\"den\",\"payload\":{\"last\":1}}");
        room_expect(r, 0, "{\"type\":\"note\",\"payload\":{\"last\":1}}");
        room_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_shrinks),
        cmocka_unit_test(test_stalled_member),
        cmocka_unit_test(test_lagging_member),
        cmocka_unit_test(test_slow_is_closed),
        cmocka_unit_test(test_directed_is_never_skipped),
        cmocka_unit_test(test_filter_across),
        cmocka_unit_test(test_ends_before_all_is_taken),
        cmocka_unit_test(test_famine),
        cmocka_unit_test(test_famine_of_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
