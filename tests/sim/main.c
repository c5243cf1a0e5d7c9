/*
 * The simulator: seeded lives of clients against the real hub and real fan-out.
 *
 *   sim [--seeds FROM-TO] [--events N] [--lossy]
 *
 * Each seed is one life: a gateway with 1, 2 or 4 virtual reactors, clients that come, speak,
 * stall and vanish, queues that are late and sockets that take a few bytes at a time. All that
 * anybody hears is compared with a model. A difference prints the seed; `--seeds N-N` replays it.
 * With --lossy some allocations fail; then nothing is compared, but nothing may crash, leak, or
 * stay behind at the end.
 */

#include <stdio.h>
#include <stdlib.h>

#include "faults.h"
#include "invariants.h"
#include "model.h"
#include "speak.h"
#include "ws/ws.h"

enum { MESSAGE_MAX = 4096, TICK_MS = 100, TIMEOUT_MS = 60000, SWEEP_MS = 1000 };

enum event {
    EVENT_CONNECT,
    EVENT_SEND,
    EVENT_ABORT,
    EVENT_CLOSE,
    EVENT_STALL,
    EVENT_ROOM,
    EVENT_UP,
    EVENT_END_TURN,
    EVENT_DOWN,
    EVENT_FLUSH,
    EVENT_TICK,
    EVENT_COUNT
};

static const char *const event_names[EVENT_COUNT] = {"connect", "send",  "abort", "close",
                                                     "stall",   "room",  "up",    "end-turn",
                                                     "down",    "flush", "tick"};

struct life {
    uint64_t random;
    struct virtual v;
    struct model model;
    unsigned weights[EVENT_COUNT];
    unsigned max_clients;
    unsigned control_percent; /* of the clients that speak the gateway dialect */
    unsigned clients;         /* with a connection */
    uint64_t next_number;
    uint64_t last_sweep_ms;
};

static uint64_t current_seed;
static uint64_t event_counts[EVENT_COUNT];
static uint64_t checks;
static uint64_t slows;
static uint64_t slow_skipped;

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
    model_frame(&life->model, c->user, opcode, payload);
}

static void on_taken(void *ctx, const struct up *item, struct str text)
{
    struct life *life = ctx;
    struct mclient *c = model_find(&life->model, item->conn);

    (void)text;
    if (c != NULL) {
        model_taken(&life->model, c, item, (uint32_t)(life->v.now.mono_ms / TICK_MS));
    }
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
    /* Most live in one world, so that it is large enough for a log. */
    unsigned world = draw(life, 4) > 0 ? 0 : (unsigned)draw(life, MODEL_WORLDS);
    bool control = draw(life, 100) < life->control_percent;
    struct evidence evidence = {.near = true, .world = str_from_z(control ? "" : worlds[world])};

    if (life->clients >= life->max_clients) {
        return;
    }
    struct vconn *conn = virtual_knock(&life->v, (unsigned)draw(life, life->v.reactors),
                                       control ? DIALECT_GATEWAY : DIALECT_WORLD, &evidence);
    if (conn == NULL) {
        return;
    }
    if (model_connect(&life->model, conn, control ? MODEL_WORLDS : world) == NULL) {
        virtual_abort(&life->v, conn);
        return;
    }
    life->clients++;
}

static void send_some(struct life *life, struct mclient *c)
{
    uint64_t burst = draw(life, 20) == 0 ? 1 + draw(life, 60) : 1;

    while (burst-- > 0) {
        struct buf b;
        struct action a = speak_choose(&life->model, c, &life->random, life->next_number++);
        buf_init(&b, MESSAGE_MAX);
        speak_write(&b, &life->model, c, &a, &life->random);
        if (!b.failed && virtual_send(&life->v, c->conn, buf_str(&b))) {
            model_sent(c, &a);
        }
        buf_fini(&b);
    }
}

static void vanish(struct life *life, struct mclient *c)
{
    virtual_abort(&life->v, c->conn);
    c->conn = NULL;
    life->clients--;
}

/* Clients that have been silent too long when the hub sweeps; all but one show a sign of life. */
static void tick(struct life *life)
{
    uint64_t ms = draw(life, 5) == 0 ? 2000 + draw(life, 20000) : 50 + draw(life, 400);
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
    }
    if (late != NULL && late->open &&
        ((uint32_t)(then / TICK_MS) - late->heard_tick) * TICK_MS >= TIMEOUT_MS) {
        model_timeout(&life->model, late);
    }
    virtual_tick(&life->v, ms);
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

