#include <stdlib.h>

#include "core/request.h"

const char *const agent_types[] = {"pi", "cli", "webchat", "companion", "channel", "custom", NULL};

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

bool agent_reached_by(const struct hub *hub, const struct agent *a, uint32_t principal)
{
    struct str world =
        a->session != SLAB_NONE ? session_name(session_at(hub, a->session)) : a->world;
    bool is_in_world = a->session != SLAB_NONE || (!agent_is_online(a) && world.len > 0);

    return !is_in_world || hub_may(hub, principal, MAY_ENTER, world).code == ERROR_NONE;
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
    list_init(&a->work);
    list_init(&a->waiting);
    list_init(&a->ready);
    a->client = SLAB_NONE;
    a->session = SLAB_NONE;
    a->max_concurrent = 1;
    a->type = AGENT_TYPE_CUSTOM;
    hub->counts.agents_offline++; /* until it is moved, now */
    agent_move(hub, index, client, session);
    return index;
}

struct str text_put(char **at, struct str s)
{
    struct str copied = str_make(*at, s.len);

    if (s.len > 0) {
        memcpy(*at, s.ptr, s.len);
    }
    *at += s.len;
    return copied;
}

bool agent_describe(struct hub *hub, uint32_t agent, const struct agent_words *words)
{
    struct agent *a = agent_at(hub, agent);
    struct str world =
        a->session != SLAB_NONE ? session_name(session_at(hub, a->session)) : STR("");
    char *role = copy(words->role);
    char *registration =
        malloc(words->others.len + words->name.len + words->capabilities.len + world.len + 1);
    char *at = registration;
    struct offers offers;

    if (role == NULL || registration == NULL ||
        !offers_make(hub, agent, words->capabilities, &offers)) {
        free(role);
        free(registration);
        return false;
    }
    offers_drop(hub, &a->offers);
    free(a->role);
    free(a->registration);
    a->offers = offers;
    a->role = role;
    a->role_len = (uint32_t)words->role.len;
    a->registration = registration;
    a->registration_len = (uint32_t)text_put(&at, words->others).len;
    a->name = text_put(&at, words->name);
    a->capabilities = text_put(&at, words->capabilities);
    a->world = text_put(&at, world);
    a->max_concurrent = words->max_concurrent;
    a->type = words->type;
    requests_agent_free(hub, a);
    return true;
}

/* It is no client's any more: it counts in no roster, and in no list. */
static void part(struct hub *hub, struct agent *a)
{
    if (a->session != SLAB_NONE) {
        session_at(hub, a->session)->agent_count--;
        session_at(hub, a->session)->roster_valid = false;
        a->session = SLAB_NONE;
    }
    if (agent_is_online(a)) {
        requests_lose_agent(hub, a);
        client_at(hub, a->client)->agent = SLAB_NONE;
        state_changed(hub, STATE_CLIENT, STATE_CHANGED, a->client);
        a->client = SLAB_NONE;
        hub->counts.agents--;
    } else {
        hub->counts.agents_offline--;
    }
}

void agent_move(struct hub *hub, uint32_t agent, uint32_t client, uint32_t session)
{
    struct agent *a = agent_at(hub, agent);
    bool was_online = agent_is_online(a);

    part(hub, a);
    if (!was_online) {
        list_remove(&a->link);
        list_append(&hub->agents_in_order, &a->link);
    }
    a->client = client;
    a->session = session;
    a->dialect = client_at(hub, client)->dialect;
    a->generation++;
    a->busy = false;
    a->connected_at_ms = hub->now.wall_ms;
    client_at(hub, client)->agent = agent;
    hub->counts.agents++;
    if (session != SLAB_NONE) {
        session_at(hub, session)->agent_count++;
        session_at(hub, session)->roster_valid = false;
    }
    state_changed(hub, STATE_CLIENT, STATE_CHANGED, client);
}

static void free_agent(struct agent *a)
{
    free(a->id);
    free(a->role);
    free(a->registration);
}

void agent_remove(struct hub *hub, uint32_t agent)
{
    struct agent *a = agent_at(hub, agent);

    part(hub, a);
    state_changed(hub, STATE_AGENT, STATE_REMOVED, agent);
    offers_drop(hub, &a->offers);
    list_remove(&a->link);
    map_remove(&hub->agents_by_id, hash_bytes(hub->secret, a->id, a->id_len), agent);
    free_agent(a);
    slab_release(&hub->agents, agent);
}

void agent_retire(struct hub *hub, uint32_t agent)
{
    struct agent *a = agent_at(hub, agent);

    part(hub, a);
    offers_drop(hub, &a->offers);
    list_remove(&a->link);
    list_append(&hub->agents_offline, &a->link);
    a->left_ms = hub->now.mono_ms;
    hub->counts.agents_offline++;
    state_changed(hub, STATE_AGENT, STATE_CHANGED, agent);
}

void agents_tick(struct hub *hub)
{
    list_each_safe(link, &hub->agents_offline) {
        const struct agent *a = list_entry(link, struct agent, link);
        if (hub->counts.agents_offline <= hub->settings.max_remembered && !hub->short_of_memory &&
            hub->now.mono_ms - a->left_ms < hub->settings.remember_ms) {
            return;
        }
        agent_remove(hub, agent_find(hub, agent_id(a)));
    }
}

void agents_fini(struct hub *hub)
{
    struct list *const lists[] = {&hub->agents_in_order, &hub->agents_offline};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        list_each_safe(link, lists[i]) {
            struct agent *a = list_entry(link, struct agent, link);
            offers_drop(hub, &a->offers);
            free_agent(a);
        }
    }
}
