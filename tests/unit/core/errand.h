#ifndef PARLEY_TESTS_CORE_ERRAND_H
#define PARLEY_TESTS_CORE_ERRAND_H

/* Askers, agents, and what they say to each other, for tests of requests. */

#include <stdio.h>

#include "door.h"

enum { MOST = 1000 }; /* requests in flight of one client */

/* --- the parties ------------------------------------------------------------------------------ */

static inline int agent_of(struct room *r, const char *id, const char *capability, unsigned slots)
{
    int client = room_control(r);

    room_say(r, client,
             "{\"type\":\"agent_register\",\"id\":\"r\",\"payload\":{\"agentId\":\"%s\",\"name\":"
             "\"\",\"type\":\"pi\",\"maxConcurrent\":%u,\"capabilities\":{\"chat\":%s,\"tools\":["
             "\"%s\"]}}}",
             id, slots, strcmp(capability, "chat") == 0 ? "true" : "false", capability);
    room_expect(r, client, "{\"type\":\"agent_info\",\"payload\":{\"status\":\"registered\"}}");
    return client;
}

static inline int agent_of_world(struct room *r, const char *id, const char *capability)
{
    int client = room_join(r, "");

    room_say(r, client,
             "{\"type\":\"agent_register\",\"agentId\":\"%s\",\"capabilities\":[\"%s\"]}", id,
             capability);
    room_expect(r, client, "{\"type\":\"connection_ack\"}");
    return client;
}

static inline void ask(struct room *r, int client, const char *id, const char *rest)
{
    room_say(r, client,
             "{\"type\":\"route_request\",\"id\":\"%s\",\"payload\":{\"request\":{\"n\":0.10}%s}}",
             id, rest);
}

#define FOR_GREP ",\"capability\":\"grep\""

/* The id of the request that the agent has been given; the next thing that it hears. */
struct given {
    char id[64];
};

static inline struct given take(struct room *r, int agent)
{
    const char *text = room_next(r, agent);
    struct given given;
    json_t *message = text != NULL ? json_loads(text, 0, NULL) : NULL;
    const char *type = json_string_value(json_object_get(message, "type"));
    const char *id = json_string_value(json_object_get(message, "id"));

    if (type == NULL || id == NULL ||
        (strcmp(type, "route_request") != 0 && strcmp(type, "chat") != 0)) {
        fail_msg("no request: %s", text != NULL ? text : "nothing");
    }
    (void)snprintf(given.id, sizeof(given.id), "%s", id);
    json_decref(message);
    return given;
}

static inline void answer(struct room *r, int agent, struct given given, bool done)
{
    room_say(r, agent,
             "{\"type\":\"route_response\",\"id\":\"a\",\"payload\":{\"requestId\":\"%s\",\"ok\":"
             "true,\"result\":[1E2],\"done\":%s}}",
             given.id, done ? "true" : "false");
}

static inline void expect_answer(struct room *r, int asker, const char *id, const char *agent,
                                 bool done)
{
    char pattern[300];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"route_response\",\"id\":\"*\",\"payload\":{\"requestId\":\"%s\","
                   "\"ok\":true,\"result\":[1E2],\"done\":%s,\"agentId\":\"%s\"},\"timestamp\":"
                   "\"*\",\"replyTo\":\"%s\",\"source\":\"%s\"}",
                   id, done ? "true" : "false", agent, id, agent);
    room_expect_exact(r, asker, pattern);
}

static inline void expect_end(struct room *r, int asker, const char *id, const char *code)
{
    char pattern[300];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"error\",\"payload\":{\"code\":\"%s\",\"message\":\"*\",\"details\":"
                   "{\"requestId\":\"%s\"}},\"replyTo\":\"%s\"}",
                   code, id, id);
    room_expect(r, asker, pattern);
}

static inline void expect_cancel(struct room *r, int agent, struct given given)
{
    char pattern[200];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"route_cancel\",\"payload\":{\"requestId\":\"%s\"}}", given.id);
    room_expect(r, agent, pattern);
}

/* Nothing is left of any request, and what `ended` says has ended so often. */
static inline void expect_rest(struct room *r, enum hub_request_end event, uint64_t ended)
{
    struct hub_counts c = counts(r);

    assert_int_equal(c.requests, 0);
    assert_int_equal(c.requests_queued, 0);
    assert_int_equal(c.requests_ended[event], ended);
    for (int i = 0; i < r->count; i++) {
        room_expect_nothing(r, i);
    }
}

#endif
