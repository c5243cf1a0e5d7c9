#include "core/claim.h"
#include "core/control.h"
#include "core/request.h"
#include "json/members.h"
#include "json/reader.h"

/* Sessions and agents at the word of the host. */

/* --- sessions --------------------------------------------------------------------------------- */

/* The session of this name, if it is one that clients know of; or SLAB_NONE. */
static uint32_t find(const struct hub *hub, struct str name)
{
    uint32_t session = session_find(hub, name);

    return session != SLAB_NONE && session_at(hub, session)->hidden ? SLAB_NONE : session;
}

enum hub_done hub_session_create(struct hub *hub, struct str name, struct str title,
                                 struct str metadata)
{
    if (!id_valid(name) || str_starts_with(name, STR("world:")) ||
        (metadata.len > 0 && (!json_valid(metadata) || json_kind_of(metadata) != JSON_OBJECT))) {
        return HUB_INVALID;
    }
    if (session_find(hub, name) != SLAB_NONE) {
        return HUB_EXISTS;
    }
    if (metadata.len > METADATA_MAX) {
        return HUB_TOO_LARGE;
    }
    if (!hub_reserve(hub)) {
        return HUB_NO_MEMORY;
    }
    uint32_t session = session_new(hub, name);
    if (session == SLAB_NONE) {
        return HUB_LIMITED; /* of sessions, or of memory for more */
    }
    if (!meeting_describe(hub, session, title, metadata)) {
        session_drop_if_empty(hub, session);
        return HUB_NO_MEMORY;
    }
    session_at(hub, session)->permanent = true;
    session_at(hub, session)->is_hosts = true;
    state_changed(hub, STATE_SESSION, STATE_ADDED, session);
    return HUB_DONE;
}

/* A client of the gateway dialect that has authenticated, or SLAB_NONE. */
static uint32_t find_client(const struct hub *hub, struct str id)
{
    uint32_t client = client_find(hub, id);
    const struct client *c = client != SLAB_NONE ? client_at(hub, client) : NULL;

    return c != NULL && c->state == CLIENT_OPEN && c->dialect == DIALECT_GATEWAY &&
                   c->principal != HUB_NOBODY
               ? client
               : SLAB_NONE;
}

enum hub_done hub_session_add(struct hub *hub, struct str name, struct str id)
{
    uint32_t session = find(hub, name), client = find_client(hub, id);

    if (session == SLAB_NONE || client == SLAB_NONE) {
        return HUB_NOT_FOUND;
    }
    if (session_has(hub, session, client)) {
        return HUB_DONE;
    }
    if (hub_may(hub, client_at(hub, client)->principal, MAY_ENTER, name).code != ERROR_NONE) {
        return HUB_DENIED;
    }
    if (meeting_is_full(hub, client, session)) {
        return HUB_LIMITED;
    }
    if (!hub_reserve(hub) || !session_join(hub, session, client)) {
        return HUB_NO_MEMORY;
    }
    presence_announce(hub, session, client, "online");
    meeting_tell(hub, client, session, "joined");
    return HUB_DONE;
}

enum hub_done hub_session_remove(struct hub *hub, struct str name, struct str id)
{
    uint32_t session = find(hub, name), client = find_client(hub, id);

    if (session == SLAB_NONE || client == SLAB_NONE || !session_has(hub, session, client)) {
        return HUB_NOT_FOUND;
    }
    if (!hub_reserve(hub)) {
        return HUB_NO_MEMORY;
    }
    meeting_tell(hub, client, session, "left");
    presence_announce(hub, session, client, "offline");
    session_leave(hub, session, client);
    return HUB_DONE;
}

static void let_go(struct hub *hub, uint32_t session)
{
    struct session *s = session_at(hub, session);

    s->permanent = false;
    s->is_hosts = false;
    if (s->member_count == 0) {
        state_changed(hub, STATE_SESSION, STATE_REMOVED, session);
        session_drop_if_empty(hub, session);
    }
}

enum hub_done hub_session_end(struct hub *hub, struct str name)
{
    uint32_t session = find(hub, name);

    if (session == SLAB_NONE || !session_at(hub, session)->is_hosts) {
        return HUB_NOT_FOUND;
    }
    if (!hub_reserve(hub)) {
        return HUB_NO_MEMORY;
    }
    let_go(hub, session);
    return HUB_DONE;
}

uint32_t hub_session_clean_up(struct hub *hub)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < slab_limit(&hub->sessions); i++) {
        const struct session *s = session_at(hub, i);
        if (s->name != NULL && s->is_hosts && s->member_count == 0 && hub_reserve(hub)) {
            let_go(hub, i);
            count++;
        }
    }
    return count;
}

static void view(const struct hub *hub, const struct session *s,
                 struct hub_session_details *ret_session)
{
    *ret_session = (struct hub_session_details){
        .name = session_name(s),
        .title = str_from_z(s->title),
        .metadata = str_from_z(s->metadata),
        .members = s->member_count,
        .agents = s->agent_count,
        .is_kept = s->is_hosts,
        .index = session_find(hub, session_name(s)),
    };
}

