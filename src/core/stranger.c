#include "core/stranger.h"

#include <stdlib.h>

#include "core/control.h"
#include "core/gate.h"
#include "core/internal.h"
#include "core/job.h"
#include "proto/member.h"
#include "json/reader.h"

/*
 *   what comes                     what happens                          the stranger
 *   ping                           pong                                  stays one
 *   agent_register, right token    it enters its world and registers     is a client
 *   agent_register, a password     it is checked                         waits; what it sends is
 * held
 *   ... and it was right           as with a token; what was held goes   is a client
 *   ... and it was wrong           AUTH_FAILED, a failure                stays one; held goes
 *   anything else                  AUTH_REQUIRED, a failure              stays one
 *   the fifth failure              closed with 4401
 *   10 seconds                     closed with 4401
 */

bool stranger_begin(struct hub *hub, uint32_t client, struct str world)
{
    struct stranger *s = calloc(1, sizeof(*s) + world.len);

    if (s == NULL) {
        return false;
    }
    list_init(&s->link);
    list_append(&hub->strangers, &s->link);
    s->client = client;
    s->until_ms = hub->now.mono_ms + STRANGER_MS;
    memcpy(s->world, world.ptr, world.len);
    s->world_len = (uint32_t)world.len;
    client_at(hub, client)->stranger = s;
    return true;
}

void stranger_end(struct hub *hub, struct stranger *s)
{
    if (s == NULL) {
        return;
    }
    if (s->checking) {
        job_cancel(hub, client_at(hub, s->client)->conn);
    }
    client_at(hub, s->client)->stranger = NULL;
    list_remove(&s->link);
    up_batch_free(s->held);
    device_free(s->device);
    free(s);
}

/* --- failures --------------------------------------------------------------------------------- */

void stranger_failed(struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);
    struct stranger *s = c->principal == HUB_NOBODY ? c->stranger : NULL;

    if (s != NULL && ++s->failures == STRANGER_FAILURES) {
        client_close(hub, client, CLOSE_AUTHENTICATION,
                     STR("not authenticated: connect again with a valid credential"));
    }
}

void stranger_require(struct hub *hub, uint32_t client)
{
    hub->counts.auth_failures[AUTH_FAILURE_MISSING]++;
    client_error(hub, client, ERROR_AUTH_REQUIRED,
                 client_at(hub, client)->dialect == DIALECT_GATEWAY
                     ? "Authenticate first: send `auth` with a token in its payload, or connect "
                       "with a credential."
                     : "Authenticate first: send agent_register with a member `token`, or connect "
                       "with a credential.",
                 "{\"rule\":\"authentication\"}");
    stranger_failed(hub, client);
}

static void fail(struct hub *hub, uint32_t client, const struct gate_refusal *why)
{
    if (why->retry_after_ms > 0) {
        client_error(hub, client, why->code, gate_text(why), "{\"retry_after_ms\":%llu}",
                     (unsigned long long)why->retry_after_ms);
    } else {
        client_error(hub, client, why->code, gate_text(why), "%s", "");
    }
    stranger_failed(hub, client);
}

/* --- coming in -------------------------------------------------------------------------------- */

/* Enters the world that it wanted; false: it was closed. */
static bool enter_world(struct hub *hub, uint32_t client, struct str world)
{
    if (hub_may(hub, client_at(hub, client)->principal, MAY_ENTER, world).code != ERROR_NONE) {
        client_error(hub, client, ERROR_FORBIDDEN,
                     "The credential does not grant this world; enter another one with ?world=.",
                     "{\"rule\":\"grant:sessions\",\"session\":\"%.*s\"}", STR_ARG(world));
        client_close(hub, client, CLOSE_FORBIDDEN, STR("the credential does not grant this world"));
        return false;
    }
    uint32_t session = session_find(hub, world);
    if (session == SLAB_NONE) {
        session = session_new(hub, world);
    }
    if (session == SLAB_NONE || !session_join(hub, session, client)) {
        if (session != SLAB_NONE) {
            session_drop_if_empty(hub, session);
        }
        client_error(hub, client, ERROR_LIMIT_REACHED,
                     "There are as many sessions as this gateway allows, or no memory for "
                     "another; enter a world that exists, or try again later.",
                     "{\"limit\":\"sessions\"}");
        client_close(hub, client, CLOSE_TRY_LATER,
                     STR("no room for this world: connect again later"));
        return false;
    }
    return true;
}

