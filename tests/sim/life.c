#include "life.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/internal.h"
#include "errands.h"
#include "faults.h"
#include "follow.h"
#include "invariants.h"
#include "powers.h"
#include "speak.h"
#include "ws/ws.h"

enum {
    MESSAGE_MAX = 4096,
    TICK_MS = 100,
    TIMEOUT_MS = 60000,
    SWEEP_MS = 1000,
    DRAIN_MS = 20000,
    DRAIN_EVENTS = 300
};

struct life {
    uint64_t random;
    struct virtual v;
    struct model model;
    unsigned weights[EVENT_COUNT];
    unsigned max_clients;
    unsigned limited_percent; /* with the credential that does not grant all; 0: there is none */
    unsigned control_percent; /* of the clients that speak the gateway dialect */
    unsigned packing_tenths;  /* of those that may be sent compressed frames */
    uint64_t arrivals;
    unsigned clients; /* with a connection */
    uint64_t next_number;
    uint64_t last_sweep_ms;
    uint64_t events[EVENT_COUNT];
};

bool life_trace;

static uint64_t draw(struct life *life, uint64_t below)
{
    return speak_draw(&life->random, below);
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void on_frame(void *ctx, struct vconn *c, unsigned opcode, struct str payload)
{
    struct life *life = ctx;

    if (opcode == WS_PING && draw(life, 4) > 0) {
        (void)virtual_say(&life->v, c, UP_ALIVE, 0, STR(""));
    }
    if (life_trace && opcode == WS_TEXT) {
        printf("%llx hears %.*s\n", (unsigned long long)c->handle, STR_ARG(payload));
    }
    model_frame(&life->model, c->user, opcode, payload);
}

static void on_taken(void *ctx, const struct up *item, struct str text)
{
    struct life *life = ctx;
    struct mclient *c = model_find(&life->model, item->conn);

    if (life_trace) {
        printf("%llu: %llx says (%d) %.*s\n", (unsigned long long)life->v.now.mono_ms,
               (unsigned long long)item->conn, (int)item->kind, STR_ARG(text));
    }
    life->model.now_ms = life->v.now.mono_ms;
    if (c != NULL) {
        model_taken(&life->model, c, item, (uint32_t)(life->v.now.mono_ms / TICK_MS));
    }
}

static bool on_claim(void *ctx, struct hub_claims *claims)
{
    const struct life *life = ctx;

    return powers_claim(&life->model, claims);
}

static void on_ended(void *ctx, struct vconn *c)
{
    struct life *life = ctx;
    struct mclient *mc = c->user;

    model_ended(&life->model, mc, !c->doomed);
    mc->conn = NULL;
    life->clients--;
}

/* --- what clients do -------------------------------------------------------------------------- */

static struct mclient *some_client(struct life *life)
{
    for (int tries = 0; tries < 8; tries++) {
        struct mclient *c = &life->model.clients[draw(life, MODEL_CLIENTS)];
        if (c->used && c->conn != NULL) {
            return c;
        }
    }
    return NULL;
}

static void connect_one(struct life *life)
{
    static const char *const worlds[MODEL_WORLDS] = {"", "w1", "w2"};
    struct model *m = &life->model;
    /* Most live in one world, so that it is large enough for a log. The last one is not granted to
       everybody, and it takes some who are in it for that to matter. */
    unsigned world = draw(life, 4) > 0          ? 0
                     : m->access == ACCESS_FREE ? (unsigned)draw(life, MODEL_WORLDS)
                                                : MODEL_WORLDS - 1;
    bool control = draw(life, 100) < life->control_percent;
    bool limited = draw(life, 100) < life->limited_percent;
    unsigned end_s = m->access == ACCESS_SIGNED ? powers_choose_end(m, &life->random) : 0;
    char text[CREDENTIAL_ROOM];
    bool packs = life->arrivals++ * 7 % 10 < life->packing_tenths;
    struct evidence evidence = {
        .near = true, .packs = packs, .world = str_from_z(control ? "" : worlds[world])};

    if (m->access != ACCESS_FREE) {
        evidence.kind = CREDENTIAL_BEARER;
        evidence.credential = powers_credential(m, limited, end_s, text);
    }

    /* The model has to know of everybody whom the hub does. */
    if (life->clients >= life->max_clients || !model_has_room(m)) {
        return;
    }
    struct vconn *conn = virtual_knock(&life->v, (unsigned)draw(life, life->v.reactors),
                                       control ? DIALECT_GATEWAY : DIALECT_WORLD, &evidence);
    if (conn != NULL) {
        model_connect(m, conn, control ? MODEL_WORLDS : world, limited)->ends_ms =
            VIRTUAL_MONO_MS + (uint64_t)end_s * 1000;
        life->clients++;
    }
}

static void say(struct life *life, struct mclient *c, const struct action *a)
{
    struct buf b;

    buf_init(&b, MESSAGE_MAX);
    speak_write(&b, &life->model, c, a, &life->random);
    if (!b.failed && virtual_send(&life->v, c->conn, buf_str(&b))) {
        model_sent(c, a);
    }
    buf_fini(&b);
}

static void send_some(struct life *life, struct mclient *c)
{
    uint64_t burst = draw(life, 20) == 0 ? 1 + draw(life, 60) : 1;

    while (burst-- > 0) {
        struct action a = speak_choose(&life->model, c, &life->random, life->next_number++);
        say(life, c, &a);
    }
}

static void vanish(struct life *life, struct mclient *c)
{
    virtual_abort(&life->v, c->conn);
    c->conn = NULL;
    life->clients--;
}

/* Which clients the hub has closed to stop: the model has no say in it, and asks. */
static void close_drained(struct life *life, uint32_t from, bool was_last)
{
    const struct hub *hub = life->v.hub;
    uint32_t count = slab_limit(&hub->clients);
    bool wrapped = hub->drain_last && !was_last;
    uint32_t end = wrapped ? count + hub->drain_next : hub->drain_next;

    /* It may have come to the end, and wait for those who are in a request. */
    if (!hub->drain_last && hub->drain_next == 0) {
        end = count;
    }
    for (uint32_t i = from; i < end; i++) {
        const struct client *c = client_at(hub, i % count);
        struct mclient *mc = c->state == CLIENT_CLOSING ? model_find(&life->model, c->conn) : NULL;
        bool passed_over = wrapped && i < count && errands_busy(&life->model, mc);
        if (mc != NULL && !passed_over) {
            model_close(&life->model, mc, WS_CLOSE_GOING_AWAY);
        }
    }
    (void)virtual_end_turn(&life->v); /* where the hub decides what comes of their requests */
    errands_settle(&life->model);
}

static void drain(struct life *life, uint64_t over_ms)
{
    uint32_t from = life->v.hub->drain_next;
    bool was_last = life->v.hub->drain_last;

    life->model.draining = true;
    hub_drain(life->v.hub, over_ms);
    close_drained(life, from, was_last);
}

static void pass_time(struct life *life, uint64_t ms)
{
    uint32_t from = life->v.hub->drain_next;
    bool was_last = life->v.hub->drain_last;

    virtual_tick(&life->v, ms);
    model_tick(&life->model, life->v.now.mono_ms);
    if (life->model.draining) {
        close_drained(life, from, was_last);
    }
}

/* The hub looks at all clients, one after the other. */
static void sweep(struct life *life, const struct mclient *late, uint64_t then)
{
    const struct hub *hub = life->v.hub;

    life->model.now_ms = then;
    for (uint32_t i = 0; i < slab_limit(&hub->clients); i++) {
        const struct client *c = client_at(hub, i);
        struct mclient *mc = c->state == CLIENT_OPEN ? model_find(&life->model, c->conn) : NULL;
        if (mc != NULL) {
            powers_expire(&life->model, mc);
        }
        if (mc != NULL && mc == late &&
            ((uint32_t)(then / TICK_MS) - mc->heard_tick) * TICK_MS >= TIMEOUT_MS) {
            model_timeout(&life->model, mc);
        }
    }
}

/* Clients that have been silent too long when the hub sweeps; all but one show a sign of life. */
static void tick_by(struct life *life, uint64_t ms)
{
    uint64_t then = life->v.now.mono_ms + ms;
    struct mclient *late = NULL;

    if (then - life->last_sweep_ms >= SWEEP_MS) {
        life->last_sweep_ms = then;
        for (int i = 0; i < MODEL_CLIENTS; i++) {
            struct mclient *c = &life->model.clients[i];
            uint32_t silent = (uint32_t)(then / TICK_MS) - c->heard_tick;
            if (!c->used || !c->open || silent * TICK_MS < TIMEOUT_MS) {
                continue;
            }
            if (late == NULL) {
                late = c;
            } else if (c->conn != NULL) {
                virtual_alive(&life->v, c->conn);
            } else {
                virtual_up(&life->v, conn_reactor(c->handle), UINT32_MAX);
            }
        }
        sweep(life, late, then);
    }
    pass_time(life, ms);
}

static void tick(struct life *life)
{
    tick_by(life, draw(life, 5) == 0 ? 2000 + draw(life, 20000) : 50 + draw(life, 400));
}

/* --- a life ----------------------------------------------------------------------------------- */

static enum event choose_event(struct life *life)
{
    unsigned total = 0;

    for (int i = 0; i < EVENT_COUNT; i++) {
        total += life->weights[i];
    }
    uint64_t dice = draw(life, total);
    for (int i = 0; i < EVENT_COUNT; i++) {
        if (dice < life->weights[i]) {
            return (enum event)i;
        }
        dice -= life->weights[i];
    }
    return EVENT_UP;
}

/* Those who have been asked have more to say than others. */
static struct mclient *some_speaker(struct life *life)
{
    struct mclient *c = draw(life, 2) == 0 ? errands_some_agent(&life->model, &life->random) : NULL;

    return c != NULL && c->conn != NULL ? c : some_client(life);
}

static void do_client_event(struct life *life, enum event event)
{
    struct mclient *c = event == EVENT_SEND ? some_speaker(life) : some_client(life);

    if (c == NULL) {
        return;
    }
    switch (event) {
    case EVENT_SEND:
        send_some(life, c);
        break;
    case EVENT_ABORT:
        vanish(life, c);
        break;
    case EVENT_CLOSE:
        (void)virtual_say(&life->v, c->conn, UP_FAILED, WS_CLOSE_NORMAL, STR(""));
        break;
    case EVENT_STALL:
        c->conn->room = draw(life, 3) == 0 ? 0 : draw(life, 700);
        break;
    default:
        virtual_give_room(&life->v, c->conn, draw(life, 2) == 0 ? SIZE_MAX : 1 + draw(life, 2000));
    }
}

static void do_event(struct life *life, enum event event)
{
    unsigned reactor = (unsigned)draw(life, life->v.reactors);

    life->events[event]++;
    switch (event) {
    case EVENT_CONNECT:
        connect_one(life);
        break;
    case EVENT_UP:
        virtual_up(&life->v, reactor, 1 + (uint32_t)draw(life, 30));
        break;
    case EVENT_END_TURN:
        (void)virtual_end_turn(&life->v);
        break;
    case EVENT_DOWN:
        (void)virtual_down(&life->v, reactor);
        break;
    case EVENT_FLUSH:
        virtual_flush(&life->v, reactor, 1 + (uint32_t)draw(life, 24));
        break;
    case EVENT_TICK:
        tick(life);
        break;
    case EVENT_RELOAD:
        powers_reload(&life->model, &life->v, &life->random);
        break;
    default:
        do_client_event(life, event);
    }
}

/* What the hub counts is what the model does. */
static void check_counts(const struct life *life)
{
    const struct model *m = &life->model;
    struct hub_counts counts;

    hub_counts(life->v.hub, &counts);
    if (m->lossy) {
        return;
    }
    if (counts.requests != m->request_count || counts.requests_queued != errands_waiting(m)) {
        model_fail(NULL, "there are %llu requests, %llu of them waiting, instead of %zu and %llu",
                   (unsigned long long)counts.requests, (unsigned long long)counts.requests_queued,
                   m->request_count, (unsigned long long)errands_waiting(m));
    }
    if (counts.answers_late != m->late || counts.answers_stray != m->stray) {
        model_fail(NULL, "%llu answers came late and %llu from strangers instead of %llu and %llu",
                   (unsigned long long)counts.answers_late,
                   (unsigned long long)counts.answers_stray, (unsigned long long)m->late,
                   (unsigned long long)m->stray);
    }
    for (unsigned i = 0; i < HUB_REQUEST_ENDS; i++) {
        if (counts.requests_ended[i] != m->ended[i]) {
            model_fail(NULL, "%llu requests have ended by %s instead of %llu",
                       (unsigned long long)counts.requests_ended[i], hub_request_end_name(i),
                       (unsigned long long)m->ended[i]);
        }
    }
}

/* Everybody reads all there is; then nobody may have missed anything without having been told. */
static void settle(struct life *life)
{
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < MODEL_CLIENTS; i++) {
            struct mclient *c = &life->model.clients[i];
            if (c->used && c->conn != NULL) {
                virtual_give_room(&life->v, c->conn, SIZE_MAX);
            }
        }
        virtual_settle(&life->v);
    }
    for (int i = 0; i < MODEL_CLIENTS && !life->model.lossy; i++) {
        const struct mclient *c = &life->model.clients[i];
        bool told = c->list_from == c->list_count && (c->closing || c->skipped == 0);
        if (c->used && c->conn != NULL && (c->open || c->closing) && !told) {
            model_fail(c, "has not heard %zu things, and nobody told it of %llu skipped ones",
                       c->list_count - c->list_from, (unsigned long long)c->skipped);
        }
    }
}

