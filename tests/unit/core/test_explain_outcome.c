#include "verdict.h"

/*
 * What is said of a message is what then happens: random messages of both dialects, requests to
 * agents and answers among them, explained first and then sent.
 */

enum { CROWD = 12, GIVEN_MAX = 64 };

/* Requests that agents have been given and have not answered. */
struct errands {
    int count;
    struct {
        int agent;
        bool is_chat;
        char id[64];
    } items[GIVEN_MAX];
};

static uint32_t draw(struct room *r, uint32_t below)
{
    uint64_t *s = &r->v.random_state;

    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*s >> 33) % below;
}

#define ONE_OF(r, list) ((list)[draw(r, (uint32_t)(sizeof(list) / sizeof((list)[0])))])

static const char *some_id(struct room *r)
{
    static const char *const ids[] = {"a0", "a1", "a2", "a4", "nobody", "x y", ""};

    return draw(r, 2) == 0 ? ONE_OF(r, ids) : r->clients[draw(r, (uint32_t)r->count)].id;
}

/* A member, sometimes; `form` has one %s for the value. */
static void maybe(struct room *r, char *text, size_t size, uint32_t of, const char *form,
                  const char *value)
{
    size_t len = strlen(text);

    if (draw(r, of) == 0) {
        (void)snprintf(text + len, size - len, "%s%s%s", form, value,
                       form[strlen(form) - 1] == '"' ? "\"" : "");
    }
}

/* What requests and answers have, in either dialect; some of it is missing now and then. */
static void request_members(struct room *r, char *text, size_t size, int mark)
{
    static const char *const capabilities[] = {"grep", "tools:grep", "grep", "chat", "dance", ""};
    static const char *const truths[] = {"true", "true", "false", "7"};
    char request[32];

    (void)snprintf(request, sizeof(request), "m%d.", mark);
    maybe(r, text, size, 2, ",\"capability\":\"", ONE_OF(r, capabilities));
    maybe(r, text, size, 4, ",\"agentId\":\"", some_id(r));
    if (draw(r, 8) != 0) {
        maybe(r, text, size, 1, ",\"request\":\"", request);
    }
    maybe(r, text, size, 2, ",\"requestId\":\"", draw(r, 2) == 0 ? "r1" : "r2");
    maybe(r, text, size, 2, ",\"ok\":", ONE_OF(r, truths));
    maybe(r, text, size, 2, ",\"done\":", ONE_OF(r, truths));
}

/* The id of an agent to register as: its own, or, of another credential, the next one's. */
static void register_members(struct room *r, int sender, char *text, size_t size)
{
    (void)snprintf(text, size,
                   ",\"agentId\":\"a%d\",\"name\":\"n\",\"maxConcurrent\":%u,"
                   "\"capabilities\":{\"chat\":true,\"tools\":[\"grep\"%s]}",
                   draw(r, 6) == 0 ? (sender + 1) % CROWD : sender, 1 + draw(r, 2),
                   draw(r, 6) == 0 ? ",7" : "");
}

static void world_text(struct room *r, int sender, char *text, size_t size, int mark)
{
    static const char *const types[] = {"bark",          "thought",
                                        "own",           "agent_joined",
                                        "pong",          "ping",
                                        "subscribe",     "x",
                                        "hello_ok",      "bark",
                                        "error",         "agent_state",
                                        "note",          "",
                                        "bark",          "route_request",
                                        "route_request", "route_cancel",
                                        "route_request", "route_response",
                                        "chat_complete", "agent_register"};
    static const char *const data[] = {"",
                                       ",\"text\":\"a\"",
                                       ",\"text\":7",
                                       ",\"state\":\"b\"",
                                       ",\"types\":[\"*\"]",
                                       ",\"types\":[\"a*b\"]"};
    const char *type = ONE_OF(r, types);
    char top[256] = "", inner[512] = "";

    maybe(r, top, sizeof(top), 3, ",\"target_id\":\"", some_id(r));
    maybe(r, top, sizeof(top), 9, ",\"replyTo\":\"", "msg-1-1");
    if (strcmp(type, "agent_register") == 0) {
        register_members(r, sender, inner, sizeof(inner));
        (void)snprintf(text, size, "{\"type\":\"agent_register\"%s}", inner);
        return;
    }
    maybe(r, top, sizeof(top), 3, ",\"agentId\":\"", some_id(r));
    request_members(r, inner, sizeof(inner), mark);
    (void)snprintf(text, size,
                   "{\"type\":%s%s%s,\"id\":\"%c%u\"%s,\"data\":{\"mark\":\"m%d.\"%s%s}%s",
                   draw(r, 20) == 0 ? "7" : "\"", type, draw(r, 40) == 0 ? "" : "\"", 'r',
                   draw(r, 20), top, mark, ONE_OF(r, data), inner, draw(r, 40) == 0 ? "" : "}");
}