/* It is none any more, but `principal`, whose use is taken. False: it was closed. */
static bool enter(struct hub *hub, uint32_t client, uint32_t principal)
{
    struct client *c = client_at(hub, client);
    char name[ID_MAX];
    struct str world = str_make(name, c->stranger->world_len);
    struct device *device = c->stranger->device;

    memcpy(name, c->stranger->world, world.len);
    c->stranger->device = NULL;
    stranger_end(hub, c->stranger);
    c->principal = principal;
    host_note_client(hub, HUB_CLIENT_AUTHENTICATED, client, 0, hub_principal_name(hub, principal));
    if (c->dialect == DIALECT_GATEWAY) {
        c->device = device;
        if (!control_enter(hub, client)) {
            return false;
        }
        control_show_device(hub, client);
    } else if (!enter_world(hub, client, world)) {
        return false;
    }
    state_changed(hub, STATE_CLIENT, STATE_CHANGED, client);
    hub_tell(hub, conn_reactor(c->conn), &(struct down){.kind = DOWN_TRUST, .conn = c->conn});
    hub_log(hub, LOG_INFO, "client_authenticated", client, "name=%.*s",
            STR_ARG(hub_principal_name(hub, principal)));
    return true;
}

void stranger_admit_freely(struct hub *hub, uint32_t client)
{
    const struct client *c = client_at(hub, client);
    uint32_t principal = c->near ? NEAR_ONE : ANYBODY;

    /* One whose password is being checked has an agent_register under way; its verdict is right. */
    if (c->stranger->checking) {
        return;
    }
    principal_use(&hub->principals, principal);
    if (enter(hub, client, principal)) {
        client_greet(hub, client);
    }
}

/* --- agent_register --------------------------------------------------------------------------- */

enum { SECRET_MAX = 16 * 1024 };

/* What a message gives to authenticate with: *ret_kind and the text in `buffer`; false: nothing. */
static bool read_secret(struct str text, char buffer[SECRET_MAX + 1], uint8_t *ret_kind,
                        struct str *ret_secret)
{
    static const struct {
        struct str name;
        uint8_t kind;
    } members[] = {{{"token", 5}, CREDENTIAL_BEARER}, {{"password", 8}, CREDENTIAL_PASSWORD}};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct str raw = member_raw(&parley_agent_register_info, text, members[i].name);
        if (raw.len > 2 && json_kind_of(raw) == JSON_STRING) {
            size_t len = json_unescape_to(raw, buffer, SECRET_MAX + 1);
            *ret_kind = members[i].kind;
            *ret_secret = str_make(buffer, len <= SECRET_MAX ? len : 0);
            return true;
        }
    }
    return false;
}

/*
 * Has the credential checked that a message holds; until then nothing more is read. It waits before
 * it is known that it has to: who is asked may close it.
 */
static void wait_for_check(struct hub *hub, uint32_t client, const struct attempt *attempt,
                           struct str text)
{
    struct client *c = client_at(hub, client);
    struct job job = {.kind = JOB_MESSAGE,
                      .conn = c->conn,
                      .near = c->near,
                      .is_password = attempt->kind == CREDENTIAL_PASSWORD};

    memcpy(job.address, c->address, sizeof(job.address));
    c->stranger->checking = true;
    hub_tell(hub, conn_reactor(c->conn), &(struct down){.kind = DOWN_PAUSE, .conn = c->conn});
    if (!job_start(hub, &job, attempt->secret, text)) {
        c->stranger->checking = false; /* nobody has been asked */
        hub_tell(hub, conn_reactor(c->conn), &(struct down){.kind = DOWN_GO_ON, .conn = c->conn});
        fail(hub, client,
             &(struct gate_refusal){.code = ERROR_RATE_LIMITED, .retry_after_ms = GATE_BUSY_MS});
    }
}

/* It has come in by this message, which is now dealt with as anybody's. */
static void welcome(struct hub *hub, uint32_t client, struct str text)
{
    struct wire w;

    if (client_at(hub, client)->dialect == DIALECT_GATEWAY) {
        control_welcome(hub, client);
        return;
    }
    wire_scan(text.ptr, text.len, WIRE_WORLD, &w);
    struct sender sender = {.client = client, .principal = client_at(hub, client)->principal};
    world_register(hub, &sender, &w, text);
}

void stranger_authenticate(struct hub *hub, uint32_t client, const struct attempt *attempt,
                           struct str text)
{
    struct gate_refusal why;
    uint32_t principal;

    switch (gate_try(hub, attempt, &principal, &why)) {
    case GATE_OPEN:
        if (enter(hub, client, principal)) {
            welcome(hub, client, text);
        }
        break;
    case GATE_SHUT:
        fail(hub, client, &why);
        break;
    case GATE_LATER:
        wait_for_check(hub, client, attempt, text);
        break;
    }
}