/* A handshake that the hub had no memory for is never answered; a reactor's deadline ends it. */
static void end_unanswered(struct life *life)
{
    for (int i = 0; i < MODEL_CLIENTS && life->model.lossy; i++) {
        struct mclient *c = &life->model.clients[i];
        if (c->used && c->conn != NULL && !c->conn->accepted) {
            vanish(life, c);
        }
    }
}

/* Those who follow the state ask until they know all of it. */
static void follow_on(struct life *life)
{
    const struct action ask = {.deed = DEED_FOLLOW, .wanted = NO_CAPABILITY, .session = NO_SESSION};
    bool more = !life->model.lossy;

    while (more) {
        more = false;
        for (int i = 0; i < MODEL_CLIENTS; i++) {
            struct mclient *c = &life->model.clients[i];
            if (c->used && c->open && c->conn != NULL && follow_wants_more(c)) {
                say(life, c, &ask);
                more = true;
            }
        }
        settle(life);
    }
}

/* The hub and the model agree before the end. */
static void check_all(const struct life *life)
{
    struct hub_counts counts;

    check_counts(life);
    follow_check(&life->model, life->v.hub->watch.version);
    hub_counts(life->v.hub, &counts);
    if (!life->model.lossy && counts.sessions != model_session_count(&life->model, NULL)) {
        model_fail(NULL, "there are %llu sessions instead of %llu",
                   (unsigned long long)counts.sessions,
                   (unsigned long long)model_session_count(&life->model, NULL));
    }
}

