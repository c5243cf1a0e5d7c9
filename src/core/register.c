#include "core/claim.h"
#include "core/gate.h"
#include "proto/member.h"
#include "json/members.h"
#include "json/reader.h"

/* agent_register of the world: who a client is. What comes of it stands in claim.c. */

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

/* A string that may stand at the top of the message or in its `data`; null is as good as none. */
static struct str choose(const struct parley_string *top, const struct parley_string *inner,
                         struct str fallback)
{
    const struct parley_string *value = top->is != PARLEY_ABSENT ? top : inner;

    return value->is == PARLEY_SET ? str_make(value->ptr, value->len) : fallback;
}

static void apply(struct hub *hub, struct sender *sender, struct str id,
                  const struct agent_words *words)
{
    uint32_t agent = claim_agent(hub, sender, id, words);

    if (agent == SLAB_NONE) {
        return;
    }
    uint32_t client = sender->client;
    const struct agent *a = agent_at(hub, agent);
    session_at(hub, a->session)->roster_valid = false;
    message_ack(hub, client, !client_at(hub, client)->was_agent);
    client_at(hub, client)->was_agent = true;
    client_send_scratch(hub, client);
    message_joined(hub, a);
    world_announce(hub, a->session, client, hub->joined);
}

/* A message that was read; `data` is the raw one of its text. */
static void register_as(struct hub *hub, struct sender *sender,
                        const struct parley_agent_register *m, struct str text, struct str data)
{
    struct str id = str_make(m->agent_id.ptr, m->agent_id.len);
    struct agent_words words = {
        .role = choose(&m->role, &m->data.role, STR("agent")),
        .name = choose(&m->name, &m->data.name, id),
        .max_concurrent = claim_slots(
            m->max_concurrent.is != PARLEY_ABSENT ? &m->max_concurrent : &m->data.max_concurrent),
        .type = AGENT_TYPE_CUSTOM,
        .capabilities = member_raw(&parley_agent_register_info, text, STR("capabilities")),
    };
    struct buf others;

    if (json_kind_of(words.capabilities) == JSON_NULL) {
        words.capabilities = STR("");
    }
    buf_init(&others, text.len + 2);
    if (collect_others(hub, &others, text, data)) {
        words.others = buf_str(&others);
        apply(hub, sender, id, &words);
    } else {
        client_error_memory(hub, sender->client);
    }
    buf_fini(&others);
}

/*
 * A signed token runs out, so a client that is in already may bring the next one with its
 * registration. Other tokens do not, and are not looked at again; nor is one of a message that is
 * only asked about. False: it was refused.
 */
static bool renews(struct hub *hub, struct sender *sender, const struct parley_string *token)
{
    struct attempt attempt = {.kind = CREDENTIAL_BEARER,
                              .secret = str_make(token->ptr, token->len)};
    struct gate_refusal why;
    uint32_t principal;

    if (hub->principals.mode != HUB_AUTH_JWT || token->is != PARLEY_SET || sender->dry != NULL) {
        return true;
    }
    const struct client *c = client_at(hub, sender->client);
    attempt.address = c->address;
    attempt.near = c->near;
    if (gate_try(hub, &attempt, &principal, &why) == GATE_OPEN) {
        bool renewed = access_renew(hub, sender->client, principal);
        sender->principal = client_at(hub, sender->client)->principal;
        return renewed;
    }
    sender_refuse(hub, sender, why.code, gate_text(&why), "%s", "");
    return false;
}

void world_register(struct hub *hub, struct sender *sender, const struct wire *w, struct str text)
{
    struct parley_agent_register message;

    if (!claim_fits(hub, sender, text)) {
        return;
    }
    parley_agent_register_init(&message);
    if (relay_parse(hub, sender, text, &parley_agent_register_info, &message) &&
        renews(hub, sender, &message.token) &&
        claim_allowed(hub, sender, str_make(message.agent_id.ptr, message.agent_id.len))) {
        register_as(hub, sender, &message, text, wire_raw(w, text.ptr, WIRE_DATA));
    }
    parley_agent_register_fini(&message);
}