static void control_text(struct room *r, int sender, char *text, size_t size, int mark)
{
    static const char *const types[] = {"note",
                                        "chat",
                                        "presence",
                                        "broadcast",
                                        "ping",
                                        "session_join",
                                        "session_leave",
                                        "pong",
                                        "presence",
                                        "session_info",
                                        "bark",
                                        "note",
                                        "health",
                                        "session_join",
                                        "session_create",
                                        "session_patch",
                                        "session_list",
                                        "connect",
                                        "auth",
                                        "agent_register",
                                        "agent_register",
                                        "agent_heartbeat",
                                        "agent_unregister",
                                        "route_request",
                                        "route_request",
                                        "route_request",
                                        "route_response",
                                        "route_cancel",
                                        "chat_complete",
                                        "sync_state",
                                        "monitor",
                                        "chat"};
    static const char *const sessions[] = {"den",        "attic", "world:main", "world:new", "none",
                                           "$everybody", ""};
    static const char *const status[] = {"away", "online", "busy", "lost"};
    static const char *const more[] = {"",
                                       ",\"role\":\"node\",\"protocolVersion\":1",
                                       ",\"patch\":{\"a\":1}",
                                       ",\"types\":[\"a*b\"]",
                                       ",\"next\":\"x\"",
                                       ",\"subscribe\":true"};
    const char *type = ONE_OF(r, types);
    char top[256] = "", inner[512] = "";

    maybe(r, top, sizeof(top), 3, ",\"target\":\"", some_id(r));
    maybe(r, top, sizeof(top), 3, ",\"sessionId\":\"", ONE_OF(r, sessions));
    maybe(r, top, sizeof(top), 9, ",\"replyTo\":\"", "msg-1-1");
    if (strcmp(type, "agent_register") == 0) {
        register_members(r, sender, inner, sizeof(inner));
        maybe(r, inner, sizeof(inner), 1, ",\"type\":\"", draw(r, 9) == 0 ? "po" : "pi");
    } else {
        maybe(r, inner, sizeof(inner), 2, ",\"sessionKey\":\"", ONE_OF(r, sessions));
        request_members(r, inner, sizeof(inner), mark);
    }
    (void)snprintf(text, size,
                   "{\"type\":\"%s\",\"id\":%s%u\"%s,\"payload\":{\"mark\":\"m%d.\",\"deviceId\":"
                   "\"d\",\"status\":\"%s\",\"sessionId\":\"%s\"%s%s}%s",
                   type, draw(r, 30) == 0 ? "7,\"x\":\"" : "\"r", draw(r, 20), top, mark,
                   ONE_OF(r, status), ONE_OF(r, sessions), ONE_OF(r, more), inner,
                   draw(r, 40) == 0 ? "" : "}");
}

/* One that nothing is wrong with. */
static void plain_request(char *text, size_t size, bool is_world, int mark)
{
    (void)snprintf(text, size,
                   "{\"type\":\"route_request\",\"id\":\"p%d\",\"%s\":{\"capability\":\"grep\","
                   "\"request\":\"m%d.\"}}",
                   mark, is_world ? "data" : "payload", mark);
}

/* --- what happened ---------------------------------------------------------------------------- */