static void try_register(struct hub *hub, uint32_t client, struct str text)
{
    const struct client *c = client_at(hub, client);
    struct attempt attempt = {.address = c->address, .near = c->near};
    char secret[SECRET_MAX + 1];

    if (read_secret(text, secret, &attempt.kind, &attempt.secret)) {
        stranger_authenticate(hub, client, &attempt, text);
    } else {
        stranger_require(hub, client);
    }
    explicit_bzero(secret, sizeof(secret));
}

void stranger_message(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    const struct wire *w = &item->wire;

    if (client_at(hub, client)->dialect == DIALECT_GATEWAY) {
        control_stranger(hub, client, item, text);
        return;
    }
    struct str type = w->status == WIRE_OK ? wire_raw(w, text.ptr, WIRE_TYPE) : STR("");

    bool is_named = json_kind_of(type) == JSON_STRING;

    if (is_named && json_string_is(type, STR("ping"))) {
        message_pong(hub);
        client_send_scratch(hub, client);
    } else if (is_named && json_string_is(type, STR("agent_register"))) {
        try_register(hub, client, text);
    } else {
        stranger_require(hub, client);
    }
}

/* --- while a password is checked -------------------------------------------------------------- */

static bool hold(struct stranger *s, const struct up *item, struct str text)
{
    if (s->held == NULL) {
        s->held = up_batch_new();
    }
    if (s->held == NULL || up_batch_size(s->held) + text.len > STRANGER_HELD) {
        return false;
    }
    struct up *kept = up_batch_add(s->held, (enum up_kind)item->kind, item->conn, text);
    if (kept == NULL) {
        return false;
    }
    uint32_t off = kept->off, len = kept->len;
    *kept = *item;
    kept->off = off;
    kept->len = len;
    up_batch_hide(s->held, kept);
    return true;
}

bool stranger_waits(const struct client *c)
{
    return c->principal == HUB_NOBODY && c->stranger->checking;
}

bool stranger_holds(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    const struct client *c = client_at(hub, client);

    if (!stranger_waits(c) || item->kind == UP_ALIVE) {
        return false;
    }
    if (!hold(c->stranger, item, text)) {
        client_close(hub, client, CLOSE_POLICY,
                     STR("too much was sent before agent_register was answered: wait for it"));
    }
    return true;
}

/* What waited, in order; another password in it makes the rest wait again. */
static void replay(struct hub *hub, uint32_t client, struct up_batch *held)
{
    for (uint32_t i = 0; held != NULL && i < held->count; i++) {
        if (client_at(hub, client)->state != CLIENT_OPEN) {
            break;
        }
        if (!hub_reserve(hub)) {
            client_lose(hub, client_at(hub, client)->conn);
            break;
        }
        client_receive(hub, client, &held->items[i], up_text(held, &held->items[i]));
    }
    up_batch_free(held);
}

void stranger_checked(struct hub *hub, uint32_t client, uint32_t principal, struct str text)
{
    struct client *c = client_at(hub, client);
    struct up_batch *held = c->stranger->held;

    c->stranger->checking = false;
    c->stranger->held = NULL;
    heartbeat_heard(hub, c); /* its silence was ours */
    hub_tell(hub, conn_reactor(c->conn), &(struct down){.kind = DOWN_GO_ON, .conn = c->conn});
    if (c->dialect == DIALECT_GATEWAY) {
        struct wire w;
        wire_scan(text.ptr, text.len, WIRE_GATEWAY, &w);
        hub->at_hand = wire_raw(&w, text.ptr, WIRE_ID);
    }
    if (principal == HUB_NOBODY) {
        fail(hub, client, &(struct gate_refusal){.code = ERROR_AUTH_FAILED});
    } else if (enter(hub, client, principal)) {
        welcome(hub, client, text);
    }
    hub->at_hand = STR("");
    replay(hub, client, held);
}

/* --- time ------------------------------------------------------------------------------------- */

void strangers_tick(struct hub *hub)
{
    list_each_safe(link, &hub->strangers) {
        struct stranger *s = list_entry(link, struct stranger, link);
        if (s->until_ms > hub->now.mono_ms) {
            return;
        }
        if (s->checking) {
            continue;
        }
        if (!hub_reserve(hub)) {
            return;
        }
        hub->counts.auth_failures[AUTH_FAILURE_TIMEOUT]++;
        client_close(hub, s->client, CLOSE_AUTHENTICATION,
                     STR("not authenticated in time: connect again with a credential"));
    }
}
