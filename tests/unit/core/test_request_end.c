#include "errand.h"
#include "famine.h"

/* How requests to agents end, from each of their states, and what each side hears of it. */

enum stage { WAITING, ASKED, ANSWERED, STAGES };

/* A request "q" in this state: "pi" was asked it; or it waits, since "pi" has another one. */
struct scene {
    struct room *r;
    int pi, asker;
    struct given given;
};

static struct scene scene_at(enum stage stage)
{
    struct scene s = {.r = room_new(NULL)};

    s.pi = agent_of(s.r, "pi", "grep", 1);
    s.asker = room_control(s.r);
    if (stage == WAITING) {
        ask(s.r, s.asker, "before", FOR_GREP);
        (void)take(s.r, s.pi);
        ask(s.r, s.asker, "q", FOR_GREP);
        return s;
    }
    ask(s.r, s.asker, "q", FOR_GREP);
    s.given = take(s.r, s.pi);
    if (stage == ANSWERED) {
        answer(s.r, s.pi, s.given, false);
        expect_answer(s.r, s.asker, "q", "pi", false);
    }
    return s;
}

static void test_timeout(void **state)
{
    (void)state;
    for (int stage = WAITING; stage < STAGES; stage++) {
        struct scene s = scene_at((enum stage)stage);
        room_advance(s.r, 29900);
        room_expect_nothing(s.r, s.asker);
        room_advance(s.r, 100);
        if (stage == WAITING) {
            expect_end(s.r, s.asker, "before", "ROUTE_TIMEOUT");
            assert_non_null(room_next(s.r, s.pi)); /* before's cancel */
            expect_end(s.r, s.asker, "q", "ROUTE_TIMEOUT");
        } else {
            expect_cancel(s.r, s.pi, s.given);
            expect_end(s.r, s.asker, "q", "ROUTE_TIMEOUT");
            answer(s.r, s.pi, s.given, true);
            assert_int_equal(counts(s.r).answers_late, 1);
        }
        expect_rest(s.r, REQUEST_END_TIMEOUT, stage == WAITING ? 2 : 1);
        room_free(s.r);
    }
}

static void test_cancel(void **state)
{
    static const char cancel[] =
        "{\"type\":\"route_cancel\",\"id\":\"x\",\"payload\":{\"requestId\":\"\\u0071\"}}";

    (void)state;
    for (int stage = WAITING; stage < STAGES; stage++) {
        struct scene s = scene_at((enum stage)stage);
        int other = room_control(s.r);
        room_say(s.r, other, cancel); /* ids belong to their asker */
        room_expect_nothing(s.r, other);
        assert_int_equal(counts(s.r).answers_stray, 1);
        room_say(s.r, s.asker, cancel);
        expect_end(s.r, s.asker, "q", "ROUTE_CANCELLED");
        if (stage != WAITING) {
            expect_cancel(s.r, s.pi, s.given);
        }
        assert_int_equal(counts(s.r).requests_ended[REQUEST_END_CANCELLED], 1);
        assert_int_equal(counts(s.r).requests, stage == WAITING);
        room_say(s.r, s.asker, cancel); /* once more: there is nothing */
        room_expect_nothing(s.r, s.asker);
        room_free(s.r);
    }
}

static void test_asker_gone(void **state)
{
    (void)state;
    for (int stage = WAITING; stage < STAGES; stage++) {
        struct scene s = scene_at((enum stage)stage);
        room_abort(s.r, s.asker);
        if (stage == WAITING) {
            room_expect(s.r, s.pi, "{\"type\":\"route_cancel\"}");
        } else {
            expect_cancel(s.r, s.pi, s.given);
        }
        expect_rest(s.r, REQUEST_END_ASKER_GONE, stage == WAITING ? 2 : 1);
        room_free(s.r);
    }
}

