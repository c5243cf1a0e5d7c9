#include "core/relay.h"

#include <stdarg.h>

#include "core/internal.h"
#include "json/reader.h"

/*
 * Reading, judging and sending a message of the world's dialect. The order of the checks is the
 * order in which a sender should learn of its mistakes: JSON, object, members, type, permission.
 */

void sender_refuse(struct hub *hub, struct sender *sender, enum error_code code,
                   const char *message, const char *details_format, ...)
{
    char space[DETAILS_MAX];
    va_list args;
    bool cut;

    va_start(args, details_format);
    struct str details = str_vformat(space, sizeof(space), &cut, details_format, args);
    va_end(args);
    /* Details that do not fit would be broken JSON; the error is clear without them. */
    details = cut || details.len == 0 ? STR("{}") : details;
    sender->code = code;
    if (sender->dry != NULL) {
        sender->dry->message = message;
    }
    if (sender->client != SLAB_NONE && sender->dry == NULL) {
        client_error(hub, sender->client, code, message, "%.*s", STR_ARG(details));
    } else {
        buf_append_str(sender->details, details);
    }
}

void sender_refuse_memory(struct hub *hub, struct sender *sender)
{
    hub->counts.out_of_memory++;
    sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                  "The gateway has no memory for this message; try again later.",
                  "{\"limit\":\"memory\"}");
}

/* --- what is wrong with a message ------------------------------------------------------------- */

static void refuse_scan(struct hub *hub, struct sender *sender, const struct wire *w)
{
    const char *text = wire_status_text(w->status);

    switch (w->status) {
    case WIRE_NOT_JSON:
    case WIRE_NOT_UTF8:
    case WIRE_TOO_DEEP:
    case WIRE_TRUNCATED:
        sender_refuse(hub, sender, ERROR_PARSE_ERROR,
                      "The message could not be read as JSON; details say where and why.",
                      "{\"position\":%u,\"reason\":\"%s\"}", w->position, text);
        break;
    case WIRE_DUPLICATE:
    case WIRE_CONFLICT:
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                      w->status == WIRE_DUPLICATE
                          ? "A member by which messages are routed stands twice; send it once."
                          : "Two spellings of one member say different things; send one of them.",
                      "{\"path\":\"%s\",\"reason\":\"%s\"}", wire_member_name(w->member), text);
        break;
    default:
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
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
static bool check_id_kind(struct hub *hub, struct sender *sender, struct str raw,
                          enum wire_member member)
{
    if (is_absent(raw) || json_kind_of(raw) == JSON_STRING) {
        return true;
    }
    sender_refuse(hub, sender, ERROR_INVALID_MESSAGE, "This member must be a string or null.",
                  "{\"path\":\"%s\"}", wire_member_name(member));
    return false;
}

/*
 * The type's name, interned or loose; NULL when it was refused. A name longer than the buffer is
 * never interned, and only its first bytes count for filters.
 */
static const struct type_name *read_type(struct hub *hub, struct sender *sender, struct str raw)
{
    char buffer[4 * TYPE_TEXT_MAX];
    struct str name;

    if (json_kind_of(raw) != JSON_STRING || raw.len <= 2) {
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
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
        sender_refuse_memory(hub, sender);
    }
    return type;
}

/* The envelope of the gateway dialect. */
static bool check_envelope(struct hub *hub, struct sender *sender, const struct wire *w,
                           struct str text)
{
    struct str id = wire_raw(w, text.ptr, WIRE_ID);
    struct str timestamp = wire_raw(w, text.ptr, WIRE_TIMESTAMP);

    if (json_kind_of(id) != JSON_STRING || id.len <= 2 || id.len > MESSAGE_ID_MAX + 2) {
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                      "Every message needs an `id`: a string of 1 to 256 bytes.",
                      "{\"path\":\"id\"}");
        return false;
    }
    if (!is_absent(timestamp) && json_kind_of(timestamp) != JSON_NUMBER) {
        sender_refuse(hub, sender, ERROR_INVALID_MESSAGE,
                      "`timestamp` is a number: milliseconds since 1970.",
                      "{\"path\":\"timestamp\"}");
        return false;
    }
    return true;
}

const struct type_name *relay_read(struct hub *hub, struct sender *sender, const struct wire *w,
                                   struct str text)
{
    static const enum wire_member ids[DIALECT_COUNT][3] = {
        [DIALECT_WORLD] = {WIRE_AGENT_ID, WIRE_TARGET_ID, WIRE_TARGET_ID},
        [DIALECT_GATEWAY] = {WIRE_SESSION_ID, WIRE_TARGET, WIRE_REPLY_TO},
    };

