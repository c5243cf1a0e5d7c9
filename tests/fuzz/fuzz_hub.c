/*
 * The whole hub on the virtual gateway: the bytes choose who connects, in which dialect and with
 * which credential, who is let in (reloads included), what clients send (messages made of what the
 * hub knows, and raw bytes), whether passwords are right, how long queues wait and how much sockets
 * take. What is said of requests to agents names those that were heard. Invariants: every frame is
 * one the client may get, in its dialect, and valid JSON; counts agree with what is connected; when
 * everyone has gone, nothing is left.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/admin.h"
#include "hub_words.h"
#include "ws/ws.h"
#include "json/reader.h"

enum { MOST_TEXT = 8192, CLIENT_ID = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- hooks ------------------------------------------------------------------------------------ */

struct fuzz {
    struct virtual v;
    char ids[MAX_REACTORS][VIRTUAL_SLOTS][CLIENT_ID]; /* of those who were greeted */
    char ticket[TICKET_SIZE];                         /* the last one that was made */
    struct words words;
};

/* The first thing that is heard is the greeting, with the client's id. */
static void learn_id(struct fuzz *f, struct vconn *c, struct str payload)
{
    char *id = f->ids[conn_reactor(c->handle)][conn_slot(c->handle)];

    if (c->user == NULL) {
        struct str raw = c->dialect == DIALECT_WORLD
                             ? json_get(json_get(payload, STR("data")), STR("client_id"))
                             : json_get(json_get(payload, STR("payload")), STR("sessionId"));
        assert(raw.len == CLIENT_ID + 1);
        memcpy(id, raw.ptr + 1, CLIENT_ID - 1);
        c->user = id;
    }
}

/* Of what is heard: it is in the dialect of whom hears it, and strangers hear answers alone. */
static void check_text(const struct vconn *c, struct str payload)
{
    static const char *const for_strangers[] = {"connection_ack", "session_info", "hello_ok",
                                                "pong", "error"};
    struct str type = json_get(payload, STR("type"));
    bool for_stranger = false;

    assert(json_valid(payload) && json_kind_of(payload) == JSON_OBJECT);
    assert(json_kind_of(type) == JSON_STRING);
    if (c->dialect == DIALECT_GATEWAY) {
        assert(json_kind_of(json_get(payload, STR("id"))) == JSON_STRING);
        assert(json_get(payload, STR("payload")).len > 0);
        assert(json_kind_of(json_get(payload, STR("timestamp"))) == JSON_NUMBER);
    }
    for (size_t i = 0; i < sizeof(for_strangers) / sizeof(for_strangers[0]); i++) {
        for_stranger |= json_string_is(type, str_from_z(for_strangers[i]));
    }
    assert(!c->stranger || for_stranger);
}

