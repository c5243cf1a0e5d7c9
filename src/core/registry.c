#include "core/claim.h"
#include "core/control.h"
#include "core/request.h"
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

void registry_register(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_gateway_agent_register message;

    if (!claim_fits(hub, sender, text)) {
        return;
    }
    parley_gateway_agent_register_init(&message);
    if (relay_parse(hub, sender, text, &parley_gateway_agent_register_info, &message) &&
        claim_allowed(hub, sender, text_of(&message.payload.agent_id))) {
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
        if (claim_agent(hub, sender, text_of(&p->agent_id), &words) != SLAB_NONE) {
            registry_tell(hub, sender->client, text_of(&p->agent_id), "registered");
        }
    }
    parley_gateway_agent_register_fini(&message);
}

static void refuse_unknown(struct hub *hub, struct sender *sender, const char *message)
{
    sender_refuse(hub, sender, ERROR_TARGET_NOT_FOUND, message, "{\"path\":\"payload.agentId\"}");
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

static void beat(struct hub *hub, uint32_t client, uint32_t agent,
                 const struct parley_agent_heartbeat_payload *p)
{
    const struct agent *a = agent_at(hub, agent);
    bool busy = a->busy;

    if (p->status.is == PARLEY_SET) {
        busy = p->status.value == PARLEY_AGENT_HEARTBEAT_STATUS_BUSY;
    }
    registry_set_busy(hub, agent, busy);
    registry_tell(hub, client, agent_id(a), busy ? "busy" : "online");
}

void registry_heartbeat(struct hub *hub, struct sender *sender, struct str text)
{
    uint32_t agent = client_at(hub, sender->client)->agent;
    struct parley_agent_heartbeat message;

    parley_agent_heartbeat_init(&message);
    if (relay_parse(hub, sender, text, &parley_agent_heartbeat_info, &message)) {
        if (agent == SLAB_NONE) {
            refuse_unknown(hub, sender, "This connection has no agent; send agent_register first.");
        } else if (!sender_only_asks(sender)) {
            beat(hub, sender->client, agent, &message.payload);
        }
    }
    parley_agent_heartbeat_fini(&message);
}

/* The agent of this id is to go; its own client may say so, and nobody else. */
static void unregister(struct hub *hub, struct sender *sender, struct str id)
{
    uint32_t agent = id_valid(id) ? agent_find(hub, id) : SLAB_NONE;

    if (agent == SLAB_NONE) {
        refuse_unknown(hub, sender, "No agent has this id; there is nothing to unregister.");
    } else if (agent_at(hub, agent)->client != sender->client) {
        sender_refuse(hub, sender, ERROR_FORBIDDEN,
                      "This agent was registered by another connection; only that one may "
                      "unregister it.",
                      "{\"rule\":\"own_agent\"}");
    } else if (!sender_only_asks(sender)) {
        world_leave(hub, sender->client, true);
        registry_tell(hub, sender->client, id, "unregistered");
    }
}

void registry_unregister(struct hub *hub, struct sender *sender, struct str text)
{
    struct parley_agent_unregister message;

    parley_agent_unregister_init(&message);
    if (relay_parse(hub, sender, text, &parley_agent_unregister_info, &message)) {
        unregister(hub, sender, text_of(&message.payload.agent_id));
    }
    parley_agent_unregister_fini(&message);
}
