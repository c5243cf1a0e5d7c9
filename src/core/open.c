#include "core/gate.h"
#include "core/internal.h"
#include "core/stranger.h"

/*
 * A handshake becomes a client, or is refused. In this order: the gateway stops, it is full; the
 * credential is wrong (or a password, which is checked first); the world has no such name, is not
 * granted; the address has too many connections; there is no room for another world.
 */

/* `details` is a JSON object. Without memory the answer has neither. */
static void refuse_until(struct hub *hub, uint64_t conn, enum error_code code, struct str message,
                         struct str details, uint64_t retry_ms)
{
    struct down item = {
        .kind = DOWN_REFUSE, .code = (uint16_t)code, .conn = conn, .position = retry_ms};
    char *at = turn_extend(&hub->turn, message.len + details.len, &item.off);

    if (at != NULL) {
        memcpy(at, message.ptr, message.len);
        memcpy(at + message.len, details.ptr, details.len);
        item.len = (uint32_t)(message.len + details.len);
        item.mark = (uint32_t)details.len;
        item.segment = hub->turn.segment;
    }
    hub->counts.refused_total++;
    hub_tell(hub, conn_reactor(conn), &item);
}

static void refuse(struct hub *hub, uint64_t conn, enum error_code code, struct str message,
                   struct str details)
{
    refuse_until(hub, conn, code, message, details, 0);
}

/* What world a handshake wants: "world:NAME" in `buffer`; false: it was refused. */
static bool read_world(struct hub *hub, uint64_t conn, struct str world, char buffer[ID_MAX],
                       struct str *ret_name)
{
    struct str prefix = STR("world:");
    struct str wanted = world.len > 0 ? world : STR("main");

    if (!id_valid(wanted) || wanted.len > ID_MAX - prefix.len) {
        refuse(hub, conn, ERROR_INVALID_MESSAGE,
               STR("The name in ?world= is not one: use 1 to 122 of A-Z a-z 0-9 . _ : @ -"),
               STR("{\"path\":\"world\"}"));
        return false;
    }
    memcpy(buffer, prefix.ptr, prefix.len);
    memcpy(buffer + prefix.len, wanted.ptr, wanted.len);
    *ret_name = str_make(buffer, prefix.len + wanted.len);
    return true;
}

/* Refuses for a limit; its name is that of the option or the metric's label. */
static bool refuse_limit(struct hub *hub, uint64_t conn, enum hub_limit limit, struct str message)
{
    char details[64];

    hub->counts.limits_hit[limit]++;
    refuse(hub, conn, ERROR_LIMIT_REACHED, message,
           str_format(details, sizeof(details), "{\"limit\":\"%s\"}", hub_limit_name(limit)));
    return false;
}

/* Whether there is room for anybody; if not, he was told. */
static bool has_room(struct hub *hub, uint64_t conn)
{
    if (hub->draining) {
        refuse(hub, conn, ERROR_SHUTTING_DOWN,
               STR("The gateway is stopping; connect again shortly."), STR("{}"));
        return false;
    }
    if (hub->counts.clients >= hub->settings.max_clients) {
        return refuse_limit(
            hub, conn, LIMIT_CLIENTS,
            STR("limits.clients is reached; close a connection or raise the limit."));
    }
    if (hub->short_of_memory) {
        return refuse_limit(hub, conn, LIMIT_MEMORY,
                            STR("The gateway is close to limits.memory; try again later."));
    }
    return true;
}

static void refuse_memory(struct hub *hub, uint64_t conn)
{
    hub->counts.out_of_memory++;
    (void)refuse_limit(hub, conn, LIMIT_MEMORY,
                       STR("The gateway has no memory for this connection; try again later."));
}

/* A new client that has authenticated enters its world. False: it was refused. */
static bool enter_world(struct hub *hub, uint32_t client, struct str name)
{
    uint64_t conn = client_at(hub, client)->conn;
    uint32_t session = session_find(hub, name);

    if (session == SLAB_NONE) {
        session = session_new(hub, name);
    }
    if (session == SLAB_NONE) {
        return refuse_limit(
            hub, conn, LIMIT_SESSIONS,
            STR("There are as many sessions as this gateway allows; join one that exists."));
    }
    if (!session_join(hub, session, client)) {
        session_drop_if_empty(hub, session);
        refuse_memory(hub, conn);
        return false;
    }
    return true;
}

static bool enter_everybody(struct hub *hub, uint32_t client)
{
    if (session_join(hub, hub->everybody, client)) {
        return true;
    }
    refuse_memory(hub, client_at(hub, client)->conn);
    return false;
}