/* The code of an error, or NULL; how a request ended is no word on the message at hand. */
static const char *code_of(json_t *m)
{
    static const char *const ends[] = {"AGENT_GONE", "ROUTE_CANCELLED", "ROUTE_TIMEOUT"};
    json_t *body = json_object_get(m, "data");

    if (body == NULL) {
        body = json_object_get(m, "payload");
    }
    const char *code = json_string_value(json_object_get(body, "code"));
    if (code == NULL || strcmp(json_string_value(json_object_get(m, "type")), "error") != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(code, ends[i]) == 0) {
            return NULL;
        }
    }
    return code;
}

static void note_errand(struct errands *e, int client, json_t *m)
{
    const char *id = json_string_value(json_object_get(m, "id"));

    if (json_object_get(m, "deadline") != NULL && id != NULL && e->count < GIVEN_MAX) {
        e->items[e->count].agent = client;
        e->items[e->count].is_chat =
            strcmp(json_string_value(json_object_get(m, "type")), "chat") == 0;
        (void)snprintf(e->items[e->count++].id, sizeof(e->items[0].id), "%s", id);
    }
}

struct outcome {
    uint64_t heard; /* how many of the others heard the mark */
    int last;       /* one of them */
    char code[32];  /* the error that its sender got */
};

static struct outcome outcome_of(struct room *r, struct errands *e, int sender, int mark)
{
    struct outcome o = {.last = -1};
    char text[32];
    const char *heard;

    (void)snprintf(text, sizeof(text), "\"m%d.\"", mark);
    for (int i = 0; i < r->count; i++) {
        while ((heard = room_next(r, i)) != NULL) {
            json_t *m = json_loads(heard, 0, NULL);
            const char *code = code_of(m);
            if (strcmp(json_string_value(json_object_get(m, "type")), "monitor") == 0) {
                json_decref(m); /* a copy is no receipt */
                continue;
            }
            note_errand(e, i, m);
            if (strstr(heard, text) != NULL) {
                o.heard++;
                o.last = i;
            } else if (i == sender && code != NULL) {
                (void)snprintf(o.code, sizeof(o.code), "%s", code);
            }
            json_decref(m);
        }
    }
    return o;
}

static bool is_target(const struct room *r, const struct verdict *v, int client)
{
    struct hub_client_view view;

    return v->is.target[0] == '\0' ||
           (client >= 0 && hub_find_client(r->v.hub, str_from_z(v->is.target), &view) &&
            strcmp(view.client_id, r->clients[client].id) == 0);
}

struct seen {
    unsigned codes[ERROR_COUNT];
    unsigned answered, requests, waits;
};

