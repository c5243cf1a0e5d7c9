#include "core/internal.h"
#include "json/reader.h"

/*
 * The world dialect: what a message of a world client does. The order of the checks is the order
 * in which a client should learn of its mistakes: JSON, object, members, type, permission.
 */

void world_greet(struct hub *hub, uint32_t client)
{
    message_ack(hub, client, true);
    client_send_scratch(hub, client);
}

/* The agent is announced as gone by whoever its client is, to everyone else. */
void world_leave(struct hub *hub, uint32_t client)
{
    uint32_t agent = client_at(hub, client)->agent;

    if (agent == SLAB_NONE) {
        return;
    }
    const struct agent *a = agent_at(hub, agent);
    if (!hub->draining) {
        message_left(hub, a);
        world_announce(hub, a->session, client, hub->left);
    }
    hub_log(hub, LOG_INFO, "agent_left", client, "agent=%.*s", STR_ARG(agent_id(a)));
    agent_remove(hub, agent);
}

void world_announce(struct hub *hub, uint32_t session, uint32_t except,
                    const struct type_name *type)
{
    if (hub->scratch.failed) {
        hub->counts.out_of_memory++;
        return;
    }
    session_broadcast(hub, session, except, buf_str(&hub->scratch), type);
}

/* --- what is wrong with a message ------------------------------------------------------------- */

static void refuse_scan(struct hub *hub, uint32_t client, const struct wire *w)
{
    const char *text = wire_status_text(w->status);

    switch (w->status) {
    case WIRE_NOT_JSON:
    case WIRE_NOT_UTF8:
    case WIRE_TOO_DEEP:
    case WIRE_TRUNCATED:
        client_error(hub, client, ERROR_PARSE_ERROR,
                     "The message could not be read as JSON; details say where and why.",
                     "{\"position\":%u,\"reason\":\"%s\"}", w->position, text);
        break;
    case WIRE_DUPLICATE:
    case WIRE_CONFLICT:
        client_error(hub, client, ERROR_INVALID_MESSAGE,
                     w->status == WIRE_DUPLICATE
                         ? "A member by which messages are routed stands twice; send it once."
                         : "Two spellings of one member say different things; send one of them.",
                     "{\"path\":\"%s\",\"reason\":\"%s\"}", wire_member_name(w->member), text);
        break;
    default:
        client_error(hub, client, ERROR_INVALID_MESSAGE,
                     "A message is one JSON object of at most 1024 members.",
                     "{\"path\":\"\",\"reason\":\"%s\"}", text);
    }
}

/* Whether a member is absent or null. */
static bool is_absent(struct str raw)
{
    return raw.len == 0 || json_kind_of(raw) == JSON_NULL;
}

/* A routing member must be a string, null or absent. */
static bool check_id_kind(struct hub *hub, uint32_t client, struct str raw, enum wire_member member)
{
    if (is_absent(raw) || json_kind_of(raw) == JSON_STRING) {
        return true;
    }
    client_error(hub, client, ERROR_INVALID_MESSAGE, "This member must be a string or null.",
                 "{\"path\":\"%s\"}", wire_member_name(member));
    return false;
}

/*
 * The type's name, interned or loose; NULL when it was refused. A name longer than the buffer is
 * never interned, and only its first bytes count for filters.
 */
static const struct type_name *read_type(struct hub *hub, uint32_t client, struct str raw)
{
    char buffer[4 * TYPE_TEXT_MAX];
    struct str name;

    if (json_kind_of(raw) != JSON_STRING || raw.len <= 2) {
        client_error(hub, client, ERROR_INVALID_MESSAGE,
                     "Every message needs a `type`: a string that is not empty.",
                     "{\"path\":\"type\"}");
        return NULL;
    }
    if (!json_string_plain(raw, &name)) {
        size_t len = json_unescape_to(raw, buffer, sizeof(buffer));
        name = str_make(buffer, len < sizeof(buffer) ? len : sizeof(buffer));
    }
    const struct type_name *type = type_get(hub, name);
    if (type == NULL) {
        hub->counts.out_of_memory++;
    }
    return type;
}

/* --- what a message does ---------------------------------------------------------------------- */

