#include <stdio.h>
#include <stdlib.h>

#include "errand.h"
#include "valgrind.h"

/*
 * Random lives of askers and agents. What is claimed throughout: each request ends exactly once for
 * its asker; no agent ever has more than it takes; only the agent that has a request is heard of
 * it; a request whose agent has been told to give it up is not answered any more. At the end, when
 * everything has had its time, nothing is left.
 */

enum { ASKERS = 4, AGENTS = 5, TASKS = 4000, STEPS = 6000, SLOTS = 3 };

/* A request as the test knows it; its number is its id. */
struct task {
    int asker; /* -1: it has gone, and nothing more is heard */
    bool ended;
};

struct seat {
    int client; /* -1: nobody sits there */
    unsigned slots;
    unsigned count;
    struct {
        char id[64];
        unsigned task;
    } has[SLOTS];
};

struct lives {
    struct room *r;
    uint64_t seed;
    struct task tasks[TASKS];
    unsigned task_count;
    int askers[ASKERS];
    struct seat seats[AGENTS];
    unsigned done, erred, abandoned;
};

static unsigned lot(struct lives *l, unsigned below)
{
    l->seed = l->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(l->seed >> 33) % below;
}

static void end_task(struct lives *l, unsigned number, int asker)
{
    assert_true(number < l->task_count);
    struct task *t = &l->tasks[number];
    assert_false(t->ended);
    assert_int_equal(t->asker, asker);
    t->ended = true;
}

static unsigned number_of(const json_t *value)
{
    assert_true(json_is_string(value));
    return (unsigned)strtoul(json_string_value(value), NULL, 10);
}

/* What an asker hears: parts of answers, last parts, and errors that end a request. */
static void hear_asker(struct lives *l, int client, const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    const json_t *payload = json_object_get(message, "payload");
    unsigned number = number_of(json_object_get(message, "replyTo"));

    if (strcmp(type, "error") == 0) {
        end_task(l, number, client);
        l->erred++;
        return;
    }
    assert_string_equal(type, "route_response");
    assert_false(l->tasks[number].ended);
    assert_int_equal(l->tasks[number].asker, client);
    /* The result says who said it: the agent that has it. */
    assert_string_equal(json_string_value(json_object_get(payload, "result")),
                        json_string_value(json_object_get(payload, "agentId")));
    if (json_is_true(json_object_get(payload, "done"))) {
        end_task(l, number, client);
        l->done++;
    }
}

static void forget(struct seat *seat, unsigned at)
{
    seat->has[at] = seat->has[--seat->count];
}

static void hear_agent(struct seat *seat, const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    const json_t *payload = json_object_get(message, "payload");

    if (strcmp(type, "route_request") == 0) {
        assert_true(seat->count < seat->slots);
        (void)snprintf(seat->has[seat->count].id, sizeof(seat->has[0].id), "%s",
                       json_string_value(json_object_get(message, "id")));
        seat->has[seat->count++].task = number_of(json_object_get(payload, "request"));
    } else if (strcmp(type, "route_cancel") == 0) {
        const char *id = json_string_value(json_object_get(payload, "requestId"));
        unsigned at = 0;
        while (at < seat->count && strcmp(seat->has[at].id, id) != 0) {
            at++;
        }
        assert_true(at < seat->count);
        forget(seat, at);
    } else {
        assert_string_equal(type, "agent_info");
    }
}

static void hear(struct lives *l)
{
    for (int i = 0; i < ASKERS + AGENTS; i++) {
        struct seat *seat = i < ASKERS ? NULL : &l->seats[i - ASKERS];
        int client = seat == NULL ? l->askers[i] : seat->client;
        const char *text;
        while (client >= 0 && (text = room_next(l->r, client)) != NULL) {
            json_t *message = json_loads(text, 0, NULL);
            assert_non_null(message);
            if (seat != NULL) {
                hear_agent(seat, message);
            } else {
                hear_asker(l, client, message);
            }
            json_decref(message);
        }
    }
}

/* A room has few places: it is another one's turn to sit in a client that has ended. */
static int sit(struct lives *l)
{
    struct room *r = l->r;

    for (int i = 0; i < r->count; i++) {
        struct room_client *c = &r->clients[i];
        if (c->conn == NULL) {
            for (size_t j = 0; j < c->heard_count; j++) {
                free(c->heard[j]);
            }
            free(c->heard);
            *c = (struct room_client){.conn = NULL};
            c->conn = virtual_knock(&r->v, 0, DIALECT_GATEWAY, &(struct evidence){.near = true});
            assert_non_null(c->conn);
            c->conn->user = c;
            virtual_settle(&r->v);
            room_expect(r, i, "{\"type\":\"session_info\"}");
            return i;
        }
    }
    return room_control(r);
}

/* An agent comes, or a newer connection of one. */
static void enlist(struct lives *l, unsigned seat)
{
    struct seat *s = &l->seats[seat];
    int client = sit(l);

    *s = (struct seat){.client = client, .slots = 1 + lot(l, SLOTS)};
    room_say(l->r, client,
             "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"a%u\",\"name\":"
             "\"\",\"type\":\"pi\",\"maxConcurrent\":%u,\"capabilities\":{\"tools\":[\"%s\"]}}}",
             seat, s->slots, seat % 2 == 0 ? "even" : "odd");
}

