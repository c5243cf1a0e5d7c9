/*
 * The simulator of the bridge: seeded lives of rooms against the real core.
 *
 *   sim-matrix [--seeds FROM-TO] [--events N] [--lossy]
 *
 * Each seed is one life: people write, edit, redact, invite, kick and encrypt; the server is slow,
 * refuses, repeats and takes what nobody heard of any more; the agent streams, fails and falls
 * silent; and the bridge is killed at any point of any step and started from what it had committed.
 * At the end all trouble stops, and what is in the rooms is compared with what was asked. A
 * difference prints the seed; `--seeds N-N` replays it. With --lossy allocations inside of the
 * bridge fail, too, each of which ends its process.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "../faults.h"
#include "model.h"

enum what {
    WHAT_ASK,
    WHAT_COMMAND,
    WHAT_EDIT,
    WHAT_REDACT,
    WHAT_TELL,
    WHAT_REPEAT,
    WHAT_SERVE,
    WHAT_AGENT,
    WHAT_TICK,
    WHAT_KILL,
    WHAT_INVITE,
    WHAT_JOIN,
    WHAT_KICK,
    WHAT_ENCRYPT,
    WHAT_NAME,
    WHAT_RELOAD,
    WHAT_COUNT
};

static const char *const what_names[WHAT_COUNT] = {
    "ask",  "command", "edit",   "redact", "tell", "repeat",  "serve", "agent",
    "tick", "kill",    "invite", "join",   "kick", "encrypt", "name",  "reload"};

static const unsigned usual[WHAT_COUNT] = {150, 25, 20, 12, 250, 10, 250, 250,
                                           120, 3,  20, 40, 1,   1,  3,   2};

static uint64_t current_seed;
static uint64_t counts[WHAT_COUNT];
static uint64_t kills, checks, messages, starved;

uint64_t model_draw(struct model *m, uint64_t below)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (m->random >> 11) % below;
}

void model_fail(const struct model *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n(after %u events of the stream, %u messages)\n", m->event_count,
            m->message_count);
    abort();
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void on_committed(void *ctx, const struct row *row)
{
    server_committed(ctx, row);
}

static void on_step_ended(void *ctx, bool is_committed)
{
    server_step_ended(ctx, is_committed);
}

static void on_acted(void *ctx, const struct bridge_action *action)
{
    server_act(ctx, action);
}

static void on_killed(void *ctx)
{
    server_killed(ctx);
    agent_killed(ctx);
}

static uint64_t on_draw(void *ctx, uint64_t below)
{
    return model_draw(ctx, below);
}

/* --- what happens ----------------------------------------------------------------------------- */

static unsigned some_room(struct model *m)
{
    return (unsigned)model_draw(m, ROOMS);
}

/* A question of late; NULL: the number drawn is none. */
static struct event *some_question(struct model *m, uint32_t *ret_number)
{
    if (m->event_count == 0) {
        return NULL;
    }
    uint32_t span = m->event_count < 40 ? m->event_count : 40;
    *ret_number = m->event_count - 1 - (uint32_t)model_draw(m, span);
    struct event *e = &m->events[*ret_number];
    return e->kind == MATRIX_MESSAGE && e->command == NULL && !e->is_long ? e : NULL;
}

static void ask(struct model *m)
{
    if (m->event_count - m->told < 100) {
        struct event *e = server_post(m, MATRIX_MESSAGE, some_room(m));
        e->thread = model_draw(m, 3) == 0 ? (unsigned)model_draw(m, THREADS) : 0;
        e->user = (unsigned)model_draw(m, USERS);
        e->is_long = model_draw(m, 60) == 0;
        e->is_old = model_draw(m, 60) == 0;
    }
}