static uint32_t find_target(const struct hub *hub, struct str id)
{
    uint32_t agent = agent_find(hub, id);

    return agent != SLAB_NONE ? agent_at(hub, agent)->client : client_find_id(hub, id);
}

/*
 * Whether a principal may send to this client: it is there, authenticated, and in a world that the
 * principal may enter. What he may not reach is not there for him.
 */
static bool can_reach(const struct hub *hub, uint32_t principal, uint32_t target)
{
    if (target == SLAB_NONE || client_at(hub, target)->state != CLIENT_OPEN) {
        return false;
    }
    uint32_t session = session_of(hub, target);
    if (session == SLAB_NONE) {
        return false;
    }
    const struct session *s = session_at(hub, session);
    return hub_may(hub, principal, MAY_ENTER, str_make(s->name, s->name_len)).code == ERROR_NONE;
}

static void send_directed(struct hub *hub, uint32_t client, struct str raw_target, struct str text)
{
    char id[ID_MAX + 1];
    size_t len = json_unescape_to(raw_target, id, sizeof(id));
    uint32_t target = len <= ID_MAX ? find_target(hub, str_make(id, len)) : SLAB_NONE;

    if (!can_reach(hub, client_at(hub, client)->principal, target)) {
        bool legal = len == 0 || (len <= ID_MAX && id_valid(str_make(id, len)));
        client_error(hub, client, ERROR_TARGET_NOT_FOUND,
                     "No agent and no client has this id now; see who is there in connection_ack "
                     "or at /api/gateway/status.",
                     legal ? "{\"target_id\":\"%.*s\"}" : "{\"path\":\"target_id\"}",
                     (int)(legal ? len : 0), id);
        return;
    }
    hub->counts.messages_directed++;
    client_send(hub, target, text, DOWN_MESSAGE);
}

static void refuse_filter(struct hub *hub, uint32_t client, uint32_t index)
{
    client_error(hub, client, ERROR_INVALID_MESSAGE,
                 "`types` is an array of strings of 1 to 128 bytes, each a type or a prefix that "
                 "ends in `*`.",
                 "{\"path\":\"types[%u]\"}", index);
}

/* Reads `types` into patterns that live in `text`. Returns false when it was refused. */
static bool read_patterns(struct hub *hub, uint32_t client, struct str types, struct buf *text,
                          struct str patterns[FILTER_MAX_PATTERNS], uint32_t *ret_count)
{
    struct json_iter it = json_iter_of(types);
    size_t offsets[FILTER_MAX_PATTERNS + 1] = {0};
    uint32_t count = 0;

