#include "room.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ws/ws.h"

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

/* --- what is heard ---------------------------------------------------------------------------- */

static void keep(struct room_client *c, struct str text)
{
    if (c->heard_count == c->heard_cap) {
        c->heard_cap = c->heard_cap == 0 ? 16 : c->heard_cap * 2;
        c->heard = realloc(c->heard, c->heard_cap * sizeof(char *));
        assert(c->heard != NULL);
    }
    char *copy = malloc(text.len + 1);
    assert(copy != NULL);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    c->heard[c->heard_count++] = copy;
}

static void on_frame(void *ctx, struct vconn *conn, unsigned opcode, struct str payload)
{
    struct room *r = ctx;
    struct room_client *c = conn->user;

    switch (opcode) {
    case WS_TEXT:
        keep(c, payload);
        break;
    case WS_PING:
        c->pings++;
        if (!c->muted) {
            (void)virtual_say(&r->v, conn, UP_ALIVE, 0, STR(""));
        }
        break;
    default:
        assert(opcode == WS_CLOSE && payload.len >= 2 && payload.len < 2 + ROOM_REASON);
        c->close_code = (uint16_t)((uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
        memcpy(c->close_reason, payload.ptr + 2, payload.len - 2);
        c->close_reason[payload.len - 2] = '\0';
    }
}

static void on_taken(void *ctx, const struct up *item, struct str text)
{
    (void)ctx;
    (void)item;
    (void)text;
}

static void on_ended(void *ctx, struct vconn *conn)
{
    struct room_client *c = conn->user;

    (void)ctx;
    c->refused = conn->refused;
    c->conn = NULL;
}

static void on_refused(void *ctx, struct vconn *conn, enum error_code code, struct str text)
{
    struct room_client *c = conn->user;

    (void)ctx;
    assert(text.len > 0);
    c->why = code;
}

/* --- life ------------------------------------------------------------------------------------- */

struct room *room_new(const struct hub_settings *settings)
{
    struct room *r = calloc(1, sizeof(*r));
    struct virtual_hooks hooks = {
        .ctx = r, .frame = on_frame, .taken = on_taken, .ended = on_ended, .refused = on_refused};
    struct hub_settings defaults;

    assert(r != NULL);
    hub_settings_init(&defaults);
    if (!virtual_init(&r->v, settings != NULL ? settings : &defaults, &hooks, 42)) {
        fail("no gateway");
    }
    return r;
}

void room_free(struct room *r)
{
    virtual_fini(&r->v);
    for (int i = 0; i < r->count; i++) {
        for (size_t j = 0; j < r->clients[i].heard_count; j++) {
            free(r->clients[i].heard[j]);
        }
        free(r->clients[i].heard);
    }
    free(r);
}

static void learn_id(struct room_client *c)
{
    json_t *greeting = json_loads(c->heard[0], 0, NULL);
    const char *id =
        json_string_value(json_object_get(json_object_get(greeting, "data"), "client_id"));

    if (id == NULL) {
        id = json_string_value(json_object_get(json_object_get(greeting, "payload"), "sessionId"));
    }

    assert(id != NULL && strlen(id) < sizeof(c->id));
    memcpy(c->id, id, strlen(id) + 1);
    json_decref(greeting);
}

int room_knocked(struct room *r)
{
    struct room_client *c = &r->clients[r->count - 1];

    virtual_settle(&r->v);
    if (c->refused) {
        return ROOM_REFUSED;
    }
    if (c->heard_count == 0) {
        return ROOM_WAITS;
    }
    assert(c->heard_count == 1);
    learn_id(c);
    return r->count - 1;
}

int room_control(struct room *r)
{
    int client = room_knock_at(r, DIALECT_GATEWAY, &(struct evidence){.near = true});

    if (client < 0) {
        fail("refused");
    }
    room_expect(r, client,
                "{\"type\":\"session_info\",\"id\":\"*\",\"timestamp\":\"*\",\"payload\":"
                "{\"sessionId\":\"*\",\"status\":\"connected\",\"authRequired\":false}}");
    return client;
}

int room_knock(struct room *r, const struct evidence *evidence)
{
    return room_knock_at(r, DIALECT_WORLD, evidence);
}

int room_knock_at(struct room *r, enum dialect dialect, const struct evidence *evidence)
{
    assert(r->count < ROOM_CLIENTS);
    struct room_client *c = &r->clients[r->count];
    c->conn = virtual_knock(&r->v, (unsigned)r->count % r->v.reactors, dialect, evidence);
    assert(c->conn != NULL);
    c->conn->user = c;
    r->count++;
    return room_knocked(r);
}

int room_enter(struct room *r, const char *world)
{
    return room_knock(r, &(struct evidence){.near = true, .world = str_from_z(world)});
}

int room_join(struct room *r, const char *world)
{
    int client = room_enter(r, world);

    if (client == ROOM_REFUSED) {
        fail("refused");
    }
    room_expect(r, client, "{\"type\":\"connection_ack\"}");
    return client;
}

/* --- what is done ----------------------------------------------------------------------------- */

static struct vconn *conn_of(struct room *r, int client)
{
    struct vconn *conn = r->clients[client].conn;

    if (conn == NULL) {
        fail("client %d has ended", client);
    }
    return conn;
}

void room_say_bytes(struct room *r, int client, struct str text)
{
    bool sent = virtual_send(&r->v, conn_of(r, client), text);

    assert(sent);
    (void)sent;
    virtual_settle(&r->v);
}

void room_say(struct room *r, int client, const char *format, ...)
{
    va_list args;
    struct buf b;
    char text[4096];

    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof(text));
    buf_init(&b, sizeof(text));
    buf_append(&b, text, (size_t)len);
    room_say_bytes(r, client, buf_str(&b));
    buf_fini(&b);
}

void room_register(struct room *r, int client, const char *agent)
{
    room_say(r, client, "{\"type\":\"agent_register\",\"agentId\":\"%s\"}", agent);
    room_expect(r, client, "{\"type\":\"connection_ack\",\"data\":{\"agent_id\":\"*\"}}");
}

void room_abort(struct room *r, int client)
{
    virtual_abort(&r->v, conn_of(r, client));
    r->clients[client].conn = NULL;
    virtual_settle(&r->v);
}

void room_close(struct room *r, int client, uint16_t code)
{
    (void)virtual_say(&r->v, conn_of(r, client), UP_FAILED, code, STR(""));
    virtual_settle(&r->v);
    assert(r->clients[client].conn == NULL && r->clients[client].close_code == code);
}

void room_advance(struct room *r, uint64_t ms)
{
    for (uint64_t passed = 0; passed < ms; passed += 100) {
        virtual_tick(&r->v, ms - passed < 100 ? ms - passed : 100);
        virtual_settle(&r->v);
    }
}

void room_hold(struct room *r, int client, size_t bytes)
{
    virtual_give_room(&r->v, conn_of(r, client), bytes);
    virtual_settle(&r->v);
}

/* --- what is claimed -------------------------------------------------------------------------- */

const char *room_next(struct room *r, int client)
{
    struct room_client *c = &r->clients[client];

    return c->heard_from < c->heard_count ? c->heard[c->heard_from++] : NULL;
}

const char *room_next_late(struct room *r, int client, const char *question)
{
    room_hold(r, client, 0);
    room_say(r, client, "%s", question);
    room_hold(r, client, SIZE_MAX);
    return room_next(r, client);
}

static bool objects_match(const json_t *pattern, const json_t *value, bool exact)
{
    const char *key;
    json_t *member;

    if (!json_is_object(value) || (exact && json_object_size(pattern) != json_object_size(value))) {
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)pattern, key, member)
    {
        if (!json_matches(member, json_object_get(value, key), exact)) {
            return false;
        }
    }
    return true;
}