static void on_frame(void *ctx, struct vconn *c, unsigned opcode, struct str payload)
{
    struct fuzz *f = ctx;

    assert(c->accepted && !c->refused);
    switch (opcode) {
    case WS_TEXT:
        check_text(c, payload);
        learn_id(f, c, payload);
        words_learn(&f->words, payload);
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

/* A request that waited for its password: only tickets are asked for, and those not again. */
static void on_judged(void *ctx, uint64_t conn, const struct hub_asker *asker, struct str request)
{
    (void)ctx;
    (void)request;
    assert(conn == NO_CONN && (asker->principal != HUB_NOBODY || asker->refused != ERROR_NONE));
}

/* --- steps ------------------------------------------------------------------------------------ */

static void send_something(struct fuzz *f, struct vconn *conn, struct choices *c)
{
    struct buf b;

    buf_init(&b, MOST_TEXT);
    words_message(&b, &f->v, &f->words, (enum dialect)conn->dialect, c);
    if (!b.failed) {
        for (uint32_t times = choose(c, 24) == 1 ? choose(c, 40) : 1; times > 0; times--) {
            (void)virtual_send(&f->v, conn, buf_str(&b));
        }
    }
    buf_fini(&b);
    /* Half the time it is dealt with at once: conversations are deep only where answers are heard.
     */
    if (choose(c, 2) == 0) {
        virtual_settle(&f->v);
    }
}

static void knock(struct fuzz *f, unsigned reactor, struct choices *c)
{
    struct evidence e = words_evidence(c, str_make(f->ticket, sizeof(f->ticket)));

    (void)virtual_knock(&f->v, reactor, choose(c, 2) == 0 ? DIALECT_WORLD : DIALECT_GATEWAY, &e);
}

/* The first one from a slot on; NULL: there is none. */
static struct vconn *some_conn(struct vreactor *r, uint32_t from)
{
    for (uint32_t i = 0; i < WORDS_SLOTS; i++) {
        struct vconn *conn = &r->conns[(from + i) % WORDS_SLOTS];
        if (conn->used) {
            return conn;
        }
    }
    return NULL;
}

static void step_client(struct fuzz *f, struct choices *c)
{
    struct virtual *v = &f->v;
    unsigned reactor = choose(c, v->reactors);
    struct vconn *conn = some_conn(&v->reactor[reactor], choose(c, WORDS_SLOTS));

    if (choose(c, 12) == 1) {
        knock(f, reactor, c);
    }
    if (conn == NULL) {
        return;
    }
    switch (choose(c, 24)) {
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
        send_something(f, conn, c);
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
        virtual_tick(v, choose(c, 24) == 1 ? choose(c, 70000) : choose(c, 300));
        break;
    default:
        if (choose(c, 40) == 1) {
            hub_drain(v->hub, choose(c, 5000));
        }
    }
}

/* A ticket of whoever asks with a credential that may be good. */
static void make_ticket(struct fuzz *f, struct choices *c)
{
    struct evidence e = words_evidence(c, STR(""));
    struct hub_ticket_request request = {.grants = {.publish = STR("*"), .sessions = STR("den")},
                                         .agent_id = STR(""),
                                         .ttl_ms = 1 + choose(c, TICKET_MAX_MS)};
    struct hub_asker asker;
    uint64_t until_ms;

    if (e.kind == CREDENTIAL_BEARER && hub_judge(f->v.hub, NO_CONN, &e, STR(""), 0, &asker) &&
        asker.principal != HUB_NOBODY) {
        (void)hub_ticket_new(f->v.hub, asker.principal, &request, f->ticket, &until_ms);
    }
}

static void step_access(struct fuzz *f, struct choices *c)
{
    if (f->v.job_count > 0 && choose(c, 4) != 1) {
        virtual_check(&f->v, choose(c, 2) == 0);
    } else if (choose(c, 2) == 0) {
        make_ticket(f, c);
    } else {
        (void)words_set_access(f->v.hub, c);
    }
}

/* Some of those who have come are agents from the start. */
static void register_some(struct fuzz *f, struct choices *c)
{
    virtual_settle(&f->v);
    for (uint32_t i = choose(c, 5); i > 0; i--) {
        struct vconn *conn = some_conn(&f->v.reactor[choose(c, f->v.reactors)], i);
        struct buf b;
        buf_init(&b, MOST_TEXT);
        if (conn != NULL) {
            words_registration(&b, (enum dialect)conn->dialect, c);
            (void)virtual_send(&f->v, conn, buf_str(&b));
        }
        buf_fini(&b);
    }
    virtual_settle(&f->v);
}

static void finish(struct virtual *v)
{
    struct hub_counts counts;

    do {
        while (v->job_count > 0) {
            virtual_check(v, true);
        }
        virtual_settle(v);
    } while (v->job_count > 0);
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
    assert(counts.requests_queued <= counts.requests && (used > 0 || counts.requests == 0));
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
    assert(counts.requests == 0 && counts.requests_queued == 0);
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
        .ctx = f, .frame = on_frame, .taken = on_taken, .ended = on_ended, .judged = on_judged};
    struct hub_settings settings;

    assert(f != NULL);
    hub_settings_init(&settings);
    settings.max_pause_ms = UINT64_MAX; /* time goes in leaps here */
    settings.reactors = 1u << choose(&c, 3);
    settings.max_clients = 30;
    settings.max_sessions = 3;
    settings.max_registration_bytes = 512;
    settings.max_send_queue_bytes = choose(&c, 2) == 0 ? 3000 : 100000;
    settings.max_queue = 4;
    settings.max_remembered = 3;
    settings.request_timeout_ms = 1000;
    settings.close_slow_clients = choose(&c, 8) == 1;
    if (!virtual_init(&f->v, &settings, &hooks, 1 + choose(&c, 256))) {
        abort();
    }
    memset(f->ticket, 'a', sizeof(f->ticket));
    if (choose(&c, 3) == 1) {
        (void)words_set_access(f->v.hub, &c);
    }
    for (uint32_t i = 4 + choose(&c, 16); i > 0; i--) {
        knock(f, choose(&c, f->v.reactors), &c);
    }
    register_some(f, &c);
    while (!choices_over(&c)) {
        if (choose(&c, 2) == 0) {
            step_client(f, &c);
        } else if (choose(&c, 24) == 1) {
            step_access(f, &c);
        } else {
            step_gateway(&f->v, &c);
        }
    }
    finish(&f->v);
    virtual_fini(&f->v);
    free(f);
    return 0;
}
