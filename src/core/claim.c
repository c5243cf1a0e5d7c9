#include "core/claim.h"

/*
 * Which client is which agent, in both dialects. The cases of a registration, by the agent that the
 * client is and the one that is connected with the wanted id now (one that is only remembered
 * belongs to nobody):
 *
 *   client is   id belongs to   what happens                           others in a world are told
 *   nobody      nobody          registered                             joined
 *   A           A               updated                                joined (again)
 *   A           nobody          A leaves; registered                   left A, joined
 *   nobody      B               B's connection is closed with 4409     joined (again)
 *   A           B               A leaves; B's connection is closed     left A, joined (again)
 */

enum { CONCURRENT_MAX = 1000000 }; /* more is as good as no limit */

static bool refuse(struct hub *hub, struct sender *sender, const char *message, const char *path)
{
    sender_refuse(hub, sender, ERROR_INVALID_MESSAGE, message, "{\"path\":\"%s\"}", path);
    return false;
}

static bool check_id(struct hub *hub, struct sender *sender, struct str id)
{
    if (!id_valid(id)) {
        return refuse(hub, sender,
                      "An agent needs an `agentId` of 1 to 128 characters out of "
                      "A-Z a-z 0-9 . _ : @ -",
                      "agentId");
    }
    if (str_equal(id, STR("gateway")) || str_equal(id, STR("system")) ||
        client_find_id(hub, id) != SLAB_NONE) {
        return refuse(hub, sender, "This id is reserved; choose another `agentId`.", "agentId");
    }
    return true;
}

/*
 * The agent with this id is this client's now. The connection that it had is closed without a word
 * to the others, unless the agent has gone to another world: there it is missed.
 */
static uint32_t take_over(struct hub *hub, uint32_t agent, uint32_t client, uint32_t session)
{
    uint32_t old = agent_at(hub, agent)->client;
    uint32_t old_session = agent_at(hub, agent)->session;

    if (old_session != session && old_session != SLAB_NONE) {
        message_left(hub, agent_at(hub, agent));
        world_announce(hub, old_session, old, hub->left);
    }
    agent_move(hub, agent, client, session);
    client_close(hub, old, CLOSE_REPLACED, STR("replaced by a newer connection of the same agent"));
    return agent;
}

/* The agent record for this registration, the client's from now on; SLAB_NONE: no memory. */
static uint32_t claim(struct hub *hub, uint32_t client, struct str id)
{
    const struct client *c = client_at(hub, client);
    uint32_t session = c->dialect == DIALECT_WORLD ? session_of(hub, client) : SLAB_NONE;
    uint32_t agent = agent_find(hub, id);
    uint32_t own = c->agent;

    if (agent != SLAB_NONE && agent == own) {
        return agent;
    }
    world_leave(hub, client, true);
    if (agent == SLAB_NONE) {
        return agent_add(hub, id, client, session);
    }
    if (!agent_is_online(agent_at(hub, agent))) {
        agent_move(hub, agent, client, session);
        return agent;
    }
    return take_over(hub, agent, client, session);
}

/* Whether the client may be this agent, and the id is free for it; if not, it was told. */
static bool may_claim(struct hub *hub, struct sender *sender, struct str id)
{
    struct hub_verdict verdict = hub_may(hub, sender->principal, MAY_REGISTER, id);
    uint32_t agent = agent_find(hub, id);

    if (verdict.code != ERROR_NONE) {
        sender_refuse(hub, sender, verdict.code,
                      "The credential is for another agent; register with the id that it grants.",
                      "{\"rule\":\"%s\"}", verdict.rule);
        return false;
    }
    if (agent == SLAB_NONE || !agent_is_online(agent_at(hub, agent)) ||
        agent_at(hub, agent)->client == sender->client ||
        principal_same(&hub->principals, sender->principal,
                       client_at(hub, agent_at(hub, agent)->client)->principal, id)) {
        return true;
    }
    sender_refuse(hub, sender, ERROR_AGENT_ID_TAKEN,
                  "Somebody with another credential is connected as this agent; choose another id.",
                  "{\"agent_id\":\"%.*s\"}", STR_ARG(id));
    return false;
}

bool claim_fits(struct hub *hub, struct sender *sender, struct str text)
{
    if (text.len <= hub->settings.max_registration_bytes) {
        return true;
    }
    sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                  "A registration is too large; send what is long in messages of its own.",
                  "{\"limit\":\"registration_bytes\",\"max\":%u}",
                  hub->settings.max_registration_bytes);
    return false;
}

bool claim_allowed(struct hub *hub, struct sender *sender, struct str id)
{
    return check_id(hub, sender, id) && may_claim(hub, sender, id);
}

uint32_t claim_slots(const struct parley_integer *max_concurrent)
{
    if (max_concurrent->is != PARLEY_SET) {
        return 1;
    }
    return max_concurrent->value < CONCURRENT_MAX ? (uint32_t)max_concurrent->value
                                                  : CONCURRENT_MAX;
}

uint32_t claim_agent(struct hub *hub, struct sender *sender, struct str id,
                     const struct agent_words *words)
{
    if (offers_count(words->capabilities) > OFFERS_MAX) {
        sender_refuse(hub, sender, ERROR_LIMIT_REACHED,
                      "An agent has too many capabilities; name those that others ask for.",
                      "{\"limit\":\"capabilities\",\"max\":%u}", OFFERS_MAX);
        return SLAB_NONE;
    }
    if (sender_only_asks(sender)) {
        return SLAB_NONE;
    }
    uint32_t agent = claim(hub, sender->client, id);
    if (agent == SLAB_NONE || !agent_describe(hub, agent, words)) {
        if (agent != SLAB_NONE && agent_at(hub, agent)->role == NULL) {
            agent_remove(hub, agent);
        } else if (agent != SLAB_NONE) { /* as it was described before, but perhaps elsewhere */
            state_changed(hub, STATE_AGENT, STATE_CHANGED, agent);
        }
        client_error_memory(hub, sender->client);
        return SLAB_NONE;
    }
    state_changed(hub, STATE_AGENT, agent_at(hub, agent)->noted ? STATE_CHANGED : STATE_ADDED,
                  agent);
    hub_log(hub, LOG_INFO, "agent_registered", sender->client, "agent=%.*s",
            STR_ARG(agent_id(agent_at(hub, agent))));
    return agent;
}