bool json_matches(const json_t *pattern, const json_t *value, bool exact)
{
    if (value == NULL) {
        return false;
    }
    if (json_is_string(pattern) && strcmp(json_string_value(pattern), "*") == 0) {
        return true;
    }
    if (json_is_object(pattern)) {
        return objects_match(pattern, value, exact);
    }
    if (json_is_number(pattern)) {
        return json_is_number(value) && json_number_value(pattern) == json_number_value(value);
    }
    if (!json_is_array(pattern)) {
        return json_equal(pattern, value) != 0;
    }
    bool same = json_is_array(value) && json_array_size(pattern) == json_array_size(value);
    for (size_t i = 0; same && i < json_array_size(pattern); i++) {
        same = json_matches(json_array_get(pattern, i), json_array_get(value, i), exact);
    }
    return same;
}

static void expect(struct room *r, int client, const char *pattern, bool exact)
{
    const char *text = room_next(r, client);
    json_t *wanted = json_loads(pattern, 0, NULL);
    json_t *heard = text != NULL ? json_loads(text, 0, NULL) : NULL;

    if (wanted == NULL) {
        fail("not a pattern: %s", pattern);
    }
    if (!json_matches(wanted, heard, exact)) {
        fail("client %d heard %s\ninstead of %s", client, text != NULL ? text : "nothing", pattern);
    }
    json_decref(wanted);
    json_decref(heard);
}

void room_expect(struct room *r, int client, const char *pattern)
{
    expect(r, client, pattern, false);
}

void room_expect_exact(struct room *r, int client, const char *pattern)
{
    expect(r, client, pattern, true);
}

void room_expect_text(struct room *r, int client, const char *text)
{
    const char *heard = room_next(r, client);

    if (heard == NULL || strcmp(heard, text) != 0) {
        fail("client %d heard %s\ninstead of %s", client, heard != NULL ? heard : "nothing", text);
    }
}

void room_expect_error(struct room *r, int client, const char *code)
{
    char pattern[256];

    (void)snprintf(pattern, sizeof(pattern),
                   "{\"type\":\"error\",\"agent_id\":\"gateway\",\"agentId\":\"gateway\","
                   "\"data\":{\"code\":\"%s\",\"message\":\"*\",\"details\":\"*\"},\"ts\":\"*\"}",
                   code);
    expect(r, client, pattern, false);
}

void room_expect_nothing(struct room *r, int client)
{
    const char *text = room_next(r, client);

    if (text != NULL) {
        fail("client %d heard %s", client, text);
    }
}

void room_expect_close(struct room *r, int client, uint16_t code, const char *reason)
{
    const struct room_client *c = &r->clients[client];

    room_expect_nothing(r, client);
    if (c->conn != NULL || c->close_code != code || strcmp(c->close_reason, reason) != 0) {
        fail("client %d: %s, %u \"%s\" instead of %u \"%s\"", client,
             c->conn != NULL ? "is there" : "has ended", c->close_code, c->close_reason, code,
             reason);
    }
}
