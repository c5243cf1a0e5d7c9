#include <stdlib.h>

#include "core/internal.h"

bool id_valid(struct str id)
{
    if (id.len == 0 || id.len > ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other =
            (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' || c == '@' || c == '-';
        if (!letter && !other) {
            return false;
        }
    }
    return true;
}

uint32_t agent_find(const struct hub *hub, struct str id)
{
    return map_find(&hub->agents_by_id, hash_bytes(hub->secret, id.ptr, id.len), &id);
}

static char *copy(struct str s)
{
    char *bytes = malloc(s.len + 1);

    if (bytes != NULL) {
        memcpy(bytes, s.ptr, s.len);
        bytes[s.len] = '\0';
    }
    return bytes;
}

uint32_t agent_add(struct hub *hub, struct str id, uint32_t client, uint32_t session)
{
    uint32_t index;
    struct agent *a = slab_acquire(&hub->agents, &index);

    if (a == NULL) {
        return SLAB_NONE;
    }
    a->id = copy(id);
    a->id_len = (uint32_t)id.len;
    if (a->id == NULL ||
        !map_insert(&hub->agents_by_id, hash_bytes(hub->secret, id.ptr, id.len), index)) {
        free(a->id);
        slab_release(&hub->agents, index);
        return SLAB_NONE;
    }
    list_init(&a->link);
    list_append(&hub->agents_in_order, &a->link);
    a->client = SLAB_NONE;
    a->session = SLAB_NONE;
    agent_move(hub, index, client, session);
    hub->counts.agents++;
    return index;
}

/* Copies `s` to *at, which is moved behind it. */
static struct str put(char **at, struct str s)
{
    struct str copied = str_make(*at, s.len);

    if (s.len > 0) {
        memcpy(*at, s.ptr, s.len);
    }
    *at += s.len;
    return copied;
}

bool agent_describe(struct agent *a, const struct agent_words *words)
{
    char *role = copy(words->role);
    char *registration = malloc(words->others.len + words->name.len + words->capabilities.len + 1);
    char *at = registration;

    if (role == NULL || registration == NULL) {
        free(role);
        free(registration);
        return false;
    }
    free(a->role);
    free(a->registration);
    a->role = role;
    a->role_len = (uint32_t)words->role.len;
    a->registration = registration;
    a->registration_len = (uint32_t)put(&at, words->others).len;
    a->name = put(&at, words->name);
    a->capabilities = put(&at, words->capabilities);
    return true;
}

/* An agent counts in the roster of the session that it is in. */
static void leave_roster(struct hub *hub, struct agent *a)
{
    if (a->session != SLAB_NONE) {
        session_at(hub, a->session)->agent_count--;
        session_at(hub, a->session)->roster_valid = false;
    }
    if (a->client != SLAB_NONE) {
        client_at(hub, a->client)->agent = SLAB_NONE;
        state_changed(hub, STATE_CLIENT, STATE_CHANGED, a->client);
    }
}

void agent_move(struct hub *hub, uint32_t agent, uint32_t client, uint32_t session)
{
    struct agent *a = agent_at(hub, agent);

    leave_roster(hub, a);
    a->client = client;
    a->session = session;
    a->connected_at_ms = hub->now.wall_ms;
    client_at(hub, client)->agent = agent;
    session_at(hub, session)->agent_count++;
    session_at(hub, session)->roster_valid = false;
    state_changed(hub, STATE_CLIENT, STATE_CHANGED, client);
}

void agent_remove(struct hub *hub, uint32_t agent)
{
    struct agent *a = agent_at(hub, agent);

    leave_roster(hub, a);
    state_changed(hub, STATE_AGENT, STATE_REMOVED, agent);
    list_remove(&a->link);
    map_remove(&hub->agents_by_id, hash_bytes(hub->secret, a->id, a->id_len), agent);
    free(a->id);
    free(a->role);
    free(a->registration);
    slab_release(&hub->agents, agent);
    hub->counts.agents--;
}
