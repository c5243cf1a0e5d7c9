#include "model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ws/ws.h"

static const char *const heard_names[] = {"ack",   "message", "joined", "left",
                                          "error", "pong",    "slow",   "close"};

void model_fail(const struct mclient *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "sim: ");
    vfprintf(stderr, format, args);
    va_end(args);
    if (c != NULL) {
        fprintf(stderr, " (client %llx, world %u, agent %d, heard %llu)",
                (unsigned long long)c->handle, c->world, c->agent, (unsigned long long)c->heard);
    }
    fprintf(stderr, "\n");
    abort();
}

/* The model's own memory does not fail, even where the gateway's is made to: it tries again. */
static void *grown(void *items, size_t count, size_t *cap, size_t size)
{
    void *moved = NULL;

    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 16 : *cap * 2;
    while (moved == NULL) {
        moved = realloc(items, *cap * size);
    }
    return moved;
}

struct mclient *model_connect(struct model *m, struct vconn *conn, unsigned world)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        struct mclient *c = &m->clients[i];
        if (!c->used) {
            *c = (struct mclient){.used = true,
                                  .handle = conn->handle,
                                  .conn = conn,
                                  .world = world,
                                  .agent = -1,
                                  .mask = MODEL_ALL};
            conn->user = c;
            return c;
        }
    }
    return NULL;
}

struct mclient *model_find(struct model *m, uint64_t handle)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        if (m->clients[i].used && m->clients[i].handle == handle) {
            return &m->clients[i];
        }
    }
    return NULL;
}

void model_free(struct mclient *c)
{
    free(c->sent);
    free(c->list);
    *c = (struct mclient){0};
}

void model_fini(struct model *m)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        model_free(&m->clients[i]);
    }
}

void model_sent(struct mclient *c, const struct action *a)
{
    c->sent = grown(c->sent, c->sent_count, &c->sent_cap, sizeof(*c->sent));
    c->sent[c->sent_count++] = *a;
}

/* --- what follows from an event --------------------------------------------------------------- */

static void expect(struct mclient *c, enum heard kind, uint64_t number, bool skippable)
{
    if (!c->open) {
        return;
    }
    c->list = grown(c->list, c->list_count, &c->list_cap, sizeof(*c->list));
    c->list[c->list_count++] =
        (struct expected){.kind = kind, .number = number, .skippable = skippable};
}

static void expect_all(struct model *m, const struct mclient *except, unsigned world,
                       enum heard kind, unsigned type, uint64_t number)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        struct mclient *c = &m->clients[i];
        if (c->used && c != except && c->world == world && (c->mask & 1u << type) != 0) {
            expect(c, kind, number, true);
        }
    }
}

static void leave_agent(struct model *m, struct mclient *c)
{
    if (c->agent < 0) {
        return;
    }
    if (!m->draining) {
        expect_all(m, c, c->world, HEARD_LEFT, MODEL_LEFT, (uint64_t)c->agent);
    }
    m->agents[c->agent] = NULL;
    c->agent = -1;
}

static void close_client(struct model *m, struct mclient *c, uint16_t code)
{
    if (!c->open) {
        return;
    }
    leave_agent(m, c);
    expect(c, HEARD_CLOSE, code, false);
    c->open = false;
    c->closing = true;
}

static void register_agent(struct model *m, struct mclient *c, unsigned agent)
{
    struct mclient *old = m->agents[agent];

    if (old != c) {
        leave_agent(m, c);
    }
    if (old != NULL && old != c) {
        if (old->world != c->world) {
            expect_all(m, old, old->world, HEARD_LEFT, MODEL_LEFT, agent);
        }
        old->agent = -1;
        close_client(m, old, 4409);
    }
    m->agents[agent] = c;
    c->agent = (int)agent;
    expect(c, HEARD_ACK, 0, false);
    expect_all(m, c, c->world, HEARD_JOINED, MODEL_JOINED, agent);
}

static void act(struct model *m, struct mclient *c, const struct action *a)
{
    switch (a->deed) {
    case DEED_BROADCAST:
        expect_all(m, c, c->world, HEARD_MESSAGE, a->type, a->number);
        break;
    case DEED_DIRECT:
        if (m->agents[a->agent] != NULL) {
            expect(m->agents[a->agent], HEARD_MESSAGE, a->number, false);
        } else {
            expect(c, HEARD_ERROR, 0, false);
        }
        break;
    case DEED_REGISTER:
        register_agent(m, c, a->agent);
        break;
    case DEED_SUBSCRIBE:
        c->mask = a->mask;
        break;
    case DEED_PING:
        expect(c, HEARD_PONG, 0, false);
        break;
    case DEED_BAD:
        expect(c, HEARD_ERROR, 0, false);
        break;
    }
}