/* Nothing is left of anybody. */
static void check_empty(const struct life *life)
{
    struct hub_counts counts;

    hub_counts(life->v.hub, &counts);
    if (!hub_empty(life->v.hub) || counts.agents != 0 || counts.sessions != 1 ||
        counts.requests != 0 || life->clients != 0) {
        model_fail(NULL,
                   "at the end there are %llu clients, %llu agents, %llu sessions, %llu requests, "
                   "%u open",
                   (unsigned long long)counts.clients, (unsigned long long)counts.agents,
                   (unsigned long long)counts.sessions, (unsigned long long)counts.requests,
                   life->clients);
    }
    for (unsigned r = 0; r < life->v.reactors; r++) {
        const struct reader *reader = &life->v.reactor[r].reader;
        if (slab_count(&reader->items) != 0 || slab_count(&reader->memberships) != 0) {
            model_fail(NULL, "at the end reactor %u keeps %u items and %u memberships", r,
                       slab_count(&reader->items), slab_count(&reader->memberships));
        }
    }
}

static void finish(struct life *life)
{
    fault_rate(0);
    settle(life);
    end_unanswered(life);
    follow_on(life);
    check_all(life);
    drain(life, DRAIN_MS);
    /* Life goes on for a while; who is in a request is closed last. */
    for (int i = 0; i < DRAIN_EVENTS; i++) {
        do_event(life, choose_event(life));
        check_counts(life);
    }
    tick_by(life, DRAIN_MS);
    settle(life);
    check_empty(life);
}

