#include "core/control.h"
#include "json/reader.h"

/*
 * What the gateway dialect passes on: an envelope of its own, in which the sender's id, timestamp
 * and payload keep their bytes and `source` says who it is.
 */

static struct str present(struct str raw)
{
    return raw.len == 0 || json_kind_of(raw) == JSON_NULL ? STR("") : raw;
}

/* An id as it reads; empty when it is none. `buffer` has ID_MAX + 1 bytes. */
static struct str read_id(struct str raw, char *buffer)
{
    size_t len = json_unescape_to(raw, buffer, ID_MAX + 1);

    return str_make(buffer, len <= ID_MAX ? len : 0);
}

bool carry_names_somebody(const struct wire *w, struct str text)
{
    return present(wire_raw(w, text.ptr, WIRE_SESSION_ID)).len > 0 ||
           present(wire_raw(w, text.ptr, WIRE_TARGET)).len > 0;
}

struct speech carry_speech(struct hub *hub, uint32_t client, const struct wire *w, struct str text,
                           bool is_in_session, char source[CLIENT_ID_SIZE])
{
    struct str session = wire_raw(w, text.ptr, WIRE_SESSION_ID);
    struct envelope e = {
        .type = wire_raw(w, text.ptr, WIRE_TYPE),
        .id = wire_raw(w, text.ptr, WIRE_ID),
        .session = is_in_session ? present(session) : STR(""),
        .payload = wire_raw(w, text.ptr, WIRE_PAYLOAD),
        .timestamp = present(wire_raw(w, text.ptr, WIRE_TIMESTAMP)),
        .reply_to = present(wire_raw(w, text.ptr, WIRE_REPLY_TO)),
    };
    struct speech speech = {.dialect = DIALECT_GATEWAY,
                            .type = e.type,
                            .payload = e.payload,
                            .source = client_name(hub, client, source)};

    speech.text = envelope_relay(hub, &e, speech.source);
    return speech;
}

uint32_t carry_session(struct hub *hub, struct sender *sender, struct str name)
{
    uint32_t session = session_find(hub, name);

    if (session == SLAB_NONE || session_at(hub, session)->hidden ||
        hub_may(hub, sender->principal, MAY_ENTER, name).code != ERROR_NONE) {
        sender_refuse(hub, sender, ERROR_SESSION_NOT_FOUND,
                      "No session has this id now; create it with session_create.",
                      id_valid(name) ? "{\"sessionId\":\"%.*s\"}" : "{\"path\":\"sessionId\"}",
                      STR_ARG(name));
        return SLAB_NONE;
    }
    if (!session_has(hub, session, sender->client)) {
        sender_refuse(hub, sender, ERROR_NOT_A_MEMBER,
                      "You are not in this session; send session_join first.",
                      "{\"sessionId\":\"%.*s\"}", STR_ARG(name));
        return SLAB_NONE;
    }
    return session;
}

/* Whether a target is in the session that the message names. */
static bool is_in(struct hub *hub, struct sender *sender, uint32_t session, struct str target)
{
    uint32_t client = client_find(hub, target);

    if (client != SLAB_NONE && session_has(hub, session, client)) {
        return true;
    }
    sender_refuse(hub, sender, ERROR_NOT_A_MEMBER,
                  "The target is not in this session; leave `sessionId` out, or send to somebody "
                  "who is.",
                  "{\"path\":\"target\"}");
    return false;
}

static bool lost(struct hub *hub, struct sender *sender, const struct speech *speech)
{
    if (speech->text.len > 0) {
        return false;
    }
    sender_refuse_memory(hub, sender);
    return true;
}

/* To one, or to a session; false: it was refused. The type is taken when *ret_taken. */
static void send_on(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                    const struct type_name *type, uint32_t session, struct str target)
{
    char source[CLIENT_ID_SIZE];
    bool is_in_session = session != SLAB_NONE && !session_at(hub, session)->hidden;

    if (target.len == 0 && relay_is_dry(hub, sender, session)) {
        type_discard(type);
        return;
    }
    struct speech speech = carry_speech(hub, sender->client, w, text, is_in_session, source);
    if (lost(hub, sender, &speech)) {
        type_discard(type);
        return;
    }
    if (is_in_session) {
        speech.session = session_name(session_at(hub, session));
    }
    if (target.len > 0) {
        type_discard(type);
        (void)relay_to(hub, sender, target, &speech);
    } else {
        hub->counts.messages_broadcast++;
        monitor_note(hub, sender->client, &speech, STR(""));
        session_broadcast(hub, session, sender->client, &speech, type);
    }
}

void carry_message(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                   const struct type_name *type)
{
    struct str raw_session = present(wire_raw(w, text.ptr, WIRE_SESSION_ID));
    struct str raw_target = present(wire_raw(w, text.ptr, WIRE_TARGET));
    char session_id[ID_MAX + 1], target_id[ID_MAX + 1];
    struct str target = raw_target.len > 0 ? read_id(raw_target, target_id) : STR("");
    uint32_t session = SLAB_NONE;

    if (!relay_allows(hub, sender, w, text, type)) {
        type_discard(type);
        return;
    }
    if (raw_session.len > 0) {
        session = carry_session(hub, sender, read_id(raw_session, session_id));
    }
    if (sender->code != ERROR_NONE ||
        (session != SLAB_NONE && raw_target.len > 0 && !is_in(hub, sender, session, target))) {
        type_discard(type);
        return;
    }
    if (session == SLAB_NONE && raw_target.len == 0) {
        sender_refuse(hub, sender, ERROR_NO_ROUTE,
                      "A message goes to a `target`, or to the members of a `sessionId`; this one "
                      "has neither.",
                      "{\"rule\":\"route\"}");
        type_discard(type);
        return;
    }
    if (raw_target.len > 0 && target.len == 0) {
        target = STR("-"); /* no agent's or client's id: nobody has it */
    }
    send_on(hub, sender, w, text, type, session, target);
}

void carry_broadcast(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                     const struct type_name *type)
{
    if (!relay_allows(hub, sender, w, text, type)) {
        type_discard(type);
        return;
    }
    struct hub_verdict verdict = hub_may(hub, sender->principal, MAY_BROADCAST, STR(""));
    if (verdict.code != ERROR_NONE) {
        sender_refuse(hub, sender, verdict.code,
                      "The credential does not grant `broadcast`; send to a session or a target.",
                      "{\"rule\":\"%s\"}", verdict.rule);
        type_discard(type);
        return;
    }
    send_on(hub, sender, w, text, type, hub->everybody, STR(""));
}
