#include "errand.h"

/*
 * Requests that end together, or may be handed on together: no turn of the hub makes more of them
 * than its output, and nobody else has to wait for the rest.
 */

enum { MANY = 60, TURN_OUTPUT = 8192 };

static struct room *room_of_short_turns(void)
{
    struct hub_settings settings;

    hub_settings_init(&settings);
    assert_int_equal(settings.turn_output, 1024 * 1024);
    settings.turn_output = TURN_OUTPUT;
    return room_new(&settings);
}

static void ask_many(struct room *r, int asker, unsigned from, const char *rest)
{
    char id[16];

    for (unsigned i = from; i < from + MANY; i++) {
        (void)snprintf(id, sizeof(id), "q%u", i);
        ask(r, asker, id, rest);
    }
}

/* Its connection ends, of which the hub learns in the next turn. */
static void abort_at_once(struct room *r, int client)
{
    while (room_next(r, client) != NULL) {
    }
    virtual_abort(&r->v, r->clients[client].conn);
    r->clients[client].conn = NULL;
}

/* One turn, in which somebody else asks for a pong and has it. */
static void turn_with_other(struct room *r, int other)
{
    assert_true(
        virtual_send(&r->v, r->clients[other].conn, STR("{\"type\":\"ping\",\"id\":\"p\"}")));
    virtual_turn(&r->v);
    room_expect(r, other, "{\"type\":\"pong\"}");
}

/* Turns until no request is left; how many. None tells of more than its output holds. */
static unsigned turns_until_all_ended(struct room *r, int other)
{
    unsigned turns = 0;

    do {
        uint64_t before = counts(r).requests;
        turn_with_other(r, other);
        assert_true(counts(r).requests < before);
        assert_true(before - counts(r).requests <= TURN_OUTPUT / 200); /* a frame has more */
        turns++;
    } while (hub_owes(r->v.hub));
    assert_int_equal(counts(r).requests, 0);
    return turns;
}

static void expect_ends(struct room *r, int asker, unsigned from, unsigned to, const char *code)
{
    char id[16];

    for (unsigned i = from; i < to; i++) {
        (void)snprintf(id, sizeof(id), "q%u", i);
        expect_end(r, asker, id, code);
    }
}

static void test_lost_agent(void **state)
{
    struct room *r = room_of_short_turns();
    int agent = agent_of(r, "pi", "grep", MANY);
    int asker = room_control(r), other = room_control(r);

    (void)state;
    ask_many(r, asker, 0, FOR_GREP);
    abort_at_once(r, agent);
    assert_in_range(turns_until_all_ended(r, other), 3, MANY);
    expect_ends(r, asker, 0, MANY, "AGENT_GONE");
    expect_rest(r, REQUEST_END_AGENT_GONE, MANY);
    room_free(r);
}

/* Those that wait for one agent alone, and are in nobody's queue when it has gone. */
static void test_lost_target(void **state)
{
    struct room *r = room_of_short_turns();
    int agent = agent_of(r, "pi", "grep", 1);
    int asker = room_control(r), other = room_control(r);

    (void)state;
    ask_many(r, asker, 0, ",\"agentId\":\"pi\"");
    assert_int_equal(counts(r).requests_queued, MANY - 1);
    abort_at_once(r, agent);
    assert_in_range(turns_until_all_ended(r, other), 3, MANY);
    expect_ends(r, asker, 0, MANY, "AGENT_GONE");
    expect_rest(r, REQUEST_END_AGENT_GONE, MANY);
    room_free(r);
}

static void test_timeouts(void **state)
{
    struct room *r = room_of_short_turns();
    int agent = agent_of(r, "pi", "grep", 1);
    int asker = room_control(r), other = room_control(r);

    (void)state;
    ask_many(r, asker, 0, FOR_GREP);
    (void)take(r, agent);
    virtual_tick(&r->v, 30000);
    assert_in_range(turns_until_all_ended(r, other), 2, MANY);
    expect_ends(r, asker, 0, MANY, "ROUTE_TIMEOUT");
    room_expect(r, agent, "{\"type\":\"route_cancel\"}");
    expect_rest(r, REQUEST_END_TIMEOUT, MANY);
    room_free(r);
}

/* What its asker, or time, does to a request that is to be told of its end. */
static void test_what_comes_before_its_end_is_told(void **state)
{
    struct room *r = room_of_short_turns();
    int agent = agent_of(r, "pi", "grep", 3 * MANY);
    int asker = room_control(r), leaver = room_control(r), other = room_control(r);

    (void)state;
    ask_many(r, asker, 0, FOR_GREP);
    ask_many(r, leaver, 0, FOR_GREP);
    ask_many(r, asker, MANY, FOR_GREP ",\"timeoutMs\":60000");
    abort_at_once(r, agent);
    virtual_turn(&r->v);
    assert_true(hub_owes(r->v.hub));
    assert_true(virtual_send(&r->v, r->clients[asker].conn,
                             STR("{\"type\":\"route_cancel\",\"id\":\"x\",\"payload\":{"
                                 "\"requestId\":\"q59\"}}")));
    abort_at_once(r, leaver);
    virtual_turn(&r->v);
    assert_true(hub_owes(r->v.hub));
    virtual_tick(&r->v, 30000);
    while (counts(r).requests > 0) {
        turn_with_other(r, other);
    }
    struct hub_counts c = counts(r);
    assert_int_equal(c.requests_ended[REQUEST_END_CANCELLED], 1);
    assert_in_range(c.requests_ended[REQUEST_END_TIMEOUT], 1, MANY - 1);
    /* Who has gone is told nothing; of his requests those count as others' that were told before.
     */
    assert_int_equal(c.requests_ended[REQUEST_END_ASKER_GONE], MANY);
    assert_int_equal(c.requests_ended[REQUEST_END_AGENT_GONE] +
                         c.requests_ended[REQUEST_END_TIMEOUT] + 1,
                     2 * MANY);
    unsigned told = 0;
    while (room_next(r, asker) != NULL) {
        told++;
    }
    assert_int_equal(told, 2 * MANY);
    room_free(r);
}