/* What this life is like. */
static void choose_settings(struct life *life, struct hub_settings *s)
{
    struct model *m = &life->model;

    s->max_send_queue_bytes = 2000 + draw(life, draw(life, 2) == 0 ? 10000 : 300000);
    s->max_queue = draw(life, 2) == 0 ? 1 + (uint32_t)draw(life, 8) : s->max_queue;
    s->remember_ms = draw(life, 2) == 0 ? 20000 : s->remember_ms;
    s->request_timeout_ms = draw(life, 2) == 0 ? 3000 : s->request_timeout_ms;
    life->max_clients = 4 + (unsigned)draw(life, draw(life, 2) == 0 ? 12 : MODEL_CLIENTS - 8);
    life->control_percent = (unsigned)draw(life, 3) * 40;
    life->limited_percent = (unsigned)draw(life, 3) * 30;
    m->access = life->limited_percent == 0 ? ACCESS_FREE
                : draw(life, 2) == 0       ? ACCESS_TOKENS
                                           : ACCESS_SIGNED;
    m->holds = true;
    m->limited_wide = draw(life, 2) == 0;
    m->limited_more = draw(life, 2) == 0;
    m->max_queue = s->max_queue;
    m->remember_ms = s->remember_ms;
    m->request_ms = s->request_timeout_ms;
    m->errand_percent = (unsigned)draw(life, 4) * 20;
}