    if (w->status != WIRE_OK) {
        refuse_scan(hub, sender, w);
        return NULL;
    }
    for (size_t i = 0; i < 3; i++) {
        enum wire_member member = ids[sender->dialect][i];
        if (!check_id_kind(hub, sender, wire_raw(w, text.ptr, member), member)) {
            return NULL;
        }
    }
    if (sender->dialect == DIALECT_GATEWAY && !check_envelope(hub, sender, w, text)) {
        return NULL;
    }
    return read_type(hub, sender, wire_raw(w, text.ptr, WIRE_TYPE));
}

/* --- who may send it -------------------------------------------------------------------------- */

/*
 * Whether clients may not send it: the gateway alone does, or agents about a request they were
 * given, and such a message has been dealt with before it comes here.
 */
static bool is_gateways(const struct type_name *type, unsigned dialect)
{
    enum parley_type kind = (enum parley_type)type->kind[dialect];

    if (kind == PARLEY_TYPE_NONE) {
        return false;
    }
    /* What an administrator watches by he asks for in his own dialect: from a world it would be
       taken for the gateway's. */
    if (dialect == DIALECT_WORLD &&
        (kind == PARLEY_TYPE_SYNC_STATE || kind == PARLEY_TYPE_MONITOR)) {
        return true;
    }
    enum parley_direction direction = parley_type_direction(kind);
    return direction == PARLEY_FROM_GATEWAY || direction == PARLEY_FROM_AGENT;
}

/*
 * Of a type whose name is longer than what is kept of it only its beginning is known: it may be
 * sent by who may send everything.
 */
static bool may_publish(struct hub *hub, struct sender *sender, const struct type_name *type)
{
    bool whole = type->len <= TYPE_TEXT_MAX;
    struct str name = whole ? str_make(type->text, type->len) : STR("");
    struct hub_verdict verdict = hub_may(hub, sender->principal, MAY_PUBLISH, name);

    if (verdict.code == ERROR_NONE) {
        return true;
    }
    sender_refuse(hub, sender, verdict.code,
                  "The credential does not grant this type; its grant `publish` lists those it may "
                  "send.",
                  "{\"rule\":\"%s\"}", verdict.rule);
    return false;
}

bool relay_allows(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                  const struct type_name *type)
{
    if (is_gateways(type, sender->dialect)) {
        sender_refuse(hub, sender, ERROR_FORBIDDEN,
                      "Only the gateway sends messages of this type; choose another.",
                      "{\"rule\":\"gateway_types\",\"type\":\"%.*s\"}", (int)type->len, type->text);
        return false;
    }
    return may_publish(hub, sender, type) &&
           (sender->dialect == DIALECT_GATEWAY || relay_check(hub, sender, w, text, type));
}

/* --- where it goes ---------------------------------------------------------------------------- */

/*
 * Whether a principal may send to this client: it is there, authenticated, and if it is of a world,
 * in one that the principal may enter. What he may not reach is not there for him.
 */
static bool can_reach(const struct hub *hub, uint32_t principal, uint32_t target)
{
    if (target == SLAB_NONE || client_at(hub, target)->state != CLIENT_OPEN ||
        client_at(hub, target)->principal == HUB_NOBODY) {
        return false;
    }
    if (client_at(hub, target)->dialect == DIALECT_GATEWAY) {
        return true;
    }
    uint32_t session = session_of(hub, target);
    struct str name = session_name(session_at(hub, session));
    return hub_may(hub, principal, MAY_ENTER, name).code == ERROR_NONE;
}

/* Whether an agent of this id has gone whom the principal might have reached. */
static bool has_left(const struct hub *hub, uint32_t principal, struct str id)
{
    uint32_t agent = agent_find(hub, id);

    return agent != SLAB_NONE && !agent_is_online(agent_at(hub, agent)) &&
           agent_reached_by(hub, agent_at(hub, agent), principal);
}

