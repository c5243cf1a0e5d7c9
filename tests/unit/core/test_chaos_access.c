#include <stdio.h>
#include <stdlib.h>

#include "chaos.h"
#include "core/internal.h"
#include "faults.h"
#include "unit.h"
#include "valgrind.h"
#include "ws/ws.h"

/*
 * Random lives of a gateway: peers come with and without credentials, give them late, wait for
 * verdicts, register, are kicked, go; the configuration is replaced again and again meanwhile.
 * After each step nobody is in who may not be, by the model of chaos.h, and nobody is out who may
 * stay; who is not in hears nothing of the others. In the end everybody has gone, and nothing is
 * left of them. The same without memory, where somebody may be lost, but nothing else.
 */

enum { LIVES = 100, STEPS = 400, FAULTS = 40 };

struct chaos {
    struct virtual v;
    struct setting now;
    struct peer peers[PEERS];
    struct kept kept;
    uint64_t random;
    bool lossy;
    unsigned come; /* for addresses: no two the same, so that no limit is reached */
};

static unsigned pick(struct chaos *c, unsigned below)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return (unsigned)(c->random >> 11) % below;
}

/* --- what peers hear -------------------------------------------------------------------------- */

static bool has(struct str text, const char *what)
{
    return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

static void on_frame(void *ctx, struct vconn *conn, unsigned opcode, struct str payload)
{
    struct peer *p = conn->user;

    (void)ctx;
    if (opcode == WS_CLOSE) {
        p->close_code = (uint16_t)((uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
        return;
    }
    if (opcode != WS_TEXT) {
        return;
    }
    const char *id = memmem(payload.ptr, payload.len, "\"client_id\":\"", 13);
    if (id != NULL && p->id[0] == '\0') {
        memcpy(p->id, id + 13, CLIENT_ID_SIZE);
    }
    if (conn->stranger) {
        bool greeting = has(payload, "\"connection_ack\"") && has(payload, "\"agents\":[]");
        assert_true(greeting || has(payload, "\"type\":\"error\"") ||
                    has(payload, "{\"type\":\"pong\"}"));
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
    struct peer *p = conn->user;

    (void)ctx;
    p->conn = NULL;
}

static void on_judged(void *ctx, uint64_t conn, const struct hub_asker *asker, struct str request)
{
    struct chaos *c = ctx;

    /* `conn` is the number of the password. */
    assert_int_equal(request.len, 3);
    bool right = c->now.mode == HUB_AUTH_NONE ||
                 (c->now.mode == HUB_AUTH_PASSWORD && conn == c->now.password);
    assert_true(right == (asker->principal != HUB_NOBODY));
}

/* The hub's own doing, in which memory may be short. */
static void settle(struct chaos *c)
{
    fault_rate(c->lossy ? FAULTS : 0);
    virtual_settle(&c->v);
    fault_rate(0);
}

/* --- what is true after each step ------------------------------------------------------------- */

static void check_peer(const struct chaos *c, const struct peer *p)
{
    struct hub_client_view view;
    char name[16];

    if (p->conn == NULL || p->id[0] == '\0' ||
        !hub_find_client(c->v.hub, str_from_z(p->id), &view)) {
        return;
    }
    assert_true(c->lossy || !p->kicked);
    if (!view.authenticated) {
        assert_true(p->conn->stranger);
        assert_true(c->now.mode != HUB_AUTH_NONE || waits(p));
        return;
    }
    if (c->now.mode == HUB_AUTH_NONE) {
        assert_true(str_equal(view.user_id, STR("anonymous")));
        return;
    }
    assert_true(may_be_in(&c->now, p));
    (void)snprintf(name, sizeof(name), p->given == GIVEN_PASSWORD ? "password" : "t%u", p->which);
    assert_true(str_equal(view.user_id, str_from_z(name)));
    if (view.agent_id.len > 0) {
        assert_true(may_be_agent(&c->now, p, (unsigned)(view.agent_id.ptr[1] - '0')));
    }
}

static void check(const struct chaos *c)
{
    struct hub_counts counts;
    uint64_t live = 0, waiting = 0;

    for (unsigned i = 0; i < PEERS; i++) {
        const struct peer *p = &c->peers[i];
        check_peer(c, p);
        live += p->conn != NULL && p->conn->accepted;
        waiting += waits(p);
    }
    hub_counts(c->v.hub, &counts);
    if (!c->lossy) {
        assert_int_equal(counts.clients, live);
        /* And HTTP requests do. */
        assert_true(counts.passwords_waiting >= waiting);
    }
}

static bool is_in(const struct chaos *c, const struct peer *p)
{
    struct hub_client_view view;

    return p->conn != NULL && p->id[0] != '\0' &&
           hub_find_client(c->v.hub, str_from_z(p->id), &view) && view.authenticated;
}

/* --- steps ------------------------------------------------------------------------------------ */

static struct evidence evidence_of(struct chaos *c, const struct peer *p)
{
    unsigned n = ++c->come;
    struct evidence e = {.near = p->near, .world = p->side ? STR("side") : STR("main")};

    memcpy(e.address, (uint8_t[16]){[10] = 0xff, 0xff, 10}, 16);
    e.address[13] = (uint8_t)(n >> 16);
    e.address[14] = (uint8_t)(n >> 8);
    e.address[15] = (uint8_t)n;
    return e;
}

/* A ticket is made with a token, if there is none yet. */
static void make_ticket(struct chaos *c)
{
    char name[8];
    struct hub_ticket_request request = {.grants = role_grants[ROLE_USUAL],
                                         .ttl_ms = TICKET_MAX_MS};
    struct kept *k = &c->kept;
    struct hub_asker asker;
    uint64_t until_ms;
    unsigned token = pick(c, TOKENS);

    if (k->text[0] != '\0' || c->now.mode != HUB_AUTH_TOKEN) {
        return;
    }
    (void)snprintf(name, sizeof(name), "t%u", token);
    struct evidence e = {.near = true, .kind = CREDENTIAL_BEARER, .credential = str_from_z(name)};
    assert_true(hub_judge(c->v.hub, 1, &e, STR(""), 0, &asker));
    bool made =
        hub_ticket_new(c->v.hub, asker.principal, &request, k->text, &until_ms) == ERROR_NONE;
    assert_true(made == role_makes(&c->now, token));
    k->text[made ? TICKET_SIZE : 0] = '\0';
    k->maker = token;
    k->good = true;
    k->until_ms = c->v.now.mono_ms + TICKET_MAX_MS;
}

/* The ticket that is kept, good or not; it may be tried again. */
static struct str use_ticket(struct chaos *c, struct peer *p, char text[TICKET_SIZE + 1])
{
    struct kept *k = &c->kept;
    bool good = k->good && c->v.now.mono_ms < k->until_ms;

    memcpy(text, k->text, TICKET_SIZE + 1);
    p->which = k->maker;
    p->given = good ? GIVEN_TICKET : GIVEN_NOTHING;
    k->good = false;
    if (c->lossy || !good) {
        k->text[0] = '\0';
    }
    return str_from_z(text);
}

static void come(struct chaos *c, struct peer *p)
{
    static const enum credential_kind kinds[] = {CREDENTIAL_NONE, CREDENTIAL_BEARER,
                                                 CREDENTIAL_BEARER, CREDENTIAL_TICKET};
    char text[TICKET_SIZE + 1];

    *p = (struct peer){.side = pick(c, 3) == 0, .near = pick(c, 2) == 0, .which = pick(c, TOKENS)};
    p->given = (enum given)pick(c, c->kept.text[0] != '\0' ? 4 : 3);
    struct evidence e = evidence_of(c, p);
    e.kind = (uint8_t)kinds[p->given];
    (void)snprintf(text, sizeof(text), "%s%u", p->given == GIVEN_TOKEN ? "t" : "pw", p->which);
    e.credential = p->given == GIVEN_NOTHING  ? STR("")
                   : p->given == GIVEN_TICKET ? use_ticket(c, p, text)
                                              : str_from_z(text);
    p->conn = virtual_knock(&c->v, pick(c, c->v.reactors), DIALECT_WORLD, &e);
    assert_non_null(p->conn);
    p->conn->user = p;
    settle(c);
    bool free = c->now.mode == HUB_AUTH_NONE;
    assert_true(c->lossy || waits(p) || is_in(c, p) == (free || may_be_in(&c->now, p)));
}

/*
 * A stranger gives a credential. One that waits already gives the same once more, for when the
 * first was wrong; and who is in needs none.
 */
static void say_register(struct chaos *c, struct peer *p)
{
    char text[128];
    bool was_in = is_in(c, p), waited = waits(p);

    if (!was_in && !waited) {
        p->given = pick(c, 2) == 0 ? GIVEN_PASSWORD : GIVEN_TOKEN;
        p->which = pick(c, TOKENS);
    }
    bool password = p->given == GIVEN_PASSWORD;
    (void)snprintf(
        text, sizeof(text), "{\"type\":\"agent_register\",\"agentId\":\"a%u\",\"%s\":\"%s%u\"}",
        pick(c, AGENTS), password ? "password" : "token", password ? "pw" : "t", p->which);
    (void)virtual_send(&c->v, p->conn, str_from_z(text));
    settle(c);
    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *other = &c->peers[i];
        other->kicked = other->kicked || other->close_code == 4409;
    }
    if (!c->lossy && !was_in && !waited && p->conn != NULL) {
        assert_true(waits(p) || is_in(c, p) == may_be_in(&c->now, p));
    }
}

static void say(struct chaos *c, struct peer *p)
{
    static const char *const texts[] = {
        "{\"type\":\"bark\",\"text\":\"x\"}",
        "{\"type\":\"ping\"}",
        "{}",
        "nonsense",
        "{\"type\":\"subscribe\",\"types\":[\"bark\"]}",
        "{\"type\":\"thought\",\"target_id\":\"a0\",\"text\":\"x\"}"};

    (void)virtual_send(&c->v, p->conn, str_from_z(texts[pick(c, 6)]));
    settle(c);
}

/* The oldest password that waits; what it is says whether it is right. */
static void decide(struct chaos *c)
{
    char right[8];

    if (c->v.job_count == 0) {
        return;
    }
    (void)snprintf(right, sizeof(right), "pw%u", c->now.password);
    fault_rate(c->lossy ? FAULTS : 0);
    virtual_check(&c->v, strcmp(c->v.passwords[0], right) == 0);
    fault_rate(0);
    settle(c);
}

static void ask(struct chaos *c)
{
    char text[8];
    unsigned number = pick(c, TOKENS);
    struct hub_asker asker;
    struct peer nobody = {.near = false};
    struct evidence e = evidence_of(c, &nobody);

    if (c->now.mode != HUB_AUTH_PASSWORD || c->v.job_count > 8) {
        return;
    }
    (void)snprintf(text, sizeof(text), "pw%u", number);
    e.kind = CREDENTIAL_BEARER;
    e.credential = str_from_z(text);
    if (hub_judge(c->v.hub, number, &e, STR("GET"), 3, &asker)) {
        assert_int_equal(asker.refused, ERROR_RATE_LIMITED);
    }
}

/* Whether who is in by one configuration has to be in by the next as well. */
static bool stays(const struct chaos *c, const struct peer *p, const struct setting *then)
{
    struct hub_client_view view;

    if (!is_in(c, p) || !hub_find_client(c->v.hub, str_from_z(p->id), &view)) {
        return false;
    }
    return then->mode == HUB_AUTH_NONE ||
           (c->now.mode == then->mode && may_be_in(then, p) &&
            (view.agent_id.len == 0 ||
             may_be_agent(then, p, (unsigned)(view.agent_id.ptr[1] - '0'))));
}

/* Hands a configuration to the hub. */
static bool configure(struct chaos *c, const struct setting *s)
{
    struct hub_credential list[TOKENS];
    char names[TOKENS][8], password[8];
    struct hub_access access = {.mode = s->mode, .credentials = list};

    for (unsigned i = 0; i < TOKENS && s->mode == HUB_AUTH_TOKEN; i++) {
        if (s->tokens[i] == ROLE_NONE) {
            continue;
        }
        (void)snprintf(names[i], sizeof(names[i]), "t%u", i);
        struct hub_credential *one = &list[access.count++];
        *one = (struct hub_credential){.name = str_from_z(names[i]),
                                       .agent_id = s->tokens[i] == ROLE_BOUND ? STR("a0") : STR(""),
                                       .grants = role_grants[s->tokens[i]]};
        virtual_digest(one->name, one->digest);
    }
    (void)snprintf(password, sizeof(password), "pw%u", s->password);
    virtual_digest(str_from_z(password), access.password_id);
    fault_rate(c->lossy ? FAULTS : 0);
    bool taken = hub_set_access(c->v.hub, &access);
    fault_rate(0);
    return taken;
}

static void reload(struct chaos *c)
{
    struct setting then = {.mode = (enum hub_auth_mode)pick(c, 3), .password = pick(c, TOKENS)};
    bool stay[PEERS];

    for (unsigned i = 0; i < TOKENS; i++) {
        then.tokens[i] = (enum role)pick(c, ROLES);
    }
    for (unsigned i = 0; i < PEERS; i++) {
        stay[i] = stays(c, &c->peers[i], &then);
    }
    bool taken = configure(c, &then);
    assert_true(taken || c->lossy);
    if (taken) {
        c->now = then;
        c->kept.good = c->kept.good && role_makes(&then, c->kept.maker);
    }
    settle(c);
    for (unsigned i = 0; i < PEERS && !c->lossy; i++) {
        struct peer *p = &c->peers[i];
        assert_true(!stay[i] || is_in(c, p));
        if (then.mode == HUB_AUTH_NONE && is_in(c, p)) {
            p->given = GIVEN_NOTHING; /* from now on it is anybody */
        }
    }
}

static void pass_time(struct chaos *c, unsigned ms)
{
    fault_rate(c->lossy ? FAULTS : 0);
    virtual_tick(&c->v, ms);
    fault_rate(0);
    settle(c);
}

static void step(struct chaos *c)
{
    struct peer *p = &c->peers[pick(c, PEERS)];
    unsigned what = pick(c, 100);

    /* There is always a place for a password, so that each one is decided by what it is. */
    if (what < 8 || c->v.job_count > 40) {
        decide(c);
    } else if (what < 12) {
        reload(c);
    } else if (what < 14) {
        ask(c);
    } else if (what < 17) {
        make_ticket(c);
    } else if (what < 20) {
        pass_time(c, 100 + pick(c, 2000));
    } else if (p->conn == NULL) {
        come(c, p);
    } else if (what < 25) {
        virtual_abort(&c->v, p->conn);
        *p = (struct peer){.conn = NULL};
        settle(c);
    } else if (what < 28 && p->id[0] != '\0') {
        p->kicked = hub_kick(c->v.hub, str_from_z(p->id), STR("")) || p->kicked;
        settle(c);
    } else if (p->conn->accepted && what < 60) {
        say_register(c, p);
    } else if (p->conn->accepted) {
        say(c, p);
    }
}

/* Everybody goes, and nothing is left. */
static void end(struct chaos *c)
{
    struct hub_counts counts;

    c->lossy = false;
    for (unsigned i = 0; i < PEERS; i++) {
        if (c->peers[i].conn != NULL) {
            virtual_abort(&c->v, c->peers[i].conn);
            c->peers[i] = (struct peer){.conn = NULL};
        }
    }
    settle(c);
    while (c->v.job_count > 0) {
        decide(c);
    }
    for (unsigned i = 0; i < 65; i++) {
        pass_time(c, 1000);
    }
    assert_true(hub_set_access(c->v.hub, &(struct hub_access){.mode = HUB_AUTH_NONE}));
    hub_counts(c->v.hub, &counts);
    assert_int_equal(counts.clients, 0);
    assert_int_equal(counts.agents, 0);
    assert_int_equal(counts.sessions, 1); /* world:main */
    assert_int_equal(counts.passwords_waiting, 0);
    assert_int_equal(counts.tickets, 0);
    /* Only the two that are always there: each use was given back. */
    assert_int_equal(slab_count(&c->v.hub->principals.slab), 2);
    assert_int_equal(slab_count(&c->v.hub->addresses.entries), 0);
    assert_int_equal(slab_count(&c->v.hub->user_agents.slab), 0);
    virtual_fini(&c->v);
}

static void live(uint64_t seed, bool lossy)
{
    struct chaos *c = calloc(1, sizeof(*c));
    struct virtual_hooks hooks = {
        .ctx = c, .frame = on_frame, .taken = on_taken, .ended = on_ended, .judged = on_judged};
    struct hub_settings settings;

    assert_non_null(c);
    hub_settings_init(&settings);
    settings.max_pause_ms = UINT64_MAX; /* time goes in leaps here */
    settings.reactors = 1 + (unsigned)(seed % 2);
    c->random = 0x9e3779b97f4a7c15u * (seed + 1);
    assert_true(virtual_init(&c->v, &settings, &hooks, seed));
    c->lossy = lossy;
    for (unsigned i = 0; i < STEPS; i++) {
        step(c);
        if (lossy) {
            /* Who was lost goes now. */
            virtual_tick(&c->v, 100);
            virtual_settle(&c->v);
        }
        check(c);
    }
    end(c);
    free(c);
}

static void test_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < portion_of(LIVES); seed++) {
        live(seed, false);
    }
}

static void test_lives_without_memory(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < portion_of(LIVES); seed++) {
        live(seed, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_lives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