/* The client of a handshake that nothing is to be said against. SLAB_NONE: it was refused. */
static uint32_t make_client(struct hub *hub, uint64_t conn, enum dialect dialect,
                            const struct evidence *evidence, uint32_t principal, struct str world)
{
    if (!address_enter(&hub->addresses, evidence->address, hub->settings.max_clients_per_address)) {
        (void)refuse_limit(hub, conn, LIMIT_ADDRESS,
                           STR("This address has as many connections as "
                               "limits.clients_per_address allows; close one."));
        return SLAB_NONE;
    }
    uint32_t client = client_new(hub, conn, dialect, evidence);
    if (client == SLAB_NONE) {
        address_leave(&hub->addresses, evidence->address);
        refuse_memory(hub, conn);
        return SLAB_NONE;
    }
    bool ok;
    host_note_client(hub, HUB_CLIENT_CONNECTED, client, 0, STR(""));
    if (principal == HUB_NOBODY) {
        client_at(hub, client)->packs = false; /* nothing is compressed before authentication */
        ok = stranger_begin(hub, client, world);
        if (!ok) {
            refuse_memory(hub, conn);
        }
    } else {
        client_at(hub, client)->principal = principal;
        client_at(hub, client)->stranger = NULL;
        principal_use(&hub->principals, principal);
        host_note_client(hub, HUB_CLIENT_AUTHENTICATED, client, 0,
                         hub_principal_name(hub, principal));
        ok = dialect == DIALECT_GATEWAY ? enter_everybody(hub, client)
                                        : enter_world(hub, client, world);
    }
    if (!ok) {
        host_note_client(hub, HUB_CLIENT_DISCONNECTED, client, CLOSE_TRY_LATER,
                         STR("there was no room for it"));
        client_gone(hub, client);
        return SLAB_NONE;
    }
    return client;
}

static void admit(struct hub *hub, uint64_t conn, enum dialect dialect,
                  const struct evidence *evidence, uint32_t principal)
{
    char buffer[ID_MAX];
    struct str world;

    if (!has_room(hub, conn) || !read_world(hub, conn, evidence->world, buffer, &world)) {
        return;
    }
    if (principal != HUB_NOBODY && dialect == DIALECT_WORLD &&
        hub_may(hub, principal, MAY_ENTER, world).code != ERROR_NONE) {
        refuse(hub, conn, ERROR_FORBIDDEN,
               STR("The credential does not grant this world; enter another one with ?world=."),
               STR("{\"rule\":\"grant:sessions\"}"));
        return;
    }
    uint32_t client = make_client(hub, conn, dialect, evidence, principal, world);
    if (client == SLAB_NONE) {
        return;
    }
    hub->counts.connections_total++;
    hub_tell(hub, conn_reactor(conn),
             &(struct down){.kind = DOWN_ACCEPT,
                            .flags = principal == HUB_NOBODY ? DOWN_STRANGER : 0,
                            .conn = conn});
    hub_log(hub, LOG_DEBUG, "client_opened", client, "world=%.*s", (int)world.len - 6,
            world.ptr + 6);
    state_changed(hub, STATE_CLIENT, STATE_ADDED, client);
    client_greet(hub, client);
}

void client_admit(struct hub *hub, uint64_t conn, enum dialect dialect,
                  const struct evidence *evidence, uint32_t principal)
{
    admit(hub, conn, dialect, evidence, principal);
    if (principal != HUB_NOBODY) {
        principal_release(&hub->principals, principal);
    }
}

void client_refuse_credential(struct hub *hub, uint64_t conn, const struct gate_refusal *why)
{
    char details[64];

    refuse_until(hub, conn, why->code, str_from_z(gate_text(why)),
                 why->retry_after_ms == 0
                     ? STR("{}")
                     : str_format(details, sizeof(details), "{\"retry_after_ms\":%llu}",
                                  (unsigned long long)why->retry_after_ms),
                 why->retry_after_ms);
}

/* A handshake with a credential. */
static void open_with(struct hub *hub, uint64_t conn, enum dialect dialect,
                      const struct evidence *evidence)
{
    struct attempt attempt = {.address = evidence->address,
                              .near = evidence->near,
                              .kind = evidence->kind,
                              .secret = evidence->credential};
    struct gate_refusal why;
    uint32_t principal;
    struct buf packed;

    switch (gate_try(hub, &attempt, &principal, &why)) {
    case GATE_OPEN:
        client_admit(hub, conn, dialect, evidence, principal);
        return;
    case GATE_SHUT:
        client_refuse_credential(hub, conn, &why);
        return;
    case GATE_LATER:
        break;
    }
    struct job job = {
        .kind = JOB_OPEN, .dialect = (uint8_t)dialect, .near = evidence->near, .conn = conn};
    memcpy(job.address, evidence->address, sizeof(job.address));
    buf_init(&packed, EVIDENCE_MAX);
    packed.secret = true;
    evidence_pack(evidence, &packed);
    if (packed.failed || !job_start(hub, &job, evidence->credential, buf_str(&packed))) {
        client_refuse_credential(
            hub, conn,
            &(struct gate_refusal){.code = ERROR_RATE_LIMITED, .retry_after_ms = GATE_BUSY_MS});
    }
    buf_fini(&packed);
}

void client_open(struct hub *hub, uint64_t conn, enum dialect dialect,
                 const struct evidence *evidence)
{
    if (!has_room(hub, conn)) {
        return;
    }
    if (hub->principals.mode == HUB_AUTH_NONE) {
        uint32_t principal = evidence->near ? NEAR_ONE : ANYBODY;
        principal_use(&hub->principals, principal);
        client_admit(hub, conn, dialect, evidence, principal);
    } else if (evidence->kind == CREDENTIAL_NONE) {
        client_admit(hub, conn, dialect, evidence, HUB_NOBODY);
    } else {
        open_with(hub, conn, dialect, evidence);
    }
}
