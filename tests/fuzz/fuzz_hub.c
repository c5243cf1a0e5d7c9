/*
 * The whole hub on the virtual gateway: the bytes choose who connects, what clients send (messages
 * made of what the hub knows, and raw bytes), how long queues wait and how much sockets take.
 * Invariants: every frame is one the client may get, and valid JSON; counts agree with what is
 * connected; when everyone has gone, nothing is left.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "choices.h"
#include "virtual.h"
#include "ws/ws.h"
#include "json/reader.h"

enum { SLOTS = 20, MOST_TEXT = 4096, CLIENT_ID = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- hooks ------------------------------------------------------------------------------------ */

struct fuzz {
    struct virtual v;
    char ids[MAX_REACTORS][VIRTUAL_SLOTS][CLIENT_ID]; /* of those who were greeted */
};

/* The first thing that is heard is the greeting, with the client's id. */
static void learn_id(struct fuzz *f, struct vconn *c, struct str payload)
{
    char *id = f->ids[conn_reactor(c->handle)][conn_slot(c->handle)];

    if (c->user == NULL) {
        struct str raw = json_get(json_get(payload, STR("data")), STR("client_id"));
        assert(raw.len == CLIENT_ID + 1);
        memcpy(id, raw.ptr + 1, CLIENT_ID - 1);
        c->user = id;
    }
}

static void on_frame(void *ctx, struct vconn *c, unsigned opcode, struct str payload)
{
    assert(c->accepted && !c->refused);
    switch (opcode) {
    case WS_TEXT:
        assert(json_valid(payload) && json_kind_of(payload) == JSON_OBJECT);
        assert(json_kind_of(json_get(payload, STR("type"))) == JSON_STRING);
        learn_id(ctx, c, payload);
        break;
    case WS_PING:
        assert(payload.len == 0);
        break;
    default:
        assert(opcode == WS_CLOSE && payload.len >= 2);
    }
}

static void on_taken(void *ctx, const struct up *item, struct str text)
{
    (void)ctx;
    (void)item;
    (void)text;
}

static void on_ended(void *ctx, struct vconn *c)
{
    (void)ctx;
    assert(!c->used);
}

/* --- messages --------------------------------------------------------------------------------- */

static const char *const types[] = {
    "agent_register", "agent_register", "agent_register", "subscribe", "ping", "bark",
    "scene_add",      "agent_joined",   "error",          "pong",      "",     "bar*k",
    "\\u0062ark",
};
static const char *const ids[] = {"a",       "b",   "c.d", "gateway",
                                  "\\u0061", "x y", "",    "c-aaaaaaaaaaaaa"};
static const char *const members[] = {
    "\"types\":[\"bark\",\"scene_*\"]",
    "\"types\":[]",
    "\"types\":[7]",
    "\"types\":null",
    "\"data\":{\"types\":[\"agent_*\"],\"token\":\"x\",\"mood\":1e9}",
    "\"role\":\"guide\"",
    "\"role\":7",
    "\"data\":[1,2,{\"a\":null}]",
    "\"capabilities\":{\"chat\":true}",
    "\"type\":\"twice\"",
    "\"targetId\":null",
};

#define PICK(c, table) (table)[choose(c, sizeof(table) / sizeof((table)[0]))]

/* An id: one of a few, or that of somebody who is there. */
static void append_id(struct buf *b, struct virtual *v, struct choices *c)
{
    const struct vconn *other = &v->reactor[choose(c, v->reactors)].conns[choose(c, SLOTS)];

    if (choose(c, 8) == 0 && other->user != NULL) {
        buf_append_str(b, str_from_z(other->user));
    } else {
        buf_append_str(b, str_from_z(PICK(c, ids)));
    }
}

static void append_raw(struct buf *b, struct choices *c)
{
    for (uint32_t left = choose(c, 64); left > 0; left--) {
        buf_append_char(b, (char)choose(c, 256));
    }
}

static void make_message(struct buf *b, struct virtual *v, struct choices *c)
{
    if (choose(c, 12) == 0) {
        append_raw(b, c);
        return;
    }
    buf_printf(b, "{\"type\":\"%s\"", PICK(c, types));
    if (choose(c, 2) == 0) {
        buf_append_str(b, choose(c, 2) == 0 ? STR(",\"agentId\":\"") : STR(",\"agent_id\":\""));
        append_id(b, v, c);
        buf_append_char(b, '"');
    }
    if (choose(c, 3) == 0) {
        buf_append_str(b, STR(",\"target_id\":\""));
        append_id(b, v, c);
        buf_append_char(b, '"');
    }
    for (uint32_t left = choose(c, 3); left > 0; left--) {
        buf_printf(b, ",%s", PICK(c, members));
    }
    if (choose(c, 6) == 0) {
        buf_printf(b, ",\"padding\":\"%0*d\"", (int)choose(c, 3000), 0);
    }
    if (choose(c, 8) == 0) {
        buf_append_str(b, STR(",\"raw\":\""));
        append_raw(b, c);
        buf_append_char(b, '"');
    }
    buf_append_char(b, '}');
}