static void leave_agent(struct lives *l, unsigned seat)
{
    room_abort(l->r, l->seats[seat].client);
    l->seats[seat] = (struct seat){.client = -1};
}

static void ask_something(struct lives *l, unsigned asker)
{
    static const char *const rests[] = {"\"capability\":\"even\"", "\"capability\":\"odd\"",
                                        "\"capability\":\"none\"", "\"agentId\":\"a1\"",
                                        "\"capability\":\"tools:even\""};
    unsigned number = l->task_count++;

    assert_true(number < TASKS);
    l->tasks[number] = (struct task){.asker = l->askers[asker]};
    room_say(l->r, l->askers[asker],
             "{\"type\":\"route_request\",\"id\":\"%u\",\"payload\":{\"request\":\"%u\","
             "\"timeoutMs\":%u,%s}}",
             number, number, 100 + lot(l, 3000), rests[lot(l, 5)]);
}

static void cancel_something(struct lives *l, unsigned asker)
{
    room_say(l->r, l->askers[asker],
             "{\"type\":\"route_cancel\",\"id\":\"x\",\"payload\":{\"requestId\":\"%u\"}}",
             lot(l, l->task_count + 1));
}

static void replace_asker(struct lives *l, unsigned asker)
{
    for (unsigned i = 0; i < l->task_count; i++) {
        if (l->tasks[i].asker == l->askers[asker] && !l->tasks[i].ended) {
            l->tasks[i] = (struct task){.asker = -1, .ended = true};
            l->abandoned++;
        }
    }
    room_abort(l->r, l->askers[asker]);
    l->askers[asker] = -1;
    hear(l);
    l->askers[asker] = sit(l);
}

/* An agent answers what it has; or, since it is no good one, what another one has. */
static void answer_something(struct lives *l, unsigned seat)
{
    struct seat *s = &l->seats[seat], *other = &l->seats[lot(l, AGENTS)];
    bool own = lot(l, 4) > 0, done = lot(l, 2) == 0;
    struct seat *of = own ? s : other;

    if (of->count == 0 || s->client < 0) {
        return;
    }
    unsigned at = lot(l, of->count);
    char id[64];
    memcpy(id, of->has[at].id, sizeof(id));
    if (done && of == s) {
        forget(s, at);
    }
    room_say(l->r, s->client,
             "{\"type\":\"route_response\",\"id\":\"a\",\"payload\":{\"requestId\":\"%s\",\"ok\":"
             "true,\"result\":\"a%u\",\"done\":%s}}",
             id, seat, done ? "true" : "false");
}

static void step(struct lives *l)
{
    unsigned seat = lot(l, AGENTS), asker = lot(l, ASKERS);

    switch (lot(l, 16)) {
    case 0:
        if (l->seats[seat].client < 0 || lot(l, 4) == 0) {
            enlist(l, seat);
        }
        break;
    case 1:
        if (l->seats[seat].client >= 0 && lot(l, 3) == 0) {
            leave_agent(l, seat);
        }
        break;
    case 2:
        if (l->seats[seat].client >= 0) {
            room_say(l->r, l->seats[seat].client,
                     "{\"type\":\"agent_heartbeat\",\"id\":\"h\",\"payload\":{\"status\":\"%s\"}}",
                     lot(l, 2) == 0 ? "busy" : "online");
        }
        break;
    case 3:
        cancel_something(l, asker);
        break;
    case 4:
        if (lot(l, 10) == 0) {
            replace_asker(l, asker);
        }
        break;
    case 5:
        room_advance(l->r, 100 + lot(l, 300));
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        ask_something(l, asker);
        break;
    default:
        answer_something(l, seat);
    }
    hear(l);
}

static void live(uint64_t seed, uint64_t ended[HUB_REQUEST_ENDS])
{
    struct lives *l = calloc(1, sizeof(*l));

    assert_non_null(l);
    l->r = room_new(NULL);
    l->seed = seed;
    for (unsigned i = 0; i < ASKERS; i++) {
        l->askers[i] = sit(l);
    }
    for (unsigned i = 0; i < AGENTS; i++) {
        l->seats[i].client = -1;
        enlist(l, i);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        step(l);
    }
    room_advance(l->r, 3200);
    hear(l);
    for (unsigned i = 0; i < l->task_count; i++) {
        assert_true(l->tasks[i].ended);
    }
    struct hub_counts c = counts(l->r);
    assert_int_equal(c.requests, 0);
    assert_int_equal(c.requests_queued, 0);
    assert_int_equal(l->done, c.requests_ended[REQUEST_END_DONE]);
    assert_int_equal(l->done + l->erred + l->abandoned, l->task_count);
    for (unsigned i = 0; i < HUB_REQUEST_ENDS; i++) {
        ended[i] += c.requests_ended[i];
    }
    assert_true(c.answers_stray > 0);
    for (unsigned i = 0; i < AGENTS; i++) {
        assert_int_equal(l->seats[i].count, 0);
    }
    room_free(l->r);
    free(l);
}

static void test_lives(void **state)
{
    uint64_t ended[HUB_REQUEST_ENDS] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= portion_of(20); seed++) {
        live(seed, ended);
    }
    /* Lives in which nothing happens prove nothing. */
    for (unsigned i = 0; i < HUB_REQUEST_ENDS; i++) {
        assert_true(i == REQUEST_END_FAILED || ended[i] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lives)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