static void command(struct model *m)
{
    static const char *const commands[] = {
        "/stop",        "/stop",          "/retry",     "/help",     "/status", "/sessions",
        "/new_session", "/new_session x", "/session 1", "/model m1", "/rooms",  "/nonsense"};
    struct event *e;
    uint32_t number;

    if (m->event_count - m->told >= 100) {
        return;
    }
    e = server_post(m, MATRIX_MESSAGE, some_room(m));
    number = m->event_count - 1;
    e->thread = model_draw(m, 3) == 0 ? (unsigned)model_draw(m, THREADS) : 0;
    e->command = commands[model_draw(m, sizeof(commands) / sizeof(commands[0]))];
    if (model_draw(m, 300) == 0) {
        e->command = "/leave";
    }
    for (uint32_t i = 0; i < number && strcmp(e->command, "/retry") == 0; i++) {
        struct event *q = &m->events[i];
        q->retries += q->room == e->room && q->thread == e->thread;
    }
}

static void edit(struct model *m)
{
    uint32_t number;
    struct event *q = some_question(m, &number);

    if (q != NULL && m->event_count - m->told < 100) {
        struct event of = *q;
        struct event *e = server_post(m, MATRIX_EDIT, of.room);
        e->thread = of.thread;
        e->user = model_draw(m, 5) == 0 ? (of.user + 1) % USERS : of.user;
        e->target = number;
        e->version = m->event_count;
    }
}

static void redact(struct model *m)
{
    uint32_t number;
    struct event *q = some_question(m, &number);

    if (m->keys.count > 4 && model_draw(m, 2) == 0) {
        /* One that the agent is at, or was until now. */
        number = m->asked[m->keys.count - 1 - model_draw(m, 4)].question;
        q = &m->events[number];
    }
    if (q != NULL && m->event_count - m->told < 100) {
        struct event of = *q;
        struct event *e = server_post(m, MATRIX_REDACTION, of.room);
        e->user = of.user;
        e->target = number;
    }
}

static void serve(struct model *m)
{
    unsigned from = (unsigned)model_draw(m, FLIGHTS);

    for (unsigned i = 0; i < FLIGHTS; i++) {
        struct flight *f = &m->flights[(from + i) % FLIGHTS];
        if (f->used) {
            server_serve(m, f);
            return;
        }
    }
}

static void tick(struct model *m)
{
    uint64_t deadline = bridge_deadline(m->d.bridge);
    uint64_t ms = model_draw(m, 20) == 0 ? model_draw(m, 30000) : model_draw(m, 500);

    if (deadline > m->d.now.mono_ms && ms > deadline - m->d.now.mono_ms) {
        ms = deadline - m->d.now.mono_ms;
    }
    ms = deadline <= m->d.now.mono_ms ? 0 : ms;
    m->d.now.mono_ms += ms;
    m->d.now.wall_ms += ms;
    driver_enter(&m->d);
    bridge_tick(m->d.bridge, m->d.now);
    driver_leave(&m->d);
}

static void invite(struct model *m)
{
    unsigned room = 1 + (unsigned)model_draw(m, ROOMS - 1);

    if (!m->rooms[room].is_joined) {
        struct event *e = server_post(m, MATRIX_INVITED, room);
        e->user = (unsigned)model_draw(m, USERS);
        if (e->user < 3) {
            m->rooms[room].is_invited = true;
            m->rooms[room].may_join = true;
        }
    }
}

static void resolve_join(struct model *m)
{
    unsigned room = some_room(m);
    struct room_state *r = &m->rooms[room];
    struct str error = STR("");

    if (!r->is_joining) {
        return;
    }
    if (!r->is_joined) {
        if ((room != 0 && !r->may_join) || (!m->is_calm && model_draw(m, 6) == 0)) {
            error = STR("M_FORBIDDEN");
        } else {
            r->is_joined = true;
            (void)server_post(m, MATRIX_JOINED, room);
        }
    }
    r->is_joining = false;
    driver_enter(&m->d);
    bridge_joined(m->d.bridge, room_id(room), error);
    driver_leave(&m->d);
}

static void kick(struct model *m)
{
    unsigned room = some_room(m);

    if (m->rooms[room].is_joined) {
        m->rooms[room].is_joined = false;
        m->rooms[room].is_typing = false;
        m->rooms[room].may_join = false;
        server_waive(m, room);
        (void)server_post(m, MATRIX_LEFT, room);
    }
}

