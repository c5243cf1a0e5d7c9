#include "core/control.h"
#include "core/relay.h"
#include "json/reader.h"

/* What the host says: a message of the gateway's own, to each in its dialect. */

/* A whole message of the gateway dialect, by type and payload, in hub->relayed. */
static void compose(struct hub *hub, const struct hub_saying *saying, struct str session,
                    struct str *ret_type)
{
    struct json_writer w;
    struct buf *out = hub_emptied(&hub->relayed);

    json_writer_init(&w, hub_scratch(hub));
    json_string(&w, saying->type);
    control_begin(hub, &w, out, buf_str(&hub->scratch));
    if (session.len > 0) {
        json_key_string(&w, STR("sessionId"), session);
    }
    json_key_raw(&w, STR("payload"), saying->payload.len > 0 ? saying->payload : STR("{}"));
    json_key_uint(&w, STR("timestamp"), hub->now.wall_ms);
    json_key_string(&w, STR("source"), STR("gateway"));
    if (saying->reply_to.len > 0) {
        json_key_raw(&w, STR("replyTo"), saying->reply_to);
    }
    json_end_object(&w);
    *ret_type = buf_str(&hub->scratch);
}

static bool is_string(struct str raw)
{
    return raw.len > 2 && json_kind_of(raw) == JSON_STRING && json_valid(raw);
}

static enum hub_done check_parts(const struct hub *hub, const struct hub_saying *saying)
{
    if (saying->type.len == 0 || saying->type.len > TYPE_TEXT_MAX ||
        (saying->payload.len > 0 && !json_valid(saying->payload)) ||
        (saying->reply_to.len > 0 && !is_string(saying->reply_to))) {
        return HUB_INVALID;
    }
    return saying->payload.len > hub->settings.max_message_bytes ? HUB_TOO_LARGE : HUB_DONE;
}

/* A whole message, as it was written. */
static enum hub_done take_text(struct hub *hub, const struct hub_saying *saying,
                               struct speech *speech)
{
    struct wire w;
    bool is_world = saying->dialect == DIALECT_WORLD;

    if (saying->text.len > hub->settings.max_message_bytes) {
        return HUB_TOO_LARGE;
    }
    wire_scan(saying->text.ptr, saying->text.len, is_world ? WIRE_WORLD : WIRE_GATEWAY, &w);
    struct str type = w.status == WIRE_OK ? wire_raw(&w, saying->text.ptr, WIRE_TYPE) : STR("");
    if (!is_string(type) || (!is_world && !is_string(wire_raw(&w, saying->text.ptr, WIRE_ID)))) {
        return HUB_INVALID;
    }
    *speech = (struct speech){
        .dialect = saying->dialect, .text = saying->text, .type = type, .source = STR("gateway")};
    if (!is_world) {
        struct envelope e = {.type = type,
                             .id = wire_raw(&w, saying->text.ptr, WIRE_ID),
                             .session = wire_raw(&w, saying->text.ptr, WIRE_SESSION_ID),
                             .payload = wire_raw(&w, saying->text.ptr, WIRE_PAYLOAD),
                             .timestamp = wire_raw(&w, saying->text.ptr, WIRE_TIMESTAMP),
                             .reply_to = wire_raw(&w, saying->text.ptr, WIRE_REPLY_TO)};
        speech->payload = e.payload;
        speech->text = envelope_relay(hub, &e, speech->source);
    }
    return speech->text.len > 0 ? HUB_DONE : HUB_NO_MEMORY;
}

static enum hub_done take_parts(struct hub *hub, const struct hub_saying *saying,
                                struct str session, char *raw_type, struct speech *speech)
{
    enum hub_done done = check_parts(hub, saying);
    struct str type;

    if (done != HUB_DONE) {
        return done;
    }
    compose(hub, saying, session, &type);
    if (hub->relayed.failed || hub->scratch.failed) {
        return HUB_NO_MEMORY;
    }
    memcpy(raw_type, type.ptr, type.len); /* the scratch is for the next frame */
    *speech = (struct speech){.dialect = DIALECT_GATEWAY,
                              .text = buf_str(&hub->relayed),
                              .type = str_make(raw_type, type.len),
                              .payload = saying->payload,
                              .source = STR("gateway")};
    return HUB_DONE;
}

/* An escape has six bytes at most. */
enum { RAW_TYPE_MAX = 6 * TYPE_TEXT_MAX + 2 };

static enum hub_done prepare(struct hub *hub, const struct hub_saying *saying, struct str session,
                             char raw_type[RAW_TYPE_MAX], struct speech *speech)
{
    if (!hub_reserve(hub)) {
        return HUB_NO_MEMORY;
    }
    enum hub_done done = saying->text.len > 0 ? take_text(hub, saying, speech)
                                              : take_parts(hub, saying, session, raw_type, speech);
    speech->session = session;
    return done;
}

/* The type, for filters and logs; NULL: no memory. */
static const struct type_name *type_of(struct hub *hub, const struct speech *speech)
{
    char name[TYPE_TEXT_MAX];
    size_t len = json_unescape_to(speech->type, name, sizeof(name));

    return type_get(hub, str_make(name, len < sizeof(name) ? len : sizeof(name)));
}