    for (struct str raw; json_next_element(&it, &raw); count++) {
        if (count >= hub->settings.max_filter_patterns) {
            client_error(hub, client, ERROR_LIMIT_REACHED,
                         "A subscription has too many patterns; use prefixes like `scene_*`.",
                         "{\"limit\":\"filters\",\"max\":%u}", hub->settings.max_filter_patterns);
            return false;
        }
        if (json_kind_of(raw) != JSON_STRING) {
            refuse_filter(hub, client, count);
            return false;
        }
        json_unescape(raw, text);
        offsets[count + 1] = text->len;
        struct str one = str_slice(buf_str(text), offsets[count], text->len);
        if (text->failed || one.len == 0 || one.len > TYPE_TEXT_MAX ||
            str_find(one, '*') < one.len - 1) {
            refuse_filter(hub, client, count);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        patterns[i] = str_slice(buf_str(text), offsets[i], offsets[i + 1]);
    }
    *ret_count = count;
    return true;
}

/* Gives the client and, if it is there, its reader the filter. */
static void set_filter(struct hub *hub, uint32_t client, struct filter *own, struct filter *copy)
{
    struct client *c = client_at(hub, client);

    filter_free(c->filter);
    c->filter = own;
    hub_tell(hub, conn_reactor(c->conn),
             &(struct down){
                 .kind = DOWN_FILTER, .conn = c->conn, .seq = hub_next_seq(hub), .filter = copy});
}

static void subscribe(struct hub *hub, uint32_t client, const struct wire *w, struct str text)
{
    struct str patterns[FILTER_MAX_PATTERNS];
    struct str types = json_get(text, STR("types"));
    struct buf names;
    uint32_t count = 0;

    if (types.len == 0) {
        types = json_get(wire_raw(w, text.ptr, WIRE_DATA), STR("types"));
    }
    if (is_absent(types)) {
        set_filter(hub, client, NULL, NULL);
        return;
    }
    if (json_kind_of(types) != JSON_ARRAY) {
        client_error(hub, client, ERROR_INVALID_MESSAGE, "`types` is an array of strings.",
                     "{\"path\":\"types\"}");
        return;
    }
    buf_init(&names, (size_t)(FILTER_MAX_PATTERNS + 1) * (TYPE_TEXT_MAX + 1));
    if (read_patterns(hub, client, types, &names, patterns, &count)) {
        struct filter *own = filter_new(patterns, count);
        struct filter *copy = filter_new(patterns, count);
        if (own != NULL && copy != NULL) {
            set_filter(hub, client, own, copy);
        } else {
            hub->counts.out_of_memory++;
            filter_free(own);
            filter_free(copy);
        }
    }
    buf_fini(&names);
}

static void route(struct hub *hub, uint32_t client, const struct wire *w, struct str text,
                  const struct type_name *type)
{
    struct str target = wire_raw(w, text.ptr, WIRE_TARGET_ID);

    if (!is_absent(target)) {
        type_discard(type);
        send_directed(hub, client, target, text);
        return;
    }
    hub->counts.messages_broadcast++;
    session_broadcast(hub, session_of(hub, client), client, text, type);
}

/*
 * Whether clients may not send it: the gateway alone does, or agents about a request they were
 * given, of which there are none in a world yet.
 */
static bool is_gateways(const struct type_name *type)
{
    if (type->kind == PARLEY_TYPE_NONE) {
        return false;
    }
    enum parley_direction direction = parley_type_direction((enum parley_type)type->kind);
    return direction == PARLEY_FROM_GATEWAY || direction == PARLEY_FROM_AGENT;
}

/*
 * Of a type whose name is longer than what is kept of it only its beginning is known: it may be
 * sent by who may send everything.
 */
static bool may_publish(struct hub *hub, uint32_t client, const struct type_name *type)
{
    bool whole = type->len <= TYPE_TEXT_MAX;
    struct str name = whole ? str_make(type->text, type->len) : STR("");
    struct hub_verdict verdict = hub_may(hub, client_at(hub, client)->principal, MAY_PUBLISH, name);

    if (verdict.code == ERROR_NONE) {
        return true;
    }
    client_error(hub, client, verdict.code,
                 "The credential does not grant this type; its grant `publish` lists those it may "
                 "send.",
                 "{\"rule\":\"%s\"}", verdict.rule);
    return false;
}

void world_message(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    const struct wire *w = &item->wire;

    if (w->status != WIRE_OK) {
        refuse_scan(hub, client, w);
        return;
    }
    if (!check_id_kind(hub, client, wire_raw(w, text.ptr, WIRE_AGENT_ID), WIRE_AGENT_ID) ||
        !check_id_kind(hub, client, wire_raw(w, text.ptr, WIRE_TARGET_ID), WIRE_TARGET_ID)) {
        return;
    }
    const struct type_name *type = read_type(hub, client, wire_raw(w, text.ptr, WIRE_TYPE));
    if (type == NULL) {
        return;
    }
    switch (type->kind) {
    case PARLEY_TYPE_AGENT_REGISTER:
        world_register(hub, client, item, text);
        break;
    case PARLEY_TYPE_SUBSCRIBE:
        subscribe(hub, client, w, text);
        break;
    case PARLEY_TYPE_PING:
        message_pong(hub);
        client_send_scratch(hub, client);
        break;
    default:
        if (is_gateways(type)) {
            client_error(hub, client, ERROR_FORBIDDEN,
                         "Only the gateway sends messages of this type; choose another.",
                         "{\"rule\":\"gateway_types\",\"type\":\"%.*s\"}", (int)type->len,
                         type->text);
        } else if (may_publish(hub, client, type) && world_check(hub, client, item, text, type)) {
            route(hub, client, w, text, type);
            return;
        }
    }
    type_discard(type);
}