bool hub_find_session(const struct hub *hub, struct str name,
                      struct hub_session_details *ret_session)
{
    uint32_t session = find(hub, name);

    if (session != SLAB_NONE) {
        view(hub, session_at(hub, session), ret_session);
    }
    return session != SLAB_NONE;
}

void hub_each_session_at_all(const struct hub *hub, uint32_t limit,
                             void (*visit)(void *ctx, const struct hub_session_details *session),
                             void *ctx)
{
    struct hub_session_details details;

    list_each(link, &hub->sessions_in_order) {
        if (limit-- == 0) {
            break;
        }
        view(hub, list_entry(link, struct session, link), &details);
        visit(ctx, &details);
    }
}

void hub_each_member(const struct hub *hub, uint32_t session, uint32_t limit,
                     void (*visit)(void *ctx, struct str client), void *ctx)
{
    char id[CLIENT_ID_SIZE];

    for (unsigned d = 0; d < DIALECT_COUNT; d++) {
        for (uint32_t i = session_first(session_at(hub, session), (enum dialect)d);
             i != SLAB_NONE && limit > 0; i = session_next(hub, i), limit--) {
            visit(ctx, client_id_str(client_at(hub, member_at(hub, i)->client), id));
        }
    }
}

/* --- agents ----------------------------------------------------------------------------------- */

/* The message that the client would have sent. */
static void write_registration(const struct hub *hub, struct buf *out, unsigned dialect,
                               struct str registration)
{
    static const struct str except[] = {{"type", 4}, {NULL, 0}};
    struct json_names names;

    if (dialect == DIALECT_GATEWAY) {
        buf_append_str(out, STR("{\"type\":\"agent_register\",\"id\":\"host\",\"payload\":"));
        buf_append_str(out, registration);
        buf_append_char(out, '}');
        return;
    }
    json_names_init(&names, hub->secret);
    buf_append_char(out, '{');
    json_append_members(out, registration, except, &names);
    buf_append_str(out, names.count > 0 ? STR(",\"type\":\"agent_register\"}")
                                        : STR("\"type\":\"agent_register\"}"));
}

enum hub_done hub_agent_register(struct hub *hub, struct str id, struct str registration)
{
    uint32_t client = client_find(hub, id);
    struct buf text;
    struct wire w;

    if (client == SLAB_NONE || client_at(hub, client)->state != CLIENT_OPEN ||
        client_at(hub, client)->principal == HUB_NOBODY) {
        return HUB_NOT_FOUND;
    }
    if (!json_valid(registration) || json_kind_of(registration) != JSON_OBJECT) {
        return HUB_INVALID;
    }
    buf_init(&text, hub->settings.max_message_bytes);
    write_registration(hub, &text, client_at(hub, client)->dialect, registration);
    struct sender sender = {.dialect = client_at(hub, client)->dialect,
                            .client = client,
                            .principal = client_at(hub, client)->principal};
    bool ready = !text.failed && hub_reserve(hub);
    if (ready && sender.dialect == DIALECT_GATEWAY) {
        registry_register(hub, &sender, buf_str(&text));
    } else if (ready) {
        wire_scan(text.data, text.len, WIRE_WORLD, &w);
        ready = w.status == WIRE_OK;
        if (ready) {
            world_register(hub, &sender, &w, buf_str(&text));
        }
    }
    bool too_large = text.failed;
    buf_fini(&text);
    return ready ? HUB_DONE : too_large ? HUB_TOO_LARGE : HUB_INVALID;
}

enum hub_done hub_agent_unregister(struct hub *hub, struct str id)
{
    uint32_t agent = agent_find(hub, id);

    if (agent == SLAB_NONE) {
        return HUB_NOT_FOUND;
    }
    if (!hub_reserve(hub)) {
        return HUB_NO_MEMORY;
    }
    uint32_t client = agent_at(hub, agent)->client;
    if (client == SLAB_NONE) {
        agent_remove(hub, agent);
        return HUB_DONE;
    }
    world_leave(hub, client, true);
    if (client_at(hub, client)->dialect == DIALECT_GATEWAY) {
        registry_tell(hub, client, id, "unregistered");
    }
    requests_settle(hub);
    return HUB_DONE;
}

enum hub_done hub_agent_set_busy(struct hub *hub, struct str id, bool busy)
{
    uint32_t agent = agent_find(hub, id);

    if (agent == SLAB_NONE || !agent_is_online(agent_at(hub, agent))) {
        return HUB_NOT_FOUND;
    }
    if (!hub_reserve(hub)) {
        return HUB_NO_MEMORY;
    }
    registry_set_busy(hub, agent, busy);
    requests_settle(hub);
    return HUB_DONE;
}
