#include "core/claim.h"
#include "core/control.h"
#include "proto/member.h"

/* Agents of the gateway dialect: they register, say how they are, and go. */

void registry_tell(struct hub *hub, uint32_t client, struct str id, const char *status)
{
    struct json_writer w;

    control_open(hub, &w, "agent_info", STR(""));
    json_key_string(&w, STR("agentId"), id);
    json_key_string(&w, STR("status"), str_from_z(status));
    control_answer(hub, client, &w);
}

void registry_register(struct hub *hub, uint32_t client, struct str text)
{
    struct parley_gateway_agent_register message;

    if (!claim_fits(hub, client, text)) {
        return;
    }
    parley_gateway_agent_register_init(&message);
    if (world_read(hub, client, text, &parley_gateway_agent_register_info, &message) &&
        claim_allowed(hub, client, text_of(&message.payload.agent_id))) {
        const struct parley_gateway_agent_register_payload *p = &message.payload;
        struct agent_words words = {
            .role = STR("agent"),
            .name = text_of(&p->name),
            .capabilities =
                member_raw(&parley_gateway_agent_register_info, text, STR("capabilities")),
            .others = p->metadata.is == PARLEY_SET ? str_make(p->metadata.ptr, p->metadata.len)
                                                   : STR("{}"),
            .max_concurrent = claim_slots(&p->max_concurrent),
            .type = (uint8_t)p->type.value,
        };
        if (claim_agent(hub, client, text_of(&p->agent_id), &words) != SLAB_NONE) {
            registry_tell(hub, client, text_of(&p->agent_id), "registered");
        }
    }
    parley_gateway_agent_register_fini(&message);
}

static void refuse_unknown(struct hub *hub, uint32_t client, const char *message)
{
    client_error(hub, client, ERROR_TARGET_NOT_FOUND, message, "{\"path\":\"payload.agentId\"}");
}

void registry_set_busy(struct hub *hub, uint32_t agent, bool busy)
{
    struct agent *a = agent_at(hub, agent);
    bool changed = busy != a->busy;

    a->busy = busy;
    if (changed) {
        state_changed(hub, STATE_AGENT, STATE_CHANGED, agent);
    }
    requests_agent_free(hub, a);
}

void registry_heartbeat(struct hub *hub, uint32_t client, struct str text)
{
    uint32_t agent = client_at(hub, client)->agent;
    struct parley_agent_heartbeat message;

    parley_agent_heartbeat_init(&message);
    if (world_read(hub, client, text, &parley_agent_heartbeat_info, &message)) {
        if (agent == SLAB_NONE) {
            refuse_unknown(hub, client, "This connection has no agent; send agent_register first.");
        } else {
            const struct agent *a = agent_at(hub, agent);
            bool busy = a->busy;
            if (message.payload.status.is == PARLEY_SET) {
                busy = message.payload.status.value == PARLEY_AGENT_HEARTBEAT_STATUS_BUSY;
            }
            registry_set_busy(hub, agent, busy);
            registry_tell(hub, client, agent_id(a), busy ? "busy" : "online");
        }
    }
    parley_agent_heartbeat_fini(&message);
}

/* The agent of this id is to go; its own client may say so, and nobody else. */
static void unregister(struct hub *hub, uint32_t client, struct str id)
{
    uint32_t agent = id_valid(id) ? agent_find(hub, id) : SLAB_NONE;

    if (agent == SLAB_NONE) {
        refuse_unknown(hub, client, "No agent has this id; there is nothing to unregister.");
    } else if (agent_at(hub, agent)->client != client) {
        client_error(hub, client, ERROR_FORBIDDEN,
                     "This agent was registered by another connection; only that one may "
                     "unregister it.",
                     "{\"rule\":\"own_agent\"}");
    } else {
        world_leave(hub, client, true);
        registry_tell(hub, client, id, "unregistered");
    }
}

void registry_unregister(struct hub *hub, uint32_t client, struct str text)
{
    struct parley_agent_unregister message;

    parley_agent_unregister_init(&message);
    if (world_read(hub, client, text, &parley_agent_unregister_info, &message)) {
        unregister(hub, client, text_of(&message.payload.agent_id));
    }
    parley_agent_unregister_fini(&message);
}