void model_taken(struct model *m, struct mclient *c, const struct up *item, uint32_t tick)
{
    const struct action *a = NULL;

    if (item->kind == UP_MESSAGE) {
        assert(c->sent_from < c->sent_count);
        a = &c->sent[c->sent_from++];
    }
    if (item->kind == UP_OPENED) {
        c->open = !m->draining;
        c->heard_tick = tick;
        expect(c, HEARD_ACK, 0, false);
        return;
    }
    if (item->kind == UP_CLOSED) {
        c->open = false;
        leave_agent(m, c);
        model_free(c);
        return;
    }
    if (!c->open) {
        return;
    }
    if (item->kind != UP_LAGGED) {
        c->heard_tick = tick; /* that one is the reactor's word, not the client's */
    }
    if (item->kind == UP_MESSAGE) {
        act(m, c, a);
    } else if (item->kind == UP_FAILED) {
        close_client(m, c, item->code);
    } else if (item->kind == UP_ROOM) {
        expect(c, HEARD_SLOW, 0, false);
        expect(c, HEARD_ACK, 0, false);
    }
}

void model_timeout(struct model *m, struct mclient *c)
{
    close_client(m, c, WS_CLOSE_GOING_AWAY);
}

void model_drain(struct model *m)
{
    m->draining = true;
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        close_client(m, &m->clients[i], WS_CLOSE_GOING_AWAY);
    }
}

/* --- what is heard ---------------------------------------------------------------------------- */

/* The number behind `"key":` in a text that has it. */
static uint64_t number_of(struct str text, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i + len < text.len; i++) {
        if (memcmp(text.ptr + i, key, len) == 0) {
            return strtoull(text.ptr + i + len, NULL, 10);
        }
    }
    return UINT64_MAX;
}

static bool has(struct str text, const char *part)
{
    return text.len >= strlen(part) && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static struct expected read_frame(struct mclient *c, unsigned opcode, struct str text)
{
    struct expected e = {.kind = HEARD_MESSAGE};

    if (opcode == WS_CLOSE) {
        e.kind = HEARD_CLOSE;
        e.number = (uint64_t)(uint8_t)text.ptr[0] << 8 | (uint8_t)text.ptr[1];
    } else if (str_starts_with(text, STR("{\"type\":\"t"))) {
        e.number = number_of(text, "\"n\":");
    } else if (str_starts_with(text, STR("{\"type\":\"connection_ack\""))) {
        e.kind = HEARD_ACK;
    } else if (str_starts_with(text, STR("{\"type\":\"agent_joined\""))) {
        e.kind = HEARD_JOINED;
        e.number = number_of(text, "\"agent_id\":\"a");
    } else if (str_starts_with(text, STR("{\"type\":\"agent_left\""))) {
        e.kind = HEARD_LEFT;
        e.number = number_of(text, "\"agent_id\":\"a");
    } else if (str_starts_with(text, STR("{\"type\":\"pong\""))) {
        e.kind = HEARD_PONG;
    } else if (has(text, "\"code\":\"SLOW_CLIENT\"")) {
        e.kind = HEARD_SLOW;
        e.number = number_of(text, "\"dropped\":");
    } else if (str_starts_with(text, STR("{\"type\":\"error\""))) {
        e.kind = HEARD_ERROR;
    } else {
        model_fail(c, "heard what nobody can say: %.*s", STR_ARG(text));
    }
    return e;
}

static bool same(const struct expected *want, const struct expected *got)
{
    return want->kind == got->kind && (want->kind == HEARD_SLOW || want->number == got->number);
}

void model_frame(struct model *m, struct mclient *c, unsigned opcode, struct str payload)
{
    if (opcode == WS_PING || m->lossy) {
        return; /* pings are the simulator's to answer */
    }
    struct expected got = read_frame(c, opcode, payload);
    c->heard++;
    m->checks++;
    while (c->list_from < c->list_count) {
        const struct expected *want = &c->list[c->list_from++];
        if (same(want, &got)) {
            if (got.kind == HEARD_SLOW) {
                if (got.number != c->skipped) {
                    model_fail(c, "was told of %llu skipped broadcasts, and missed %llu",
                               (unsigned long long)got.number, (unsigned long long)c->skipped);
                }
                m->slow++;
                m->slow_skipped += c->skipped;
                c->skipped = 0;
            }
            return;
        }
        if (!want->skippable) {
            model_fail(c, "heard %s %llu instead of %s %llu", heard_names[got.kind],
                       (unsigned long long)got.number, heard_names[want->kind],
                       (unsigned long long)want->number);
        }
        c->skipped++;
    }
    model_fail(c, "heard %s %llu, which was not for it (or out of order)", heard_names[got.kind],
               (unsigned long long)got.number);
}

void model_ended(struct model *m, struct mclient *c, bool in_order)
{
    if (!in_order || m->lossy) {
        return;
    }
    for (; c->list_from < c->list_count; c->list_from++) {
        if (!c->list[c->list_from].skippable) {
            model_fail(c, "was not told of %s %llu before its end",
                       heard_names[c->list[c->list_from].kind],
                       (unsigned long long)c->list[c->list_from].number);
        }
        c->skipped++;
    }
}