/* There is nobody of this id to be reached. */
static void refuse_target(struct hub *hub, struct sender *sender, struct str id)
{
    if (has_left(hub, sender->principal, id)) {
        sender_refuse(hub, sender, ERROR_TARGET_OFFLINE,
                      "The agent of this id is not connected; send again when it is.",
                      "{\"target_id\":\"%.*s\"}", STR_ARG(id));
    } else {
        sender_refuse(hub, sender, ERROR_TARGET_NOT_FOUND,
                      "No agent and no client has this id now; see who is there in connection_ack "
                      "or at /api/gateway/status.",
                      id_valid(id) ? "{\"target_id\":\"%.*s\"}" : "{\"path\":\"target_id\"}",
                      STR_ARG(id));
    }
}

bool relay_to(struct hub *hub, struct sender *sender, struct str id, struct speech *speech)
{
    uint32_t target = client_find(hub, id);

    if (!can_reach(hub, sender->principal, target)) {
        refuse_target(hub, sender, id);
        return false;
    }
    if (sender->dry != NULL) {
        sender->dry->routed = true;
        sender->dry->target = target;
        sender->dry->receivers = 1;
        return true;
    }
    hub->counts.messages_directed++;
    monitor_note(hub, sender->client, speech, id);
    client_tell(hub, target, speech, DOWN_MESSAGE);
    return true;
}

uint32_t relay_session(struct hub *hub, struct sender *sender, struct str name)
{
    uint32_t session = session_find(hub, name);

    if (hub_may(hub, sender->principal, MAY_ENTER, name).code != ERROR_NONE) {
        sender_refuse(hub, sender, ERROR_FORBIDDEN, "", "{\"rule\":\"grant:sessions\"}");
        return SLAB_NONE;
    }
    if (session == SLAB_NONE || session_at(hub, session)->hidden) {
        sender_refuse(hub, sender, ERROR_SESSION_NOT_FOUND, "", "{\"path\":\"session\"}");
        return SLAB_NONE;
    }
    return session;
}

bool relay_is_dry(const struct hub *hub, const struct sender *sender, uint32_t session)
{
    if (sender->dry == NULL) {
        return false;
    }
    sender->dry->routed = true;
    sender->dry->session = session;
    sender->dry->receivers = session_at(hub, session)->member_count - (sender->client != SLAB_NONE);
    return true;
}

/* Whether it names one receiver, whose id is then in `buffer`. */
static bool read_target(const struct wire *w, struct str text, char buffer[ID_MAX + 1],
                        struct str *ret_id)
{
    struct str raw = wire_raw(w, text.ptr, WIRE_TARGET_ID);

    if (is_absent(raw)) {
        return false;
    }
    size_t len = json_unescape_to(raw, buffer, ID_MAX + 1);
    *ret_id = str_make(buffer, len <= ID_MAX ? len : 0);
    return true;
}

/* What a sender says, where it says it; the names are borrowed, one of them from `buffer`. */
static struct speech speech_of(const struct hub *hub, const struct sender *sender,
                               const struct wire *w, struct str text, uint32_t session,
                               char buffer[CLIENT_ID_SIZE])
{
    return (struct speech){
        .dialect = DIALECT_WORLD,
        .text = text,
        .type = wire_raw(w, text.ptr, WIRE_TYPE),
        .session = session != SLAB_NONE ? session_name(session_at(hub, session)) : STR(""),
        .source =
            sender->client != SLAB_NONE ? client_name(hub, sender->client, buffer) : STR("gateway"),
    };
}

uint64_t relay_direct(struct hub *hub, struct sender *sender, const struct wire *w,
                      struct str target, struct str text)
{
    uint32_t session = sender->client != SLAB_NONE ? session_of(hub, sender->client) : SLAB_NONE;
    char source[CLIENT_ID_SIZE];
    struct speech speech = speech_of(hub, sender, w, text, session, source);

    return relay_to(hub, sender, target, &speech);
}

uint64_t relay_send(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                    const struct type_name *type, uint32_t session)
{
    char buffer[ID_MAX + 1], source[CLIENT_ID_SIZE];
    struct str target;

    if (read_target(w, text, buffer, &target)) {
        type_discard(type);
        return relay_direct(hub, sender, w, target, text);
    }
    if (relay_is_dry(hub, sender, session)) {
        type_discard(type);
        return sender->dry->receivers;
    }
    struct speech speech = speech_of(hub, sender, w, text, session, source);
    hub->counts.messages_broadcast++;
    monitor_note(hub, sender->client, &speech, STR(""));
    session_broadcast(hub, session, sender->client, &speech, type);
    return session_at(hub, session)->member_count - (sender->client != SLAB_NONE);
}
