#include "core/internal.h"
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

enum { ROLE_MAX = 64 };

struct registration {
    struct str id;
    struct str role;
    struct str others; /* raw JSON object: what else the message said */
};

/* Members that are not part of what others are told. */
static bool is_own_member(struct str raw_key)
{
    static const char *const names[] = {"type", "agent_id", "agentId", "role",
                                        "ts",   "token",    "data",    "password"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_string_is(raw_key, str_from_z(names[i]))) {
            return true;
        }
    }
    return false;
}

/* The names of members, as hashes: a message may have a thousand, and so may its data. */
struct names {
    uint64_t hashes[WIRE_MAX_MEMBERS];
    size_t count;
};

/* Of the name as it reads, whatever its escapes. A long one counts with its beginning. */
static uint64_t hash_name(const struct hub *hub, struct str raw_key)
{
    char buffer[256];
    size_t len = json_unescape_to(raw_key, buffer, sizeof(buffer));

    return hash_bytes(hub->secret, buffer, len < sizeof(buffer) ? len : sizeof(buffer));
}

static bool has_name(const struct names *names, uint64_t hash)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->hashes[i] == hash) {
            return true;
        }
    }
    return false;
}

/* Appends the members that are not own ones and whose names are not in `names`, and adds them. */
static void append_others(const struct hub *hub, struct buf *out, struct str object,
                          struct names *names)
{
    struct json_iter it = json_iter_of(object);

    for (struct str key, value; json_next_member(&it, &key, &value);) {
        uint64_t hash = hash_name(hub, key);
        if (names->count == WIRE_MAX_MEMBERS || is_own_member(key) || has_name(names, hash)) {
            continue;
        }
        names->hashes[names->count++] = hash;
        buf_append_str(out, out->len > 1 ? STR(",") : STR(""));
        buf_append_str(out, key);
        buf_append_char(out, ':');
        buf_append_str(out, value);
    }
}

/* The other members: of the message, and of its `data` where the message itself has none. */
static bool collect_others(const struct hub *hub, struct buf *out, struct str text, struct str data)
{
    struct names names;

    names.count = 0; /* the hashes need no value yet */
    buf_append_char(out, '{');
    append_others(hub, out, text, &names);
    append_others(hub, out, data, &names);
    buf_append_char(out, '}');
    return !out->failed;
}

static bool refuse(struct hub *hub, uint32_t client, const char *message, const char *path)
{
    client_error(hub, client, ERROR_INVALID_MESSAGE, message, "{\"path\":\"%s\"}", path);
    return false;
}

/* `id` is unescaped into a buffer of ID_MAX + 1 bytes. */
static bool read_id(struct hub *hub, uint32_t client, struct str raw, char *buffer,
                    struct str *ret_id)
{
    size_t len = json_kind_of(raw) == JSON_STRING ? json_unescape_to(raw, buffer, ID_MAX + 1) : 0;
    struct str id = str_make(buffer, len <= ID_MAX ? len : 0);

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
    *ret_id = id;
    return true;
}

static bool read_role(struct hub *hub, uint32_t client, struct str text, struct str data,
                      char *buffer, struct str *ret_role)
{
    struct str raw = json_get(text, STR("role"));

    if (raw.len == 0) {
        raw = json_get(data, STR("role"));
    }
    if (raw.len == 0 || json_kind_of(raw) == JSON_NULL) {
        *ret_role = STR("agent");
        return true;
    }
    size_t len = json_kind_of(raw) == JSON_STRING ? json_unescape_to(raw, buffer, ROLE_MAX + 1) : 0;
    if (len == 0 || len > ROLE_MAX) {
        return refuse(hub, client, "`role` is a string of 1 to 64 bytes.", "role");
    }
    *ret_role = str_make(buffer, len);
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

static void apply(struct hub *hub, uint32_t client, const struct registration *r)
{
    uint32_t agent = claim(hub, client, r->id);

    if (agent == SLAB_NONE || !agent_describe(agent_at(hub, agent), r->role, r->others)) {
        if (agent != SLAB_NONE && agent_at(hub, agent)->role == NULL) {
            agent_remove(hub, agent);
        }
        hub->counts.out_of_memory++;
        client_error(hub, client, ERROR_LIMIT_REACHED,
                     "The gateway has no memory for this registration; try again later.",
                     "{\"limit\":\"memory\"}");
        return;
    }
    const struct agent *a = agent_at(hub, agent);
    session_at(hub, a->session)->roster_valid = false;
    hub_log(hub, LOG_INFO, "agent_registered", client, "agent=%.*s", STR_ARG(agent_id(a)));
    message_ack(hub, client, !client_at(hub, client)->was_agent);
    client_at(hub, client)->was_agent = true;
    client_send_scratch(hub, client);
    message_joined(hub, a);
    world_announce(hub, a->session, client, hub->joined);
}

void world_register(struct hub *hub, uint32_t client, const struct up *item, struct str text)
{
    struct str data = wire_raw(&item->wire, text.ptr, WIRE_DATA);
    char id[ID_MAX + 1];
    char role[ROLE_MAX + 1];
    struct registration r;
    struct buf others;

    if (text.len > hub->settings.max_registration_bytes) {
        client_error(hub, client, ERROR_LIMIT_REACHED,
                     "A registration is too large; send what is long in messages of its own.",
                     "{\"limit\":\"registration_bytes\",\"max\":%u}",
                     hub->settings.max_registration_bytes);
        return;
    }
    if (!read_id(hub, client, wire_raw(&item->wire, text.ptr, WIRE_AGENT_ID), id, &r.id) ||
        !read_role(hub, client, text, data, role, &r.role) || !may_claim(hub, client, r.id)) {
        return;
    }
    buf_init(&others, text.len + 2);
    if (collect_others(hub, &others, text, data)) {
        r.others = buf_str(&others);
        apply(hub, client, &r);
    } else {
        hub->counts.out_of_memory++;
    }
    buf_fini(&others);
}