/* With nobody else to be tried. */
static void test_agent_gone(void **state)
{
    (void)state;
    for (int stage = WAITING; stage < STAGES; stage++) {
        for (int way = 0; way < 2; way++) { /* its connection ends; it unregisters */
            struct scene s = scene_at((enum stage)stage);
            if (way == 0) {
                room_abort(s.r, s.pi);
            } else {
                room_say(s.r, s.pi,
                         "{\"type\":\"agent_unregister\",\"id\":\"u\",\"payload\":{\"agentId\":"
                         "\"pi\"}}");
                room_expect(s.r, s.pi, "{\"type\":\"agent_info\"}");
            }
            if (stage == WAITING) {
                expect_end(s.r, s.asker, "before", "AGENT_GONE");
            }
            expect_end(s.r, s.asker, "q", "AGENT_GONE");
            expect_rest(s.r, REQUEST_END_AGENT_GONE, stage == WAITING ? 2 : 1);
            room_free(s.r);
        }
    }
}

/* Lost before its first answer: another one, once, within the same deadline. */
static void test_fail_over(void **state)
{
    struct scene s = scene_at(ASKED);
    int po = agent_of(s.r, "po", "grep", 1), last = agent_of(s.r, "last", "grep", 1);

    (void)state;
    room_advance(s.r, 10000);
    room_abort(s.r, s.pi);
    room_expect_nothing(s.r, s.asker);
    const char *text = room_next(s.r, po);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"request\":{\"n\":0.10}"));
    assert_non_null(strstr(text, "\"deadline\":1700000030000}"));
    assert_null(strstr(text, s.given.id)); /* a fresh id, so that pi's answers are not po's */
    room_abort(s.r, po);
    expect_end(s.r, s.asker, "q", "AGENT_GONE");
    room_expect_nothing(s.r, last);
    expect_rest(s.r, REQUEST_END_AGENT_GONE, 1);
    room_free(s.r);

    s = scene_at(ANSWERED); /* after its first answer: nobody else */
    (void)agent_of(s.r, "po", "grep", 1);
    room_abort(s.r, s.pi);
    expect_end(s.r, s.asker, "q", "AGENT_GONE");
    expect_rest(s.r, REQUEST_END_AGENT_GONE, 1);
    room_free(s.r);
}

/* The other one is full: it waits there, before those that came later, and then times out. */
static void test_fail_over_waits(void **state)
{
    struct room *r = room_new(NULL);
    int pi = agent_of(r, "pi", "grep", 1), po = agent_of(r, "po", "grep", 1);
    int asker = room_control(r);

    (void)state;
    ask(r, asker, "1", FOR_GREP);
    ask(r, asker, "2", FOR_GREP);
    ask(r, asker, "3", FOR_GREP);
    (void)take(r, pi);
    struct given second = take(r, po);
    room_abort(r, pi);
    assert_int_equal(counts(r).requests_queued, 2);
    answer(r, po, second, true);
    expect_answer(r, asker, "2", "po", true);
    struct given first = take(r, po);
    answer(r, po, first, true);
    expect_answer(r, asker, "1", "po", true);
    answer(r, po, take(r, po), true);
    expect_answer(r, asker, "3", "po", true);
    expect_rest(r, REQUEST_END_DONE, 3);
    room_free(r);
}

/* A replaced agent is a lost agent; who replaces it is somebody else to be tried. */
static void test_replaced(void **state)
{
    struct scene s = scene_at(ASKED);
    int newer = agent_of(s.r, "pi", "grep", 1);

    (void)state;
    room_expect_close(s.r, s.pi, 4409, "replaced by a newer connection of the same agent");
    struct given given = take(s.r, newer);
    answer(s.r, newer, s.given, true); /* what the older one was asked is not its */
    room_expect_nothing(s.r, s.asker);
    assert_int_equal(counts(s.r).answers_late, 1);
    answer(s.r, newer, given, true);
    expect_answer(s.r, s.asker, "q", "pi", true);
    expect_rest(s.r, REQUEST_END_DONE, 1);
    room_free(s.r);

    s = scene_at(ANSWERED);
    newer = agent_of(s.r, "pi", "grep", 1);
    expect_end(s.r, s.asker, "q", "AGENT_GONE");
    answer(s.r, newer, s.given, true);
    expect_rest(s.r, REQUEST_END_AGENT_GONE, 1);
    room_free(s.r);
}

