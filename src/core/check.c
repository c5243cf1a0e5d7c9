#include "core/internal.h"
#include "json/reader.h"

/*
 * What is asked of messages that are relayed, beyond being routable: their shape, by the table of
 * messages (world.validation), and that nobody speaks as somebody else (world.identity).
 */

/* Details with the member, what it should be, and what it is. */
static void refuse_shape(struct hub *hub, uint32_t client, const struct parley_problem *problem)
{
    char place[6 * (sizeof(problem->path) + sizeof(problem->expected) + sizeof(problem->found))];
    struct json_writer w;
    struct buf details;

    buf_init(&details, sizeof(place));
    json_writer_init(&w, &details);
    json_begin_object(&w);
    json_key_string(&w, STR("path"), str_from_z(problem->path));
    json_key_string(&w, STR("expected"), str_from_z(problem->expected));
    json_key_string(&w, STR("found"), str_from_z(problem->found));
    json_end_object(&w);
    client_error(hub, client, ERROR_VALIDATION_FAILED,
                 "The message is not as its type wants it; details say which member is wrong.",
                 "%.*s", details.failed ? 2 : (int)details.len,
                 details.failed ? "{}" : details.data);
    buf_fini(&details);
}

static bool check_shape(struct hub *hub, uint32_t client, struct str text,
                        const struct type_name *type)
{
    struct parley_problem problem;

    if (hub->settings.validation == VALIDATE_OFF) {
        return true;
    }
    if (parley_check(PARLEY_WORLD, PARLEY_RECEIVED, text.ptr, text.len, NULL, &problem)) {
        return true;
    }
    bool known = type->kind != PARLEY_TYPE_NONE &&
                 parley_type_dialect((enum parley_type)type->kind) == PARLEY_WORLD;
    if (!known && hub->settings.validation == VALIDATE_KNOWN) {
        return true;
    }
    refuse_shape(hub, client, &problem);
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
static bool check_sender(struct hub *hub, uint32_t client, struct str raw_id,
                         const struct type_name *type)
{
    uint32_t agent = client_at(hub, client)->agent;

    if (!hub->settings.verify_sender || type->kind == PARLEY_TYPE_NONE ||
        parley_type_agent_id((enum parley_type)type->kind) != PARLEY_ID_SENDER ||
        json_kind_of(raw_id) != JSON_STRING ||
        (agent != SLAB_NONE && json_string_is(raw_id, agent_id(agent_at(hub, agent)))) ||
        may_speak_as(hub, client_at(hub, client)->principal, raw_id)) {
        return true;
    }
    client_error(hub, client, ERROR_SENDER_MISMATCH,
                 "The `agent_id` of this type names its sender, and it is not yours: leave it out, "
                 "or register as that agent.",
                 "{\"path\":\"agent_id\"}");
    return false;
}

bool world_check(struct hub *hub, uint32_t client, const struct up *item, struct str text,
                 const struct type_name *type)
{
    return check_sender(hub, client, wire_raw(&item->wire, text.ptr, WIRE_AGENT_ID), type) &&
           check_shape(hub, client, text, type);
}
