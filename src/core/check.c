#include "core/internal.h"
#include "core/relay.h"
#include "proto/borrow.h"
#include "json/reader.h"

/*
 * What is asked of messages, beyond being routable. Of those that the gateway itself handles: that
 * they are as the table of messages says. Of those that are relayed: the same, where
 * world.validation is on, and that nobody speaks as somebody else (world.identity).
 */

/*
 * Says what is wrong with a message: the member, what it should be, and what it is. Without memory
 * nothing is wrong with it, but it is lost.
 */
static void refuse(struct hub *hub, struct sender *sender, enum error_code code,
                   const struct parley_problem *problem)
{
    struct json_writer w;
    struct buf details;

    if (problem->fault == PARLEY_NO_MEMORY) {
        sender_refuse_memory(hub, sender);
        return;
    }
    buf_init(&details, 6 * sizeof(*problem));
    json_writer_init(&w, &details);
    json_begin_object(&w);
    json_key_string(&w, STR("path"), str_from_z(problem->path));
    json_key_string(&w, STR("expected"), str_from_z(problem->expected));
    json_key_string(&w, STR("found"), str_from_z(problem->found));
    json_end_object(&w);
    sender_refuse(hub, sender, code,
                  "The message is not as its type wants it; details say which member is wrong.",
                  "%.*s", details.failed ? 2 : (int)details.len,
                  details.failed ? "{}" : details.data);
    buf_fini(&details);
}

bool relay_parse(struct hub *hub, struct sender *sender, struct str text,
                 const struct parley_message_info *info, void *message)
{
    struct parley_problem problem;

    if (message_borrow(info, message, PARLEY_RECEIVED, text, &problem)) {
        return true;
    }
    refuse(hub, sender, ERROR_INVALID_MESSAGE, &problem);
    return false;
}

static bool check_shape(struct hub *hub, struct sender *sender, struct str text,
                        const struct type_name *type)
{
    struct parley_problem problem;

    if (hub->settings.validation == VALIDATE_OFF) {
        return true;
    }
    if (parley_check(PARLEY_WORLD, PARLEY_RECEIVED, text.ptr, text.len, NULL, &problem)) {
        return true;
    }
    bool known = type->kind[DIALECT_WORLD] != PARLEY_TYPE_NONE &&
                 parley_type_dialect((enum parley_type)type->kind[DIALECT_WORLD]) == PARLEY_WORLD;
    if (!known && hub->settings.validation == VALIDATE_KNOWN) {
        return true;
    }
    refuse(hub, sender, ERROR_VALIDATION_FAILED, &problem);
    return false;
}

static bool may_speak_as(const struct hub *hub, uint32_t principal, struct str raw_id)
{
    char id[ID_MAX + 1];
    size_t len = json_unescape_to(raw_id, id, sizeof(id));

    return len <= ID_MAX &&
           hub_may(hub, principal, MAY_SPEAK_AS, str_make(id, len)).code == ERROR_NONE;
}

/* In types whose agent_id is the sender it must be the sender's own; no id passes. */
static bool check_sender(struct hub *hub, struct sender *sender, struct str raw_id,
                         const struct type_name *type)
{
    uint32_t agent =
        sender->client != SLAB_NONE ? client_at(hub, sender->client)->agent : SLAB_NONE;

    if (!hub->settings.verify_sender || type->kind[DIALECT_WORLD] == PARLEY_TYPE_NONE ||
        parley_type_agent_id((enum parley_type)type->kind[DIALECT_WORLD]) != PARLEY_ID_SENDER ||
        json_kind_of(raw_id) != JSON_STRING ||
        (agent != SLAB_NONE && json_string_is(raw_id, agent_id(agent_at(hub, agent)))) ||
        may_speak_as(hub, sender->principal, raw_id)) {
        return true;
    }
    sender_refuse(
        hub, sender, ERROR_SENDER_MISMATCH,
        "The `agent_id` of this type names its sender, and it is not yours: leave it out, "
        "or register as that agent.",
        "{\"path\":\"agent_id\"}");
    return false;
}

bool relay_check(struct hub *hub, struct sender *sender, const struct wire *w, struct str text,
                 const struct type_name *type)
{
    return check_sender(hub, sender, wire_raw(w, text.ptr, WIRE_AGENT_ID), type) &&
           check_shape(hub, sender, text, type);
}