static void send_something(struct virtual *v, struct vconn *conn, struct choices *c)
{
    struct buf b;

    buf_init(&b, MOST_TEXT);
    make_message(&b, v, c);
    if (!b.failed) {
        for (uint32_t times = choose(c, 8) == 0 ? choose(c, 40) : 1; times > 0; times--) {
            (void)virtual_send(v, conn, buf_str(&b));
        }
    }
    buf_fini(&b);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void step_client(struct virtual *v, struct choices *c)
{
    static const char *const worlds[] = {"", "", "main", "a", "b", "c", "no world"};
    unsigned reactor = choose(c, v->reactors);
    struct vconn *conn = &v->reactor[reactor].conns[choose(c, SLOTS)];

    if (choose(c, 6) == 0) {
        (void)virtual_connect(v, reactor, str_from_z(PICK(c, worlds)));
    }
    if (!conn->used) {
        return;
    }
    switch (choose(c, 12)) {
    case 0:
        virtual_abort(v, conn);
        break;
    case 1:
        (void)virtual_say(v, conn, UP_FAILED, 1000, STR("bye"));
        break;
    case 2:
        (void)virtual_say(v, conn, UP_TOO_BIG, 0, STR(""));
        break;
    case 3:
        virtual_alive(v, conn);
        break;
    case 4:
    case 5:
        virtual_give_room(v, conn, choose(c, 2) == 0 ? choose(c, 2000) : SIZE_MAX);
        break;
    default:
        send_something(v, conn, c);
    }
}

static void step_gateway(struct virtual *v, struct choices *c)
{
    unsigned reactor = choose(c, v->reactors);

    switch (choose(c, 8)) {
    case 0:
    case 1:
        (void)virtual_up(v, reactor, 1 + choose(c, 20));
        break;
    case 2:
        (void)virtual_end_turn(v);
        break;
    case 3:
        (void)virtual_down(v, reactor);
        break;
    case 4:
        virtual_flush(v, reactor, 1 + choose(c, 8));
        break;
    case 5:
        virtual_settle(v);
        break;
    case 6:
        virtual_tick(v, choose(c, 6) == 0 ? choose(c, 70000) : choose(c, 300));
        break;
    default:
        if (choose(c, 40) == 1) {
            hub_drain(v->hub, choose(c, 5000));
        }
    }
}

static void finish(struct virtual *v)
{
    struct hub_counts counts;

    virtual_settle(v);
    for (unsigned r = 0; r < v->reactors; r++) {
        for (uint32_t i = 0; i < VIRTUAL_SLOTS; i++) {
            if (v->reactor[r].conns[i].used) {
                virtual_give_room(v, &v->reactor[r].conns[i], SIZE_MAX);
            }
        }
    }
    virtual_settle(v);
    uint64_t used = 0;
    for (unsigned r = 0; r < v->reactors; r++) {
        for (uint32_t i = 0; i < VIRTUAL_SLOTS; i++) {
            used += v->reactor[r].conns[i].used;
        }
    }
    hub_counts(v->hub, &counts);
    assert(counts.clients == used && counts.agents <= used);
    for (unsigned r = 0; r < v->reactors; r++) {
        for (uint32_t i = 0; i < VIRTUAL_SLOTS; i++) {
            if (v->reactor[r].conns[i].used) {
                virtual_abort(v, &v->reactor[r].conns[i]);
            }
        }
    }
    virtual_settle(v);
    hub_counts(v->hub, &counts);
    assert(counts.clients == 0 && counts.agents == 0 && counts.sessions == 1);
    assert(hub_empty(v->hub));
    virtual_tick(v, 200);
    virtual_tick(v, 200);
    virtual_settle(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = {.bytes = data, .len = size};
    struct fuzz *f = calloc(1, sizeof(*f));
    struct virtual_hooks hooks = {
        .ctx = f, .frame = on_frame, .taken = on_taken, .ended = on_ended};
    struct hub_settings settings;

    assert(f != NULL);
    hub_settings_init(&settings);
    settings.reactors = 1u << choose(&c, 3);
    settings.max_clients = 30;
    settings.max_sessions = 3;
    settings.max_registration_bytes = 512;
    settings.max_send_queue_bytes = choose(&c, 2) == 0 ? 3000 : 100000;
    settings.close_slow_clients = choose(&c, 8) == 1;
    if (!virtual_init(&f->v, &settings, &hooks, 1 + choose(&c, 256))) {
        abort();
    }
    for (uint32_t i = 4 + choose(&c, 16); i > 0; i--) {
        (void)virtual_connect(&f->v, choose(&c, f->v.reactors), STR(""));
    }
    while (!choices_over(&c)) {
        if (choose(&c, 2) == 0) {
            step_client(&f->v, &c);
        } else {
            step_gateway(&f->v, &c);
        }
    }
    finish(&f->v);
    virtual_fini(&f->v);
    free(f);
    return 0;
}