static void encrypt(struct model *m)
{
    unsigned room = 3 + (unsigned)model_draw(m, ROOMS - 3);

    /* It is for ever, so it is seldom. */
    if (m->rooms[room].is_joined && !m->rooms[room].is_encrypted && model_draw(m, 5) == 0) {
        m->rooms[room].is_encrypted = true;
        server_waive(m, room);
        (void)server_post(m, MATRIX_ENCRYPTED, room);
    }
}

static void reload(struct model *m)
{
    m->d.settings.max_waiting = 2 + (uint32_t)model_draw(m, 8);
    driver_enter(&m->d);
    (void)bridge_reload(m->d.bridge, &m->d.settings);
    driver_leave(&m->d);
}

static void happen(struct model *m, enum what what)
{
    static void (*const simple[WHAT_COUNT])(struct model *) = {
        [WHAT_ASK] = ask,         [WHAT_COMMAND] = command,   [WHAT_EDIT] = edit,
        [WHAT_REDACT] = redact,   [WHAT_SERVE] = serve,       [WHAT_TICK] = tick,
        [WHAT_INVITE] = invite,   [WHAT_JOIN] = resolve_join, [WHAT_KICK] = kick,
        [WHAT_ENCRYPT] = encrypt, [WHAT_RELOAD] = reload,     [WHAT_REPEAT] = server_repeat};

    counts[what]++;
    switch (what) {
    case WHAT_TELL:
        server_tell(m, 1 + (uint32_t)model_draw(m, 6), model_draw(m, 4) > 0);
        break;
    case WHAT_AGENT:
        (void)agent_go_on(m);
        break;
    case WHAT_NAME:
        (void)server_post(m, MATRIX_NAME, some_room(m));
        break;
    case WHAT_KILL:
        driver_kill(&m->d, 20);
        break;
    default:
        simple[what](m);
    }
}

/* --- a life ----------------------------------------------------------------------------------- */

static enum what choose(struct model *m, const unsigned *weights)
{
    unsigned total = 0;
    unsigned i = 0;

    for (unsigned k = 0; k < WHAT_COUNT; k++) {
        total += weights[k];
    }
    uint64_t dice = model_draw(m, total);
    while (dice >= weights[i]) {
        dice -= weights[i++];
    }
    return (enum what)i;
}

/* No more trouble: everything that is under way comes to its end. */
static void calm_down(struct model *m)
{
    m->is_calm = true;
    m->d.fault_rate = 0;
    m->server_limit = SIZE_MAX;
    for (unsigned i = 0; i < ROOMS; i++) {
        m->rooms[i].is_forbidding = false;
    }
    driver_settle(&m->d, 0);
    for (unsigned rounds = 0; rounds < 20000; rounds++) {
        bool is_busy = m->told < m->event_count || m->open_asks > 0;
        server_tell(m, 50, true);
        for (unsigned i = 0; i < FLIGHTS; i++) {
            is_busy |= m->flights[i].used || m->rooms[i].is_joining;
            if (m->flights[i].used) {
                server_serve(m, &m->flights[i]);
            }
        }
        (void)agent_go_on(m);
        resolve_join(m);
        tick(m);
        driver_settle(&m->d, 0);
        check_step(m);
        struct bridge_counts c;
        bridge_counts(m->d.bridge, &c);
        if (!is_busy && c.sends_waiting == 0 && c.questions_waiting == 0 && c.turns_open == 0) {
            driver_settle(&m->d, 0);
            return;
        }
    }
    model_fail(m, "it never comes to rest");
}

static void model_fini(struct model *m)
{
    driver_fini(&m->d);
    for (unsigned i = 0; i < FLIGHTS; i++) {
        free((char *)(uintptr_t)m->flights[i].content.ptr);
    }
    for (uint32_t i = 0; i < m->message_count; i++) {
        buf_fini(&m->messages[i].text);
    }
    for (uint32_t i = 0; i < m->keys.count; i++) {
        free(m->asked[i].answer);
    }
    free(m->asked);
    free(m->messages);
    free(m->events);
    free(m->txn_messages);
    names_fini(&m->txns);
    names_fini(&m->keys);
}