/* Meanwhile others ask, and are answered; what another agent can do, it gets at once. */
static void test_others_are_served(void **state)
{
    struct room *r = room_of_short_turns();
    int first = agent_of(r, "first", "grep", MANY), second, third;
    int asker = room_control(r), other = room_control(r);

    (void)state;
    ask_many(r, asker, 0, FOR_GREP);
    second = agent_of(r, "second", "grep", MANY + 1);
    room_abort(r, first); /* its requests are tried a second time, and that is the last one */
    ask(r, asker, "late", FOR_GREP);
    third = agent_of(r, "third", "grep", 2);
    abort_at_once(r, second);
    virtual_turn(&r->v);
    assert_true(hub_owes(r->v.hub));
    struct given late = take(r, third);
    ask(r, other, "new", FOR_GREP);
    struct given new = take(r, third);
    answer(r, third, new, true);
    expect_answer(r, other, "new", "third", true);
    answer(r, third, late, true);
    expect_ends(r, asker, 0, MANY, "AGENT_GONE");
    expect_answer(r, asker, "late", "third", true);
    assert_int_equal(counts(r).requests, 0);
    room_free(r);
}

/* An agent that can take all that waits gets it in several turns, in the order of asking. */
static void test_gifts(void **state)
{
    struct room *r = room_of_short_turns();
    int asker = room_control(r), other = room_control(r), agent;
    int busy = agent_of(r, "busy", "grep", 1);

    (void)state;
    ask_many(r, asker, 0, FOR_GREP);
    agent = room_control(r);
    assert_true(
        virtual_send(&r->v, r->clients[agent].conn,
                     STR("{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{"
                         "\"agentId\":\"pi\",\"name\":\"\",\"type\":\"pi\","
                         "\"maxConcurrent\":60,\"capabilities\":{\"tools\":[\"grep\"]}}}")));
    unsigned turns = 0;
    do {
        turn_with_other(r, other);
        turns++;
    } while (hub_owes(r->v.hub));
    assert_in_range(turns, 2, MANY);
    assert_int_equal(counts(r).requests_queued, 0);
    (void)take(r, busy);
    room_expect(r, agent, "{\"type\":\"agent_info\"}");
    for (unsigned i = 1; i < MANY; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "q%u", i);
        answer(r, agent, take(r, agent), true);
        expect_answer(r, asker, id, "pi", true);
    }
    room_free(r);
}

/* What several agents had is in the order of asking again, before what came behind it. */
static void test_come_back_in_order(void **state)
{
    struct room *r = room_of_short_turns();
    int first = agent_of(r, "first", "grep", MANY), second = agent_of(r, "second", "grep", MANY);
    int asker = room_control(r), other = room_control(r), third;

    (void)state;
    ask_many(r, asker, 0, FOR_GREP);
    ask_many(r, asker, MANY, FOR_GREP);
    third = agent_of(r, "third", "grep", 1);
    ask(r, other, "now", FOR_GREP);
    ask_many(r, asker, 2 * MANY, FOR_GREP);
    assert_int_equal(counts(r).requests_queued, MANY);
    abort_at_once(r, second);
    abort_at_once(r, first);
    answer(r, third, take(r, third), true);
    expect_answer(r, other, "now", "third", true);
    for (unsigned i = 0; i < 3 * MANY; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "q%u", i);
        answer(r, third, take(r, third), true);
        expect_answer(r, asker, id, "third", true);
    }
    assert_int_equal(counts(r).requests, 0);
    room_free(r);
}

/*
 * More than a turn decides of: those that another agent can do come to it in the order of asking,
 * while others are served.
 */
static void test_many_come_back(void **state)
{
    enum { ASKERS = 9, ALL = ASKERS * 1000 };
    struct room *r = room_new(NULL);
    int first = agent_of(r, "first", "grep", ALL), other = room_control(r), second;
    int askers[ASKERS];
    char id[16];

    (void)state;
    for (int i = 0; i < ALL; i++) {
        if (i < ASKERS) {
            askers[i] = room_control(r);
        }
        (void)snprintf(id, sizeof(id), "q%d", i);
        ask(r, askers[i / 1000], id, FOR_GREP);
    }
    second = agent_of(r, "second", "grep", ALL);
    abort_at_once(r, first);
    unsigned turns = 0;
    do {
        turn_with_other(r, other);
        turns++;
        assert_int_equal(counts(r).requests, ALL);
    } while (hub_owes(r->v.hub));
    assert_in_range(turns, 3, 20);
    for (int i = 0; i < ALL; i++) {
        (void)snprintf(id, sizeof(id), "q%d", i);
        answer(r, second, take(r, second), true);
        expect_answer(r, askers[i / 1000], id, "second", true);
    }
    assert_int_equal(counts(r).requests, 0);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_agent),
        cmocka_unit_test(test_lost_target),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_what_comes_before_its_end_is_told),
        cmocka_unit_test(test_others_are_served),
        cmocka_unit_test(test_gifts),
        cmocka_unit_test(test_come_back_in_order),
        cmocka_unit_test(test_many_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
