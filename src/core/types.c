#include <stdlib.h>

#include "core/internal.h"

static const char *const known_names[TYPE_KNOWN_COUNT] = {
    [TYPE_AGENT_REGISTER] = "agent_register",
    [TYPE_SUBSCRIBE] = "subscribe",
    [TYPE_PING] = "ping",
    [TYPE_ERROR] = "error",
    [TYPE_CONNECTION_ACK] = "connection_ack",
    [TYPE_AGENT_JOINED] = "agent_joined",
    [TYPE_AGENT_LEFT] = "agent_left",
    [TYPE_HELLO_OK] = "hello_ok",
    [TYPE_AUTH_SUCCESS] = "auth_success",
    [TYPE_AUTH_ERROR] = "auth_error",
    [TYPE_SESSION_INFO] = "session_info",
    [TYPE_AGENT_INFO] = "agent_info",
    [TYPE_PONG] = "pong",
};

static uint64_t hash_type(const void *owner, uint32_t index)
{
    const struct hub *hub = owner;
    const struct type_name *type = hub->types[index];

    return hash_bytes(hub->secret, type->text, type->len);
}

static bool type_is(const void *owner, uint32_t index, const void *key)
{
    const struct hub *hub = owner;
    const struct str *name = key;

    return str_equal(str_make(hub->types[index]->text, hub->types[index]->len), *name);
}

static const struct map_type types_map = {.hash = hash_type, .equal = type_is};

static struct type_name *type_new(uint32_t id, struct str name)
{
    size_t kept = name.len < TYPE_TEXT_MAX ? name.len : TYPE_TEXT_MAX;
    struct type_name *type = malloc(sizeof(*type) + kept);

    if (type != NULL) {
        type->id = id;
        type->len = (uint32_t)name.len;
        memcpy(type->text, name.ptr, kept);
    }
    return type;
}

static const struct type_name *intern(struct hub *hub, uint64_t hash, struct str name)
{
    struct type_name *type = type_new(hub->type_count, name);

    if (type == NULL) {
        return NULL;
    }
    hub->types[hub->type_count] = type;
    if (!map_insert(&hub->types_by_name, hash, hub->type_count)) {
        free(type);
        return NULL;
    }
    hub->type_count++;
    return type;
}

const struct type_name *type_get(struct hub *hub, struct str name)
{
    if (name.len > TYPE_TEXT_MAX) {
        return type_new(TYPE_LOOSE, name);
    }
    uint64_t hash = hash_bytes(hub->secret, name.ptr, name.len);
    uint32_t index = map_find(&hub->types_by_name, hash, &name);
    if (index != MAP_NONE) {
        return hub->types[index];
    }
    if (hub->type_count < INTERNED_TYPES) {
        return intern(hub, hash, name);
    }
    return type_new(TYPE_LOOSE, name);
}

void type_discard(const struct type_name *type)
{
    if (type != NULL && type->id == TYPE_LOOSE) {
        free((void *)(uintptr_t)type);
    }
}

bool types_init(struct hub *hub)
{
    map_init(&hub->types_by_name, &types_map, hub);
    for (int i = 0; i < TYPE_KNOWN_COUNT; i++) {
        struct str name = str_from_z(known_names[i]);
        if (intern(hub, hash_bytes(hub->secret, name.ptr, name.len), name) == NULL) {
            return false;
        }
    }
    return true;
}

void types_fini(struct hub *hub)
{
    for (uint32_t i = 0; i < hub->type_count; i++) {
        free(hub->types[i]);
    }
    map_fini(&hub->types_by_name);
}