static void check(struct room *r, struct errands *e, int sender, int mark, struct seen *seen)
{
    bool is_world = r->clients[sender].conn->dialect == DIALECT_WORLD;
    struct hub_counts before, after;
    char text[1024];

    if (draw(r, 6) == 0) {
        plain_request(text, sizeof(text), is_world, mark);
    } else if (is_world) {
        world_text(r, sender, text, sizeof(text), mark);
    } else {
        control_text(r, sender, text, sizeof(text), mark);
    }
    hub_counts(r->v.hub, &before);
    struct verdict v = explain(r, ADMIN, is_world ? DIALECT_WORLD : DIALECT_GATEWAY,
                               r->clients[sender].id, "", text);
    hub_counts(r->v.hub, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(v.wrong, ERROR_NONE);
    room_say(r, sender, "%s", text);
    hub_counts(r->v.hub, &after);
    struct outcome o = outcome_of(r, e, sender, mark);
    bool is_asked = v.is.is_request && v.is.code == ERROR_NONE;
    bool same = o.heard == v.is.receivers && is_target(r, &v, o.last) &&
                strcmp(o.code, v.is.code == ERROR_NONE ? "" : error_table[v.is.code].code) == 0 &&
                (!is_asked || (after.requests_queued > before.requests_queued) == v.is.waits) &&
                (after.requests > before.requests) == is_asked;
    if (!same) {
        print_error("%s\nexplained %s to %llu (%s), was \"%s\" to %llu\n", text,
                    error_table[v.is.code].code, (unsigned long long)v.is.receivers,
                    v.is.waits ? "waits" : v.is.target, o.code, (unsigned long long)o.heard);
        fail();
    }
    seen->codes[v.is.code]++;
    seen->answered += v.is.answered;
    seen->requests += is_asked;
    seen->waits += v.is.waits;
}

/* An agent ends a request that it was given. */
static void end_one(struct room *r, struct errands *e)
{
    uint32_t at = draw(r, (uint32_t)e->count);
    int agent = e->items[at].agent;
    const char *id = e->items[at].id;
    const char *member = r->clients[agent].conn->dialect == DIALECT_WORLD ? "data" : "payload";

    if (e->items[at].is_chat) {
        room_say(r, agent, "{\"type\":\"chat_complete\",\"id\":\"e\",\"replyTo\":\"%s\",\"%s\":{}}",
                 id, member);
    } else {
        room_say(r, agent,
                 "{\"type\":\"route_response\",\"id\":\"e\",\"%s\":{\"requestId\":\"%s\",\"ok\":"
                 "true,\"done\":true}}",
                 member, id);
    }
    e->items[at] = e->items[--e->count];
    (void)outcome_of(r, e, -1, -1);
}

static struct room *room_with_crowd(void)
{
    static const struct grants some = {.publish = {"bark|note|presence|route_request|chat", 37},
                                       .sessions = {"world:*|den", 11},
                                       .act_as = {"a0", 2}};
    static const char *const worlds[] = {"", "", "", "attic"};
    struct hub_settings settings;

    hub_settings_init(&settings);
    settings.reactors = 2;
    settings.validation = VALIDATE_KNOWN;
    settings.verify_sender = true;
    settings.max_queue = 2;
    settings.max_clients_per_session = 3;
    struct room *r = room_new(&settings);
    struct hub_credential list[] = {credential("kit", some), credential("boss", GRANTS_ALL),
                                    credential("all", usual)};
    set(r, HUB_AUTH_TOKEN, list, 3);
    for (int i = 0; i < CROWD; i++) {
        struct evidence e = from(1, CREDENTIAL_BEARER, list[i % 3].name.ptr);
        e.world = str_from_z(ONE_OF(r, worlds));
        assert_true(room_knock_at(r, i % 2 == 0 ? DIALECT_WORLD : DIALECT_GATEWAY, &e) >= 0);
    }
    return r;
}

static void test_outcomes(void **state)
{
    static const enum error_code met[] = {ERROR_NONE,
                                          ERROR_PARSE_ERROR,
                                          ERROR_INVALID_MESSAGE,
                                          ERROR_FORBIDDEN,
                                          ERROR_NO_ROUTE,
                                          ERROR_VALIDATION_FAILED,
                                          ERROR_SENDER_MISMATCH,
                                          ERROR_NOT_A_MEMBER,
                                          ERROR_TARGET_NOT_FOUND,
                                          ERROR_SESSION_NOT_FOUND,
                                          ERROR_SESSION_FULL,
                                          ERROR_NO_AGENT,
                                          ERROR_QUEUE_FULL,
                                          ERROR_AGENT_ID_TAKEN,
                                          ERROR_AUTH_REQUIRED};
    struct room *r = room_with_crowd();
    struct errands errands = {.count = 0};
    struct seen seen = {.answered = 0};

    (void)state;
    for (int n = 0; n < 10000; n++) {
        check(r, &errands, (int)draw(r, CROWD), n, &seen);
        if (errands.count > 0 && draw(r, 15) == 0) {
            end_one(r, &errands);
        }
    }
    for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++) {
        if (seen.codes[met[i]] <= 10) { /* else too little was tried */
            fail_msg("%s only %u times", error_table[met[i]].code, seen.codes[met[i]]);
        }
    }
    assert_true(seen.answered > 500 && seen.requests > 200 && seen.waits > 50);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_outcomes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