/* Only the agent that was asked is heard, and only of what it was asked. */
static void test_stray(void **state)
{
    struct scene s = scene_at(ASKED);
    int po = agent_of(s.r, "po", "sed", 1), nobody = room_control(s.r);

    (void)state;
    answer(s.r, po, s.given, true);
    answer(s.r, nobody, s.given, true);
    answer(s.r, s.asker, s.given, true);
    room_say(s.r, s.pi,
             "{\"type\":\"chat_complete\",\"id\":\"x\",\"replyTo\":\"%s\",\"payload\":{}}",
             s.given.id);
    room_say(s.r, po, "{\"type\":\"error\",\"id\":\"x\",\"replyTo\":\"%s\",\"payload\":{}}",
             s.given.id);
    assert_int_equal(counts(s.r).answers_stray, 5);
    static const char *const ids[] = {"msg-1-1", "msg-x-1", "msg-", "x",
                                      "msg-99999999999999999999-1"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct given other;
        (void)snprintf(other.id, sizeof(other.id), "%s", ids[i]);
        answer(s.r, po, other, true);
    }
    assert_int_equal(counts(s.r).answers_late, 5);
    room_say(s.r, po, "{\"type\":\"error\",\"id\":\"x\",\"payload\":{}}");
    room_expect(s.r, po, "{\"payload\":{\"code\":\"FORBIDDEN\"}}");
    room_expect_nothing(s.r, s.asker);
    answer(s.r, s.pi, s.given, true);
    expect_answer(s.r, s.asker, "q", "pi", true);
    expect_rest(s.r, REQUEST_END_DONE, 1);
    room_free(s.r);
}

/* Who is in a request is closed last, and nothing new begins. */
static void test_drain(void **state)
{
    struct scene s = scene_at(ASKED);
    int idle[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        idle[i] = room_control(s.r);
    }
    hub_drain(s.r->v.hub, 10000);
    virtual_settle(&s.r->v);
    ask(s.r, s.asker, "new", FOR_GREP);
    expect_end(s.r, s.asker, "new", "SHUTTING_DOWN");
    room_advance(s.r, 7000);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(s.r->clients[idle[i]].close_code, 1001);
    }
    assert_non_null(s.r->clients[s.pi].conn);
    assert_non_null(s.r->clients[s.asker].conn);
    answer(s.r, s.pi, s.given, true);
    expect_answer(s.r, s.asker, "q", "pi", true);
    room_advance(s.r, 3000);
    assert_int_equal(s.r->clients[s.asker].close_code, 1001);
    expect_rest(s.r, REQUEST_END_DONE, 1);
    room_free(s.r);
}

/* However few others there are: a request has the whole time to come to its end. */
static void test_drain_waits(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        struct scene s = scene_at(ASKED);
        hub_drain(s.r->v.hub, 10000);
        room_advance(s.r, 8000);
        assert_non_null(s.r->clients[s.pi].conn);
        assert_non_null(s.r->clients[s.asker].conn);
        if (answers) {
            answer(s.r, s.pi, s.given, true);
            expect_answer(s.r, s.asker, "q", "pi", true);
            room_advance(s.r, 100); /* their time had come before */
        } else {
            room_advance(s.r, 1000);
        }
        assert_int_equal(s.r->clients[s.pi].close_code, 1001);
        assert_int_equal(s.r->clients[s.asker].close_code, 1001);
        room_free(s.r);
    }
}

/* --- without memory --------------------------------------------------------------------------- */

/* Whichever allocation fails while a request goes its way, no slot is held for ever. */
static void test_famine(void **state)
{
    bool whole = false;

    (void)state;
    for (int n = 0; !whole; n++) {
        struct room *r = room_new(NULL);
        int agent = agent_of(r, "pi", "grep", 1), asker = room_control(r);
        struct str text =
            STR("{\"type\":\"route_request\",\"id\":\"q\",\"payload\":{\"capability\":"
                "\"grep\",\"request\":1,\"timeoutMs\":1000}}");
        assert_true(n < 200);
        assert_true(virtual_send(&r->v, r->clients[asker].conn, text));
        famine_after = n;
        (void)virtual_up(&r->v, conn_reactor(r->clients[asker].conn->handle), 1);
        whole = famine_after >= 0;
        famine_after = -1;
        room_advance(r, 1500);
        assert_int_equal(counts(r).requests, 0);
        assert_int_equal(counts(r).requests_queued, 0);
        if (r->clients[agent].conn == NULL) {
            agent = agent_of(r, "pi", "grep", 1);
        }
        if (r->clients[asker].conn == NULL) {
            asker = room_control(r);
        }
        while (room_next(r, agent) != NULL || room_next(r, asker) != NULL) {
        }
        ask(r, asker, "again", FOR_GREP);
        answer(r, agent, take(r, agent), true);
        expect_answer(r, asker, "again", "pi", true);
        room_free(r);
    }
}

