#include "core/control.h"

/* How devices are: what a client says of its own, and who comes to a session and goes. */

void presence_announce(struct hub *hub, uint32_t session, uint32_t client, const char *status)
{
    struct str name = session_name(session_at(hub, session));
    char id[CLIENT_ID_SIZE];
    struct json_writer w;

    if (hub->draining || session_count(session_at(hub, session), DIALECT_GATEWAY) < 2) {
        return;
    }
    control_open(hub, &w, "presence", name);
    json_key_string(&w, STR("deviceId"), control_device_id(hub, client, id));
    json_key_string(&w, STR("status"), str_from_z(status));
    json_key_string(&w, STR("sessionKey"), name);
    (void)control_close(hub, &w, false);
    if (hub->scratch.failed) {
        hub->counts.out_of_memory++;
        return;
    }
    struct speech speech = {
        .dialect = DIALECT_GATEWAY, .text = buf_str(&hub->scratch), .stays = true};
    session_broadcast(hub, session, client, &speech, hub->untyped);
}

/*
 * Everybody of this dialect who is in a session with the client, once each, is told, or with NULL
 * counted. Returns how many they are.
 */
static uint64_t tell_companions(struct hub *hub, uint32_t client, struct speech *speech)
{
    uint32_t round = ++hub->mark_round;
    uint64_t count = 0;

    if (!client_mark(hub, client, round)) {
        hub->counts.out_of_memory++;
        return 0;
    }
    for (uint32_t m = client_at(hub, client)->members; m != SLAB_NONE;
         m = member_at(hub, m)->next) {
        const struct session *s = session_at(hub, member_at(hub, m)->session);
        if (s->hidden) {
            continue;
        }
        for (uint32_t i = session_first(s, DIALECT_GATEWAY); i != SLAB_NONE;
             i = session_next(hub, i)) {
            uint32_t other = member_at(hub, i)->client;
            if (!client_mark(hub, other, round)) {
                continue;
            }
            count++;
            if (speech != NULL && hub_reserve(hub)) {
                client_tell(hub, other, speech, DOWN_MESSAGE | DOWN_BROADCAST);
            }
        }
    }
    return count;
}

/*
 * Refuses who is with more members of sessions, each counted in each, than one message may have
 * the hub look at: whoever sent it would hold everybody else up.
 */
static bool has_few_companions(struct hub *hub, struct sender *sender)
{
    uint64_t count = 0;

    for (uint32_t m = client_at(hub, sender->client)->members; m != SLAB_NONE;
         m = member_at(hub, m)->next) {
        const struct session *s = session_at(hub, member_at(hub, m)->session);
        count += s->hidden ? 0 : session_count(s, DIALECT_GATEWAY);
    }
    if (count <= hub->settings.max_companions) {
        return true;
    }
    sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                  "Your sessions have more members together than one `presence` may go to; say it "
                  "in one of them at a time, with `sessionKey`.",
                  "{\"limit\":\"companions\",\"max\":%u}", hub->settings.max_companions);
    return false;
}

/* To the others of a session, or with SLAB_NONE to all companions. */
static void say_presence(struct hub *hub, struct sender *sender, const struct wire *w,
                         struct str text, uint32_t session)
{
    char source[CLIENT_ID_SIZE];

    if (sender->dry != NULL) {
        sender->dry->routed = true;
        sender->dry->session = session;
        sender->dry->receivers = session == SLAB_NONE
                                     ? tell_companions(hub, sender->client, NULL)
                                     : session_count(session_at(hub, session), DIALECT_GATEWAY) - 1;
        return;
    }
    struct speech speech = carry_speech(hub, sender->client, w, text, false, source);
    if (speech.text.len == 0) {
        client_error_memory(hub, sender->client);
        return;
    }
    speech.stays = true;
    speech.session = session != SLAB_NONE ? session_name(session_at(hub, session)) : STR("");
    monitor_note(hub, sender->client, &speech, STR(""));
    if (session == SLAB_NONE) {
        (void)tell_companions(hub, sender->client, &speech);
    } else {
        session_broadcast(hub, session, sender->client, &speech, hub->untyped);
    }
}

void presence_say(struct hub *hub, struct sender *sender, const struct wire *w, struct str text)
{
    struct parley_presence message;

    parley_presence_init(&message);
    if (relay_parse(hub, sender, text, &parley_presence_info, &message)) {
        bool is_for_one = message.payload.session_key.is == PARLEY_SET;
        uint32_t session = is_for_one
                               ? carry_session(hub, sender, text_of(&message.payload.session_key))
                               : SLAB_NONE;
        if (sender->code == ERROR_NONE && (is_for_one || has_few_companions(hub, sender))) {
            say_presence(hub, sender, w, text, session);
        }
    }
    parley_presence_fini(&message);
}