enum hub_done hub_say_to(struct hub *hub, struct str client_or_agent,
                         const struct hub_saying *saying)
{
    uint32_t client = client_find(hub, client_or_agent);
    char raw_type[RAW_TYPE_MAX];
    struct speech speech;

    if (client == SLAB_NONE || client_at(hub, client)->state != CLIENT_OPEN) {
        return HUB_NOT_FOUND;
    }
    enum hub_done done = prepare(hub, saying, STR(""), raw_type, &speech);
    if (done == HUB_DONE) {
        monitor_note(hub, SLAB_NONE, &speech, client_or_agent);
        client_tell(hub, client, &speech, DOWN_MESSAGE);
    }
    return done;
}

enum hub_done hub_say_in(struct hub *hub, struct str session, struct str except,
                         const struct hub_saying *saying, uint64_t *ret_receivers)
{
    uint32_t index = session_find(hub, session);
    uint32_t left_out = except.len > 0 ? client_find(hub, except) : SLAB_NONE;
    char raw_type[RAW_TYPE_MAX];
    struct speech speech;

    if (index == SLAB_NONE || session_at(hub, index)->hidden) {
        return HUB_NOT_FOUND;
    }
    struct str name = session_name(session_at(hub, index));
    enum hub_done done = prepare(hub, saying, name, raw_type, &speech);
    if (done != HUB_DONE) {
        return done;
    }
    const struct type_name *type = type_of(hub, &speech);
    if (type == NULL) {
        return HUB_NO_MEMORY;
    }
    bool is_in = left_out != SLAB_NONE && session_has(hub, index, left_out);
    *ret_receivers = session_at(hub, index)->member_count - (is_in ? 1 : 0);
    hub->counts.messages_broadcast++;
    monitor_note(hub, SLAB_NONE, &speech, STR(""));
    session_broadcast(hub, index, is_in ? left_out : SLAB_NONE, &speech, type);
    return HUB_DONE;
}

enum hub_done hub_say_each(struct hub *hub,
                           bool (*wants)(void *ctx, const struct hub_client_view *client),
                           void *ctx, const struct hub_saying *saying, uint64_t *ret_receivers)
{
    char raw_type[RAW_TYPE_MAX];
    struct speech speech;
    struct hub_client_view view;
    enum hub_done done = prepare(hub, saying, STR(""), raw_type, &speech);
    const struct type_name *type = done == HUB_DONE ? type_of(hub, &speech) : NULL;
    uint64_t count = 0;

    if (type == NULL) {
        return done == HUB_DONE ? HUB_NO_MEMORY : done;
    }
    monitor_note(hub, SLAB_NONE, &speech, STR(""));
    for (uint32_t i = 0; i < slab_limit(&hub->clients); i++) {
        const struct client *c = client_at(hub, i);
        if (c->state != CLIENT_OPEN || c->principal == HUB_NOBODY || !client_wants(c, type)) {
            continue;
        }
        client_view(hub, i, &view);
        if (wants != NULL && !wants(ctx, &view)) {
            continue;
        }
        if (!hub_reserve(hub)) {
            done = HUB_NO_MEMORY;
            break;
        }
        client_tell(hub, i, &speech, DOWN_MESSAGE | DOWN_BROADCAST);
        count++;
    }
    type_discard(type);
    *ret_receivers = count;
    return done;
}

/* It changes nothing, so whoever chooses for hub_say_each may call it: what is said there stays. */
enum hub_done hub_say_text(struct hub *hub, const struct hub_saying *saying, struct buf *out)
{
    char raw_type[RAW_TYPE_MAX];
    struct speech speech;
    struct buf being_said = hub->relayed;

    buf_init(&hub->relayed, being_said.max);
    enum hub_done done = prepare(hub, saying, STR(""), raw_type, &speech);

    if (done == HUB_DONE) {
        buf_append_str(out, speech.text);
        done = out->failed ? HUB_NO_MEMORY : HUB_DONE;
    }
    buf_fini(&hub->relayed);
    hub->relayed = being_said;
    return done;
}

enum hub_done hub_say_error(struct hub *hub, struct str client, struct str reply_to,
                            enum error_code code, struct str message, struct str details)
{
    uint32_t index = client_find(hub, client);
    struct str at_hand = hub->at_hand;

    if (index == SLAB_NONE || client_at(hub, index)->state != CLIENT_OPEN) {
        return HUB_NOT_FOUND;
    }
    if ((details.len > 0 && (!json_valid(details) || json_kind_of(details) != JSON_OBJECT)) ||
        (reply_to.len > 0 && !is_string(reply_to))) {
        return HUB_INVALID;
    }
    if (!hub_reserve(hub)) {
        return HUB_NO_MEMORY;
    }
    hub->at_hand = reply_to;
    if (client_at(hub, index)->dialect == DIALECT_GATEWAY) {
        (void)control_error(hub, code, message, details);
    } else {
        (void)message_error(hub, code, message, details);
    }
    hub->at_hand = at_hand;
    hub->counts.errors_sent[code]++;
    client_send_scratch(hub, index);
    return HUB_DONE;
}