static void add_up(const struct life *life, struct totals *t)
{
    t->packed += life->v.packed;
    struct hub_counts counts;

    hub_counts(life->v.hub, &counts);
    for (int i = 0; i < EVENT_COUNT; i++) {
        t->events[i] += life->events[i];
    }
    for (unsigned i = 0; i < HUB_REQUEST_ENDS; i++) {
        t->requests_ended[i] += counts.requests_ended[i];
        t->requests += counts.requests_ended[i];
    }
    t->checks += life->model.checks;
    t->slow += life->model.slow;
    t->slow_skipped += life->model.slow_skipped;
    t->tried_again += life->model.tried_again;
    t->put_out += life->model.put_out;
    t->ran_out += life->model.ran_out;
    t->answers_late += counts.answers_late;
    t->answers_stray += counts.answers_stray;
}

void life_live(uint64_t seed, uint64_t events, bool lossy, struct totals *totals)
{
    static const unsigned usual[EVENT_COUNT] = {30, 300, 6, 6, 20, 60, 200, 150, 150, 250, 10, 4};
    static const unsigned reactors[] = {1, 2, 4};
    struct life *life = calloc(1, sizeof(*life));
    struct hub_settings settings;
    struct virtual_hooks hooks = {
        .ctx = life, .frame = on_frame, .taken = on_taken, .ended = on_ended, .claim = on_claim};

    if (life == NULL) {
        model_fail(NULL, "the simulator itself has no memory");
    }
    life->random = seed * 0x9e3779b97f4a7c15u + 1;
    hub_settings_init(&settings);
    settings.max_pause_ms = UINT64_MAX; /* time goes in leaps here */
    settings.turn_output = UINT64_MAX;  /* and what follows from something, behind it */
    settings.reactors = reactors[seed % 3];
    life->packing_tenths = (unsigned)(seed / 3 % 3) * 3;
    model_init(&life->model);
    life->model.lossy = lossy;
    choose_settings(life, &settings);
    /* Each life has a character: some of its events come far more often than usual. */
    for (int i = 0; i < EVENT_COUNT; i++) {
        life->weights[i] = usual[i] * (draw(life, 4) == 0 ? 4 : 1);
    }
    if (!virtual_init(&life->v, &settings, &hooks, seed)) {
        model_fail(NULL, "the simulator itself has no memory");
    }
    powers_begin(&life->model, &life->v);
    life->last_sweep_ms = life->v.now.mono_ms;
    fault_rate(lossy ? 300 : 0);
    for (uint64_t i = 0; i < events; i++) {
        do_event(life, choose_event(life));
        for (unsigned r = 0; r < settings.reactors; r++) {
            invariants_check(&life->v.reactor[r].reader);
        }
        check_counts(life);
    }
    finish(life);
    add_up(life, totals);
    virtual_fini(&life->v);
    model_fini(&life->model);
    free(life);
}