static void do_client_event(struct life *life, enum event event)
{
    struct mclient *c = some_client(life);

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

    event_counts[event]++;
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
    default:
        do_client_event(life, event);
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

static void finish(struct life *life)
{
    struct hub_counts counts;

    fault_rate(0);
    settle(life);
    end_unanswered(life);
    hub_counts(life->v.hub, &counts);
    if (!life->model.lossy && counts.sessions != model_session_count(&life->model)) {
        model_fail(NULL, "there are %llu sessions instead of %llu",
                   (unsigned long long)counts.sessions,
                   (unsigned long long)model_session_count(&life->model));
    }
    model_drain(&life->model);
    hub_drain(life->v.hub, 0);
    virtual_tick(&life->v, TICK_MS);
    settle(life);
    hub_counts(life->v.hub, &counts);
    if (!hub_empty(life->v.hub) || counts.agents != 0 || counts.sessions != 1 ||
        life->clients != 0) {
        model_fail(NULL, "at the end there are %llu clients, %llu agents, %llu sessions, %u open",
                   (unsigned long long)counts.clients, (unsigned long long)counts.agents,
                   (unsigned long long)counts.sessions, life->clients);
    }
    for (unsigned r = 0; r < life->v.reactors; r++) {
        const struct reader *reader = &life->v.reactor[r].reader;
        if (slab_count(&reader->items) != 0 || slab_count(&reader->memberships) != 0) {
            model_fail(NULL, "at the end reactor %u keeps %u items and %u memberships", r,
                       slab_count(&reader->items), slab_count(&reader->memberships));
        }
    }
}

static void live(uint64_t seed, uint64_t events, bool lossy)
{
    static const unsigned usual[EVENT_COUNT] = {30, 300, 6, 6, 20, 60, 200, 150, 150, 250, 10};
    static const unsigned reactors[] = {1, 2, 4};
    struct life *life = calloc(1, sizeof(*life));
    struct hub_settings settings;
    struct virtual_hooks hooks = {
        .ctx = life, .frame = on_frame, .taken = on_taken, .ended = on_ended};

    if (life == NULL) {
        model_fail(NULL, "the simulator itself has no memory");
    }
    current_seed = seed;
    life->random = seed * 0x9e3779b97f4a7c15u + 1;
    hub_settings_init(&settings);
    settings.reactors = reactors[seed % 3];
    settings.max_send_queue_bytes = 2000 + draw(life, draw(life, 2) == 0 ? 10000 : 300000);
    life->max_clients = 4 + (unsigned)draw(life, draw(life, 2) == 0 ? 12 : MODEL_CLIENTS - 8);
    life->control_percent = (unsigned)draw(life, 3) * 40;
    model_init(&life->model);
    life->model.lossy = lossy;
    /* Each life has a character: some of its events come far more often than usual. */
    for (int i = 0; i < EVENT_COUNT; i++) {
        life->weights[i] = usual[i] * (draw(life, 4) == 0 ? 4 : 1);
    }
    if (!virtual_init(&life->v, &settings, &hooks, seed)) {
        model_fail(NULL, "the simulator itself has no memory");
    }
    life->last_sweep_ms = life->v.now.mono_ms;
    fault_rate(lossy ? 300 : 0);
    for (uint64_t i = 0; i < events; i++) {
        do_event(life, choose_event(life));
        for (unsigned r = 0; r < settings.reactors; r++) {
            invariants_check(&life->v.reactor[r].reader);
        }
    }
    finish(life);
    checks += life->model.checks;
    slows += life->model.slow;
    slow_skipped += life->model.slow_skipped;
    virtual_fini(&life->v);
    model_fini(&life->model);
    free(life);
}

static void on_abort(void)
{
    fprintf(stderr, "sim: replay with --seeds %llu-%llu\n", (unsigned long long)current_seed,
            (unsigned long long)current_seed);
}

/* "FROM-TO" */
static bool read_range(const char *text, unsigned long long *ret_from, unsigned long long *ret_to)
{
    char *end;

    *ret_from = strtoull(text, &end, 10);
    if (end == text || *end != '-') {
        return false;
    }
    text = end + 1;
    *ret_to = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

int main(int argc, char **argv)
{
    unsigned long long from = 1;
    unsigned long long to = 100;
    unsigned long long events = 10000;
    bool lossy = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--lossy") == 0) {
            lossy = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--events") == 0) {
            events = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0 &&
                   read_range(argv[++i], &from, &to)) {
            continue;
        } else {
            fprintf(stderr, "usage: sim [--seeds FROM-TO] [--events N] [--lossy]\n");
            return 2;
        }
    }
    fault_on_abort(on_abort);
    for (uint64_t seed = from; seed <= to; seed++) {
        live(seed, events, lossy);
    }
    printf("%llu lives of %llu events; %llu things heard and compared; %llu times told of %llu "
           "skipped broadcasts\nevents:",
           to - from + 1, events, (unsigned long long)checks, (unsigned long long)slows,
           (unsigned long long)slow_skipped);
    for (int i = 0; i < EVENT_COUNT; i++) {
        printf(" %s %llu", event_names[i], (unsigned long long)event_counts[i]);
    }
    printf("\n");
    return 0;
}