static void begin_life(struct model *m, uint64_t seed, bool lossy)
{
    static const struct str rooms[] = {{"!home:s", 7}};
    static const struct str invites[] = {{"@nobody:*", 9}, {"@*:s", 4}};
    static const struct str admins[] = {{"@ann:s", 6}};
    struct bridge_settings settings = {.user_id = STR("@bot:s"),
                                       .session_name = STR("matrix:{room}:{date}-{n}"),
                                       .model = STR(""),
                                       .rooms = rooms,
                                       .room_count = 1,
                                       .invites = invites,
                                       .invite_count = 2,
                                       .admins = admins,
                                       .admin_count = 1,
                                       .max_message_bytes = 2000,
                                       .turn_timeout_ms = 60000,
                                       .whom_to_ask = STR("@ann:s")};
    struct driver_hooks hooks = {.ctx = m,
                                 .committed = on_committed,
                                 .step_ended = on_step_ended,
                                 .acted = on_acted,
                                 .killed = on_killed,
                                 .draw = on_draw};

    m->random = seed * 0x9e3779b97f4a7c15u + 1;
    settings.max_turns_in_flight = 1 + (uint32_t)model_draw(m, 5);
    settings.max_waiting = 2 + (uint32_t)model_draw(m, 8);
    settings.history_bytes = model_draw(m, 2) == 0 ? 0 : 2000;
    m->server_limit = model_draw(m, 2) == 0 ? SIZE_MAX : 900 + model_draw(m, 1000);
    m->rooms[2].is_forbidding = true;
    driver_init(&m->d, &settings, &hooks,
                (struct bridge_time){.mono_ms = 1000, .wall_ms = 1700000000000}, seed);
    m->d.fault_rate = lossy ? 2000 : 0;
}

static void live(uint64_t seed, uint64_t events, bool lossy)
{
    struct model *m = calloc(1, sizeof(*m));
    unsigned weights[WHAT_COUNT];

    assert(m != NULL);
    current_seed = seed;
    begin_life(m, seed, lossy);
    /* Each life has a character: some of its events come far more often than usual. */
    for (unsigned i = 0; i < WHAT_COUNT; i++) {
        weights[i] = usual[i] * (model_draw(m, 5) == 0 ? 4 : 1);
    }
    unsigned danger = 100 + (unsigned)model_draw(m, 2000);
    driver_start(&m->d, 20);
    for (uint64_t i = 0; i < events; i++) {
        happen(m, choose(m, weights));
        if (model_draw(m, 3) > 0) {
            driver_settle(&m->d, danger);
            check_step(m);
        }
    }
    calm_down(m);
    check_end(m);
    kills += m->d.kills;
    starved += m->d.starved;
    checks += m->checks;
    messages += m->message_count;
    model_fini(m);
    free(m);
}

static void on_abort(void)
{
    fprintf(stderr, "sim-matrix: replay with --seeds %llu-%llu\n", (unsigned long long)current_seed,
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
            fprintf(stderr, "usage: sim-matrix [--seeds FROM-TO] [--events N] [--lossy]\n");
            return 2;
        }
    }
    fault_on_abort(on_abort);
    for (uint64_t seed = from; seed <= to; seed++) {
        live(seed, events, lossy);
    }
    printf("%llu lives of %llu events; %llu kills, %llu of them for want of memory; %llu messages "
           "in the rooms; %llu things compared\nevents:",
           to - from + 1, events, (unsigned long long)kills, (unsigned long long)starved,
           (unsigned long long)messages, (unsigned long long)checks);
    for (unsigned i = 0; i < WHAT_COUNT; i++) {
        printf(" %s %llu", what_names[i], (unsigned long long)counts[i]);
    }
    printf("\n");
    return 0;
}
