#include "core/internal.h"
#include "proto/member.h"
#include "json/members.h"
#include "json/reader.h"

/*
 * agent_register: who a world client is. Its cases, by the agent that the client is and the one
 * that has the wanted id now:
 *
 *   client is   id belongs to   what happens                           others are told
 *   nobody      nobody          registered                             joined
 *   A           A               updated                                joined (again)
 *   A           nobody          A leaves; registered                   left A, joined
 *   nobody      B               B's connection is closed with 4409     joined (again)
 *   A           B               A leaves; B's connection is closed     left A, joined (again)
 */

/* The other members: of the message, and of its `data` where the message itself has none. */
static bool collect_others(const struct hub *hub, struct buf *out, struct str text, struct str data)
{
    const struct str own[] = {STR("type"), STR("agent_id"), STR("agentId"),  STR("role"), STR("ts"),
                              STR("data"), STR("token"),    STR("password"), STR("")};
    struct json_names names;

    json_names_init(&names, hub->secret);
    buf_append_char(out, '{');
    json_append_members(out, text, own, &names);
    json_append_members(out, data, own, &names);
    buf_append_char(out, '}');
    return !out->failed;
}

static bool refuse(struct hub *hub, uint32_t client, const char *message, const char *path)
{
    client_error(hub, client, ERROR_INVALID_MESSAGE, message, "{\"path\":\"%s\"}", path);
    return false;
}

static bool check_id(struct hub *hub, uint32_t client, struct str id)
{
    if (!id_valid(id)) {
        return refuse(hub, client,
                      "An agent needs an `agentId` of 1 to 128 characters out of "
                      "A-Z a-z 0-9 . _ : @ -",
                      "agentId");
    }
    if (str_equal(id, STR("gateway")) || str_equal(id, STR("system")) ||
        client_find_id(hub, id) != SLAB_NONE) {
        return refuse(hub, client, "This id is reserved; choose another `agentId`.", "agentId");
    }
    return true;
}

/* A string that may stand at the top of the message or in its `data`; null is as good as none. */
static struct str choose(const struct parley_string *top, const struct parley_string *inner,
                         struct str fallback)
{
    const struct parley_string *value = top->is != PARLEY_ABSENT ? top : inner;

    return value->is == PARLEY_SET ? str_make(value->ptr, value->len) : fallback;
}

/*
 * The agent with this id is this client's now. The connection that it had is closed without a word
 * to the others, unless the agent has gone to another world: there it is missed.
 */
static uint32_t take_over(struct hub *hub, uint32_t agent, uint32_t client, uint32_t session)
{
    uint32_t old = agent_at(hub, agent)->client;
    uint32_t old_session = agent_at(hub, agent)->session;

    if (old_session != session) {
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
    uint32_t session = session_of(hub, client);
    uint32_t agent = agent_find(hub, id);
    uint32_t own = client_at(hub, client)->agent;

    if (agent != SLAB_NONE && agent == own) {
        return agent;
    }
    world_leave(hub, client);
    if (agent == SLAB_NONE) {
        return agent_add(hub, id, client, session);
    }
    return take_over(hub, agent, client, session);
}

/* Whether the client may be this agent, and the id is free for it; if not, it was told. */
static bool may_claim(struct hub *hub, uint32_t client, struct str id)
{
    uint32_t principal = client_at(hub, client)->principal;
    struct hub_verdict verdict = hub_may(hub, principal, MAY_REGISTER, id);
    uint32_t agent = agent_find(hub, id);

    if (verdict.code != ERROR_NONE) {
        client_error(hub, client, verdict.code,
                     "The credential is for another agent; register with the id that it grants.",
                     "{\"rule\":\"%s\"}", verdict.rule);
        return false;
    }
    if (agent == SLAB_NONE || agent_at(hub, agent)->client == client ||
        principal_same(&hub->principals, principal,
                       client_at(hub, agent_at(hub, agent)->client)->principal, id)) {
        return true;
    }
    client_error(hub, client, ERROR_AGENT_ID_TAKEN,
                 "Somebody with another credential is connected as this agent; choose another id.",
                 "{\"agent_id\":\"%.*s\"}", STR_ARG(id));
    return false;
}

static void refuse_for_memory(struct hub *hub, uint32_t client)
{
    hub->counts.out_of_memory++;
    client_error(hub, client, ERROR_LIMIT_REACHED,
                 "The gateway has no memory for this registration; try again later.",
                 "{\"limit\":\"memory\"}");
}

static void apply(struct hub *hub, uint32_t client, struct str id, const struct agent_words *words)
{
    uint32_t agent = claim(hub, client, id);

    if (agent == SLAB_NONE || !agent_describe(agent_at(hub, agent), words)) {
        if (agent != SLAB_NONE && agent_at(hub, agent)->role == NULL) {
            agent_remove(hub, agent);
        }
        refuse_for_memory(hub, client);
        return;
    }
    const struct agent *a = agent_at(hub, agent);
    session_at(hub, a->session)->roster_valid = false;
    state_changed(hub, STATE_AGENT, a->noted ? STATE_CHANGED : STATE_ADDED, agent);
    hub_log(hub, LOG_INFO, "agent_registered", client, "agent=%.*s", STR_ARG(agent_id(a)));
    message_ack(hub, client, !client_at(hub, client)->was_agent);
    client_at(hub, client)->was_agent = true;
    client_send_scratch(hub, client);
    message_joined(hub, a);
    world_announce(hub, a->session, client, hub->joined);
}

/* A message that was read; `data` is the raw one of its text. */
static void register_as(struct hub *hub, uint32_t client, const struct parley_agent_register *m,
                        struct str text, struct str data)
{
    struct str id = str_make(m->agent_id.ptr, m->agent_id.len);
    struct agent_words words = {
        .role = choose(&m->role, &m->data.role, STR("agent")),
        .name = choose(&m->name, &m->data.name, id),
        .capabilities = member_raw(&parley_agent_register_info, text, STR("capabilities")),
    };
    struct buf others;

    if (json_kind_of(words.capabilities) == JSON_NULL) {
        words.capabilities = STR("");
    }
    buf_init(&others, text.len + 2);
    if (collect_others(hub, &others, text, data)) {
        words.others = buf_str(&others);
        apply(hub, client, id, &words);
    } else {
        refuse_for_memory(hub, client);
    }
    buf_fini(&others);
}

void world_register(struct hub *hub, uint32_t client, const struct wire *w, struct str text)
{
    struct parley_agent_register message;

    if (text.len > hub->settings.max_registration_bytes) {
        client_error(hub, client, ERROR_LIMIT_REACHED,
                     "A registration is too large; send what is long in messages of its own.",
                     "{\"limit\":\"registration_bytes\",\"max\":%u}",
                     hub->settings.max_registration_bytes);
        return;
    }
    parley_agent_register_init(&message);
    if (world_read(hub, client, text, &parley_agent_register_info, &message) &&
        check_id(hub, client, str_make(message.agent_id.ptr, message.agent_id.len)) &&
        may_claim(hub, client, str_make(message.agent_id.ptr, message.agent_id.len))) {
        register_as(hub, client, &message, text, wire_raw(w, text.ptr, WIRE_DATA));
    }
    parley_agent_register_fini(&message);
}