/* Whichever allocation fails for a part of an answer, nobody hears the end without that part,
   unless the agent was told that it had no room. */
static void test_no_end_without_a_part(void **state)
{
    bool whole = false;

    (void)state;
    for (int n = 0; !whole; n++) {
        struct scene s = scene_at(ASKED);
        static char part[300000];
        assert_true(n < 200);
        (void)snprintf(
            part, sizeof(part),
            "{\"type\":\"route_response\",\"id\":\"a\",\"payload\":{\"requestId\":\"%s\","
            "\"ok\":true,\"result\":\"%0200000d\",\"done\":false}}",
            s.given.id, 0);
        assert_true(virtual_send(&s.r->v, s.r->clients[s.pi].conn, str_from_z(part)));
        famine_after = n;
        (void)virtual_up(&s.r->v, conn_reactor(s.r->clients[s.pi].conn->handle), 1);
        whole = famine_after >= 0;
        famine_after = -1;
        answer(s.r, s.pi, s.given, true);
        const char *first = room_next(s.r, s.asker);
        bool has_part = first != NULL && strstr(first, "\"done\":false") != NULL;
        bool has_end = first != NULL && strstr(first, "\"done\":true") != NULL;
        if (has_end) {
            room_expect(s.r, s.pi,
                        "{\"type\":\"error\",\"payload\":{\"code\":\"LIMIT_REACHED\",\"details\":{"
                        "\"limit\":\"memory\"}},\"replyTo\":\"a\"}");
        } else if (!has_part) {
            room_advance(s.r, 100);
            assert_true(s.r->clients[s.asker].conn == NULL || s.r->clients[s.pi].conn == NULL);
        }
        room_free(s.r);
    }
}

/* Several requests come back at once: each agent that is free gets what it is the best for. */
static void test_fail_over_of_several(void **state)
{
    struct room *r = room_new(NULL);
    int asker = room_control(r), first = agent_of(r, "first", "grep", 3);

    (void)state;
    ask(r, asker, "a", FOR_GREP);
    ask(r, asker, "b", FOR_GREP);
    ask(r, asker, "c", FOR_GREP);
    int second = agent_of(r, "second", "grep", 1), third = agent_of(r, "third", "grep", 2);
    room_abort(r, first);
    answer(r, second, take(r, second), true);
    expect_answer(r, asker, "a", "second", true);
    answer(r, third, take(r, third), true);
    expect_answer(r, asker, "b", "third", true);
    answer(r, third, take(r, third), true);
    expect_answer(r, asker, "c", "third", true);
    room_free(r);
}

/* What ends at the same moment ends in the order of asking. */
static void test_timeouts_in_order(void **state)
{
    struct room *r = room_new(NULL);
    int asker = room_control(r), agent = agent_of(r, "pi", "grep", 16);
    char id[] = "a";

    (void)state;
    for (; id[0] < 'a' + 16; id[0]++) {
        ask(r, asker, id, FOR_GREP);
        (void)take(r, agent);
    }
    room_advance(r, 30000);
    for (id[0] = 'a'; id[0] < 'a' + 16; id[0]++) {
        expect_end(r, asker, id, "ROUTE_TIMEOUT");
    }
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_asker_gone),
        cmocka_unit_test(test_agent_gone),
        cmocka_unit_test(test_fail_over),
        cmocka_unit_test(test_fail_over_waits),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_stray),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_waits),
        cmocka_unit_test(test_famine),
        cmocka_unit_test(test_no_end_without_a_part),
        cmocka_unit_test(test_fail_over_of_several),
        cmocka_unit_test(test_timeouts_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
